"""Listings: a plan fetches one page, and iteration repeats it."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from attrs import define, evolve, field

from inngest_rest._core.calls.alternatives import first_present
from inngest_rest._core.clock import SAME_WITHIN
from inngest_rest._local.arguments import check_count_or_none, check_text, invalid
from inngest_rest._values.visible import shortened, shown
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

    from inngest_rest._core.calls.local_filter import LocalFilter
    from inngest_rest._core.calls.route import Route
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.record import Record
    from inngest_rest_api.types import Unset

T = TypeVar("T")


class PageRequest(NamedTuple):
    cursor: str | Unset  # the server's own; UNSET at the start
    size: int
    now: datetime  # the server's time when the listing began
    # The time to which the listing has come, if it is known.
    place: datetime | None = None


class ListedPage(NamedTuple, Generic[T]):
    """The items of one response, as many as the server returned, and its cursor for the next."""

    items: tuple[T, ...]
    cursor: str | None = None
    # Fewer than requested, by an API that does not say whether more follow.
    is_short: bool = False
    # Why items may follow that cannot be requested, since there is no cursor; else empty.
    cut_off: str = ""
    # The time to which the listing has come, if its window may be narrowed to begin there.
    place: datetime | None = None


class Cursor(NamedTuple):
    """A position in a listing; as text, the `next_cursor` of a page."""

    path: str  # of the request, which identifies the API and the listing
    skip: int = 0  # how many items of the next response have been returned already
    cursor: str = ""  # the server's own; empty at the start
    last: str = ""  # the id of the item before it, if the next response may repeat that
    at: int | None = None  # where the listing has come to: milliseconds since 1970

    @property
    def of_server(self) -> str:
        """What a server's response is requested by, as text."""
        at = "" if self.at is None else self.at
        return f"{at}:{self.last}:{self.cursor}"

    def __str__(self) -> str:
        return f"{self.path}:{self.skip}:{self.of_server}"


class AskForPage(Protocol[T]):
    """Requests a page by one of several routes; returns it with the path of that route."""

    def __call__(
        self,
        session: Session,
        *routes: Route[Any, tuple[str, ListedPage[T]]],
        deadline: float,
    ) -> Plan[tuple[str, ListedPage[T]]]: ...


@define(kw_only=True, eq=False)
class Listing(Generic[T]):
    """A listing with validated arguments; it can be iterated any number of times."""

    session: Session
    # Make the route of a page, in order of preference.
    routes: Sequence[Callable[[PageRequest], Route[Any, ListedPage[T]]]]
    ask: AskForPage[T] = first_present
    # The largest page that servers are known to return; this one may return less.
    largest_page: int = 100
    # Needed where an item may be repeated on the next page.
    id_of: Callable[[T], str] | None = None
    # Adds to the items of a page, of which there may be none, what its response lacks.
    complete: Callable[[tuple[T, ...], float], Plan[tuple[T, ...]]] | None = None
    is_relative: bool = False  # the requests depend on the time
    # Raises, before each page, if the server would ignore a filter.
    guard: Callable[[float], Plan[None]] | None = None
    # Makes the filter of one walk, given its time, for conditions that the server does not support.
    local_filter: Callable[[datetime], LocalFilter[T]] | None = None
    about: str = ""  # the listing, in words
    explain: Callable[[], Plan[str]] | None = None  # why a walk found nothing
    kind: type[Record] | None = None  # of the items; an empty listing cannot infer it
    # The arguments of the caller.
    limit: int | None = None
    page_size: int | None = None
    cursor: str | None = None

    start: Cursor | None = field(init=False, default=None)
    # Of the last walk.
    last_filter: LocalFilter[T] | None = field(init=False, default=None)
    is_empty: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        check_count_or_none("limit", self.limit)
        check_count_or_none("page_size", self.page_size, at_most=100)
        if self.cursor is not None:
            self.start = self._start_at(self.cursor)

    @property
    def size(self) -> int:
        """The number of items of a page to request."""
        return min(self.page_size or self.largest_page, self.largest_page)

    def walk(self) -> Walk[T]:
        return Walk(self)

    async def read_all(self, *, deadline: float = math.inf) -> list[T]:
        """Read the listing to its end, by a deadline."""
        walk = self.walk()
        items: list[T] = []
        while not walk.is_done:
            page = await walk.next_page(deadline=deadline)
            items += page.items
        return items

    def _start_at(self, text: str) -> Cursor:
        """Return a cursor given by the caller; reject that of another listing."""
        cursor = _parse_cursor(text)
        paths = self._paths()
        if cursor.path not in paths:
            reason = f"belongs to another listing, not to that of {' or '.join(paths)}"
            raise invalid("cursor", f"{shown(text)} {reason}")
        return cursor

    def _paths(self) -> list[str]:
        now = self.session.server_clocks["api"].now()
        request = PageRequest(cursor=UNSET, size=self.size, now=now)
        return [route(request).path for route in self.routes]

    def __str__(self) -> str:
        about = shortened(self.about or self._paths()[0])
        return about if self.last_filter is None else f"{about}: {self.last_filter}"

    async def why_empty(self) -> str:
        """Return why it finds nothing, if there is more to say than that."""
        return "" if self.explain is None else await self.explain()

    async def searched(self) -> str:
        """Describe the last search, with a reason if it found nothing."""
        why = await self.why_empty() if self.is_empty else ""
        return f"{self}; {why}" if why else str(self)


