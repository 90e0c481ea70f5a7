"""Choose the API family that serves a call: the first one that this server supports."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

from inngest_rest._core.calls.operation import perform
from inngest_rest.errors import ConfigurationError, RouteNotFoundError

if TYPE_CHECKING:
    from inngest_rest._core.calls.route import Route
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

T = TypeVar("T")


def first_present(session: Session, *routes: Route[Any, T], deadline: float = math.inf) -> Plan[T]:
    """Perform the first of several equivalent routes that this server has.

    A route is absent if it responds with 405, 501, or a 404 that does not name a resource. It is
    then skipped for some minutes, unless no other is left.

    Args:
        session: The session whose settings, keys and record of absent routes apply.
        routes: Equivalent routes, in order of preference.
        deadline: When the call must have ended, by the session's clock.
    """
    allowed = [route for route in routes if _may_ask(session, route)]
    if not allowed:
        raise ConfigurationError(_why_none(session, routes))
    now = session.clock.monotonic()
    failure: RouteNotFoundError | None = None
    asked: list[str] = []
    for route in [
        each for each in allowed if not session.absent.has(each.operation, now)
    ] or allowed:
        try:
            return (yield from perform(session, route, deadline=deadline))
        except RouteNotFoundError as error:
            failure = error
        asked.append(f"{route.operation.method} {route.operation.path}")
        session.absent.add(route.operation, session.clock.monotonic())
    assert failure is not None, "a route was asked, and is absent"
    raise RouteNotFoundError(
        f"{failure.message} (asked: {' and '.join(asked)})",
        status=failure.status,
        code=failure.code,
        method=failure.method,
        url=failure.url,
    )


def _may_ask(session: Session, route: Route[Any, Any]) -> bool:
    settings, family = session.settings, route.operation.tag
    if settings.api_version != "auto":
        return settings.api_version == family
    # An API key is valid for v2 only: without a signing key, v1 would reject the call.
    return family == "v2" or settings.dev or not settings.api_key or bool(settings.signing_bearers)


def _why_none(session: Session, routes: tuple[Route[Any, Any], ...]) -> str:
    families = " and ".join(dict.fromkeys(route.operation.tag for route in routes))
    pinned = session.settings.api_version
    if pinned != "auto":
        return f'this operation exists only in {families}, but api_version="{pinned}" is set'
    return (
        f"this operation exists only in {families}, which needs a signing key: pass signing_key= "
        "or set INNGEST_SIGNING_KEY"
    )
