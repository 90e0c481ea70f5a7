"""Listings: a plan fetches one page, and iteration repeats it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypedDict, TypeVar

from attrs import frozen

from inngest_rest._core.arguments import check_count_or_none, check_text, invalid
from inngest_rest._core.calls.families import first_present
from inngest_rest._core.calls.route import Route
from inngest_rest._visible import shown
from inngest_rest.errors import InvalidResponseError
from inngest_rest.models import Page
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest_api.types import Unset

    Place = str | Unset

A = TypeVar("A")
T = TypeVar("T")


class Paging(TypedDict):
    """The arguments of every listing.

    limit: Maximum number of items in total; None for all of them.
    page_size: Maximum number of items per page, at most 100.
    cursor: The `next_cursor` of an earlier page, to continue after it.
    """

    limit: int | None
    page_size: int | None
    cursor: str | None


EVERYTHING = Paging(limit=None, page_size=None, cursor=None)
"""The arguments that list all items, in pages of the server's size."""


class Part(NamedTuple, Generic[T]):
    """The part of a listing that one response contains.

    Attributes:
        items: The items, as many as the server returned.
        place: The server's own cursor for the next part; None at the end.
    """

    items: tuple[T, ...]
    place: str | None = None


def listing(
    session: Session,
    *routes: Callable[[Place, int], Route[Any, Part[T]]],
    largest_page: int = 100,
    id_of: Callable[[T], str] | None = None,
    complete: Callable[[tuple[T, ...]], Plan[tuple[T, ...]]] | None = None,
    limit: int | None,
    page_size: int | None,
    cursor: str | None,
) -> Listing[T]:
    """Validate the common arguments and return the listing.

    Args:
        session: The session whose settings and keys apply.
        routes: Routes that fetch a part, in order of preference; each takes the server's cursor
            and the number of items to request.
        largest_page: Maximum number of items the server returns at once: a page shorter than
            requested would look like the last.
        id_of: Returns an item's id, where the server may repeat an item on the next page.
        complete: Adds to the items of a page what its response lacks.
        limit: Maximum number of items in total.
        page_size: Maximum number of items per page, at most 100.
        cursor: The `next_cursor` of an earlier page.
    """
    check_count_or_none("limit", limit)
    size = min(
        check_count_or_none("page_size", page_size, at_most=100) or largest_page, largest_page
    )
    start = None if cursor is None else _parse_cursor(cursor)
    if start is not None:
        paths = [route(UNSET, size).path for route in routes]
        if start.path not in paths:
            raise invalid(
                "cursor",
                f"{shown(cursor)} belongs to another listing; this one continues those of "
                + " and ".join(paths),
            )
    return Listing(session, routes, limit, size, start, id_of, complete)


def unpaged(route: Route[A, Part[T]]) -> Callable[[Place, int], Route[A, Part[T]]]:
    """Return a route for a listing that the server returns all at once."""
    return lambda _place, _size: route


class Cursor(NamedTuple):
    """Where a listing continues.

    Attributes:
        path: The requested path, which identifies the family and the listing.
        skip: How many items of the next response have been returned already.
        place: The server's own cursor; empty at the start.
    """

    path: str
    skip: int
    place: str

    def __str__(self) -> str:
        return f"{self.path}:{self.skip}:{self.place}"


def _parse_cursor(text: str) -> Cursor:
    found = re.fullmatch(r"(/[^:]+):([0-9]{1,9}):(.*)", check_text("cursor", text) or "")
    if found is None:
        raise invalid("cursor", f"{shown(text)} is not the next_cursor of a page")
    return Cursor(found[1], int(found[2]), found[3])


@frozen
class Listing(Generic[T]):
    """A listing with validated arguments; it can be iterated any number of times."""

    session: Session
    routes: tuple[Callable[[Place, int], Route[Any, Part[T]]], ...]
    limit: int | None
    page_size: int
    start: Cursor | None
    id_of: Callable[[T], str] | None = None
    complete: Callable[[tuple[T, ...]], Plan[tuple[T, ...]]] | None = None

    def walk(self) -> Walk[T]:
        return Walk(self)


