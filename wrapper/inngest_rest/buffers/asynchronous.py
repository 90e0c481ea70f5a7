"""Event buffer for hot paths: `add` takes microseconds, and a background task sends."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, Self, TypeVar, TypeVarTuple

from inngest_rest._core.arguments import check_seconds
from inngest_rest._core.buffer import process_hooks
from inngest_rest._core.buffer.buffer import AFTER_A_BUG, Buffer, check_client, deliver
from inngest_rest._core.sending.batching import DEFAULT_EVENTS
from inngest_rest.aio.client import AsyncInngestClient

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from inngest_rest._core.sending.batching import Batch
    from inngest_rest._core.sending.outcomes import BatchOutcome
    from inngest_rest.event import EventLike
    from inngest_rest.reports import BatchReport, SendFailure
    from inngest_rest.typing import Seconds, WhenFull

logger = logging.getLogger("inngest_rest")

Args = TypeVarTuple("Args")
T = TypeVar("T")


class _Notifier:
    """A condition for the tasks of one event loop, which any thread may notify.

    Read `count`, check the state, then wait: a notification in between is not missed.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Reset the count and drop all waiters."""
        self.count = 0
        self._notice = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Bind to this event loop."""
        if loop is not self._loop:
            self._loop, self._notice = loop, asyncio.Event()

    def notify(self) -> None:
        """Wake all waiters."""
        self.count += 1
        if self._loop is not None:
            # A closed loop has no waiters left.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._notice.set()
        self._notice = asyncio.Event()

    async def wait(self, seen: int, timeout: float | None = None) -> None:
        """Wait until `count` has changed since `seen`, or for some seconds."""
        if self.count == seen:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._notice.wait()


