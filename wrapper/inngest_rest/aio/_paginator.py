"""The object that every `list` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from inngest_rest._core.calls.listing import Listing
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Page

T = TypeVar("T")


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
            yield await self._run(walk.next_page())

    async def page(self) -> Page[T]:
        """Return the first page; its `next_cursor` goes to `list(cursor=...)` for the next."""
        walk = self._listing.walk()
        return await self._run(walk.next_page())
