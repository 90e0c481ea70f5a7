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

# Words of servers for it. Another refusal that has one of them costs two requests in vain.
_ABOUT_SIZE = re.compile("limit|page|max", re.IGNORECASE)


class PageSizes:
    """The largest page that a server was found to accept, by operation; None is its default."""

    def __init__(self) -> None:
        self._largest: dict[str, int | None] = {}

    def fitted(self, route: Route[A, T]) -> Route[A, T]:
        """Return a route with a page that is no larger than the server was found to accept."""
        asked = size_of(route)
        name = route.operation.name
        if asked is None or name not in self._largest:
            return route
        largest = self._largest[name]
        if largest is None:
            return with_size(route, None)
        return with_size(route, min(asked, largest))

    def remember(self, route: Route[A, T]) -> None:
        """Note that the server accepted the page of a route, and refused a larger one."""
        self._largest[route.operation.name] = size_of(route)


def size_of(route: Route[A, T]) -> int | None:
    """Return the page size that a route requests; None if it requests none."""
    if not route.is_page:
        return None
    size: int | None = route.kwargs["params"].get("limit")
    return size


def with_size(route: Route[A, T], size: int | None) -> Route[A, T]:
    """Return a route with a page of another size; None leaves it to the server."""
    params = dict(route.kwargs["params"])
    params.pop("limit", None)
    if size is not None:
        params["limit"] = size
    return evolve(route, kwargs={**route.kwargs, "params": params})


def named_by(refusal: BadRequestError, asked: int) -> int | None:
    """Return the largest size below the requested one that a refusal names; None if it has none."""
    numbers = map(int, re.findall(r"\b[0-9]{1,4}\b", refusal.message))
    smaller = [number for number in numbers if 0 < number < asked]
    return max(smaller, default=None)


def is_about_size(refusal: BadRequestError) -> bool:
    """Return whether a refusal may be about the size of a page."""
    return _ABOUT_SIZE.search(f"{refusal.code or ''} {refusal.message}") is not None
