"""Which API family answers a job: the first one this server has, and that is remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from attrs import frozen

from inngest_rest.errors import ConfigurationError, InvalidArgumentError, RouteNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

T = TypeVar("T")

ApiFamily = Literal["v1", "v2"]


@frozen
class Cursor:
    """Where to go on: a family, and what that family calls the place."""

    family: ApiFamily
    place: str

    def __str__(self) -> str:
        return f"{self.family}:{self.place}"


def parse_cursor(text: str | None) -> Cursor | None:
    """Read a `next_cursor` that was handed out before."""
    if text is None:
        return None
    match str(text).partition(":"):
        case ("v1" | "v2") as family, _, place if place:
            return Cursor(family, place)
        case _:
            raise InvalidArgumentError(f"cursor {text!r} is not a next_cursor of this package")


@frozen
class Route(Generic[T]):
    """One way to do a job: a family, the operation's name, and how to make a plan for it."""

    family: ApiFamily
    operation: str
    plan: Callable[[], Plan[T]]


def first_present(session: Session, *routes: Route[T]) -> Plan[T]:
    """Do a job by the first of its routes that this server has.

    A route is absent where it answers 404 without a word about a resource, 405 or 501; it is not
    asked again in the client's life.
    """
    allowed = [route for route in routes if _may_ask(session, route.family)]
    if not allowed:
        raise ConfigurationError(_why_none(session, routes))
    for route in allowed:
        if route.operation not in session.absent:
            try:
                return (yield from route.plan())
            except RouteNotFoundError as error:
                session.absent[route.operation] = error
    last = session.absent[allowed[-1].operation]
    asked = " and ".join(route.operation for route in allowed)
    raise RouteNotFoundError(
        f"{last.message} (asked: {asked})",
        status=last.status,
        code=last.code,
        method=last.method,
        url=last.url,
    )


def of_family(routes: list[Route[T]], cursor: Cursor | None) -> list[Route[T]]:
    """Keep the routes a cursor belongs to; all of them at the start of a listing."""
    return [route for route in routes if cursor is None or cursor.family == route.family]


def _may_ask(session: Session, family: ApiFamily) -> bool:
    settings = session.settings
    if settings.api_version != "auto":
        return settings.api_version == family
    # An API key opens v2 alone; asking v1 without a signing key would only be refused.
    return family == "v2" or settings.dev or not settings.api_key or bool(settings.signing_bearers)


def _why_none(session: Session, routes: tuple[Route[T], ...]) -> str:
    families = " or ".join(dict.fromkeys(route.family for route in routes))
    if session.settings.api_version != "auto":
        return f"this call is served by {families} alone, and api_version says otherwise"
    return f"this call is served by {families} alone: pass signing_key= or set INNGEST_SIGNING_KEY"
