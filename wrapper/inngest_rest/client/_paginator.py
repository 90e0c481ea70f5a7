"""The object that every `list` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inngest_rest._core.calls.listing import Listing
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Page

T = TypeVar("T")


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
            yield self._run(walk.next_page())

    def page(self) -> Page[T]:
        """Return the first page; its `next_cursor` goes to `list(cursor=...)` for the next."""
        walk = self._listing.walk()
        return self._run(walk.next_page())