class AsyncEventBuffer(Buffer):
    """Buffer events and send them from a background task.

    Events wait in memory or in a file, are sent again, and become dead letters as in `EventBuffer`.

    It belongs to the event loop in which it is first used, and is flushed when it is closed: use
    `async with`. At interpreter exit no event loop is left to send with, so the number of unsent
    events is logged. After a fork, the child's buffer is empty.

    Arguments, errors and requests are those of `EventBuffer`, for an `AsyncInngestClient`;
    `on_batch` is called in the event loop.
    """

    def __init__(
        self,
        client: AsyncInngestClient,
        store: str | os.PathLike[str] | None = None,
        *,
        batch_size: int = DEFAULT_EVENTS,
        max_age: Seconds = 1.0,
        max_pending: int = 100_000,
        when_full: WhenFull = "block",
        on_batch: Callable[[BatchReport], object] | None = None,
    ) -> None:
        check_client(client, AsyncInngestClient)
        self._run = client._driver.run  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        self._changed = _Notifier()
        self._worker: asyncio.Task[NoReturn] | None = None
        self._is_stopping = False
        session, wake = client._session, self._changed.notify  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        super().__init__(
            session, wake, store, batch_size, max_age, max_pending, when_full, on_batch
        )
        self._is_in_memory = store is None
        process_hooks.register(self)

    async def add(self, event: EventLike) -> bool:
        """Add an event to the buffer, without waiting for the network, as `EventBuffer.add` does.

        If this is cancelled, the event may have been stored.
        """
        if self._worker is None or self._worker.done():
            self._start()
        # Not through `_elsewhere`: another coroutine would add half to the cost of this method.
        in_memory = self._is_in_memory
        taken = self._put(event) if in_memory else await asyncio.to_thread(self._put, event)
        return taken or await self._add_to_full(event)

    async def flush(self, timeout: Seconds | None = 30.0) -> bool:
        """Send the events added so far, and await their final outcome, as `EventBuffer.flush`."""
        seconds = None if timeout is None else check_seconds("timeout", timeout)
        self._start()
        queue = self._queue
        mark = await self._elsewhere(queue.mark)
        with self._schedule.flush_now(), suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                self._changed.notify()
                while True:
                    seen = self._changed.count
                    if not await self._elsewhere(self._has_left, mark):
                        return True
                    if self._is_stopping:
                        break
                    await self._changed.wait(seen)
        return not await self._elsewhere(queue.has_left, mark)

    async def aclose(self, timeout: Seconds | None = 30.0) -> int:
        """Stop taking events, send those already added, and shut down, as `EventBuffer.close`."""
        if timeout is not None:
            check_seconds("timeout", timeout)
        if self._is_closed:
            return 0
        self._is_closed = True
        is_flushed = False
        try:
            await self._elsewhere(self._queue.shut)
            self._changed.notify()
            is_flushed = await self.flush(timeout)
        finally:
            if not is_flushed:
                self._queue.skip_lock_wait()
            left = await self._stop()
        return left

    async def _stop(self) -> int:
        self._is_stopping = True
        self._changed.notify()
        process_hooks.unregister(self)
        worker = self._worker
        try:
            if worker is not None:
                # It is idle, or its request has taken too long.
                worker.cancel()
                await asyncio.wait([worker])
        finally:
            # Even if this is cancelled now: the remaining events must be reported.
            left = await self._elsewhere(self._close_queue)
        return left

    async def dead_letters(self) -> list[SendFailure]:
        """Return the rejected events in the file, as `EventBuffer.dead_letters` does."""
        return await self._elsewhere(self._queue.dead_letters)

    async def discard(self, letters: Iterable[SendFailure]) -> None:
        """Delete dead letters from the file, as `EventBuffer.discard` does."""
        await self._elsewhere(self._queue.discard, letters)

    async def __aenter__(self) -> Self:
        self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _add_to_full(self, event: EventLike) -> bool:
        while True:
            seen = self._changed.count
            self._check_open()
            if self._when_full != "block":
                return self._drop()
            if await self._elsewhere(self._put, event):
                return True
            # Other processes can make room in a file, too, and cannot notify this one.
            await self._changed.wait(seen, 1.0)

    def _start(self) -> None:
        """Start the task unless one is running in a live event loop."""
        if not self._is_stopping and (self._worker is None or self._worker.done()):
            loop = asyncio.get_running_loop()
            self._changed.move_to(loop)
            self._worker = loop.create_task(self._work(), name="inngest-rest-buffer")

    async def _elsewhere(self, function: Callable[[*Args], T], *args: *Args) -> T:
        """Call a function that may block on disk: in a thread for a file, inline for memory."""
        if self._is_in_memory:
            return function(*args)
        return await asyncio.to_thread(function, *args)

    async def _work(self) -> NoReturn:
        while True:
            try:
                await self._rest()
                await self._send_next()
            except Exception:
                logger.exception("the buffer's task failed; no event is lost, and it continues")
                await self._changed.wait(self._changed.count, AFTER_A_BUG)
            self._changed.notify()

    async def _rest(self) -> None:
        """Wait until the next send is due."""
        while True:
            seen = self._changed.count
            seconds = self._schedule.due_in()
            if seconds == 0.0:
                return
            await self._changed.wait(seen, seconds)

    async def _take(self) -> Batch | None:
        taking = asyncio.ensure_future(self._elsewhere(self._take_batch))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            await asyncio.wait([taking])
            if taking.exception() is None and (batch := taking.result()) is not None:
                self._queue.put_back(batch)
            raise

    async def _send_next(self) -> None:
        """Send the next batch, if any; its events survive any failure."""
        batch = await self._take()
        if batch is None:
            return
        try:
            outcome = await self._run(deliver(self._session, batch))
        except BaseException as error:
            # A cancellation, a closed client, or a bug.
            if not isinstance(error, Exception):
                self._queue.put_back(batch)
                raise
            await self._elsewhere(self._keep, batch, error)
            return
        settling = asyncio.ensure_future(self._settle(outcome))
        try:
            await asyncio.shield(settling)
        finally:
            await asyncio.wait([settling])

    async def _settle(self, outcome: BatchOutcome) -> None:
        """Settle a batch, even if the task is cancelled meanwhile."""
        try:
            final = await self._elsewhere(self._settle_batch, outcome)
        except Exception as error:  # noqa: BLE001 - a bug
            await self._elsewhere(self._keep, outcome.batch, error)
        else:
            self._record(final)

    def _close_at_exit(self, elapsed: float) -> None:  # noqa: ARG002 - there is no loop to send with
        self._queue.shut()
        self._close_queue()

    def after_fork_in_child(self) -> None:
        """Start empty in a forked child."""
        self._changed.restart()
        self._worker = None
        super().after_fork_in_child()
