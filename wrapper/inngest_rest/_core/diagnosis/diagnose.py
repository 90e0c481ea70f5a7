"""Probe a server with single reads, without retries; errors are evidence."""

from __future__ import annotations

import platform
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from attrs import evolve

from inngest_rest._core.calls import answers, releases
from inngest_rest._core.calls.operation import redacted_url, request
from inngest_rest._core.calls.route import V2_ROOT, V2_ROOT_BEFORE_1_26, Route
from inngest_rest._core.clock import http_date
from inngest_rest._core.diagnosis import rules
from inngest_rest._core.explain import listeners
from inngest_rest._core.plans import Plan, call
from inngest_rest._core.resources.apps import ignores_repeated_ids
from inngest_rest._core.resources.fields import required
from inngest_rest._version import __version__
from inngest_rest.diagnosis import Diagnosis, ServerKind
from inngest_rest.errors import ClosedError, InngestError, PermissionDeniedError
from inngest_rest_api import models as api
from inngest_rest_api.api import ingest, v1, v2

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.secret import Secret

_V2_SINCE, _V2_ROOT_SINCE = "1.11.6", "1.26.0"

CLOUD_HOST = re.compile(r"(.+\.)?(inngest\.com|inn\.gs)")
"""The hosts of Inngest Cloud."""


def _read(_: object) -> None:
    """Read a response, whose data does not matter."""


HEALTH = Route.of(ingest.get_health, lambda it: required(it.message, "message"))
DEV_INFO = Route.of(ingest.get_dev_info, lambda it: required(it.version, "version"))
V1 = Route.of(v1.list_events_v1, _read, limit=1)
"""A cheap read that needs the signing key."""
LISTED = Route.of(v2.list_operations_v2, releases.first_that_lists, expected=httpx.Response)
"""The operations of the server, which needs no key."""
V2 = Route.of(v2.get_health_v2, _read)
"""The same in v2, which also accepts an API key."""
CANCELLATIONS = Route.of(v1.list_cancellations_v1, _read)


def _of_path(module: Any, expected: type[Any] | None = None) -> Route[Any, str | None]:
    """Return a route that tests for a path: a GET for a resource that does not exist."""
    operation = module.OPERATION._replace(method="GET")
    kwargs = {"url": re.sub(r"\{\w+\}", "0" * 26, operation.path), "params": {"limit": 1}}
    return Route(operation, kwargs, expected, lambda _: None)


BY_RELEASE: tuple[Route[Any, Any], ...] = (
    *map(_of_path, (v2.list_apps_v2, v2.cancel_run_v2, v2.list_runs_v2, v2.rerun_run_v2)),
    *map(_of_path, (v2.get_app_v2, v2.list_event_runs_v2, v2.get_run_v2, v2.invoke_function_v2)),
    V2,
    _of_path(v1.list_functions_v1, list[api.V1Function]),
    V1,
)
"""Routes by the release that introduced them, newest first."""

SCOPED = tuple(map(_of_path, (v2.list_runs_v2, v2.list_apps_v2)))
"""Cheap reads, each with the permission that it needs."""


def diagnose(session: Session) -> Plan[Diagnosis]:
    """Find out which server responds, and whether keys and settings match it; reads only."""
    settings = session.settings
    names = settings.signing_key_kinds if settings.signing_bearers else ()
    found = rules.ServerEvidence(settings, session.has_own_transport, dict.fromkeys(names))
    # A separate session: it neither trusts nor changes the record of missing routes.
    session = session.apart()
    health = found.hosts[settings.event_url] = yield from probe(session, HEALTH)
    any_key, *_ = (*settings.signing_bearers, settings.api_key)
    if settings.event_url != settings.api_url and found.is_up:
        found.hosts[settings.api_url] = yield from probe(session, V1, any_key)
    if found.is_up:
        if all(CLOUD_HOST.fullmatch(urlsplit(url).hostname or "") for url in found.hosts):
            found.kind = ServerKind.CLOUD
        elif (version := (yield from probe(session, DEV_INFO)).value) is not None:
            found.kind, found.release = ServerKind.DEV, releases.release_of(version)
        elif health.server_kind is not None:
            is_dev = health.server_kind == "dev"
            found.kind = ServerKind.DEV if is_dev else ServerKind.SELF_HOSTED
        if found.kind is None and settings.api_url == settings.event_url:
            # Other products have such a /health.
            sign = yield from probe(session, V1, any_key)
            if sign.has_route is False:
                found.hosts[settings.api_url] = sign
    if found.is_up:
        bearer = yield from _try_keys(session, found)
        if found.release is not None:
            found.releases = rules.Releases.exactly(found.release)
        elif found.kind is not ServerKind.CLOUD:
            may_read = found.kind is ServerKind.DEV or bearer is not None
            found.releases = yield from _narrow_down(session, bearer, may_read=may_read)
        if found.kind is ServerKind.DEV or bearer:
            listed = yield from probe(session, CANCELLATIONS, bearer)
            found.cancels_in_bulk = not listed.is_failure
            deadline = session.clock.monotonic() + settings.timeout
            known = yield from listeners.read(session, deadline=deadline)
            if not known.gaps:
                repeating = filter(ignores_repeated_ids, known.functions)
                found.repeating = list(map(listeners.name_of, repeating))
    bounds = rules.Releases() if found.release else found.releases
    python = platform.python_version()
    return Diagnosis(
        settings.target,
        found.kind,
        found.release,
        bounds.first,
        bounds.below,
        tuple(rules.findings(found)),
        found.calls,
        found.skew_s,
        versions={"inngest-rest": __version__, "httpx": httpx.__version__, "python": python},
    )


