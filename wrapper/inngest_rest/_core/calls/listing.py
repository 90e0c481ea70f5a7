"""Listings: a plan fetches one page, and iteration repeats it."""

from __future__ import annotations

import math
import re
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar, Unpack

from attrs import evolve

from inngest_rest._arguments import invalid
from inngest_rest._core.arguments import check_count_or_none, check_text
from inngest_rest._core.calls.operation import first_present
from inngest_rest._core.clock import SAME_WITHIN
from inngest_rest._visible import shortened, shown
from inngest_rest.errors import (
    Advice,
    BadRequestError,
    InvalidArgumentError,
    InvalidResponseError,
)
from inngest_rest.models import Page
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from inngest_rest._core.calls.local_filter import LocalFilter
    from inngest_rest._core.calls.route import Route
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.record import Record
    from inngest_rest.typing import Paging
    from inngest_rest_api.types import Unset

T = TypeVar("T")


class PageRequest(NamedTuple):
    cursor: str | Unset  # the server's own; UNSET at the start
    size: int
    now: datetime  # the server's time when the listing began
    place: datetime | None = (
        None  # of the cursor in the order of the listing, if it is known
    )


class ListedPage(NamedTuple, Generic[T]):
    """The items of one response, as many as the server returned, and its cursor for the next."""

    items: tuple[T, ...]
    cursor: str | None = None
    # Fewer than requested, by an API that does not say whether more follow.
    is_short: bool = False
    # Why more follow, or may follow, that cannot be asked for, as there is no cursor: else empty.
    cut_off: str = ""


class Place(NamedTuple):
    """Where a cursor of a server is in the order of a listing, as far as it says so."""

    id: str  # of the item that it stands behind
    at: datetime | None = None  # the time by which the listing is ordered


class Cursor(NamedTuple):
    path: str  # the requested one, which identifies the API and the listing
    skip: int  # how many items of the next response have been returned already
    cursor: str  # the server's own; empty at the start

    def __str__(self) -> str:
        return f"{self.path}:{self.skip}:{self.cursor}"


class AskForPage(Protocol[T]):
    """Asks one of several routes for a page, which comes with the path of that route."""

    def __call__(
        self,
        session: Session,
        *routes: Route[Any, tuple[str, ListedPage[T]]],
        deadline: float,
    ) -> Plan[tuple[str, ListedPage[T]]]: ...


class Listing(Generic[T]):
    """A listing with validated arguments; it can be iterated any number of times."""

    def __init__(
        self,
        session: Session,
        *routes: Callable[
            [PageRequest], Route[Any, ListedPage[T]]
        ],  # in order of preference
        call: str,  # the method that returns it
        # What servers are known to return at once; this one may return less.
        largest_page: int = 100,
        id_of: Callable[[T], str]
        | None = None,  # where an item may be repeated on the next page
        ask: AskForPage[T] = first_present,  # asks one of the routes for a page
        # Adds to the items of a page what its response lacks, by a deadline.
        complete: Callable[[tuple[T, ...], float], Plan[tuple[T, ...]]] | None = None,
        is_relative: bool = False,  # the requests depend on what time it is
        # Where a cursor is in the order of the listing, if it can be read there.
        place_of: Callable[[str], Place | None] = lambda _: None,
        # Raises, before each page, if the server would ignore a filter.
        guard: Callable[[float], Plan[None]] | None = None,
        # Whether an item is wanted of those that the server selects, at a time of the listing.
        keep: Callable[[T, datetime], bool] | None = None,
        # Makes the filter of one walk, for what the server does not filter by.
        local_filter: Callable[[], LocalFilter[T]] | None = None,
        # Raises, at the end of a walk that found nothing, if there is a reason.
        if_empty: Callable[[float], Plan[None]] | None = None,
        about: str = "",  # what is listed, in words
        explain: Callable[[], Plan[str]] | None = None,  # why a walk found nothing
        kind: type[Record]
        | None = None,  # of the items, which an empty listing has to know
        **paging: Unpack[Paging],
    ) -> None:
        self.session = session
        self.call = call
        self.routes = routes
        self.kind = kind
        self.id_of = id_of
        self.ask = ask
        self.complete = complete
        self.is_relative = is_relative
        self.place_of = place_of
        self.guard = guard
        self.keep = keep
        self.local_filter = local_filter
        self.if_empty = if_empty
        self.about = about
        self._explain = explain
        self.last_filter: LocalFilter[T] | None = None
        self.is_empty = False
        self.limit = check_count_or_none("limit", paging.get("limit"))
        size = check_count_or_none("page_size", paging.get("page_size"), at_most=100)
        self.largest_page = largest_page
        self.page_size = min(size or largest_page, largest_page)
        cursor = paging.get("cursor")
        self.start = None if cursor is None else _parse_cursor(cursor)
        if self.start is not None:
            paths = self._paths()
            if self.start.path not in paths:
                reason = (
                    f"belongs to another listing, not to that of {' or '.join(paths)}"
                )
                raise invalid("cursor", f"{shown(cursor)} {reason}")

    def walk(self) -> Walk[T]:
        return Walk(self)

    def _paths(self) -> list[str]:
        asked = PageRequest(
            UNSET, self.page_size, self.session.server_clocks["api"].now()
        )
        return [route(asked).path for route in self.routes]

    def __str__(self) -> str:
        about = shortened(self.about or self._paths()[0])
        return f"{about}: {self.last_filter}" if self.last_filter is not None else about

    def searched(self) -> Plan[str]:
        """Return what was searched, in words, with a reason why nothing was found."""
        why = (yield from self._explain()) if self.is_empty and self._explain else ""
        return f"{self}; {why}" if why else str(self)