_CURSOR = re.compile("(/[^:]+):([0-9]{1,9}):([0-9]{0,13}):([^:]*):(.*)")


def _parse_cursor(text: str) -> Cursor:
    match = _CURSOR.fullmatch(check_text("cursor", text))
    if match is None:
        raise invalid("cursor", f"{shown(text)} is not the next_cursor of a page")
    path, skip, at, last, cursor = match.groups()
    return Cursor(path, int(skip), cursor, last, int(at) if at else None)


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
        self._seen = {listing.start and listing.start[:3]}
        self._last_ids = {listing.start.last} if listing.start else set[str]()
        self._local_filter: LocalFilter[T] | None = None
        listing.last_filter = None
        listing.is_empty = listing.start is None
        self._listed = 0  # items that were returned
        # Whether the window of a page is narrowed to begin at its cursor: a server searches for a
        # cursor from the beginning of the window, so each page would take longer than the last.
        self._narrows = True
        # The server's time at the beginning; None before the first page.
        self.now: datetime | None = None
        self.is_done = False

    async def next_page(self, *, deadline: float = math.inf) -> Page[T]:
        """Fetch the next page by `deadline`, and move on."""
        page = await self._next_page(deadline)
        while not (page.items or self.is_done):
            page = await self._next_page(deadline)
        self._listing.is_empty &= not page.items
        return page

    async def _next_page(self, deadline: float) -> Page[T]:
        path, page = await self._fetch_next(deadline)
        here = self._cursor or Cursor(path)
        skipped = min(here.skip, len(page.items))
        fresh = [index for index in self._fresh(page.items) if index >= skipped]
        wanted = await self._wanted(path, page.items, fresh, deadline)
        # If the server returned more than requested, the next page begins in the same response.
        taken = wanted[: self._left]
        following = self._following(
            here,
            page,
            fresh=fresh,
            taken=taken,
            skipped=skipped,
        )
        items = self._take(page.items, taken)
        if self._local_filter is not None:
            items = tuple(map(self._local_filter.completed, items))
        self._cursor = following
        self.is_done = following is None or self._left == 0
        if self._listing.complete is not None:
            items = await self._listing.complete(items, deadline)
        start = (path, tuple(taken), here.of_server)
        next_cursor = None if following is None else str(following)
        return Page(items, next_cursor, start)

    async def _fetch_next(self, deadline: float) -> tuple[str, ListedPage[T]]:
        """Fetch the page at the cursor; the last one has no cursor of its own."""
        if self._listing.guard is not None:
            await self._listing.guard(deadline)
        path, page = await self._fetch(self._cursor, self._next_size(), deadline)
        if page.is_short and not (await self._goes_on(path, page, deadline)):
            page = page._replace(cursor=None)
        return path, page

    def _take(self, items: tuple[T, ...], indices: Sequence[int]) -> tuple[T, ...]:
        """Return some items of a page, and count them."""
        self._listed += len(indices)
        if self._left is not None:
            self._left -= len(indices)
        if len(indices) == len(items):
            return items
        return tuple(items[index] for index in indices)

    def _next_size(self) -> int:
        """Return how many items to request: no more than are left, but behind a cursor two.

        A server that repeats the last item there would never advance by pages of one.
        """
        size = self._listing.size
        # If items are filtered here, a small page might have none that are wanted.
        if self._left is not None and self._listing.local_filter is None:
            size = min(size, self._left)
        may_repeat = self._listing.id_of is not None and self._cursor is not None
        return max(size, 2) if may_repeat else size

    async def _wanted(
        self,
        path: str,
        items: Sequence[T],
        fresh: Sequence[int],
        deadline: float,
    ) -> Sequence[int]:
        """Return the indices of the items that the listing's own filter accepts."""
        if self._listing.local_filter is None:
            return fresh
        if self._local_filter is None:
            assert self.now is not None
            self._local_filter = self._listing.local_filter(self.now)
            self._listing.last_filter = self._local_filter
        try:
            return await self._matching(self._local_filter, items, fresh, deadline)
        except InvalidArgumentError as error:
            error.cursor = self._resume_cursor(path)
            raise

    def _resume_cursor(self, path: str) -> str:
        """Return the cursor of the current page, for an error that ends the walk."""
        return str(self._cursor or Cursor(path))

    async def _matching(
        self,
        local_filter: LocalFilter[T],
        items: Sequence[T],
        indices: Sequence[int],
        deadline: float,
    ) -> list[int]:
        """Return the indices of the items that a filter accepts, no more than are left."""
        matching: list[int] = []
        for index in indices:
            if len(matching) == self._left:
                break
            if await local_filter.wants(items[index], deadline):
                matching.append(index)
        return matching

    def _following(
        self,
        here: Cursor,
        page: ListedPage[T],
        *,
        fresh: Sequence[int],
        taken: Sequence[int],
        skipped: int,
    ) -> Cursor | None:
        """Return the cursor after the items that were taken; None at the end."""
        is_limit_reached = self._left == len(taken)
        if is_limit_reached and taken and taken[-1] < fresh[-1]:
            # The next walk begins with the rest of this page.
            return here._replace(skip=taken[-1] + 1)
        if page.cut_off:
            if not fresh:
                raise self._cut_off(here.path, page.cut_off)
            # The items of this page are right: request it again, and skip them.
            following = here._replace(skip=len(page.items))
        elif page.cursor is not None:
            behind = here._replace(skip=here.skip - skipped, cursor=page.cursor)
            following = self._placed(behind, page)
        else:
            return None
        self._check_new(following)
        return following

    def _placed(self, cursor: Cursor, page: ListedPage[T]) -> Cursor:
        """Return a cursor with what the items before it show of its place, if there are any."""
        if not page.items:
            return cursor
        id_of = self._listing.id_of
        at = None if page.place is None else int(page.place.timestamp() * 1_000)
        last = "" if id_of is None else id_of(page.items[-1])
        return cursor._replace(last=last, at=at)

    def _cut_off(self, path: str, reason: str) -> InvalidResponseError:
        """Return the error for a page without a new item, and without a cursor."""
        error = self._broken_off(
            f"{reason}: {self._listed:,} items were listed, and the rest cannot be asked for",
            path,
        )
        error.cursor = self._resume_cursor(path)
        error.advice = _CUT_OFF
        return error

    async def _goes_on(self, path: str, page: ListedPage[T], deadline: float) -> bool:
        """Return whether there is an item behind a page that is shorter than requested.

        A server may silently return fewer than requested.
        """
        following = Cursor(path, cursor=page.cursor or "")
        _, rest = await self._fetch(following, 1, deadline)
        return rest.cursor is not None

    async def _fetch(
        self, cursor: Cursor | None, size: int, deadline: float
    ) -> tuple[str, ListedPage[T]]:
        """Fetch a page; the first one again if its response shows that the time was wrong."""
        if self.now is not None:
            return await self._fetch_at(cursor, size, self.now, deadline)
        session = self._listing.session
        clock = session.server_clocks["api"]
        began = session.clock.now()
        now = clock.at(began)
        path_and_page = await self._fetch_at(cursor, size, now, deadline)
        self.now = clock.at(began)
        was_off = abs(self.now - now).total_seconds() > SAME_WITHIN
        if was_off and self._listing.is_relative:
            return await self._fetch_at(cursor, size, self.now, deadline)
        return path_and_page

    async def _fetch_at(
        self,
        cursor: Cursor | None,
        size: int,
        now: datetime,
        deadline: float,
    ) -> tuple[str, ListedPage[T]]:
        """Fetch a page in the rest of the window, or in the whole one if that fails."""
        server_cursor = (cursor.cursor if cursor else "") or UNSET
        request = PageRequest(cursor=server_cursor, size=size, now=now)
        if cursor and cursor.at is not None and self._narrows:
            place = datetime.fromtimestamp(cursor.at / 1_000, UTC)
            narrowed = request._replace(place=place)
            try:
                path, page = await self._ask(cursor, narrowed, deadline)
                if not self._is_odd(page):
                    return path, page
            except BadRequestError:
                pass
            self._narrows = False
        return await self._ask(cursor, request, deadline)

    async def _ask(
        self, cursor: Cursor | None, request: PageRequest, deadline: float
    ) -> tuple[str, ListedPage[T]]:
        """Request a page by the routes to which the cursor belongs."""
        routes: list[Route[Any, tuple[str, ListedPage[T]]]] = []
        for make in self._listing.routes:
            route = make(request)
            if cursor is None or cursor.path == route.path:
                routes.append(evolve(route, convert=partial(_with_path, route)))  # type: ignore[arg-type]
        session = self._listing.session
        return await self._listing.ask(session, *routes, deadline=deadline)

    def _is_odd(self, page: ListedPage[T]) -> bool:
        """Return whether a page cannot follow the last one: the server misread the cursor.

        Either it is empty, though more was to come, or it repeats items.
        """
        if not page.items:
            return page.cursor is None
        ids = map(self._listing.id_of or id, page.items)
        repeated = self._last_ids.intersection(ids)
        return len(repeated) > 1  # a single one is normal: see `_fresh`

    def _fresh(self, items: tuple[T, ...]) -> Sequence[int]:
        """Return the indices of the items that are new to this page and the last one.

        A server may begin a page with the last item of the one before (operation listRunsV2).
        """
        id_of = self._listing.id_of
        if id_of is None:
            return range(len(items))
        ids = list(map(id_of, items))
        listed_before = self._last_ids
        self._last_ids = set(ids)
        are_distinct = len(self._last_ids) == len(ids)
        if are_distinct and listed_before.isdisjoint(ids):
            return range(len(items))
        seen = set(listed_before)
        fresh: list[int] = []
        for index, item_id in enumerate(ids):
            if item_id not in seen:
                seen.add(item_id)
                fresh.append(index)
        return fresh

    def _check_new(self, following: Cursor) -> None:
        """Reject a cursor that repeats: the walk would never end."""
        request = following[:3]
        if request in self._seen:
            raise self._broken_off(
                f"it repeats the cursor {following.cursor[:100]!r}: the listing would never end",
                following.path,
            )
        self._seen.add(request)

    def _broken_off(self, reason: str, path: str) -> InvalidResponseError:
        url = self._listing.session.settings.api_url + path
        return InvalidResponseError(
            reason,
            method="GET",
            url=url,
            status=200,
        )


def _with_path(route: Route[Any, T], answer: Any) -> tuple[str, T]:
    return route.path, route.convert(answer)
