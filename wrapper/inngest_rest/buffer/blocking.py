"""Event buffer for hot paths: `add` takes microseconds, and a background thread sends."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Self

from inngest_rest._core.clock import SYSTEM_CLOCK
from inngest_rest._core.drivers.blocking import now as run_now
from inngest_rest._local.arguments import check_seconds
from inngest_rest._local.limits import DEFAULT_EVENTS
from inngest_rest.buffer._shared import Buffer, preload, raise_at_sigterm
from inngest_rest.client.client import InngestClient

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from inngest_rest.buffer import WhenFull
    from inngest_rest.buffer._queue import Queue
    from inngest_rest.buffer._schedule import Deadline
    from inngest_rest.event import EventLike
    from inngest_rest.reports import BatchReport, SendFailure
    from inngest_rest.typing import Seconds


class EventBuffer(Buffer):
    """Buffer events and send them from a background thread.

    Without `store`, events wait in memory; those the process cannot send before it ends are lost,
    counted and logged. With a path, events wait in an SQLite file: an event that was added survives
    `kill -9` and a reboot, is sent when any process opens the file again, and its id lets each
    function run once that neither debounces nor batches events. Processes on one machine may share
    a file if they send to the same server.

    An open buffer gives up on no event while the server is down: without a response it is sent
    again, after pauses of up to a minute. Those that the server rejects are not, nor is one that it
    refuses alone five times while it accepts others; in a file, they become dead letters.

    It is flushed when it is closed and at interpreter exit. After a fork, the child's buffer is
    empty and has its own thread; `multiprocessing` children skip exit handlers, so close the buffer
    in the child. It is safe to share between threads.

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
        on_batch: Called with a `BatchReport` when the outcome of events is final, in the buffer's
            thread. A position is the event's number in the order of adding, or in the file.
        exit_timeout: Time limit for the flush at interpreter exit, in seconds or as a timedelta.
        exit_on_sigterm: Make SIGTERM an ordinary exit, with status 143, so that the buffer is
            flushed; without this, Python ends at once. A handler of the program's own stays. Only
            in the main thread.

    Raises:
        ConfigurationError: The client has no event key. Or the proxy or the certificates of the
            environment cannot be used.
        InvalidArgumentError: An argument is out of bounds, or the client is not an
            `InngestClient`.
        OutboxError: The file is damaged, read-only, of a newer version, or not an outbox.

    HTTP: `POST /e/{eventKey}`, as in `InngestClient.send`. The platform remembers an event's id
    for 24 hours, but not for functions that debounce or batch events; older events in a file are
    reported in the log.
    """

    # Even SystemExit from a callback: without its thread, the buffer would not send.
    _survivable = BaseException

    def __init__(
        self,
        client: InngestClient,
        store: str | os.PathLike[str] | None = None,
        *,
        batch_size: int = DEFAULT_EVENTS,
        max_age: Seconds = 1.0,
        max_pending: int = 100_000,
        when_full: WhenFull = "block",
        on_batch: Callable[[BatchReport], object] | None = None,
        exit_timeout: Seconds = 5.0,
        exit_on_sigterm: bool = False,
    ) -> None:
        self._exit_timeout = check_seconds("exit_timeout", exit_timeout)
        if exit_on_sigterm:
            raise_at_sigterm()
        super().__init__(
            client,
            InngestClient,
            store,
            batch_size,
            max_age,
            max_pending,
            when_full,
            on_batch,
        )
        if store is not None:
            self._notify()

    def add(self, event: EventLike) -> bool:
        """Add an event to the buffer, without waiting for the network.

        It is encoded at once. With a path, it is on disk when this returns; threads share a commit.

        Args:
            event: An `Event`, or a mapping with the same keys; its id is fixed by this call.

        Returns:
            Whether the event was added: False only with `when_full="drop"`.

        Raises:
            InvalidEventError: The event is invalid, or JSON cannot represent it.
            BufferFullError: The buffer is full and `when_full` is "raise".
            OutboxError: The event could not be stored: the disk is full, or the file is damaged.
            ClosedError: The buffer is closed.
        """
        return self._queue.put(event) or run_now(self._add_to_full(event))

    def flush(self, timeout: Seconds | None = 30.0) -> bool:
        """Send the events added so far, and wait until their outcome is final.

        The first attempt is made at once, even during a pause after a failure; but the pause of a
        rate limit (429) is kept.

        Args:
            timeout: Maximum time to wait, in seconds or as a timedelta; None for no limit.

        Returns:
            Whether all of them were accepted or rejected; False if some are still waiting. Those
            of a file that another buffer is sending at the moment are left to it, and not counted.
        """
        return run_now(self._flush(timeout))

    def close(self, timeout: Seconds | None = 30.0) -> int:
        """Stop taking events, send those already added, and shut down.

        Events in memory are tried again until the timeout. Those in a file are safe: after a failed
        attempt, and during the pause that follows one, it does not wait for the server.

        Args:
            timeout: Maximum time to wait, in seconds or as a timedelta; None for no limit.

        Returns:
            The number of events left unsent. In memory they are lost: counted as unknown in
            `report`, passed to `on_batch`, and logged. In a file they stay for the next buffer that
            opens it.
        """
        return run_now(self._close(timeout))

    def dead_letters(self) -> list[SendFailure]:
        """Return the rejected events in the file, oldest first, each with its reason.

        To resend one, fix it, `add` it, and `discard` the letter.

        Raises:
            InvalidArgumentError: The buffer has no file.
        """
        return self._queue.dead_letters()

    def discard(self, letters: Iterable[SendFailure]) -> None:
        """Delete dead letters from the file.

        Args:
            letters: Some or all of those that `dead_letters` returned.

        Raises:
            InvalidArgumentError: The buffer has no file.
        """
        self._queue.discard(letters)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> Queue:
        # First: if certificates cannot be loaded, no file is left open.
        preload(self._driver)
        return super()._open()

    def _forget(self) -> None:
        # Guards the count and the worker.
        self._changed = threading.Condition()
        super()._forget()

    def _notify(self) -> None:
        with self._changed:
            self._count += 1
            if self._worker is None and not self._is_stopping:
                worker = threading.Thread(
                    target=lambda: run_now(self._work()),
                    name="inngest-rest-buffer",
                    daemon=True,
                )
                # No thread starts while the interpreter exits; `flush` then sends inline.
                with suppress(RuntimeError):
                    worker.start()
                    self._worker = worker
            self._changed.notify_all()

    async def _wait(self, seen: int, seconds: float | None = None) -> None:
        with self._changed:
            if self._count == seen:
                self._changed.wait(seconds)

    def _can_wait(self) -> bool:
        return self._worker not in (None, threading.current_thread())

    async def _end_worker(self, deadline: Deadline) -> None:
        if self._can_wait():
            self._worker.join(deadline.left())

    def at_exit(self) -> None:
        """Close at the exit of the program, in the time that is left for it."""
        elapsed = SYSTEM_CLOCK.monotonic() - _exit_began()
        self.close(max(self._exit_timeout - elapsed, 0.001))


@cache
def _exit_began() -> float:
    """Return when the first buffer was closed at exit: the time limits of all begin then."""
    return SYSTEM_CLOCK.monotonic()