def _parse_cursor(text: str) -> Cursor:
    found = re.fullmatch(r"(/[^:]+):([0-9]{1,9}):(.*)", check_text("cursor", text))
    if found is None:
        raise invalid("cursor", f"{shown(text)} is not the next_cursor of a page")
    return Cursor(found[1], int(found[2]), found[3])


# Requests of the first page while the server's clock is being learned: one response shows another
# time, one confirms it, and one is of that time.
_MOST_ATTEMPTS = 3


_CUT_OFF = Advice(
    "The items listed so far are complete. Continue from the cursor of the error, or list less: "
    "runs by a narrower since and until, or by app or status."
)


class Walk(Generic[T]):
    """One iteration over a listing: its position, and how many items are still wanted."""

    def __init__(self, listing: Listing[T]) -> None:
        self._listing = listing
        self._cursor = listing.start
        self._left: int | None = listing.limit
        self._seen = {listing.start}
        place = listing.place_of(listing.start.cursor) if listing.start else None
        self.last_ids = {place.id} if place else set[str]()
        self._longest = 0  # of the pages before which were not the last
        self._local_filter = listing.local_filter() if listing.local_filter else None
        listing.last_filter = self._local_filter
        self._is_empty = listing.is_empty = listing.start is None
        self._listed = 0  # items that were returned
        self.began: float | None = None  # by our clock
        # Whether the window of a page is narrowed to what lies behind its cursor: a server looks
        # for a cursor from the beginning of the window, so a page would take longer with each one.
        self._narrows = True
        # The server's time when it began; None before the first page.
        self.now: datetime | None = None
        self.is_done = False

    def next_page(self, *, deadline: float = math.inf) -> Plan[Page[T]]:
        """Fetch the next page and move on; it must be there by `deadline`."""
        page = yield from self._next_page(deadline)
        while not (page.items or self.is_done):
            page = yield from self._next_page(deadline)
        self._is_empty = self._listing.is_empty = self._is_empty and not page.items
        if self._is_empty and self.is_done and self._listing.if_empty is not None:
            yield from self._listing.if_empty(deadline)
        return page

    def _next_page(self, deadline: float) -> Plan[Page[T]]:
        if self._listing.guard is not None:
            yield from self._listing.guard(deadline)
        cursor = self._cursor
        path, page = yield from self._fetch(cursor, self._next_size(), deadline)
        if page.is_short and (yield from self._is_last(path, page, deadline)):
            page = page._replace(cursor=None)
        self._longest = max(self._longest, len(page.items))
        skipped = min(cursor.skip if cursor else 0, len(page.items))
        fresh = [index for index in self._fresh(page.items) if index >= skipped]
        wanted = yield from self._wanted(path, page.items, fresh, deadline)
        # Where the server returned more than requested, the rest is in the same response.
        taken = wanted[: self._left]
        following = self._following(
            path, page, fresh=fresh, taken=taken, skipped=skipped
        )
        items = page.items
        if len(taken) < len(items):
            items = tuple(items[index] for index in taken)
        self._listed += len(items)
        if self._left is not None:
            self._left -= len(items)
        self._cursor = following
        self.is_done = following is None or self._left == 0
        if self._listing.complete is not None and items:
            items = yield from self._listing.complete(items, deadline)
        start = path, tuple(taken), cursor.cursor if cursor else ""
        return Page(items, None if following is None else str(following), start)

    def _next_size(self) -> int:
        """Return how many items to request: no more than are left."""
        size = self._listing.page_size
        # Where items are left out here, a small page would have none that are wanted.
        if (
            self._left is None
            or self._local_filter is not None
            or self._listing.keep is not None
        ):
            return size
        return min(size, self._left)

    def _wanted(
        self, path: str, items: Sequence[T], fresh: Sequence[int], deadline: float
    ) -> Plan[Sequence[int]]:
        """Return the indices of the items that the listing's own filters keep."""
        wanted = fresh
        if self._listing.keep is not None and self.now is not None:
            keep, now = self._listing.keep, self.now
            wanted = [index for index in wanted if keep(items[index], now)]
        if self._local_filter is not None:
            try:
                wanted = yield from self._matching(
                    self._local_filter, items, wanted, deadline
                )
            except InvalidArgumentError as error:
                error.cursor = str(self._cursor or Cursor(path, 0, ""))
                raise
        return wanted

    def _matching(
        self,
        local_filter: LocalFilter[T],
        items: Sequence[T],
        indices: Sequence[int],
        deadline: float,
    ) -> Plan[list[int]]:
        """Return the indices of the items that a filter wants, no more than are left."""
        matching: list[int] = []
        for index in indices:
            if len(matching) == self._left:
                break
            if (yield from local_filter.wants(items[index], deadline)):
                matching.append(index)
        return matching

    def _following(
        self,
        path: str,
        page: ListedPage[T],
        *,
        fresh: Sequence[int],
        taken: Sequence[int],
        skipped: int,
    ) -> Cursor | None:
        """Return the cursor behind the items that were taken; None at the end."""
        cursor = self._cursor
        if self._left == len(taken) and taken and taken[-1] < fresh[-1]:
            # The rest of this page comes first.
            return Cursor(path, taken[-1] + 1, cursor.cursor if cursor else "")
        if page.cut_off:
            if not fresh:
                raise self._cut_off(path, page.cut_off)
            # What this page has is right: the same place is asked again, behind it.
            following = Cursor(path, len(page.items), cursor.cursor if cursor else "")
        elif page.cursor is not None:
            following = Cursor(
                path, (cursor.skip if cursor else 0) - skipped, page.cursor
            )
        else:
            return None
        self._check_new(following)
        return following

    def _cut_off(self, path: str, reason: str) -> InvalidResponseError:
        """Return the error for a page that has nothing new, and no cursor for what follows."""
        error = self._broken_off(
            f"{reason}: {self._listed:,} items were listed, and the rest cannot be asked for",
            path,
        )
        error.cursor = str(self._cursor or Cursor(path, 0, ""))
        error.advice = _CUT_OFF
        return error

    def _is_last(self, path: str, page: ListedPage[T], deadline: float) -> Plan[bool]:
        """Return whether nothing follows a page that is shorter than requested.

        A server may return fewer than requested without a word. So a page is the last if one before
        it was longer, and not if one was as long; otherwise what follows it is looked at.
        """
        length = len(page.items)
        if length <= self._longest:
            return length < self._longest
        following = Cursor(path, 0, page.cursor or "")
        _, rest = yield from self._fetch(following, 1, deadline)
        return rest.cursor is None

    def _fetch(
        self, cursor: Cursor | None, size: int, deadline: float
    ) -> Plan[tuple[str, ListedPage[T]]]:
        """Fetch a page; the first one again if its response shows that the time was wrong."""
        session = self._listing.session
        clock = session.server_clocks["api"]
        if self.began is None:
            self.began = session.clock.now()
        attempts = 0
        while True:
            attempts += 1
            now, ahead = self.now or clock.at(self.began), clock.ahead
            found = yield from self._fetch_at(cursor, size, now, deadline)
            is_settled = (
                clock.in_doubt is None and abs(clock.ahead - ahead) <= SAME_WITHIN
            )
            if not self._listing.is_relative:
                now = self.now or clock.at(self.began)
            elif self.now is None and not is_settled and attempts < _MOST_ATTEMPTS:
                continue
            self.now = now
            return found

    def _fetch_at(
        self, cursor: Cursor | None, size: int, now: datetime, deadline: float
    ) -> Plan[tuple[str, ListedPage[T]]]:
        """Fetch a page in the window that is left, or in the whole one where that goes wrong."""
        request = PageRequest(cursor.cursor or UNSET if cursor else UNSET, size, now)
        place = (
            self._listing.place_of(cursor.cursor) if cursor and self._narrows else None
        )
        if place is not None and place.at is not None:
            try:
                found = yield from self._go_on(
                    cursor, request._replace(place=place.at), deadline
                )
                if not self._is_odd(found[1]):
                    return found
            except BadRequestError:
                pass
            self._narrows = False
        return (yield from self._go_on(cursor, request, deadline))

    def _go_on(
        self, cursor: Cursor | None, request: PageRequest, deadline: float
    ) -> Plan[tuple[str, ListedPage[T]]]:
        """Ask for a page; for one more item if it ends where it began, with the last item again.

        A server that repeats that item would never come further by pages of one.
        """
        found = yield from self._ask(cursor, request, deadline)
        is_stuck = cursor is not None and found[1].cursor == cursor.cursor
        if is_stuck and request.size < self._listing.largest_page:
            larger = request._replace(size=request.size + 1)
            found = yield from self._ask(cursor, larger, deadline)
        return found

    def _ask(
        self, cursor: Cursor | None, request: PageRequest, deadline: float
    ) -> Plan[tuple[str, ListedPage[T]]]:
        routes: list[Route[Any, tuple[str, ListedPage[T]]]] = []
        for make in self._listing.routes:
            route = make(request)
            if cursor is None or cursor.path == route.path:  # it can continue there
                routes.append(evolve(route, convert=partial(_with_path, route)))  # type: ignore[arg-type]
        return (
            yield from self._listing.ask(
                self._listing.session, *routes, deadline=deadline
            )
        )

    def _is_odd(self, page: ListedPage[T]) -> bool:
        """Return whether a page cannot follow the last one: its cursor was not understood.

        Either there is nothing, though more was to come, or items that have been listed.
        """
        if not page.items:
            return page.cursor is None
        repeated = self.last_ids.intersection(
            map(self._listing.id_of or id, page.items)
        )
        return len(repeated) > 1  # of one alone, see `_fresh`

    def _fresh(self, items: tuple[T, ...]) -> Sequence[int]:
        """Return the indices of the items that neither this page nor the last one has had before.

        A server may begin a page with the last item of the one before (operation listRunsV2).
        """
        id_of = self._listing.id_of
        if id_of is None:
            return range(len(items))
        ids = list(map(id_of, items))
        last_ids, self.last_ids = self.last_ids, {*ids}
        if len(self.last_ids) == len(ids) and last_ids.isdisjoint(ids):
            return range(len(items))
        first = {id: index for index, id in reversed([*enumerate(ids)])}
        return sorted(index for id, index in first.items() if id not in last_ids)

    def _check_new(self, following: Cursor) -> None:
        """Reject a cursor that this iteration has seen before: it would never end."""
        if following in self._seen:
            raise self._broken_off(
                f"it repeats the cursor {following.cursor[:100]!r}: the listing would never end",
                following.path,
            )
        self._seen.add(following)

    def _broken_off(self, reason: str, path: str) -> InvalidResponseError:
        url = self._listing.session.settings.api_url + path
        return InvalidResponseError(reason, method="GET", url=url, status=200)


def read_all(listing: Listing[T], *, deadline: float = math.inf) -> Plan[list[T]]:
    """Read a listing to its end, which must be there by `deadline`."""
    walk = listing.walk()
    items: list[T] = []
    while not walk.is_done:
        page = yield from walk.next_page(deadline=deadline)
        items += page.items
    return items


def _with_path(route: Route[Any, T], answer: Any) -> tuple[str, T]:
    return route.path, route.convert(answer)
