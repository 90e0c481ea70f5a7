"""Find out what answers, and whether keys and settings fit it, by single requests.

Nothing is sent but reads, each once; an error of one is evidence, and is not raised.
"""

from __future__ import annotations

import platform
import re
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import httpx
from attrs import frozen

from inngest_rest._core.calls import answers
from inngest_rest._core.calls.operation import redacted_url, request
from inngest_rest._core.calls.route import V2_ROOT, V2_ROOT_BEFORE_1_26, Route
from inngest_rest._core.calls.server_clock import http_date
from inngest_rest._core.diagnosis.evidence import Answer, Releases, ServerEvidence, release_of
from inngest_rest._core.diagnosis.rules import findings
from inngest_rest._core.plans import Plan, call
from inngest_rest._core.resources.fields import required
from inngest_rest._version import __version__
from inngest_rest.diagnosis import Diagnosis, ServerKind
from inngest_rest.errors import ClosedError, InngestError
from inngest_rest_api import models as api
from inngest_rest_api.api import ingest, v1, v2

if TYPE_CHECKING:
    from inngest_rest._core.calls.route import OperationModule
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.secret import Secret
    from inngest_rest_api.api import Operation

T = TypeVar("T")

_V2_SINCE, _V2_ROOT_SINCE = "1.11.6", "1.26.0"

_OF_CLOUD = ("inngest.com", "inn.gs")


HEALTH = Route(
    ingest.get_health,
    ingest.get_health.get_kwargs(),
    api.Health,
    lambda it: required(it.message, "message"),
)
DEV_INFO = Route(
    ingest.get_dev_info,
    ingest.get_dev_info.get_kwargs(),
    api.DevInfo,
    lambda it: required(it.version, "version"),
)
V1 = Route(
    v1.list_events_v1,
    v1.list_events_v1.get_kwargs(limit=1),
    api.V1EventListEnvelope,
    lambda _: None,
)
"""A read that costs a server little; it needs the signing key."""
V2 = Route(v2.get_health_v2, v2.get_health_v2.get_kwargs(), api.V2HealthEnvelope, lambda _: None)
"""The same of v2, which takes an API key, too."""


@frozen
class _WithGet:
    """An operation with its path, but perhaps another method: GET, which does nothing there."""

    OPERATION: Operation


def _of_path(module: OperationModule, expected: type[Any] | None = None) -> Route[Any, None]:
    """Return a route by which a server shows whether it has a path; it finds nothing."""
    operation = module.OPERATION._replace(method="GET")
    url = re.sub(r"\{\w+\}", "0" * 26, operation.path)
    kwargs = {"url": url, "params": {"limit": 1}}
    return Route(_WithGet(operation), kwargs, expected, lambda _: None)


BY_RELEASE: tuple[Route[Any, None], ...] = (
    _of_path(v2.list_apps_v2),
    _of_path(v2.cancel_run_v2),
    _of_path(v2.list_runs_v2),
    _of_path(v2.rerun_run_v2),
    _of_path(v2.get_app_v2),
    _of_path(v2.list_event_runs_v2),
    _of_path(v2.get_run_v2),
    _of_path(v2.invoke_function_v2),
    V2,
    _of_path(v1.list_functions_v1, list[api.V1Function]),
    V1,
)
"""What releases have since some release, the newest first."""


def diagnose(session: Session) -> Plan[Diagnosis]:
    """Find out what answers, and whether keys and settings fit it; nothing is sent but reads."""
    settings = session.settings
    found = ServerEvidence(settings, session.has_own_transport)
    # Of its own, so that neither what was learned before is believed, nor this is kept.
    own = session.apart()
    yield from _look_at_hosts(own, found)
    if found.is_up:
        yield from _try_keys(own, found)
        if found.release is not None:
            found.releases = Releases.exactly(found.release)
        elif found.kind is not ServerKind.CLOUD:
            found.releases = yield from _narrow_down(own, found)
    return Diagnosis(
        settings.target,
        found.kind,
        found.release,
        None if found.release else found.releases.first,
        None if found.release else found.releases.below,
        tuple(findings(found)),
        found.calls,
        found.skew_s,
        versions={
            "inngest-rest": __version__,
            "httpx": httpx.__version__,
            "python": platform.python_version(),
        },
    )


def _look_at_hosts(session: Session, found: ServerEvidence) -> Plan[None]:
    """Find out what answers at each host, and which release it states."""
    settings = session.settings
    health = yield from probe(session, HEALTH)
    found.hosts.append(health)
    if settings.event_url != settings.api_url and found.is_up:
        bearer, *_ = (*settings.signing_bearers, settings.api_key)
        found.hosts.append((yield from probe(session, V1, bearer)))
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


def _try_keys(session: Session, found: ServerEvidence) -> Plan[None]:
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


def _narrow_down(session: Session, found: ServerEvidence) -> Plan[Releases]:
    """Return the releases that have the routes that the server has."""
    bearer = _accepted_bearer(found)
    if bearer is None and found.kind is not ServerKind.DEV:
        return Releases()
    health = yield from _probe_v2(session, bearer)
    if health.has_route is None:
        return Releases()
    has_root = session.absent.v2_root == V2_ROOT
    if health.has_route:
        releases = Releases().narrowed(_V2_ROOT_SINCE, has=has_root)
    else:
        releases = Releases().narrowed(_V2_SINCE, has=False)
    for route in BY_RELEASE:
        since = route.operation.since
        assert since is not None, "chosen for having one"
        has = releases.have(route.operation)
        if has is None:
            answer = health if route is V2 else (yield from probe(session, route, bearer))
            has = answer.has_route
        if has is not None:
            releases = releases.narrowed(since, has=has)
        if has is not False:
            break
    return releases


def _accepted_bearer(found: ServerEvidence) -> Secret | None:
    """Return a bearer token that was accepted, rather one for both APIs."""
    answers = (*found.signing_keys.values(), found.api_key)
    pairs = zip(answers, (*found.settings.signing_bearers, found.settings.api_key), strict=True)
    return next((bearer for answer, bearer in pairs if answer and answer.is_accepted), None)


def _is_of_cloud(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return any(host == each or host.endswith(f".{each}") for each in _OF_CLOUD)


def probe(session: Session, route: Route[Any, T], bearer: Secret | None = None) -> Plan[Answer[T]]:
    """Make one request, without a retry.

    Args:
        session: The session whose settings and clock apply.
        route: The operation.
        bearer: The bearer token to send, if any.

    Raises:
        ClosedError: The client is closed.
    """
    url, family = redacted_url(session, route), route.operation.tag
    timeout, began = session.settings.timeout, session.clock.now()

    def read(response: httpx.Response) -> Answer[T]:
        answers.record(session, route, response, url)
        found: dict[str, Any]
        try:
            found = {"value": answers.read(response, route, url, session)}
        except InngestError as error:
            found = {"error": error}
        middle = (began + session.clock.now()) / 2
        kind = response.headers.get("x-inngest-server-kind")
        return Answer(url, family, server_kind=kind, skew_s=_skew(response, middle), **found)

    attempt = request(session, route, bearer, url, timeout, read)
    try:
        return (yield from call(attempt))
    except ClosedError:
        raise
    except InngestError as error:
        return Answer(url, family, error=error)


def _skew(response: httpx.Response, now: float) -> float | None:
    """Return how many seconds the server's clock is ahead; its time is cut to whole ones."""
    stated = http_date(response.headers.get("date"))
    return None if stated is None else round(stated.timestamp() + 0.5 - now, 1)
