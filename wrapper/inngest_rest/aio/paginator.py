"""Iteration over listings: the object that each `list` method returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from inngest_rest._core.calls.listing import Listing
    from inngest_rest._core.drivers.asynchronous import AsyncDriver
    from inngest_rest.models import Page

T = TypeVar("T")


class AsyncPaginator(Generic[T]):
    """A listing: iterate over it with `async for`, or fetch it page by page.

    Each iteration starts over. Pages are fetched as they are needed, and no connection is held open
    between them. Every method that returns one takes `inngest_rest.typing.Paging`.
    """

    def __init__(self, driver: AsyncDriver, listing: Listing[T]) -> None:
        self._driver = driver
        self._listing = listing

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item

    async def pages(self) -> AsyncIterator[Page[T]]:
        """Yield the pages one by one."""
        walk = self._listing.walk()
        while not walk.is_done:
            yield await self._driver.run(walk.next_page())

    async def page(self) -> Page[T]:
        """Return the first page; pass its `next_cursor` to `list(cursor=...)` for the next."""
        walk = self._listing.walk()
        return await self._driver.run(walk.next_page())
