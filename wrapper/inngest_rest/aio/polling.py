"""Iterators that poll: `runs.watch`, and `runs.wait_many` for ended runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from inngest_rest._core.resources.polling import Poller
from inngest_rest._core.resources.wait import WaitMany
from inngest_rest._core.resources.watch import Watch
from inngest_rest.models import Run, RunChange

if TYPE_CHECKING:
    from inngest_rest._core.drivers.asynchronous import AsyncDriver

P = TypeVar("P", bound=Poller[Any])
T = TypeVar("T")


class _Polling(Generic[P, T]):
    """An iterator over the items that a poller finds."""

    def __init__(self, driver: AsyncDriver, poller: P) -> None:
        self._driver = driver
        self._poller = poller

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        poller: Poller[T] = self._poller
        while not poller.is_done:
            item = poller.next_item()
            if item is not None:
                return item
            due = await self._driver.run(poller.poll())
            if due:
                await self._driver.run_many(
                    due, poller.fetch, poller.on_fetched, in_flight=poller.in_flight
                )
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the iteration within a second, even during a pause."""
        self._poller.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class AsyncWatcher(_Polling[Watch, RunChange]):
    """The changes of runs: iterate over it with `async for`, as long as you like.

    Nothing happens between two iterations: there is no background task or thread, and no connection
    is held open. After an error, iterate again to continue; after closing, use the `token`. Only
    one loop may iterate over it.
    """

    @property
    def token(self) -> str:
        """The position to resume from: pass it to `runs.watch(token=...)`, even in another process.

        It covers every change returned so far, so that no other watch repeats one. A text of about
        30 bytes per open run.
        """
        return self._poller.token


class AsyncEndedRuns(_Polling[WaitMany, Run]):
    """The runs of `runs.wait_many` as they end: iterate over it with `async for`.

    Requests are sent only during iteration.
    """
