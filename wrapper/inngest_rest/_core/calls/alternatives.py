"""Several routes for one operation: the first that the server has, and below the root it has.

Servers of different releases have different routes for the same; what a server lacks is remembered
for some minutes.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from attrs import evolve

from inngest_rest import errors
from inngest_rest._core.calls.operation import below_root, is_panic, perform
from inngest_rest._core.calls.route import V2_ROOT, V2_ROOT_BEFORE_1_26, Route
from inngest_rest._core.calls.sources import API_VERSION, ENV, SIGNING_KEY

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.calls.settings import Settings
    from inngest_rest_api.api import Operation

T = TypeVar("T")


async def first_present(
    session: Session, *routes: Route[Any, T], deadline: float = math.inf
) -> T:
    """Perform the first of several equivalent routes that this server has.

    A route is absent if it responds with 405, 501, a 404 that does not name a resource, or as the
    web UI does. It is then skipped for some minutes, unless no other is left. If all are absent,
    the error names the release that has one of them; if all responded as the web UI does, it is an
    InvalidResponseError: the base URL may be wrong.
    """
    absences: list[_Absence] = []
    for route in _worth_trying(session, routes):
        try:
            return await _perform_below_any_root(session, route, deadline)
        except errors.RouteNotFoundError as error:
            if route.may_panic and is_panic(error.__cause__):
                raise  # no release implements it
            absences.append(_Absence(route=route, error=error))
        session.absent.add(route.operation, session.clock.monotonic())
    pages = [_page_of(absence.error) for absence in absences]
    first_page = pages[0]
    if first_page is not None and all(pages):
        raise first_page
    raise _absent(session, absences)


def _worth_trying(
    session: Session, routes: tuple[Route[Any, T], ...]
) -> list[Route[Any, T]]:
    """Return the routes that the settings allow, without those known to be absent."""
    allowed = [route for route in routes if may_ask(session.settings, route.operation)]
    if not allowed:
        raise _none_may_be_asked(session, routes)
    now = session.clock.monotonic()
    absent = session.absent
    present = [route for route in allowed if not absent.has(route.operation, now)]
    return present or allowed


class _Absence(NamedTuple):
    """A route that the server lacks, and the error that shows it."""

    route: Route[Any, Any]
    error: errors.RouteNotFoundError


async def _perform_below_any_root(
    session: Session, route: Route[Any, T], deadline: float
) -> T:
    """Perform a route; one of v2 below `/api/v2` where the server has no `/v2`."""
    try:
        return await perform(session, route, deadline=deadline)
    except errors.RouteNotFoundError as error:
        page = _page_of(error)
        if page is None:
            raise
        may_be_done = await _may_be_done(session, route, page, deadline)
        if not may_be_done and not _is_below_v2(session, page):
            raise
    # Outside that clause, or the page would be the cause of its own context.
    if may_be_done:
        raise page
    before_1_26 = evolve(route, v2_root=V2_ROOT_BEFORE_1_26)
    try:
        value = await perform(session, before_1_26, deadline=deadline)
    except errors.ApiError as error:
        if not _page_of(error):
            session.absent.v2_root = V2_ROOT_BEFORE_1_26
        raise
    session.absent.v2_root = V2_ROOT_BEFORE_1_26
    return value


async def _may_be_done(
    session: Session,
    route: Route[Any, T],
    page: errors.InvalidResponseError,
    deadline: float,
) -> bool:
    """Return whether an act that must not be repeated may be done, and its response lost."""
    if route.repeatable or page.body:
        return False
    if page.status != 200 or not _is_below_v2(session, page):
        return True
    # Servers that have v2 only below the other root also respond without a body to an unknown path
    # (recording 1.25-v2-invoke).
    if await _has_v2(session, V2_ROOT, deadline):
        return True
    return not (await _has_v2(session, V2_ROOT_BEFORE_1_26, deadline))


def _is_below_v2(session: Session, page: errors.InvalidResponseError) -> bool:
    return page.url.startswith(f"{session.settings.api_url}{V2_ROOT}/")


async def _has_v2(session: Session, root: str, deadline: float) -> bool:
    """Return whether the server has v2 below a root."""
    from inngest_rest_api.api import v2  # noqa: PLC0415 - a client that only sends has no use for it

    def is_healthy(_: object) -> bool:
        return True

    health = Route.of(v2.get_health_v2, is_healthy, repeatable=False)
    try:
        return await perform(session, evolve(health, v2_root=root), deadline=deadline)
    except errors.InngestError:
        return False


def _page_of(error: errors.ApiError) -> errors.InvalidResponseError | None:
    """Return the response of the web UI that makes a route absent, if it is one."""
    cause = error.__cause__
    return cause if isinstance(cause, errors.InvalidResponseError) else None


def _absent(session: Session, absences: list[_Absence]) -> errors.RouteNotFoundError:
    """Return the error for absent routes: the last one's, with requests, releases and advice."""
    asked: list[str] = []
    releases: dict[str, str] = {}
    advice: list[errors.Advice] = []
    advice_of_routes: list[errors.Advice] = []
    for route, _ in absences:
        operation = route.operation
        path = operation.path
        if operation.tag == "v2":
            path = below_root(path, session.absent.v2_root)
        asked.append(f"{operation.method} {path}")
        if operation.since and not operation.cloud_only:
            name = f"{operation.method} {operation.path}"
            releases[name] = operation.since
            advice.append(errors.Advice(f"Servers have {name} {_span(operation)}."))
        own_advice = route.advice.get(errors.RouteNotFoundError)
        if own_advice and own_advice not in advice_of_routes:
            advice_of_routes.append(own_advice)
    last = absences[-1]
    if last.route.operation.cloud_only:
        advice.append(_CLOUD_ONLY)
    advice += advice_of_routes
    error = last.error
    error.message += f" (asked: {' and '.join(asked)})"
    error.args = (error.message,)
    error.may_have_taken_effect = any(
        absence.error.may_have_taken_effect for absence in absences
    )
    error.releases = releases
    if advice:
        error.advice = reduce(errors.Advice.then, advice)
    return error


