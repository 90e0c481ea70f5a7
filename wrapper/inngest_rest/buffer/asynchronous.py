"""Event buffer for hot paths: `add` takes microseconds, and a background task sends."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Self, TypeVar, TypeVarTuple

from inngest_rest._local.limits import DEFAULT_EVENTS
from inngest_rest.aio.client import AsyncInngestClient
from inngest_rest.buffer._shared import Buffer

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable, Callable, Iterable

    from inngest_rest._core.sending.batching import Batch
    from inngest_rest.buffer import WhenFull
    from inngest_rest.buffer._schedule import Deadline
    from inngest_rest.event import EventLike
    from inngest_rest.reports import BatchReport, SendFailure
    from inngest_rest.typing import Seconds

Args = TypeVarTuple("Args")
T = TypeVar("T")


class AsyncEventBuffer(Buffer):
    """Buffer events and send them from a background task.

    Events wait in memory or in a file, are sent again, and become dead letters as in `EventBuffer`.

    It belongs to the event loop in which it is first used, and is flushed when it is closed: use
    `async with`. At interpreter exit no event loop is left to send with, so the number of unsent
    events is logged. After a fork, the child's buffer is empty.

    Errors and requests are those of `EventBuffer`.

    Args:
        client: Client that sends the events; close it after the buffer.
        store: Path of the file in which events wait, created if missing; None for memory. It
            contains no key and no URL: use a separate file for each server.
        batch_size: Maximum number of events per request, 1 to 5,000; a full batch is sent at once.
        max_age: Longest time an event waits for its batch to fill, in seconds or as a timedelta.
        max_pending: Maximum number of events waiting or in flight; for a file, those of all
            processes count.
        when_full: What `add` does when `max_pending` is reached: "block" until there is room,
            "raise" `BufferFullError`, or "drop" the event, counted in `dropped` and logged.
        on_batch: Called with a `BatchReport` when the outcome of events is final, in the event
            loop. A position is the event's number in the order of adding, or in the file.
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
        super().__init__(
            client,
            AsyncInngestClient,
            store,
            batch_size,
            max_age,
            max_pending,
            when_full,
            on_batch,
        )

    async def add(self, event: EventLike) -> bool:
        """Add an event to the buffer, without waiting for the network, as `EventBuffer.add` does.

        If this is cancelled, the event may have been stored.

        Args:
            event: An `Event`, or a mapping with the same keys; its id is fixed by this call.
        """
        self._start()
        if await self._elsewhere(self._queue.put, event):
            return True
        return await self._add_to_full(event)

    async def flush(self, timeout: Seconds | None = 30.0) -> bool:
        """Send the events added so far, and await their final outcome, as `EventBuffer.flush`.

        Args:
            timeout: Maximum time to wait, in seconds or as a timedelta; None for no limit.
        """
        self._start()
        return await self._flush(timeout)

    async def aclose(self, timeout: Seconds | None = 30.0) -> int:
        """Stop taking events, send those already added, and shut down, as `EventBuffer.close`.

        Args:
            timeout: Maximum time to wait, in seconds or as a timedelta; None for no limit.
        """
        self._start()
        return await self._close(timeout)

    async def dead_letters(self) -> list[SendFailure]:
        """Return the rejected events in the file, as `EventBuffer.dead_letters` does."""
        return await self._elsewhere(self._queue.dead_letters)

    async def discard(self, letters: Iterable[SendFailure]) -> None:
        """Delete dead letters from the file, as `EventBuffer.discard` does.

        Args:
            letters: Some or all of those that `dead_letters` returned.
        """
        await self._elsewhere(self._queue.discard, letters)

    async def __aenter__(self) -> Self:
        self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _forget(self) -> None:
        self._notice = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        super()._forget()

    def _notify(self) -> None:
        self._count += 1
        if self._loop is not None:
            # A closed loop has no waiters left.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._notice.set()
        self._notice = asyncio.Event()

    async def _wait(self, seen: int, seconds: float | None = None) -> None:
        if self._count != seen:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._notice.wait()

    def _start(self) -> None:
        """Start the task unless one is running in a live event loop."""
        if self._is_stopping:
            return
        if self._worker is not None and not self._worker.done():
            return
        loop = self._driver.loop()
        if loop is not self._loop:
            self._loop = loop
            self._notice = asyncio.Event()
        self._worker = loop.create_task(self._work(), name="inngest-rest-buffer")

    async def _elsewhere(self, function: Callable[[*Args], T], *args: *Args) -> T:
        """Call a function that may block on disk: in a thread for a file, inline for memory."""
        if self._path is None:
            return function(*args)
        return await asyncio.to_thread(function, *args)

    async def _whole(self, work: Awaitable[T]) -> T:
        """Finish some work, however often the caller is cancelled meanwhile."""
        task = asyncio.ensure_future(work)
        cancelled: asyncio.CancelledError | None = None
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled
        return task.result()

    async def _take(self) -> Batch | None:
        if self._path is None:
            return self._taken()
        # A task would be cancelled with all others of the loop, and its lease be left.
        taking = self._driver.loop().run_in_executor(None, self._taken)
        try:
            return await self._whole(taking)
        except asyncio.CancelledError:
            batch = taking.result()
            if batch is not None:
                self._queue.put_back(batch)
            raise

    async def _end_worker(self, deadline: Deadline) -> None:  # noqa: ARG002 - it is not waited for
        if self._worker is not None:
            # It is idle, or its request has taken too long.
            self._worker.cancel()
            await self._whole(asyncio.wait([self._worker]))

    def at_exit(self) -> None:
        """End at the exit of the program: keep or record what was not sent."""
        self._queue.shut()
        self._queue.close(self._record)
