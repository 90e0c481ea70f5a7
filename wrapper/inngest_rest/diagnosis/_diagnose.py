"""Find out which server responds, and whether keys and settings match it."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from inngest_rest import errors
from inngest_rest._version import __version__
from inngest_rest.diagnosis import Diagnosis, ServerKind
from inngest_rest.diagnosis import _server as server
from inngest_rest.diagnosis._evidence import ServerEvidence
from inngest_rest.diagnosis._findings import findings
from inngest_rest.diagnosis._server import probe
from inngest_rest.responses import is_on_cloud

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.secret import Secret
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
        await _try_keys(session, evidence)
        if evidence.kind is not ServerKind.CLOUD:
            listed = await probe(session, server.LISTED_OPERATIONS)
            evidence.listed = listed.value
    return evidence


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
        evidence.kind = ServerKind.DEV
        evidence.release = dev_info.value
    elif server_kind == "dev":
        evidence.kind = ServerKind.DEV
    elif server_kind is not None:
        evidence.kind = ServerKind.SELF_HOSTED
    elif settings.api_url == settings.event_url:
        # Other products have such a /health.
        result = await probe(session, server.EVENTS, _any_key(session))
        if result.has_route is False:
            evidence.hosts[settings.api_url] = result


async def _try_keys(session: Session, evidence: ServerEvidence) -> None:
    """Try each key."""
    settings = session.settings
    names = list(evidence.signing_keys)
    for name, bearer in zip(names, settings.signing_bearers, strict=True):
        evidence.signing_keys[name] = await probe(session, server.EVENTS, bearer)
    if settings.api_key is not None:
        result = await probe(session, server.V2_HEALTH, settings.api_key)
        evidence.api_key = result
        if result.has_route and evidence.kind is ServerKind.CLOUD:
            await _try_permissions(session, evidence, settings.api_key)


async def _try_permissions(
    session: Session, evidence: ServerEvidence, api_key: Secret
) -> None:
    for route in server.SCOPED:
        result: ProbeResult = await probe(session, route, api_key)
        is_denied = isinstance(result.error, errors.PermissionDeniedError)
        if is_denied or result.has_route:
            evidence.permissions[route.operation.permission or ""] = not is_denied
