"""Time and threads that a test decides about: nothing waits, and every run is the same."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

from tests.support.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextvars import Context

T = TypeVar("T")


class Alarm:
    """Does something once, after a number of moments at which a process can die."""

    def __init__(self) -> None:
        self._left = 0
        self._action: Callable[[], object] | None = None

    def set(self, after: int, action: Callable[[], object]) -> None:
        self._left, self._action = after, action

    def off(self) -> None:
        self._action = None

    def tick(self) -> None:
        """Let a moment pass."""
        action = self._action
        if action is None:
            return
        if self._left:
            self._left -= 1
            return
        self._action = None
        action()


class TickingClock(Clock):
    """A clock during whose pauses a process can die."""

    def __init__(self, alarm: Alarm) -> None:
        super().__init__()
        self._alarm = alarm

    def sleep(self, seconds: float) -> None:
        self._alarm.tick()
        super().sleep(seconds)


class _Selector(selectors.DefaultSelector):
    """Moves the clock instead of waiting for it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and (timeout is None or timeout > 0):
            assert timeout is not None, "every task waits, and nothing will ever wake one"
            self._clock.advance(timeout)
        return ready


class Loop(asyncio.SelectorEventLoop):
    """An event loop in the clock's time, whose executor is the loop's own thread."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(_Selector(clock))
        self._clock = clock

    def time(self) -> float:
        return self._clock.monotonic()

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        del executor
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - raised again where the result is awaited
            future.set_exception(error)
        return future


class Runner:
    """Runs coroutines to their end, or cancels them on their way.

    Attributes:
        cancel_after: How many turns of the loop the next coroutine has until it is cancelled; None
            for as many as it needs.
    """

    def __init__(self, clock: Clock) -> None:
        self.loop = Loop(clock)
        self.cancel_after: int | None = None

    def run(self, coroutine: Coroutine[Any, Any, T], *, context: Context | None = None) -> T:
        turns, self.cancel_after = self.cancel_after, None
        task = self.loop.create_task(coroutine, context=context)
        if turns is not None:
            self.loop.run_until_complete(_cancel(task, turns))
        return self.loop.run_until_complete(task)

    def close(self) -> None:
        left = asyncio.all_tasks(self.loop)
        assert not left, left
        self.loop.close()


async def _cancel(task: asyncio.Task[Any], turns: int) -> None:
    for _ in range(turns):
        if task.done():
            return
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
