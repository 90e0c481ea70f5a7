"""Rules that turn the evidence about a server into findings, one rule per subject, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from inngest_rest import errors
from inngest_rest._local.faults import refused_in_between
from inngest_rest.diagnosis import ServerKind
from inngest_rest.diagnosis._server import (
    NEWEST_RELEASE_DESCRIBED,
    calls_ruled_out,
)
from inngest_rest.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest._core.secret import Secret
    from inngest_rest.diagnosis import CallRoute
    from inngest_rest.diagnosis._evidence import ServerEvidence
    from inngest_rest.diagnosis._server import ProbeResult

_SERVER_NAMES = {
    ServerKind.DEV: "a dev server",
    ServerKind.SELF_HOSTED: "a self-hosted server",
    ServerKind.CLOUD: "Inngest Cloud",
    None: "a server of Inngest",
}

_API_KEY = "api_key (INNGEST_API_KEY)"

# By the prefixes of the vendor's keys (document, security schemes).
_KEY_KINDS = {"signkey-": "a signing key", "sk-inn-api-": "an API key"}

_MAX_CLOCK_SKEW_S = 5.0


def findings(evidence: ServerEvidence) -> Iterator[Finding]:
    """Yield the findings in the order in which they are shown."""
    for subject, answer in _answers(evidence):
        yield Finding(
            kind=subject,
            severity=answer.severity,
            message=answer.message,
            remedy=answer.remedy or None,  # some errors advise nothing
        )


@frozen
class _Answer:
    """A finding without its subject: a sentence in lower case, and what to do, in sentences."""

    severity: Severity
    message: str
    remedy: str | None = None


def _ok(message: str) -> _Answer:
    return _Answer(Severity.OK, message)


def _warning(message: str, remedy: str | None = None) -> _Answer:
    return _Answer(Severity.WARNING, message, remedy)


def _broken(message: str, remedy: str | None = None) -> _Answer:
    return _Answer(Severity.BROKEN, message, remedy)


def _unknown(message: str, remedy: str | None = None) -> _Answer:
    return _Answer(Severity.UNKNOWN, message, remedy)


def _answers(evidence: ServerEvidence) -> Iterator[tuple[str, _Answer]]:
    for url, result in evidence.hosts.items():
        yield "connection", _connection(evidence, url, result)
        if result.outcome != "silent":
            yield "server", _server(evidence, url, result)
    if evidence.is_up:
        yield "release", _release(evidence)
        yield "mode", _mode(evidence)
    yield from _keys(evidence)
    if evidence.is_up:
        yield "environment", _environment(evidence)
        yield "routes", _routes(evidence)
        yield "clock", _clock(evidence.clock_skew_s)
    yield "proxies", _proxies(evidence)


def _keys(evidence: ServerEvidence) -> Iterator[tuple[str, _Answer]]:
    yield "event_key", _event_key(evidence)
    for name, result in evidence.signing_keys.items():
        yield "signing_key", _key(evidence, name, result)
    if not evidence.signing_keys:
        yield "signing_key", _no_signing_key(evidence)
    if evidence.settings.api_key is not None:
        yield "api_key", _api_key(evidence)


def _connection(evidence: ServerEvidence, url: str, result: ProbeResult) -> _Answer:
    if result.outcome != "silent":
        return _ok(f"{url} responds")
    reason = str(result.error)
    advice = None
    if isinstance(result.error, errors.TransportError):
        reason = result.error.described
        advice = result.error.advice
    remedy = (
        "Check INNGEST_BASE_URL and the network; for a dev server, set INNGEST_DEV=1."
    )
    proxy = evidence.proxy(url)
    if proxy:
        remedy = f"Check the proxy at {proxy}, or name the server in NO_PROXY."
    elif evidence.settings.dev:
        remedy = (
            "Start a dev server (`npx inngest-cli@latest dev`), or set INNGEST_DEV to the URL of "
            "the one that runs."
        )
    return _broken(f"no response: {reason}", advice or remedy)


def _server(evidence: ServerEvidence, url: str, result: ProbeResult) -> _Answer:
    if result.is_inngest:
        return _ok(f"{_SERVER_NAMES[evidence.kind]} answers at {url}")
    error = result.error
    if isinstance(error, errors.ApiError) and refused_in_between(error):
        return _broken(
            f"the refusal is not from Inngest: {error.described}", error.advice
        )
    if result.outcome == "failed":
        return _broken(str(error), "Try again later; the server's own log says more.")
    return _broken(
        f"the server is not Inngest: {error}",
        "Set INNGEST_BASE_URL to the server's URL, or INNGEST_DEV to that of a dev "
        "server.",
    )


def _release(evidence: ServerEvidence) -> _Answer:
    release = evidence.release
    if evidence.kind is ServerKind.CLOUD:
        return _ok("Inngest Cloud, which does not state its release")
    if release is None:
        return _unknown(
            "the server does not state its release",
            "Run `inngest version` on its host.",
        )
    if evidence.routes.is_newer_than_described:
        return _warning(
            f"release {release} is newer than {NEWEST_RELEASE_DESCRIBED}, the newest "
            "release this package knows",
            "Upgrade inngest-rest, if there is a newer one; calls may lack a route or a "
            "field.",
        )
    return _ok(f"release {release}")


def _mode(evidence: ServerEvidence) -> _Answer:
    if evidence.kind is None:
        return _unknown(
            "it may be a dev server", "Set INNGEST_DEV to its URL if it is one."
        )
    server = _SERVER_NAMES[evidence.kind]
    is_dev = evidence.kind is ServerKind.DEV
    if evidence.settings.dev and not is_dev:
        return _warning(
            f"INNGEST_DEV, or dev=, is set, but {server} answers, which checks keys",
            "Unset INNGEST_DEV, set INNGEST_BASE_URL to the server's URL, and set the keys.",
        )
    if is_dev and not evidence.settings.dev:
        return _warning(
            "a dev server answers, but calls fail without keys, since INNGEST_DEV is not "
            "set",
            f"Set INNGEST_DEV={evidence.settings.api_url}.",
        )
    needs = "needs no" if is_dev else "checks"
    return _ok(f"{server}, which {needs} keys")


def _event_key(evidence: ServerEvidence) -> _Answer:
    event_key = evidence.settings.event_key
    if evidence.settings.sends_by_v2:
        return _ok("not set: events are sent one by one, by the API key")
    if event_key is None:
        return _why_no_key_is_sent(evidence) or _warning(
            "not set: events cannot be sent", "Set INNGEST_EVENT_KEY."
        )
    key_kind = _kind_of(event_key)
    if key_kind is not None:
        return _broken(
            f"event_key (INNGEST_EVENT_KEY) is {key_kind}", "Set it to an event key."
        )
    if evidence.kind is ServerKind.DEV:
        return _ok("set; a dev server takes any")
    return _unknown(
        "set and well-formed; whether the server accepts it shows only when an event "
        "is sent",
        "Send an event that no function listens to: `inngest-rest send test/doctor`.",
    )


def _no_signing_key(evidence: ServerEvidence) -> _Answer:
    answer = _why_no_key_is_sent(evidence)
    if answer is not None:
        return answer
    if evidence.settings.api_key:
        calls = ", ".join(calls_ruled_out(evidence.settings))
        return _warning(
            f"not set: with an API key alone, there are no {calls}",
            "Set INNGEST_SIGNING_KEY for these.",
        )
    return _broken(
        "neither a signing key nor an API key is set: runs, events and apps cannot be "
        "read",
        "Set INNGEST_SIGNING_KEY, or INNGEST_API_KEY for v2 alone.",
    )


def _why_no_key_is_sent(evidence: ServerEvidence) -> _Answer | None:
    if evidence.settings.withholds_keys:
        return _warning(
            "not sent to another machine over plain http",
            "Use https, or set INNGEST_ALLOW_HTTP=1.",
        )
    if evidence.settings.dev and evidence.kind in {ServerKind.DEV, None}:
        return _ok("not set, and not needed for a dev server")
    return None


def _api_key(evidence: ServerEvidence) -> _Answer:
    if _kind_of(evidence.settings.api_key) == "a signing key":
        return _broken(
            f"{_API_KEY} is a signing key",
            "Set INNGEST_SIGNING_KEY to it, and INNGEST_API_KEY to an API key or to "
            "nothing.",
        )
    if not evidence.permissions:
        return _key(evidence, _API_KEY, evidence.api_key)
    granted: list[str] = []
    lacking: list[str] = []
    for name, is_granted in evidence.permissions.items():
        if is_granted:
            granted.append(name)
        else:
            lacking.append(name)
    permissions: list[str] = []
    if granted:
        permissions.append(f"it has {', '.join(granted)}")
    if lacking:
        permissions.append(f"it lacks {', '.join(lacking)}")
    message = f"{_API_KEY} is accepted; {'; '.join(permissions)}"
    if lacking:
        return _warning(
            message, "Make a key with these permissions if you need such calls."
        )
    return _ok(message)


def _key(evidence: ServerEvidence, name: str, result: ProbeResult | None) -> _Answer:
    if result is None:
        return _unknown(
            f"{name} is well-formed, and was not tried", "Fix the connection first."
        )
    if evidence.kind is ServerKind.DEV:
        return _ok(f"{name} is set; a dev server checks none")
    if result.has_route:
        return _ok(f"{name} is accepted")
    if result.outcome != "refused":
        return _unknown(
            f"{name} is set; trying it failed: {result.error}", "Try again later."
        )
    return _refused_key(evidence, name, result.error)


def _refused_key(
    evidence: ServerEvidence, name: str, error: errors.InngestError | None
) -> _Answer:
    if isinstance(error, errors.ApiError) and refused_in_between(error):
        return _unknown(
            f"whether {name} is accepted is unknown: {error.described}", error.advice
        )
    if isinstance(error, errors.PermissionDeniedError):
        return _warning(f"{name} is denied a read: {error.described}", error.advice)
    results = evidence.signing_keys.values()
    if any(result is not None and result.has_route for result in results):
        return _warning(
            f"the server rejects {name}, but accepts another key, which is used instead",
            "Check that it was copied whole, and belongs to this server and environment. "
            "Or unset it.",
        )
    return _broken(
        f"the server rejects {name}",
        "Check that it was copied whole, and belongs to this server and environment.",
    )


def _kind_of(key: Secret | None) -> str | None:
    text = key.reveal() if key else ""
    for prefix, kind in _KEY_KINDS.items():
        if text.startswith(prefix):
            return kind
    return None


def _environment(evidence: ServerEvidence) -> _Answer:
    env = evidence.settings.env
    if evidence.kind in {ServerKind.DEV, ServerKind.SELF_HOSTED}:
        if env is None:
            return _ok("none; only Inngest Cloud has any")
        return _warning(
            f"{env!r} is ignored: only Inngest Cloud has environments",
            "Unset INNGEST_ENV.",
        )
    key_kinds = evidence.settings.signing_key_kinds.values()
    key_envs = list(dict.fromkeys(kind for kind in key_kinds if kind))
    if len(key_envs) > 1:
        return _warning(
            f"the signing keys are for different environments: {' and '.join(key_envs)}",
            "Set both to keys of the same environment.",
        )
    return _environment_of_key(env, key_envs[0] if key_envs else None)


def _environment_of_key(env: str | None, key_env: str | None) -> _Answer:
    if env is None and key_env == "branch":
        return _broken(
            "the signing key is for branch environments, and none is named",
            "Set INNGEST_ENV to the name of the branch environment.",
        )
    if env is not None and key_env is None:
        return _unknown(
            f"{env!r} is asked for; no prefix of a key shows whether it is for a branch",
            "Copy the signing key with its prefix, such as signkey-branch-.",
        )
    if env is not None and key_env != "branch":
        return _warning(
            f"{env!r} is asked for, but the signing key is for {key_env}: calls may act "
            "there",
            "Set INNGEST_SIGNING_KEY to the key of branch environments, or unset "
            "INNGEST_ENV.",
        )
    named = env or "that of the keys"
    if key_env is None:
        return _ok(named)
    return _ok(f"{named}, as the signing key is for {key_env}")


def _routes(evidence: ServerEvidence) -> _Answer:
    api_version = evidence.settings.api_version
    ruled_out = calls_ruled_out(evidence.settings)
    if api_version != "auto" and ruled_out:
        calls = ", ".join(ruled_out)
        return _warning(
            f'api_version="{api_version}" rules out {calls}',
            'Use api_version="auto", the default, for these.',
        )
    if evidence.kind is ServerKind.CLOUD:
        return _ok("Inngest Cloud has both APIs")
    if evidence.release is None:
        if evidence.listed is None:
            return _unknown(
                "which calls the server can answer depends on its release",
                "Compare its release with the first one that has each call, which is shown "
                "with the calls.",
            )
        return _ok(
            f"it lists {len(evidence.listed)} known routes of v2; which others it has depends on "
            "its release"
        )
    without = [
        f"{route.call} ({_releases(route)})"
        for route in evidence.calls
        if route.is_available is False and route.since and route.call not in ruled_out
    ]
    if without:
        return _ok(f"the server has no route for {', '.join(without)}")
    if evidence.routes.is_newer_than_described:
        return _ok("no route is known to be gone")
    return _ok(
        "the server has a route for every call; bulk cancellations, webhooks, "
        "Insights, experiments, sessions and the creation of environments are on "
        "Inngest Cloud only"
    )


def _releases(route: CallRoute) -> str:
    """Say which releases have a route for a call."""
    if route.until:
        return f"from release {route.since} until {route.until}"
    return f"since release {route.since}"


def _clock(skew_s: float | None) -> _Answer:
    if skew_s is None:
        return _unknown(
            "the server does not state its time",
            "Compare the time of both machines, if `since` and `until` select the wrong "
            "runs.",
        )
    if abs(skew_s) <= _MAX_CLOCK_SKEW_S:
        return _ok(
            f"the server's clock agrees, to within {max(abs(skew_s), 1.0):.1f} s"
        )
    side = "ahead of" if skew_s > 0 else "behind"
    return _warning(
        f"the server's clock is {abs(skew_s):,.1f} s {side} this machine's: `since` and "
        "`until` select the wrong runs",
        "Synchronize the clocks of both machines, for example by NTP.",
    )


def _proxies(evidence: ServerEvidence) -> _Answer:
    urls = dict.fromkeys([evidence.settings.event_url, evidence.settings.api_url])
    sentences: list[str] = []
    for url in urls:
        proxy = evidence.proxy(url)
        if proxy:
            sentences.append(f"{url} is reached through the proxy {proxy}")
    if not sentences:
        return _ok("no proxy is in effect")
    return _ok(f"{'; '.join(sentences)}")
