"""The rules by which evidence about a server becomes findings, each with a remedy; no I/O."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import evolve, frozen

from inngest_rest._core.diagnosis.evidence import Releases, ServerEvidence, newest
from inngest_rest.diagnosis import Check, Finding, FindingState, ServerKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inngest_rest._core.secret import Secret

_MOST_SKEW_S = 5.0

DEV, SELF_HOSTED, CLOUD = ServerKind.DEV, ServerKind.SELF_HOSTED, ServerKind.CLOUD

_NAMES = {
    DEV: "a dev server",
    SELF_HOSTED: "a self-hosted server",
    CLOUD: "Inngest Cloud",
    None: "a server of Inngest",
}

# By the prefixes of the vendor's keys (document, security schemes).
_KEY_KINDS = {"signkey-": "a signing key", "sk-inn-api-": "an API key"}


@frozen
class Rule:
    """What a finding is if it applies; of the rules of a check, the first that does.

    Attributes:
        state: The state of the finding.
        text: The finding in words, a template of the evidence, `it`, and of what `_words` returns.
        remedy: What to do about it, a template; empty if all is well.
        when: Returns whether the evidence is so.
    """

    state: FindingState
    text: str
    remedy: str = ""
    when: Callable[[ServerEvidence], object] = lambda _: True


def findings(found: ServerEvidence) -> Iterator[Finding]:
    """Yield what the evidence shows, in the order in which it matters."""
    for check, rules in _RULES.items():
        for subject in _subjects(check, found):
            rule = next(it for it in rules if it.when(subject))
            words = _words(subject)
            text, remedy = (each.format(it=subject, **words) for each in (rule.text, rule.remedy))
            yield Finding(check, rule.state, text, remedy or None)


def _subjects(check: Check, found: ServerEvidence) -> list[ServerEvidence]:
    """Return the evidence about each host or key, or about the server if it is up."""
    settings = found.settings
    about = partial(evolve, found)
    match check:
        case Check.CONNECTION:
            urls = settings.event_url, settings.api_url
            pairs = zip(urls, found.hosts, strict=False)
            return [about(name=url, answer=answer) for url, answer in pairs]
        case Check.SERVER:
            hosts = _subjects(Check.CONNECTION, found)
            return [it for it in hosts if it.answer and it.answer.is_response]
        case Check.EVENT_KEY:
            return [about(name=settings.event_key and "event_key (INNGEST_EVENT_KEY)")]
        case Check.SIGNING_KEY if found.signing_keys:
            return [about(name=key, answer=answer) for key, answer in found.signing_keys.items()]
        case Check.SIGNING_KEY:
            names = settings.signing_key_kinds if settings.signing_bearers else ()
            return [about(name=" and ".join(names))]
        case Check.API_KEY:
            is_set, name = settings.api_key is not None, "api_key (INNGEST_API_KEY)"
            return [about(name=name, answer=found.api_key)] if is_set else []
        case Check.PROXIES:
            return [found]
        case _:
            return [found] if found.is_up else []


def _words(it: ServerEvidence) -> dict[str, object]:
    skew, first, below = it.skew_s or 0.0, it.releases.first, it.releases.below
    proxy = _proxy(it)
    return {
        "proxy": proxy and _place(proxy),
        "proxies": _proxies(it),
        "server": _NAMES[it.kind],
        "bounds": ", ".join(
            [f"{first} or newer"] * bool(first) + [f"older than {below}"] * bool(below)
        ),
        "env": it.settings.env,
        "event_key": _kind_of(it.settings.event_key),
        "ruled_out": ", ".join(it.calls_ruled_out),
        "key_envs": " and ".join(_key_envs(it)),
        "too_old_for": ", ".join(f"{call} (since {at})" for call, at in it.too_old_for.items()),
        "newest": newest(it.too_old_for.values()),
        "skew": f"{abs(skew):,.1f} s {'ahead of' if skew > 0 else 'behind'}",
        "within": f"{max(abs(skew), 1.0):.1f} s",
    }


def _proxy(it: ServerEvidence) -> Secret | None:
    """Return the proxy that a host is reached through."""
    if it.has_own_transport:
        return None
    is_of_events = it.name == it.settings.event_url
    return it.settings.event_proxy if is_of_events else it.settings.api_proxy


def _proxies(it: ServerEvidence) -> str:
    settings = it.settings
    used = {settings.event_url: settings.event_proxy, settings.api_url: settings.api_proxy}
    return "; ".join(
        f"{url} is reached through the proxy {_place(proxy)}"
        for url, proxy in used.items()
        if proxy
    )


def _place(proxy: Secret) -> str:
    """Return the host and port of a proxy, whose URL may have a password."""
    return urlsplit(proxy.reveal()).netloc.rpartition("@")[2]


def _kind_of(key: Secret | None) -> str | None:
    text = key.reveal() if key else ""
    return next((kind for prefix, kind in _KEY_KINDS.items() if text.startswith(prefix)), None)


def _key_envs(it: ServerEvidence) -> list[str]:
    """Return the environments that the signing keys are for."""
    return list(dict.fromkeys(filter(None, it.settings.signing_key_kinds.values())))


def _needs_no_key(it: ServerEvidence) -> bool:
    """Return whether it is a dev server, for all that is known."""
    return it.settings.dev and it.kind in {DEV, None}


_ok = partial(Rule, FindingState.OK)
_warning = partial(Rule, FindingState.WARNING)
_problem = partial(Rule, FindingState.PROBLEM)
_unknown = partial(Rule, FindingState.UNKNOWN)

_WITHHELD = _warning(
    "not sent: the dev server is on another machine, and reached by plain http",
    "Use https, or set INNGEST_ALLOW_HTTP=1 to send keys over plain http to another machine.",
    when=lambda it: not it.name and it.settings.withholds_keys,
)
_NOT_NEEDED = _ok(
    "not set, and not needed for a dev server", when=lambda it: not it.name and _needs_no_key(it)
)
_OTHER_KEY = "Check that it was copied whole, and belongs to this server and environment."
_ANY_KEY = "Set a key that the server accepts."

# Of a key that is set, whether it was tried or not.
_OF_KEY = (
    _unknown(
        "{it.name} is set and well-formed; it was not tried",
        "Fix the connection first.",
        when=lambda it: it.answer is None,
    ),
    _ok("{it.name} is set; a dev server checks none", when=lambda it: it.kind is DEV),
    _ok("{it.name} is accepted", when=lambda it: it.answer and it.answer.is_accepted),
    _warning(
        "the server rejects {it.name}, but accepts another key, which is used in its place",
        f"{_OTHER_KEY} Or unset it.",
        when=lambda it: it.answer and it.answer.is_refused and it.has_other_key,
    ),
    _problem(
        "the server rejects {it.name}",
        _OTHER_KEY,
        when=lambda it: it.answer and it.answer.is_refused,
    ),
    _unknown(
        "{it.name} is set and well-formed; trying it failed: {it.answer.error}", "Try again later."
    ),
)

_RULES = {
    Check.CONNECTION: (
        _ok("{it.name} responds", when=lambda it: it.answer and it.answer.is_response),
        _problem(
            "no response: {it.answer.error}",
            "Check the proxy at {proxy}, or name the server in NO_PROXY to go without it.",
            when=_proxy,
        ),
        _problem(
            "no response: {it.answer.error}",
            "Start a dev server with `npx inngest-cli@latest dev`, or set INNGEST_DEV to the URL "
            "of the one that runs.",
            when=lambda it: it.settings.dev,
        ),
        _problem(
            "no response: {it.answer.error}",
            "Check INNGEST_BASE_URL and the network; for a dev server, set INNGEST_DEV=1.",
        ),
    ),
    Check.SERVER: (
        _ok("{server} answers at {it.name}", when=lambda it: it.answer and it.answer.is_inngest),
        _problem(
            "{it.answer.error}",
            "Try again later; the log of a self-hosted server says more.",
            when=lambda it: it.answer and it.answer.is_failure,
        ),
        _problem(
            "what responds is not Inngest: {it.answer.error}",
            "Set INNGEST_BASE_URL to the server's URL, or INNGEST_DEV to that of a dev server.",
        ),
    ),
    Check.RELEASE: (
        _ok("release {it.release}", when=lambda it: it.release),
        _ok("Inngest Cloud, which does not state its release", when=lambda it: it.kind is CLOUD),
        _ok(
            "release {bounds}, by the routes that it has", when=lambda it: it.releases != Releases()
        ),
        _unknown(
            "the server does not state its release, and shows its routes only to those with a key",
            _ANY_KEY,
        ),
    ),
    Check.MODE: (
        _unknown(
            "the server does not state whether it is a dev server",
            "Set INNGEST_DEV to its URL if it is one.",
            when=lambda it: it.kind is None,
        ),
        _ok("{server}, which needs no keys", when=_needs_no_key),
        _warning(
            "INNGEST_DEV, or dev=, is set, but {server} answers, which checks keys",
            "Unset INNGEST_DEV, set INNGEST_BASE_URL to the server's URL, and set the keys.",
            when=lambda it: it.settings.dev,
        ),
        _warning(
            "a dev server answers, but calls fail without keys, since INNGEST_DEV is not set",
            "Set INNGEST_DEV={it.settings.api_url}.",
            when=lambda it: it.kind is DEV,
        ),
        _ok("{server}, which checks keys"),
    ),
    Check.EVENT_KEY: (
        _problem(
            "{it.name} is {event_key}",
            "Set INNGEST_EVENT_KEY to an event key.",
            when=lambda it: _kind_of(it.settings.event_key),
        ),
        _ok("set; a dev server takes any", when=lambda it: it.name and it.kind is DEV),
        _unknown(
            "set and well-formed; whether the server accepts it shows only when an event is sent",
            "Send an event that no function listens to: `inngest-rest send test/doctor`.",
            when=lambda it: it.name,
        ),
        _WITHHELD,
        _NOT_NEEDED,
        _warning(
            "not set: events cannot be sent", "Set INNGEST_EVENT_KEY, if events are to be sent."
        ),
    ),
    Check.SIGNING_KEY: (
        _WITHHELD,
        _NOT_NEEDED,
        _warning(
            "not set: with an API key alone, there are no {ruled_out}",
            "Set INNGEST_SIGNING_KEY for these.",
            when=lambda it: not it.name and it.settings.api_key,
        ),
        _problem(
            "neither a signing key nor an API key is set: runs, events and apps cannot be read",
            "Set INNGEST_SIGNING_KEY, or INNGEST_API_KEY for v2 alone.",
            when=lambda it: not it.name,
        ),
        *_OF_KEY,
    ),
    Check.API_KEY: (
        _problem(
            "{it.name} is a signing key",
            "Set INNGEST_SIGNING_KEY to it, and INNGEST_API_KEY to an API key or to nothing.",
            when=lambda it: _kind_of(it.settings.api_key) == "a signing key",
        ),
        *_OF_KEY,
    ),
    Check.ENVIRONMENT: (
        _ok(
            "none; only Inngest Cloud has any",
            when=lambda it: it.kind in {DEV, SELF_HOSTED} and it.settings.env is None,
        ),
        _warning(
            "{env!r} is asked for, but only Inngest Cloud has environments: it is ignored",
            "Unset INNGEST_ENV for this server.",
            when=lambda it: it.kind in {DEV, SELF_HOSTED},
        ),
        _warning(
            "the signing keys are for different environments: {key_envs}",
            "Set both to keys of the same environment.",
            when=lambda it: len(_key_envs(it)) > 1,
        ),
        _problem(
            "the signing key is for branch environments, and none is named",
            "Set INNGEST_ENV to the name of the branch environment.",
            when=lambda it: _key_envs(it) == ["branch"] and it.settings.env is None,
        ),
        _ok("{env}, as the signing key is for branch", when=lambda it: _key_envs(it) == ["branch"]),
        _ok(
            "that of the keys, as the signing key is for {key_envs}",
            when=lambda it: it.settings.env is None and _key_envs(it),
        ),
        _ok("that of the keys", when=lambda it: it.settings.env is None),
        _unknown(
            "{env!r} is asked for; no prefix of a key shows whether it is for branch environments",
            "Copy the signing key with its prefix, such as signkey-branch-.",
            when=lambda it: not _key_envs(it),
        ),
        _warning(
            "{env!r} is asked for, but the signing key is for {key_envs}: calls may act on that "
            "instead",
            "Set INNGEST_SIGNING_KEY to the key of branch environments, or unset INNGEST_ENV.",
        ),
    ),
    Check.ROUTES: (
        _warning(
            'api_version="{it.settings.api_version}" rules out {ruled_out}',
            'Use api_version="auto", the default, for these.',
            when=lambda it: it.calls_ruled_out and it.settings.api_version != "auto",
        ),
        _ok(
            "Inngest Cloud has both APIs; a route that it lacks shows when it is called",
            when=lambda it: it.kind is CLOUD,
        ),
        _unknown(
            "which calls the server can answer is not known without its release",
            _ANY_KEY,
            when=lambda it: it.releases == Releases(),
        ),
        _warning(
            "the server is too old for {too_old_for}",
            "Upgrade the server to release {newest} or newer.",
            when=lambda it: it.too_old_for,
        ),
        _ok("the server has a route for every call; webhooks are on Inngest Cloud only"),
    ),
    Check.CLOCK: (
        _unknown(
            "the server does not state its time",
            "Compare the time of both machines, if `since` and `until` select the wrong runs.",
            when=lambda it: it.skew_s is None,
        ),
        _ok(
            "the server's clock agrees, to within {within}",
            when=lambda it: abs(it.skew_s or 0.0) <= _MOST_SKEW_S,
        ),
        _warning(
            "the server's clock is {skew} this machine's: `since` and `until` select other runs "
            "than they should",
            "Synchronize the clocks of both machines, for example by NTP.",
        ),
    ),
    Check.PROXIES: (
        _ok(
            "the client was given a transport: no proxy of the environment is in effect",
            when=lambda it: it.has_own_transport,
        ),
        _ok("{proxies}", when=_proxies),
        _ok(
            "a proxy is set, and not used for this server: it is on this machine, a dev server, or "
            "named in NO_PROXY",
            when=lambda it: it.settings.spares_proxy,
        ),
        _ok("none in effect"),
    ),
}
