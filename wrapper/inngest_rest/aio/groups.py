"""Groups of methods, `client.events`, `client.runs` and others, and the listings they return."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    TypeVar,
)

from inngest_rest._local import arrow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import pyarrow  # noqa: ICN001 # pyright: ignore[reportMissingTypeStubs]

    from inngest_rest._core.calls.listing import Listing
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.drivers.asynchronous import AsyncDriver
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Page
    from inngest_rest.typing import Paging

__all__ = ["AsyncPaginator"]

P = ParamSpec("P")
T = TypeVar("T")
G = TypeVar("G", bound="Resource")


class Group(cached_property[G]):
    """A group, imported on first use: a program that only sends never loads the models of runs."""

    def __init__(self, words: str, module: str) -> None:
        super().__init__(self._make)
        self._module, self.__doc__ = module, words

    def _make(self, client: Any) -> G:
        return self.kind(client._driver, client._session)  # type: ignore[no-any-return] # noqa: SLF001 - of the same package

    @property
    def kind(self) -> Any:
        """The class of the group, such as Runs; only its module is imported."""
        module = import_module(f"{__package__}.{self._module}")
        return getattr(module, str(self.attrname).capitalize())


class Resource:
    """A group of methods of the client."""

    def __init__(self, driver: AsyncDriver, session: Session) -> None:
        self._driver = driver
        self._session = session

    async def _run(
        self,
        plan: Callable[Concatenate[Session, P], Plan[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        return await self._driver.run(plan(self._session, *args, **kwargs))

    async def _ask(self, operation: Any, /, **given: Any) -> Any:
        """Perform an operation of the generated client, its arguments read by the document."""
        from inngest_rest._core.resources import by_document

        return await self._run(by_document.ask, operation, given)

    def _pages(
        self,
        operation: Any,
        paging: Paging,
        /,
        *,
        masked: str = "",
        **given: Any,
    ) -> AsyncPaginator[Any]:
        """List the items of an operation, its arguments read by the document."""
        from inngest_rest._core.resources import by_document

        return self._list(by_document.pages, operation, paging, given, masked=masked)

    def _list(
        self,
        listing: Callable[Concatenate[Session, P], Listing[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> AsyncPaginator[T]:
        return AsyncPaginator(self._driver, listing(self._session, *args, **kwargs))


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

    async def first(self) -> T | None:
        """Return the first item; None if there is none."""
        return next(iter((await self.page()).items), None)

    async def count(self) -> int:
        """Return the number of items, all of which are fetched, as no server counts them."""
        return sum([1 async for _ in self])

    async def searched(self) -> str:
        """Describe the search in words; after an iteration, also what it had to read.

        If an app or a function that is named does not exist, it says so, with the nearest that
        does: `GET /v2/apps/{appId}`, `GET /v2/apps` and `GET /v2/apps/{appId}/functions`.
        """
        return await self._driver.run(self._listing.searched())

    async def to_arrow(self) -> pyarrow.Table:  # pyright: ignore[reportUnknownParameterType, reportUnknownMemberType]
        """Return all items as an Arrow table, with the columns of `to_dict(flat=True)`.

        Models of the generated client have no columns. Requires the extra `arrow`. What takes an
        Arrow stream, such as `polars.from_arrow`, takes a blocking listing itself, page by page.

        Raises:
            ConfigurationError: pyarrow is not installed.
        """
        kind = self._listing.kind
        batches = [
            arrow.batch(kind, page.items) async for page in self.pages() if page.items
        ]
        return arrow.table(kind, batches)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the items as an Arrow stream, which fetches each page when it is read."""
        return arrow.stream(self._listing.kind, self, requested_schema)

    def __bool__(self) -> bool:
        """Refuse to say whether there are items, which takes a request."""
        name = type(self).__name__
        raise TypeError(
            f"{name} has no truth value: ask for .first(), .page() or .count()"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._listing}>"
