"""Iterators that poll: `runs.watch`, `runs.follow`, and the ended runs of `runs.wait_many`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from inngest_rest._core.resources.wait import Follow, WaitMany, Watch
from inngest_rest.models import Run, RunChange, StepChange

if TYPE_CHECKING:
    from inngest_rest._core.drivers.asynchronous import AsyncDriver

S = TypeVar("S", bound=Watch | Follow | WaitMany)
T = TypeVar("T")


class _Polling(Generic[S, T]):
    """An iterator over what a source finds, which is asked for more when all of it was taken."""

    def __init__(self, driver: AsyncDriver, source: S) -> None:
        self._driver = driver
        self._source = source

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._source.is_done:
            found: Any = self._source.take()
            if found is not None:
                return found  # type: ignore[no-any-return]
            await self._poll()
        raise StopAsyncIteration

    async def _poll(self) -> None:
        source: Any = self._source
        await self._driver.run(source.step())

    async def aclose(self) -> None:
        """End the iteration within a second, even during a pause."""
        self._source.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class AsyncWatcher(_Polling[Watch, RunChange]):
    """The changes of runs: iterate over it with `async for`, for as long as you like.

    Nothing happens between two iterations: there is no task or thread behind it, and no connection
    is held open. After an error, iterating again continues where it was, and so does the `token`
    once it is closed. Only one loop may iterate over it.
    """

    @property
    def token(self) -> str:
        """The position to resume from: pass it to `runs.watch(token=...)`, even in another process.

        It has every change that was returned so far, so that no other watch repeats it. Text of
        some 30 bytes for each run that is open.
        """
        return self._source.token


class AsyncFollowedRun(_Polling[Follow, StepChange]):
    """The steps of `runs.follow` as they start and end: iterate over it with `async for`.

    Requests are sent only during iteration; all who follow a run by one client share them.
    """


class AsyncEndedRuns(_Polling[WaitMany, Run]):
    """The runs of `runs.wait_many` as they end: iterate over it with `async for`.

    Requests are sent only during iteration.
    """

    async def _poll(self) -> None:
        wait = self._source
        due = await self._driver.run(wait.choose())
        await self._driver.run_many(due, wait.look, wait.record, in_flight=wait.in_flight)
