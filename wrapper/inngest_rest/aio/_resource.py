"""Groups of methods: `client.events`, `client.runs` and the others."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

from inngest_rest.aio.paginator import AsyncPaginator

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest._core.calls.listing import Listing
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.drivers.asynchronous import AsyncDriver
    from inngest_rest._core.plans import Plan
    from inngest_rest.event import EventLike

P = ParamSpec("P")
T = TypeVar("T")
G = TypeVar("G", bound="Resource")

# All other groups are in `cloud`.
_MODULES = {
    "functions": "apps",
    "signals": "runs",
    "apps": "apps",
    "events": "events",
    "runs": "runs",
}


def group_class(name: str) -> Any:
    """Return the class of a group, such as Runs; only its module is imported."""
    module = _MODULES.get(name, "cloud")
    return getattr(import_module(f"{__package__}.{module}"), name.capitalize())


class Group(cached_property[G]):
    """A group, imported on first use: a program that only sends never loads the models of runs."""

    def __init__(self, words: str) -> None:
        super().__init__(self._make)
        self.__doc__ = words

    def _make(self, client: Any) -> G:
        made = group_class(str(self.attrname))
        return made(client._driver, client._session)  # type: ignore[no-any-return] # noqa: SLF001 - of the same package


class Sender(Protocol):
    """What sends events: a client of the same kind."""

    async def send(self, events: EventLike, /) -> list[str]:
        """Send an event and return its internal id."""
        ...


class Resource:
    """A group of methods of the client."""

    def __init__(self, driver: AsyncDriver, session: Session) -> None:
        self._driver = driver
        self._session = session

    async def _run(
        self, plan: Callable[Concatenate[Session, P], Plan[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._driver.run(plan(self._session, *args, **kwargs))

    def _list(
        self,
        listing: Callable[Concatenate[Session, P], Listing[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> AsyncPaginator[T]:
        return self._pages(listing(self._session, *args, **kwargs))

    def _pages(self, listing: Listing[T]) -> AsyncPaginator[T]:
        return AsyncPaginator(self._driver, listing)