def _try_keys(session: Session, found: rules.ServerEvidence) -> Plan[Secret | None]:
    """Try each key; return the first that is accepted, preferably by both APIs."""
    settings = session.settings
    accepted: list[Secret] = []
    for name, bearer in zip(found.signing_keys, settings.signing_bearers, strict=True):
        answer = found.signing_keys[name] = yield from probe(session, V1, bearer)
        accepted += [bearer] if answer.has_route else []
    if settings.api_key is not None:
        found.api_key = yield from _probe_v2(session, settings.api_key)
        accepted += [settings.api_key] if found.api_key.has_route else []
        for route in SCOPED if found.kind is ServerKind.CLOUD and found.api_key.has_route else ():
            answer = yield from probe(session, route, settings.api_key)
            is_denied = isinstance(answer.error, PermissionDeniedError)
            if is_denied or answer.has_route:
                found.permissions[route.operation.permission or ""] = not is_denied
    return next(iter(accepted), None)


def _probe_v2(session: Session, bearer: Secret | None) -> Plan[rules.Answer]:
    """Probe v2 at each of its paths, and remember the one that responds."""
    session.absent.v2_root = V2_ROOT
    answer = yield from probe(session, V2, bearer)
    if answer.is_of_web_ui:
        session.absent.v2_root = V2_ROOT_BEFORE_1_26
        answer = yield from probe(session, V2, bearer)
    return answer


def _narrow_down(
    session: Session, bearer: Secret | None, *, may_read: bool
) -> Plan[rules.Releases]:
    """Return the releases consistent with what the server lists, or with the routes it has."""
    listed = yield from probe(session, LISTED)
    if listed.value is not None:
        is_newest = listed.value == releases.QUERY_SINCE
        return rules.Releases(listed.value, None if is_newest else releases.QUERY_SINCE)
    if not may_read:
        return rules.Releases()
    health = yield from _probe_v2(session, bearer)
    if health.has_route is None:
        return rules.Releases()
    if health.has_route and session.absent.v2_root == V2_ROOT:
        bounds = rules.Releases(_V2_ROOT_SINCE, releases.LISTS_SINCE)
    else:
        bounds = rules.Releases(below=_V2_ROOT_SINCE if health.has_route else _V2_SINCE)
    for route in BY_RELEASE:
        has = bounds.have(route.operation)
        if has is None:
            answer = health if route is V2 else (yield from probe(session, route, bearer))
            has = answer.has_route
            if has:
                bounds = evolve(bounds, first=route.operation.since)
            elif has is False:
                bounds = evolve(bounds, below=route.operation.since)
        if has is not False:
            break
    return bounds


def probe(
    session: Session, route: Route[Any, Any], bearer: Secret | None = None
) -> Plan[rules.Answer]:
    """Make one request, without retries; any error but `ClosedError` is a result."""
    url, family = redacted_url(session, route), route.operation.tag
    began = session.clock.now()

    def read(response: httpx.Response) -> rules.Answer:
        answers.record(session, route, response, url)
        middle = (began + session.clock.now()) / 2
        stated = http_date(response.headers.get("date"))
        # The Date header is truncated to seconds.
        skew = None if stated is None else round(stated.timestamp() + 0.5 - middle, 1)
        kind = response.headers.get("x-inngest-server-kind")
        answer = rules.Answer(family, server_kind=kind, skew_s=skew)
        try:
            return evolve(answer, value=answers.read(response, route, url, session))
        except InngestError as error:
            return evolve(answer, error=error)

    try:
        seconds = session.settings.timeout
        return (yield from call(request(session, route, bearer, url, seconds, read)))
    except ClosedError:
        raise
    except InngestError as error:
        return rules.Answer(family, error=error)
