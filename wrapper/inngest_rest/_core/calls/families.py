"""Which API family does a job: the first one that this server has."""

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
    """Do a job by the first of its routes that this server has.

    A route is absent where it answers 404 without a word about a resource, 405 or 501. For some
    minutes it is then passed over, unless no other is left.

    Args:
        session: Whose settings, keys and memory apply.
        routes: Ways to do the job, the best first.
        deadline: When it must have ended, by the session's clock.
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
    # An API key opens v2 alone; without a signing key v1 would only refuse.
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
