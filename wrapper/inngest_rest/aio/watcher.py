"""Iterators that poll: the changes of `runs.watch`, and the ended runs of `runs.wait_many`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from inngest_rest._core.drivers.asynchronous import AsyncDriver
    from inngest_rest._core.resources.wait import WaitMany
    from inngest_rest._core.resources.watch import Watch
    from inngest_rest.models import Run, RunChange


class AsyncWatcher:
    """The changes of runs: iterate over it with `async for`, for as long as you like.

    Nothing happens between two iterations: there is no task or thread behind it, and no connection
    is held open. After an error, iterating again continues where it was. Only one loop may iterate
    over it.
    """

    def __init__(self, driver: AsyncDriver, watch: Watch) -> None:
        self._driver = driver
        self._watch = watch

    @property
    def token(self) -> str:
        """The position to resume from: pass it to `runs.watch(token=...)`, even in another process.

        It has every change that was returned so far, so that no other watch repeats it. Text of
        some 30 bytes for each run that is open.
        """
        return self._watch.token

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RunChange:
        while not self._watch.is_done:
            change = self._watch.take()
            if change is not None:
                return change
            await self._driver.run(self._watch.step())
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the iteration within a second, even during a pause; the token stays valid."""
        self._watch.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class AsyncEndedRuns:
    """The runs of `runs.wait_many` as they end: iterate over it with `async for`.

    Requests are sent only during iteration.
    """

    def __init__(self, driver: AsyncDriver, wait: WaitMany) -> None:
        self._driver = driver
        self._wait = wait

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Run:
        while not self._wait.is_done:
            run = self._wait.take()
            if run is not None:
                return run
            due = await self._driver.run(self._wait.choose())
            await self._driver.run_many(
                due, self._wait.look, self._wait.record, in_flight=self._wait.in_flight
            )
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the iteration."""
        self._wait.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
