"""Findings: what the evidence about a server means, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from inngest_rest._core.diagnosis.call_routes import calls_not_asked
from inngest_rest._core.diagnosis.key_findings import of_environment, of_keys
from inngest_rest._core.diagnosis.releases import Releases, newest
from inngest_rest.diagnosis import CallRoute, Check, Finding, FindingState, ServerKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inngest_rest._core.diagnosis.evidence import Evidence
    from inngest_rest._core.diagnosis.probes import Answer
    from inngest_rest._core.secret import Secret

_MOST_SKEW_S = 5.0

_NAMES = {
    ServerKind.DEV: "a dev server",
    ServerKind.SELF_HOSTED: "a self-hosted server",
    ServerKind.CLOUD: "Inngest Cloud",
    None: "a server of Inngest",
}


def of(found: Evidence, calls: Sequence[CallRoute]) -> Iterator[Finding]:
    """Yield the findings, in the order in which they matter."""
    settings = found.settings
    for url, answer in zip((settings.event_url, settings.api_url), found.hosts, strict=False):
        yield from _of_host(found, url, answer)
    if found.is_up:
        yield _of_release(found)
        yield _of_mode(found)
    yield from of_keys(found)
    if found.is_up:
        yield of_environment(found)
        yield _of_routes(found, calls)
        yield _of_clock(found)
    yield _of_proxies(found)


def _of_host(found: Evidence, url: str, answer: Answer[Any]) -> Iterator[Finding]:
    if not answer.is_response:
        yield Finding(
            Check.CONNECTION,
            FindingState.PROBLEM,
            f"no response: {answer.error}",
            _how_to_connect(found, url),
        )
        return
    yield Finding(Check.CONNECTION, FindingState.OK, f"{url} responds")
    if answer.is_inngest:
        yield Finding(Check.SERVER, FindingState.OK, f"{_NAMES[found.kind]} answers at {url}")
    elif answer.is_failure:
        remedy = "Try again later; the log of a self-hosted server says more."
        yield Finding(Check.SERVER, FindingState.PROBLEM, str(answer.error), remedy)
    else:
        yield Finding(
            Check.SERVER,
            FindingState.PROBLEM,
            f"what responds is not Inngest: {answer.error}",
            "Set INNGEST_BASE_URL to the server's URL, or INNGEST_DEV to that of a dev server.",
        )


def _how_to_connect(found: Evidence, url: str) -> str:
    settings = found.settings
    proxy = settings.event_proxy if url == settings.event_url else settings.api_proxy
    if proxy is not None and not found.has_own_transport:
        return (
            f"Check the proxy at {_place(proxy)}, or name the server in NO_PROXY to go without it."
        )
    if settings.dev:
        return (
            "Start a dev server with `npx inngest-cli@latest dev`, or set INNGEST_DEV to the URL "
            "of the one that runs."
        )
    return "Check INNGEST_BASE_URL and the network; for a dev server, set INNGEST_DEV=1."


def _of_release(found: Evidence) -> Finding:
    first, below = found.releases.first, found.releases.below
    if found.release is not None:
        return Finding(Check.RELEASE, FindingState.OK, f"release {found.release}")
    if found.kind is ServerKind.CLOUD:
        return Finding(
            Check.RELEASE, FindingState.OK, "Inngest Cloud, which does not state its release"
        )
    if first or below:
        bounds = f"{first} or newer" if first else ""
        bounds += f"{', ' if first else ''}older than {below}" if below else ""
        message = f"release {bounds}, by the routes that it has"
        return Finding(Check.RELEASE, FindingState.OK, message)
    return Finding(
        Check.RELEASE,
        FindingState.UNKNOWN,
        "the server does not state its release, and shows its routes only to those with a key",
        "Set a key that the server accepts.",
    )


def _of_mode(found: Evidence) -> Finding:
    settings = found.settings
    if found.kind is None:
        return Finding(
            Check.MODE,
            FindingState.UNKNOWN,
            "the server does not state whether it is a dev server",
            "Set INNGEST_DEV to its URL if it is one.",
        )
    if settings.dev is (found.kind is ServerKind.DEV):
        needs = "needs no keys" if settings.dev else "checks keys"
        return Finding(Check.MODE, FindingState.OK, f"{_NAMES[found.kind]}, which {needs}")
    if settings.dev:
        return Finding(
            Check.MODE,
            FindingState.WARNING,
            f"INNGEST_DEV, or dev=, is set, but {_NAMES[found.kind]} answers, which checks keys",
            "Unset INNGEST_DEV, set INNGEST_BASE_URL to the server's URL, and set the keys.",
        )
    return Finding(
        Check.MODE,
        FindingState.WARNING,
        "a dev server answers, but calls fail without keys, since INNGEST_DEV is not set",
        f"Set INNGEST_DEV={settings.api_url}.",
    )


def _of_routes(found: Evidence, calls: Sequence[CallRoute]) -> Finding:
    settings = found.settings
    ruled_out = calls_not_asked(settings)
    if ruled_out and settings.api_version != "auto":
        return Finding(
            Check.ROUTES,
            FindingState.WARNING,
            f'api_version="{settings.api_version}" rules out {", ".join(ruled_out)}',
            'Use api_version="auto", the default, for these.',
        )
    if found.kind is ServerKind.CLOUD:
        message = "Inngest Cloud has both APIs; a route that it lacks shows when it is called"
        return Finding(Check.ROUTES, FindingState.OK, message)
    if found.releases == Releases():
        return Finding(
            Check.ROUTES,
            FindingState.UNKNOWN,
            "which calls the server can answer is not known without its release",
            "Set a key that the server accepts.",
        )
    missing = {
        each.call: each.since
        for each in calls
        if each.is_available is False and each.since and each.call not in ruled_out
    }
    if missing:
        return Finding(
            Check.ROUTES,
            FindingState.WARNING,
            "the server is too old for "
            + ", ".join(f"{call} (since {since})" for call, since in missing.items()),
            f"Upgrade the server to release {newest(missing.values())} or newer.",
        )
    message = "the server has a route for every call; webhooks are on Inngest Cloud only"
    return Finding(Check.ROUTES, FindingState.OK, message)


def _of_clock(found: Evidence) -> Finding:
    skew = found.skew_s
    if skew is None:
        return Finding(
            Check.CLOCK,
            FindingState.UNKNOWN,
            "the server does not state its time",
            "Compare the time of both machines, if `since` and `until` select the wrong runs.",
        )
    if abs(skew) <= _MOST_SKEW_S:
        message = f"the server's clock agrees, to within {max(abs(skew), 1.0):.1f} s"
        return Finding(Check.CLOCK, FindingState.OK, message)
    return Finding(
        Check.CLOCK,
        FindingState.WARNING,
        f"the server's clock is {abs(skew):,.1f} s {'ahead of' if skew > 0 else 'behind'} this "
        "machine's: `since` and `until` select other runs than they should",
        "Synchronize the clocks of both machines, for example by NTP.",
    )


def _of_proxies(found: Evidence) -> Finding:
    settings = found.settings
    used = {
        url: _place(proxy)
        for url, proxy in (
            (settings.event_url, settings.event_proxy),
            (settings.api_url, settings.api_proxy),
        )
        if proxy is not None
    }
    if found.has_own_transport:
        message = "the client was given a transport: no proxy of the environment is in effect"
    elif used:
        message = "; ".join(f"{url} is reached through the proxy {it}" for url, it in used.items())
    elif settings.spares_proxy:
        message = (
            "a proxy is set, and not used for this server: it is on this machine, a dev server, "
            "or named in NO_PROXY"
        )
    else:
        message = "none in effect"
    return Finding(Check.PROXIES, FindingState.OK, message)


def _place(proxy: Secret) -> str:
    """Return the host and port of a proxy, whose URL may have a password."""
    return urlsplit(proxy.reveal()).netloc.rpartition("@")[2]
