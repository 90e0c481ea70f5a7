"""Listings: one page is a plan, and the two paginators only repeat it.

A cursor handed out says which family gave it (`v1:...`, `v2:...`), so that a listing stays in one
family however long it takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import frozen

from inngest_rest._core.arguments import check_count
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.models import Page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from typing import Any

    from inngest_rest._core.effects import Plan
    from inngest_rest._core.routes import ApiFamily

T = TypeVar("T")


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
class Listing(Generic[T]):
    """What is to be listed; checked when it is made, asked for when it is walked.

    Attributes:
        fetch: Makes the plan for one page, from a cursor and the number of items to ask for.
        limit: Most items in all; None for all there are.
        page_size: Most items a page.
        start: The cursor to begin at.
    """

    fetch: Callable[[Cursor | None, int], Plan[Page[T]]]
    limit: int | None
    page_size: int
    start: Cursor | None

    def walk(self) -> Walk[T]:
        return Walk(self)


def listing(
    fetch: Callable[[Cursor | None, int], Plan[Page[T]]],
    *,
    limit: int | None = None,
    page_size: int | None = None,
    cursor: str | None = None,
    largest_page: int = 100,
) -> Listing[T]:
    """Check what every listing takes, and return it.

    Args:
        fetch: Makes the plan for one page.
        limit: Most items in all.
        page_size: Most items a page, at most 100.
        cursor: A `next_cursor` handed out before.
        largest_page: What the server gives at most; asking for more would end the walk early.
    """
    check_count("limit", limit)
    size = check_count("page_size", page_size, at_most=100) or largest_page
    return Listing(fetch, limit, min(size, largest_page), parse_cursor(cursor))


class Walk(Generic[T]):
    """One walk through a listing: where it is, and how much is still wanted."""

    def __init__(self, listing: Listing[T]) -> None:
        self._listing = listing
        self._cursor = listing.start
        self._left = listing.limit
        self.is_done = False

    def plan(self) -> Plan[Page[T]]:
        """Return the plan for the next page."""
        size = self._listing.page_size
        return self._listing.fetch(
            self._cursor, size if self._left is None else min(size, self._left)
        )

    def took(self, page: Page[T]) -> Page[T]:
        """Note the page that came and return it, cut where a server gave more than asked."""
        if self._left is not None:
            page = Page(page.items[: self._left], page.next_cursor)
            self._left -= len(page.items)
        self._cursor = parse_cursor(page.next_cursor)
        self.is_done = self._cursor is None or self._left == 0
        return page


class Paginator(Generic[T]):
    """A listing: iterate it for the items, or take it page by page.

    Each iteration starts anew, asks for a page when it is needed, and holds nothing open between.
    """

    def __init__(self, run: Callable[[Plan[Page[T]]], Page[T]], listing: Listing[T]) -> None:
        self._run = run
        self._listing = listing

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.items

    def pages(self) -> Iterator[Page[T]]:
        """Yield the pages one by one."""
        walk = self._listing.walk()
        while not walk.is_done:
            yield walk.took(self._run(walk.plan()))

    def page(self) -> Page[T]:
        """Return the first page; its `next_cursor` goes to `list(cursor=...)` for the next."""
        walk = self._listing.walk()
        return walk.took(self._run(walk.plan()))


class AsyncPaginator(Generic[T]):
    """A listing: iterate it with `async for`, or take it page by page.

    Each iteration starts anew, asks for a page when it is needed, and holds nothing open between.
    """

    def __init__(
        self, run: Callable[[Plan[Page[T]]], Coroutine[Any, Any, Page[T]]], listing: Listing[T]
    ) -> None:
        self._run = run
        self._listing = listing

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item

    async def pages(self) -> AsyncIterator[Page[T]]:
        """Yield the pages one by one."""
        walk = self._listing.walk()
        while not walk.is_done:
            yield walk.took(await self._run(walk.plan()))

    async def page(self) -> Page[T]:
        """Return the first page; its `next_cursor` goes to `list(cursor=...)` for the next."""
        walk = self._listing.walk()
        return walk.took(await self._run(walk.plan()))