def _span(operation: Operation) -> str:
    """Return the releases that have an operation, in words."""
    began = f"since release {operation.since}"
    if operation.until is None:
        return began
    return f"{began}, until release {operation.until}, which no longer has it"


_CLOUD_ONLY = errors.Advice("No self-hosted server has this: only Inngest Cloud does.")

# Without the name of an environment, v2 refuses these (operation listWebhooksV2).
_NEED_ENV = {"list_webhooks_v2", "create_webhook_v2"}


def may_ask(settings: Settings, operation: Operation) -> bool:
    """Return whether a client with these settings may request an operation."""
    if operation.name in {"send_events", "send_event_v2"}:
        return settings.sends_by_v2 is (operation.tag == "v2")
    if operation.tag == "ingest":
        return True
    if settings.api_version != "auto":
        return settings.api_version == operation.tag
    if operation.tag == "v2":
        return operation.name not in _NEED_ENV or settings.env is not None
    # An API key is valid for v2 only: without a signing key, v1 would reject the call.
    return settings.dev or not settings.api_key or bool(settings.signing_bearers)


def _none_may_be_asked(
    session: Session, routes: tuple[Route[Any, Any], ...]
) -> errors.ConfigurationError:
    apis = " and ".join(dict.fromkeys(route.operation.tag for route in routes))
    pinned = session.settings.api_version
    message = f"this operation exists only in {apis}"
    if pinned != "auto":
        reason = f'but api_version="{pinned}" is set'
        return errors.ConfigurationError(f"{message}, {reason}", settings=[API_VERSION])
    needed = "an environment" if apis == "v2" else "a signing key"
    setting = ENV if apis == "v2" else SIGNING_KEY
    return errors.ConfigurationError(
        f"{message}, which needs {needed}",
        settings=[setting],
        advice=errors.Advice("Set {}.", (setting,)),
    )
