"""Find out which server responds, and whether keys and settings match it."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from inngest_rest import errors
from inngest_rest._core.probing import bare_read
from inngest_rest._version import __version__
from inngest_rest.diagnosis import Diagnosis, ServerKind
from inngest_rest.diagnosis import _server as server
from inngest_rest.diagnosis._evidence import ServerEvidence
from inngest_rest.diagnosis._findings import findings
from inngest_rest.diagnosis._server import Releases, probe
from inngest_rest.responses import is_on_cloud

if TYPE_CHECKING:
    from inngest_rest._core.interface import Session
    from inngest_rest._core.probing import Secret
    from inngest_rest.diagnosis._server import ProbeResult


async def diagnose(session: Session) -> Diagnosis:
    """Diagnose a server by reads only, each of which is made once."""
    import httpx  # noqa: PLC0415 - for its version

    # A separate session: it neither trusts nor changes the record of missing routes.
    session = session.apart()
    evidence = await _collect(session)
    python = platform.python_version()
    return Diagnosis(
        target=session.settings.target,
        server_kind=evidence.kind,
        release=evidence.release,
        release_from=None if evidence.release else evidence.releases.first,
        release_below=None if evidence.release else evidence.releases.below,
        findings=tuple(findings(evidence)),
        calls=evidence.calls,
        clock_skew_s=evidence.clock_skew_s,
        versions={
            "inngest-rest": __version__,
            "httpx": httpx.__version__,
            "python": python,
        },
    )


async def _collect(session: Session) -> ServerEvidence:
    settings = session.settings
    names = settings.signing_key_kinds if settings.signing_bearers else ()
    evidence = ServerEvidence(
        settings=settings,
        has_own_transport=session.has_own_transport,
        signing_keys=dict.fromkeys(names),
    )
    await _ask_hosts(session, evidence)
    if evidence.is_up:
        await _identify(session, evidence)
    if evidence.is_up:
        bearer = await _try_keys(session, evidence)
        await _find_routes(session, evidence, bearer)
        if evidence.kind is ServerKind.DEV or bearer:
            await _try_bulk_cancellations(session, evidence, bearer)
    return evidence


async def _find_routes(
    session: Session, evidence: ServerEvidence, bearer: Secret | None
) -> None:
    """Find out which operations the server has, by its list and, in doubt, by probing them."""
    lists = evidence.releases.have(server.LISTED_OPERATIONS.operation)
    if evidence.kind is ServerKind.CLOUD or lists is False:
        return
    listed = await probe(session, server.LISTED_OPERATIONS)
    if listed.value is not None:
        releases, evidence.seen = listed.value
        if evidence.release is None:
            evidence.releases = releases
    routes = evidence.route_evidence
    if routes.trusts_release:
        return
    for operation in routes.unknown_reads(session.settings):
        result = await probe(session, bare_read(operation), bearer)
        if result.outcome == "silent":
            return
        if result.has_route is not None:
            evidence.seen[operation.name] = result.has_route


async def _ask_hosts(session: Session, evidence: ServerEvidence) -> None:
    """Ask each host whether it is up."""
    settings = session.settings
    evidence.hosts[settings.event_url] = await probe(session, server.HEALTH)
    if settings.event_url != settings.api_url and evidence.is_up:
        result = await probe(session, server.EVENTS, _any_key(session))
        evidence.hosts[settings.api_url] = result


def _any_key(session: Session) -> Secret | None:
    return next(iter(session.settings.signing_bearers), session.settings.api_key)


async def _identify(session: Session, evidence: ServerEvidence) -> None:
    """Find out the kind of the server, and its release if the server states it."""
    settings = session.settings
    if all(is_on_cloud(url) for url in evidence.hosts):
        evidence.kind = ServerKind.CLOUD
        return
    dev_info = await probe(session, server.DEV_INFO)
    server_kind = evidence.hosts[settings.event_url].server_kind
    if dev_info.error is None:
        release = dev_info.value
        evidence.kind = ServerKind.DEV
        evidence.release = release
        if release is not None:
            evidence.releases = Releases(first=release, below=release)
    elif server_kind == "dev":
        evidence.kind = ServerKind.DEV
    elif server_kind is not None:
        evidence.kind = ServerKind.SELF_HOSTED
    elif settings.api_url == settings.event_url:
        # Other products have such a /health.
        result = await probe(session, server.EVENTS, _any_key(session))
        if result.has_route is False:
            evidence.hosts[settings.api_url] = result


async def _try_keys(session: Session, evidence: ServerEvidence) -> Secret | None:
    """Try each key; return the first that is accepted, preferably by both APIs."""
    settings = session.settings
    accepted: list[Secret] = []
    names = list(evidence.signing_keys)
    for name, bearer in zip(names, settings.signing_bearers, strict=True):
        result = await probe(session, server.EVENTS, bearer)
        evidence.signing_keys[name] = result
        if result.has_route:
            accepted.append(bearer)
    if settings.api_key is not None:
        result = await server.probe_v2(session, settings.api_key)
        evidence.api_key = result
        if result.has_route:
            accepted.append(settings.api_key)
            if evidence.kind is ServerKind.CLOUD:
                await _try_permissions(session, evidence, settings.api_key)
    return accepted[0] if accepted else None


async def _try_permissions(
    session: Session, evidence: ServerEvidence, api_key: Secret
) -> None:
    for route in server.SCOPED:
        result: ProbeResult = await probe(session, route, api_key)
        is_denied = isinstance(result.error, errors.PermissionDeniedError)
        if is_denied or result.has_route:
            evidence.permissions[route.operation.permission or ""] = not is_denied


async def _try_bulk_cancellations(
    session: Session, evidence: ServerEvidence, bearer: Secret | None
) -> None:
    """Find out whether the server has bulk cancellations, which its release does not tell."""
    cancellations = await probe(session, server.CANCELLATIONS, bearer)
    evidence.cancels_in_bulk = cancellations.outcome != "failed"