class Walk(Generic[T]):
    """One iteration over a listing: its position, and how many items are still wanted."""

    def __init__(self, listing: Listing[T]) -> None:
        self._listing = listing
        self._cursor = listing.start
        self._left = listing.limit
        self._seen = {listing.start}
        self._last_ids: Collection[str] = ()
        self.is_done = False

    def next_page(self, *, deadline: float = math.inf) -> Plan[Page[T]]:
        """Fetch the next page and move on; it must be there by `deadline`."""
        cursor, size = self._cursor, self._listing.page_size
        size = size if self._left is None else min(size, self._left)
        routes = self._routes(cursor, size)
        answer: tuple[str, Part[T]] = yield from first_present(
            self._listing.session, *routes, deadline=deadline
        )
        path, part = answer
        skipped = min(cursor.skip if cursor else 0, len(part.items))
        places = [place for place in self._fresh(part.items) if place >= skipped]
        if self._left is not None and len(places) > self._left:
            # The server returned more than requested: the rest is in the same response.
            places = places[: self._left]
            following = Cursor(path, places[-1] + 1, cursor.place if cursor else "")
        elif part.place is None:
            following = None
        else:
            following = Cursor(path, (cursor.skip if cursor else 0) - skipped, part.place)
            self._check_new(following)
        items = tuple(part.items[place] for place in places)
        if self._left is not None:
            self._left -= len(items)
        self._cursor = following
        self.is_done = following is None or self._left == 0
        if self._listing.complete is not None and items:
            items = yield from self._listing.complete(items)
        start = Cursor(path, places[0] if places else 0, cursor.place if cursor else "")
        return Page(items, None if following is None else str(following), start)

    def _fresh(self, items: tuple[T, ...]) -> Iterable[int]:
        """Return the places of the items that neither this page nor the last one has had before.

        A server may begin a page with the last item of the one before (operation listRunsV2).
        """
        id_of = self._listing.id_of
        if id_of is None:
            return range(len(items))
        first: dict[str, int] = {}
        for place, item in enumerate(items):
            first.setdefault(id_of(item), place)
        last_ids, self._last_ids = self._last_ids, first.keys()
        return [place for id, place in first.items() if id not in last_ids]

    def _routes(
        self, cursor: Cursor | None, size: int
    ) -> Iterable[Route[Any, tuple[str, Part[T]]]]:
        """Return the routes that can continue at a cursor; all of them at the start."""
        place = cursor.place if cursor and cursor.place else UNSET
        for make in self._listing.routes:
            route = make(place, size)
            if cursor is None or cursor.path == route.path:
                yield _with_path(route)

    def _check_new(self, following: Cursor) -> None:
        """Reject a cursor that this iteration has seen before: it would never end."""
        if following in self._seen:
            session = self._listing.session
            raise InvalidResponseError(
                f"it repeats the cursor {following.place[:100]!r}: the listing would never end",
                method="GET",
                url=session.settings.api_url + following.path,
                status=200,
                body="",
            )
        self._seen.add(following)


def read_all(listing: Listing[T], *, deadline: float = math.inf) -> Plan[list[T]]:
    """Read a listing to its end, which must be there by `deadline`."""
    walk = listing.walk()
    items: list[T] = []
    while not walk.is_done:
        page = yield from walk.next_page(deadline=deadline)
        items += page.items
    return items


def _with_path(route: Route[A, Part[T]]) -> Route[A, tuple[str, Part[T]]]:
    """Return a route's path along with its result, for the cursor."""
    return Route(
        route.module,
        route.kwargs,
        route.expected,
        lambda answer: (route.path, route.convert(answer)),
        other_forms=route.other_forms,
        repeatable=route.repeatable,
        may_panic=route.may_panic,
        accepted=route.accepted,
        advice=route.advice,
    )
