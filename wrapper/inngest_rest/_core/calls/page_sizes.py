"""The size of a page: the largest that a server was found to accept, perhaps less than others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from attrs import evolve

if TYPE_CHECKING:
    from inngest_rest._core.calls.route import Route
    from inngest_rest.errors import BadRequestError

A = TypeVar("A")
T = TypeVar("T")

# The words of servers for it. Of another refusal that has one of them, two requests are in vain.
_ABOUT_SIZE = re.compile("limit|page|max", re.IGNORECASE)


class PageSizes:
    """The largest page that a server was found to accept, by operation; None is its default."""

    def __init__(self) -> None:
        self._largest: dict[str, int | None] = {}

    def fitted(self, route: Route[A, T]) -> Route[A, T]:
        """Return a route with a page that is no larger than the server was found to accept."""
        asked, name = size_of(route), route.operation.name
        if asked is None or name not in self._largest:
            return route
        largest = self._largest[name]
        return with_size(route, None if largest is None else min(asked, largest))

    def remember(self, route: Route[A, T]) -> None:
        """Note that the server accepted the page of a route, and refused a larger one."""
        self._largest[route.operation.name] = size_of(route)


def size_of(route: Route[A, T]) -> int | None:
    """Return the size that a route requests of a page; None if it requests none."""
    return route.kwargs["params"].get("limit") if route.is_page else None


def with_size(route: Route[A, T], size: int | None) -> Route[A, T]:
    """Return a route with a page of another size; None leaves it to the server."""
    params = {
        name: value for name, value in route.kwargs["params"].items() if name != "limit"
    }
    if size is not None:
        params["limit"] = size
    return evolve(route, kwargs={**route.kwargs, "params": params})


def named_by(refusal: BadRequestError, asked: int) -> int | None:
    """Return the largest size below the one asked for that a refusal names; None if it has none."""
    numbers = map(int, re.findall(r"\b[0-9]{1,4}\b", refusal.message))
    return max((each for each in numbers if 0 < each < asked), default=None)


def is_about_size(refusal: BadRequestError) -> bool:
    """Return whether a refusal may be about the size of a page."""
    return _ABOUT_SIZE.search(f"{refusal.code or ''} {refusal.message}") is not None
