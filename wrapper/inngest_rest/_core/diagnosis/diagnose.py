"""The plan of a diagnosis: the requests that it makes, and what they show."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from inngest_rest._core.calls.route import V2_ROOT, V2_ROOT_BEFORE_1_26
from inngest_rest._core.diagnosis import findings
from inngest_rest._core.diagnosis.call_routes import call_routes
from inngest_rest._core.diagnosis.evidence import Evidence
from inngest_rest._core.diagnosis.probes import BY_RELEASE, DEV_INFO, HEALTH, V1, V2, Answer, probe
from inngest_rest._core.diagnosis.releases import Releases, release_of
from inngest_rest._version import __version__
from inngest_rest.diagnosis import Diagnosis, ServerKind

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.calls.settings import Settings
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.secret import Secret

_V2_SINCE, _V2_ROOT_SINCE = "1.11.6", "1.26.0"

_OF_CLOUD = ("inngest.com", "inn.gs")


def diagnose(session: Session) -> Plan[Diagnosis]:
    """Find out what answers, and whether keys and settings fit it; nothing is sent but reads."""
    settings = session.settings
    found = Evidence(settings, session.has_own_transport)
    # Of its own, so that neither what was learned before is believed, nor this is kept.
    own = session.apart()
    yield from _look_at_hosts(own, found)
    if found.is_up:
        yield from _try_keys(own, found)
        if found.release is not None:
            found.releases = Releases.exactly(found.release)
        elif found.kind is not ServerKind.CLOUD:
            found.releases = yield from _narrow_down(own, found)
    calls = call_routes(settings, found.releases) if found.is_up else ()
    return Diagnosis(
        settings.target,
        found.kind,
        found.release,
        None if found.release else found.releases.first,
        None if found.release else found.releases.below,
        tuple(findings.of(found, calls)),
        calls,
        found.skew_s,
        versions={
            "inngest-rest": __version__,
            "httpx": httpx.__version__,
            "python": platform.python_version(),
        },
    )


def _look_at_hosts(session: Session, found: Evidence) -> Plan[None]:
    """Find out what answers at each host, and which release it states."""
    settings = session.settings
    health = yield from probe(session, HEALTH)
    found.hosts.append(health)
    if settings.event_url != settings.api_url and found.is_up:
        found.hosts.append((yield from probe(session, V1, _first_bearer(settings))))
    if not found.is_up:
        return
    if all(_is_of_cloud(url) for url in (settings.event_url, settings.api_url)):
        found.kind = ServerKind.CLOUD
        return
    dev = yield from probe(session, DEV_INFO)
    if dev.value is not None:
        found.kind, found.release = ServerKind.DEV, release_of(dev.value)
    elif health.server_kind is not None:
        found.kind = ServerKind.DEV if health.server_kind == "dev" else ServerKind.SELF_HOSTED


def _try_keys(session: Session, found: Evidence) -> Plan[None]:
    settings = session.settings
    for name, bearer in zip(settings.signing_key_kinds, settings.signing_bearers, strict=False):
        found.signing_keys[name] = yield from probe(session, V1, bearer)
    if settings.api_key is not None:
        found.api_key = yield from _probe_v2(session, settings.api_key)


def _probe_v2(session: Session, bearer: Secret | None) -> Plan[Answer[None]]:
    """Ask for v2 where it is, and take note of where that is."""
    session.absent.v2_root = V2_ROOT
    answer = yield from probe(session, V2, bearer)
    if answer.is_of_web_ui:
        session.absent.v2_root = V2_ROOT_BEFORE_1_26
        answer = yield from probe(session, V2, bearer)
    return answer


def _narrow_down(session: Session, found: Evidence) -> Plan[Releases]:
    """Return the releases that have the routes that the server has."""
    bearers = _accepted_bearers(found)
    if not bearers and found.kind is not ServerKind.DEV:
        return Releases()
    bearer = bearers[0] if bearers else None
    health = yield from _probe_v2(session, bearer)
    if health.has_route is None:
        return Releases()
    has_root = session.absent.v2_root == V2_ROOT
    releases = Releases()
    if health.has_route:
        releases = releases.narrowed(_V2_ROOT_SINCE, has=has_root)
    else:
        releases = releases.narrowed(_V2_SINCE, has=False)
    for route in BY_RELEASE:
        since = route.operation.since
        assert since is not None, "chosen for having one"
        has = releases.have(route.operation)
        if has is None:
            answer = health if route is V2 else (yield from probe(session, route, bearer))
            has = answer.has_route
        if has is None:
            return releases
        releases = releases.narrowed(since, has=has)
        if has:
            return releases
    return releases


def _accepted_bearers(found: Evidence) -> list[Secret]:
    """Return the bearer tokens that were accepted, those for both families first."""
    settings = found.settings
    answers = found.signing_keys.values()
    pairs = zip(answers, settings.signing_bearers, strict=True)
    accepted = [bearer for answer, bearer in pairs if answer.is_accepted]
    if settings.api_key is not None and found.api_key and found.api_key.is_accepted:
        accepted.append(settings.api_key)
    return accepted


def _first_bearer(settings: Settings) -> Secret | None:
    return next(iter((*settings.signing_bearers, settings.api_key)), None)


def _is_of_cloud(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return any(host == each or host.endswith(f".{each}") for each in _OF_CLOUD)
