"""Choose the API that serves a call: the first one that this server supports."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any, TypeVar

from inngest_rest._core.calls.operation import perform, rooted
from inngest_rest._core.calls.route import V2_ROOT, V2_ROOT_BEFORE_1_26, Route
from inngest_rest._core.calls.settings import API_VERSION, SIGNING_KEY
from inngest_rest.errors import (
    Advice,
    ApiError,
    ConfigurationError,
    InngestError,
    InvalidResponseError,
    RouteNotFoundError,
    TransportError,
)
from inngest_rest_api.api import v2
from inngest_rest_api.models import V2HealthEnvelope

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.calls.settings import Settings
    from inngest_rest._core.plans import Plan

T = TypeVar("T")


def first_present(session: Session, *routes: Route[Any, T], deadline: float = math.inf) -> Plan[T]:
    """Perform the first of several equivalent routes that this server has.

    A route is absent if it responds with 405, 501, a 404 that does not name a resource, or as the
    web UI does. It is then skipped for some minutes, unless no other is left.

    Args:
        session: The session whose settings, keys and record of absent routes apply.
        routes: Equivalent routes, in order of preference.
        deadline: When the call must have ended, by the session's clock.

    Raises:
        RouteNotFoundError: All are absent; it names the release that has one of them.
        InvalidResponseError: All responded as the web UI does: the base URL may be wrong.
    """
    allowed = [route for route in routes if may_ask(session.settings, route.operation.tag)]
    if not allowed:
        raise _none_may_be_asked(session, routes)
    now = session.clock.monotonic()
    present = [each for each in allowed if not session.absent.has(each.operation, now)]
    failures: list[tuple[Route[Any, T], RouteNotFoundError]] = []
    for route in present or allowed:
        try:
            return (yield from _perform(session, route, deadline))
        except RouteNotFoundError as error:
            failures.append((route, error))
        session.absent.add(route.operation, session.clock.monotonic())
    for route, failure in failures:
        if route.expected is None and _is_empty(failure):
            # No other route did it, and this one did not refuse.
            return route.convert(None)
    first = failures[0][1].__cause__
    if isinstance(first, InvalidResponseError) and all(_is_of_web_ui(it) for _, it in failures):
        raise _nothing_but_pages(first, [route for route, _ in failures])
    raise _absent(session, failures)


def _nothing_but_pages(
    first: InvalidResponseError, asked: list[Route[Any, Any]]
) -> InvalidResponseError:
    """Return the error for a server that has none of the routes, nor anything else of this API."""
    # A copy: an error that is its own cause would be a trap for those who follow causes.
    error = copy.copy(first)
    [operation, *others] = (route.operation for route in asked)
    if operation.since is not None and not others:
        # Every release has v1: a server that lacks only this one looks the same.
        error.args = (f"{error}, or the server is older than release {operation.since}",)
    return error


def _perform(session: Session, route: Route[Any, T], deadline: float) -> Plan[T]:
    """Perform a route; one of v2 below `/api/v2` where the server has no `/v2`."""
    try:
        return (yield from perform(session, route, deadline=deadline))
    except RouteNotFoundError as error:
        cause = error.__cause__
        if isinstance(cause, InvalidResponseError) and (
            yield from _may_be_done(session, route, cause, deadline)
        ):
            raise _nothing_but_pages(cause, [route]) from None
        if (
            route.operation.tag != "v2"
            or session.absent.v2_root != V2_ROOT
            or not _is_of_web_ui(error)
        ):
            raise
        if route.expected is None and _is_empty(error) and (yield from _has_v2(session, deadline)):
            # A server that has /v2 responds to paths it lacks with 404: this was done.
            return route.convert(None)
    session.absent.v2_root = V2_ROOT_BEFORE_1_26
    try:
        return (yield from perform(session, route, deadline=deadline))
    except (RouteNotFoundError, TransportError) as error:
        if isinstance(error, TransportError) or _is_of_web_ui(error):
            session.absent.v2_root = V2_ROOT
        raise


def _may_be_done(
    session: Session, route: Route[Any, T], answer: InvalidResponseError, deadline: float
) -> Plan[bool]:
    """Return whether what must not be done twice may be done, though the response was empty.

    Only servers of v2 below another root answer so to what they lack, and with 200 alone
    (recording 1.25-v2-invoke); from any other, the response was lost on its way.
    """
    if route.repeatable or answer.body:
        return False
    absent = session.absent
    if route.operation.tag != "v2" or answer.status != 200 or absent.v2_root != V2_ROOT:
        return True
    if (yield from _has_v2(session, deadline)):
        return True
    absent.v2_root = V2_ROOT_BEFORE_1_26
    is_there = yield from _has_v2(session, deadline)
    absent.v2_root = V2_ROOT
    return not is_there


def _has_v2(session: Session, deadline: float) -> Plan[bool]:
    """Return whether the server has v2 where its routes are requested."""
    operation = v2.get_health_v2
    kwargs = operation.get_kwargs()
    route = Route(operation, kwargs, V2HealthEnvelope, lambda _: True, repeatable=False)
    try:
        return (yield from perform(session, route, deadline=deadline))
    except InngestError:
        return False


def _is_of_web_ui(error: ApiError) -> bool:
    return isinstance(error.__cause__, InvalidResponseError)


def _is_empty(error: ApiError) -> bool:
    cause = error.__cause__
    return isinstance(cause, InvalidResponseError) and not cause.body


def _absent(
    session: Session, failures: list[tuple[Route[Any, T], RouteNotFoundError]]
) -> RouteNotFoundError:
    """Return the error for routes that are all absent: what was asked, and what to do."""
    asked = [route.operation for route, _ in failures]
    last = failures[-1][1]
    requested = [f"{it.method} {rooted(session, it, it.path)}" for it in asked]
    error = RouteNotFoundError(
        f"{last.message} (asked: {' and '.join(requested)})",
        status=last.status,
        code=last.code,
        method=last.method,
        url=last.url,
        response=last.response,
    )
    error.attempts = last.attempts
    error.may_have_taken_effect = any(each.may_have_taken_effect for _, each in failures)
    error.releases = {f"{it.method} {it.path}": it.since for it in asked if it.since}
    advice = [Advice(f"Servers have {it} since release {at}.") for it, at in error.releases.items()]
    advice += dict.fromkeys(
        route.advice[RouteNotFoundError]
        for route, _ in failures
        if RouteNotFoundError in route.advice
    )
    if advice:
        error.advice = sum(advice, Advice())
    return error


def may_ask(settings: Settings, family: str) -> bool:
    """Return whether a client with these settings asks a family, v1 or v2."""
    if settings.api_version != "auto":
        return settings.api_version == family
    # An API key is valid for v2 only: without a signing key, v1 would reject the call.
    return family == "v2" or settings.dev or not settings.api_key or bool(settings.signing_bearers)


def _none_may_be_asked(session: Session, routes: tuple[Route[Any, Any], ...]) -> ConfigurationError:
    families = " and ".join(dict.fromkeys(route.operation.tag for route in routes))
    pinned = session.settings.api_version
    if pinned != "auto":
        return ConfigurationError(
            f'this operation exists only in {families}, but api_version="{pinned}" is set',
            settings=[API_VERSION],
        )
    return ConfigurationError(
        f"this operation exists only in {families}, which needs a signing key: pass signing_key= "
        "or set INNGEST_SIGNING_KEY",
        settings=[SIGNING_KEY],
    )
