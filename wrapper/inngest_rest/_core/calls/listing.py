"""Listings: one page is a plan, and a walk through the pages only repeats it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import frozen

from inngest_rest._core.arguments import check_count
from inngest_rest._core.calls.families import Cursor, parse_cursor
from inngest_rest.models import Page

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest._core.plans import Plan

T = TypeVar("T")


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
