"""Rules that turn the evidence about a server into findings, one rule per subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest import errors
from inngest_rest._local.faults import refused_in_between
from inngest_rest.diagnosis import ServerKind
from inngest_rest.diagnosis import _texts as texts
from inngest_rest.diagnosis._server import (
    NEWEST_RELEASE_DESCRIBED,
    calls_ruled_out,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest._core.probing import Secret
    from inngest_rest.diagnosis import CallRoute
    from inngest_rest.diagnosis._evidence import ServerEvidence
    from inngest_rest.diagnosis._server import ProbeResult
    from inngest_rest.diagnosis._texts import Observation
    from inngest_rest.findings import Finding

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
    for subject, observation in _observations(evidence):
        yield observation.finding(subject)


def _observations(evidence: ServerEvidence) -> Iterator[tuple[str, Observation]]:
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


def _keys(evidence: ServerEvidence) -> Iterator[tuple[str, Observation]]:
    yield "event_key", _event_key(evidence)
    for name, result in evidence.signing_keys.items():
        yield "signing_key", _key(evidence, name, result)
    if not evidence.signing_keys:
        yield "signing_key", _no_signing_key(evidence)
    if evidence.settings.api_key is not None:
        yield "api_key", _api_key(evidence)


def _connection(evidence: ServerEvidence, url: str, result: ProbeResult) -> Observation:
    if result.outcome != "silent":
        return texts.RESPONDS.seen(url=url)
    reason = str(result.error)
    advice = None
    if isinstance(result.error, errors.TransportError):
        reason = result.error.described
        advice = result.error.advice
    proxy = evidence.proxy(url)
    if proxy:
        return texts.NO_RESPONSE_BY_PROXY.seen(advice, error=reason, proxy=proxy)
    if evidence.settings.dev:
        return texts.NO_RESPONSE_OF_DEV_SERVER.seen(advice, error=reason)
    return texts.NO_RESPONSE.seen(advice, error=reason)


def _server(evidence: ServerEvidence, url: str, result: ProbeResult) -> Observation:
    if result.is_inngest:
        return texts.IS_INNGEST.seen(server=_SERVER_NAMES[evidence.kind], url=url)
    error = result.error
    if isinstance(error, errors.ApiError) and refused_in_between(error):
        return texts.REFUSED_IN_BETWEEN.seen(error.advice, error=error.described)
    if result.outcome == "failed":
        return texts.FAILS.seen(error=error)
    return texts.IS_NOT_INNGEST.seen(error=error)


def _release(evidence: ServerEvidence) -> Observation:
    release = evidence.release
    if evidence.kind is ServerKind.CLOUD:
        return texts.IS_CLOUD.seen()
    if release is None:
        return texts.RELEASE_UNKNOWN.seen()
    if evidence.routes.is_newer_than_described:
        return texts.IS_NEWER_THAN_KNOWN.seen(
            release=release, newest=NEWEST_RELEASE_DESCRIBED
        )
    return texts.STATES_RELEASE.seen(release=release)


def _mode(evidence: ServerEvidence) -> Observation:
    if evidence.kind is None:
        return texts.MODE_UNKNOWN.seen()
    server = _SERVER_NAMES[evidence.kind]
    is_dev = evidence.kind is ServerKind.DEV
    if evidence.settings.dev and not is_dev:
        return texts.NOT_DEV.seen(server=server)
    if is_dev and not evidence.settings.dev:
        return texts.DEV_NOT_SET.seen(url=evidence.settings.api_url)
    needs = "needs no" if is_dev else "checks"
    return texts.MODE_AGREES.seen(server=server, needs=needs)


def _event_key(evidence: ServerEvidence) -> Observation:
    event_key = evidence.settings.event_key
    if evidence.settings.sends_by_v2:
        return texts.EVENT_KEY_REPLACED.seen()
    if event_key is None:
        return _why_no_key_is_sent(evidence) or texts.NO_EVENT_KEY.seen()
    key_kind = _kind_of(event_key)
    if key_kind is not None:
        return texts.EVENT_KEY_IS_OTHER.seen(key_kind=key_kind)
    if evidence.kind is ServerKind.DEV:
        return texts.ANY_EVENT_KEY.seen()
    return texts.EVENT_KEY_NOT_TRIED.seen()


def _no_signing_key(evidence: ServerEvidence) -> Observation:
    observation = _why_no_key_is_sent(evidence)
    if observation is not None:
        return observation
    if evidence.settings.api_key:
        calls = ", ".join(calls_ruled_out(evidence.settings))
        return texts.ONLY_API_KEY.seen(calls=calls)
    return texts.NO_KEY.seen()


def _why_no_key_is_sent(evidence: ServerEvidence) -> Observation | None:
    if evidence.settings.withholds_keys:
        return texts.KEYS_WITHHELD.seen()
    if evidence.settings.dev and evidence.kind in {ServerKind.DEV, None}:
        return texts.KEY_NOT_NEEDED.seen()
    return None


def _api_key(evidence: ServerEvidence) -> Observation:
    if _kind_of(evidence.settings.api_key) == "a signing key":
        return texts.API_KEY_IS_SIGNING_KEY.seen(name=_API_KEY)
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
    text = texts.KEY_LACKS_PERMISSIONS if lacking else texts.KEY_HAS_PERMISSIONS
    return text.seen(name=_API_KEY, permissions="; ".join(permissions))


def _key(
    evidence: ServerEvidence, name: str, result: ProbeResult | None
) -> Observation:
    if result is None:
        return texts.KEY_NOT_TRIED.seen(name=name)
    if evidence.kind is ServerKind.DEV:
        return texts.KEY_NOT_CHECKED.seen(name=name)
    if result.has_route:
        return texts.KEY_ACCEPTED.seen(name=name)
    if result.outcome != "refused":
        return texts.KEY_TRIAL_FAILED.seen(name=name, error=result.error)
    return _refused_key(evidence, name, result.error)


def _refused_key(
    evidence: ServerEvidence, name: str, error: errors.InngestError | None
) -> Observation:
    if isinstance(error, errors.ApiError) and refused_in_between(error):
        return texts.KEY_REFUSED_IN_BETWEEN.seen(
            error.advice, name=name, error=error.described
        )
    if isinstance(error, errors.PermissionDeniedError):
        return texts.KEY_DENIED.seen(error.advice, name=name, error=error.described)
    results = evidence.signing_keys.values()
    if any(result is not None and result.has_route for result in results):
        return texts.KEY_REJECTED_OTHER_USED.seen(name=name)
    return texts.KEY_REJECTED.seen(name=name)


def _kind_of(key: Secret | None) -> str | None:
    text = key.reveal() if key else ""
    for prefix, kind in _KEY_KINDS.items():
        if text.startswith(prefix):
            return kind
    return None


def _environment(evidence: ServerEvidence) -> Observation:
    env = evidence.settings.env
    if evidence.kind in {ServerKind.DEV, ServerKind.SELF_HOSTED}:
        if env is None:
            return texts.NO_ENVIRONMENTS.seen()
        return texts.ENVIRONMENT_IGNORED.seen(env=env)
    key_kinds = evidence.settings.signing_key_kinds.values()
    key_envs = list(dict.fromkeys(kind for kind in key_kinds if kind))
    if len(key_envs) > 1:
        return texts.KEYS_OF_TWO_ENVIRONMENTS.seen(key_envs=" and ".join(key_envs))
    return _environment_of_key(env, key_envs[0] if key_envs else None)


def _environment_of_key(env: str | None, key_env: str | None) -> Observation:
    if env is None and key_env == "branch":
        return texts.BRANCH_NOT_NAMED.seen()
    if env is not None and key_env is None:
        return texts.ENVIRONMENT_NOT_IN_KEY.seen(env=env)
    if env is not None and key_env != "branch":
        return texts.KEY_OF_OTHER_ENVIRONMENT.seen(env=env, key_envs=key_env)
    named = env or "that of the keys"
    if key_env is None:
        return texts.ENVIRONMENT.seen(env=named)
    return texts.ENVIRONMENT_OF_KEY.seen(env=named, key_envs=key_env)


def _routes(evidence: ServerEvidence) -> Observation:
    api_version = evidence.settings.api_version
    ruled_out = calls_ruled_out(evidence.settings)
    if api_version != "auto" and ruled_out:
        calls = ", ".join(ruled_out)
        return texts.CALLS_RULED_OUT.seen(api_version=api_version, calls=calls)
    if evidence.kind is ServerKind.CLOUD:
        return texts.CLOUD_HAS_BOTH.seen()
    if evidence.release is None:
        if evidence.listed is None:
            return texts.CALLS_UNKNOWN.seen()
        return texts.LISTS_ROUTES.seen(number=len(evidence.listed))
    without = [
        f"{route.call} ({_releases(route)})"
        for route in evidence.calls
        if route.is_available is False and route.since and route.call not in ruled_out
    ]
    if without:
        return texts.WITHOUT_ROUTE.seen(calls=", ".join(without))
    if evidence.routes.is_newer_than_described:
        return texts.NONE_KNOWN_TO_BE_GONE.seen()
    return texts.EVERY_CALL.seen()


def _releases(route: CallRoute) -> str:
    """Say which releases have a route for a call."""
    if route.until:
        return f"from release {route.since} until {route.until}"
    return f"since release {route.since}"


def _clock(skew_s: float | None) -> Observation:
    if skew_s is None:
        return texts.NO_CLOCK.seen()
    if abs(skew_s) <= _MAX_CLOCK_SKEW_S:
        return texts.CLOCK_AGREES.seen(skew_s=max(abs(skew_s), 1.0))
    side = "ahead of" if skew_s > 0 else "behind"
    return texts.CLOCK_IS_OFF.seen(skew_s=abs(skew_s), side=side)


def _proxies(evidence: ServerEvidence) -> Observation:
    urls = dict.fromkeys([evidence.settings.event_url, evidence.settings.api_url])
    sentences: list[str] = []
    for url in urls:
        proxy = evidence.proxy(url)
        if proxy:
            sentences.append(f"{url} is reached through the proxy {proxy}")
    if not sentences:
        return texts.NO_PROXY.seen()
    return texts.PROXIES.seen(proxies="; ".join(sentences))
