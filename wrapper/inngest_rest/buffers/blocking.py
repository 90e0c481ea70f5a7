"""Event buffer for hot paths: `add` takes microseconds, and a background thread sends."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from inngest_rest._core.arguments import check_seconds
from inngest_rest._core.buffer import process_hooks
from inngest_rest._core.buffer.buffer import AFTER_A_BUG, Buffer, check_client, deliver
from inngest_rest._core.buffer.schedule import Deadline
from inngest_rest._core.sending.batching import DEFAULT_EVENTS
from inngest_rest.client.client import InngestClient

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from inngest_rest.event import EventLike
    from inngest_rest.reports import BatchReport, SendFailure
    from inngest_rest.typing import Seconds, WhenFull

logger = logging.getLogger("inngest_rest")


class EventBuffer(Buffer):
    """Buffer events and send them from a background thread.

    Without `store`, events wait in memory; those the process cannot send before it ends are lost,
    counted and logged. With a path, events wait in an SQLite file: an event that was added survives
    `kill -9` and a reboot, is sent when any process opens the file again, and its id lets each
    function run once that neither debounces nor batches events. Processes on one machine may share
    a file if they send to the same server.

    An open buffer never gives up on an event: without a response it is sent again, after pauses of
    up to a minute. Only rejected events are not: those that JSON cannot represent, and those that
    the server rejects; in a file, they become dead letters.

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
        check_client(client, InngestClient)
        driver, session = client._driver, client._session  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        self._run = driver.run
        self._exit_timeout = check_seconds("exit_timeout", exit_timeout)
        # Guards the attributes below; notified after every change.
        self._changed = threading.Condition()
        self._worker: threading.Thread | None = None
        self._is_stopping = False
        self._rounds = 0
        process_hooks.preload(driver)
        super().__init__(
            session, self._wake, store, batch_size, max_age, max_pending, when_full, on_batch
        )
        if exit_on_sigterm:
            process_hooks.exit_on_sigterm()
        process_hooks.register(self)
        if store is not None:
            self._wake()

    def add(self, event: EventLike) -> bool:
        """Add an event to the buffer, without waiting for the network.

        In memory, the event is encoded later, in the buffer's thread: do not change its data.
        Nested values are validated then; an event with an invalid one is reported as rejected. With
        a path, it is encoded at once and is on disk when this returns; threads share a commit.

        Args:
            event: An `Event`, or a mapping with the same keys; its id is fixed by this call.

        Returns:
            Whether the event was added: False only with `when_full="drop"`.

        Raises:
            InvalidEventError: The event is invalid.
            BufferFullError: The buffer is full and `when_full` is "raise".
            OutboxError: The event could not be stored: the disk is full, or the file is damaged.
            ClosedError: The buffer is closed.
        """
        return self._put(event) or self._add_to_full(event)

    def flush(self, timeout: Seconds | None = 30.0) -> bool:
        """Send the events added so far, and wait until their outcome is final.

        The first attempt is made at once, even during a pause after a failure; but the pause of a
        rate limit (429) is kept.

        Args:
            timeout: Maximum time to wait, in seconds or as a timedelta; None for no limit.

        Returns:
            Whether all of them were accepted or rejected; False if some are still waiting.
        """
        deadline = Deadline(timeout, self._session.clock)
        queue = self._queue
        mark = queue.mark()
        with self._schedule.flush_now():
            self._wake()
            if self._worker is None:
                self._work_here(mark, deadline)
            with self._changed:
                while self._has_left(mark):
                    left = deadline.left()
                    if self._is_worker() or self._is_stopping or left == 0.0:
                        return not queue.has_left(mark)
                    self._changed.wait(left)
        return True

    def close(self, timeout: Seconds | None = 30.0) -> int:
        """Stop taking events, send those already added, and shut down.

        Args:
            timeout: Maximum time to wait, in seconds or as a timedelta; None for no limit.

        Returns:
            The number of events left unsent. In memory they are lost: counted as unknown in
            `report`, passed to `on_batch`, and logged. In a file they stay for the next buffer that
            opens it.
        """
        deadline = Deadline(timeout, self._session.clock)
        with self._changed:
            if self._is_closed:
                return 0
            self._is_closed = True
            self._changed.notify_all()
        is_flushed = False
        try:
            self._queue.shut()
            is_flushed = self.flush(timeout)
        except Exception:
            raise
        except BaseException:
            # After an interrupt, do not wait for the request in flight.
            deadline = Deadline(0.001, self._session.clock)
            raise
        finally:
            if not is_flushed:
                self._queue.skip_lock_wait()
            left = self._stop(deadline)
        return left

    def _stop(self, deadline: Deadline) -> int:
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        process_hooks.unregister(self)
        worker = self._worker
        try:
            if worker is not None and not self._is_worker():
                worker.join(deadline.left())
        finally:
            # Even if this is interrupted now: the remaining events must be reported.
            left = self._close_queue()
        return left

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

    def _add_to_full(self, event: EventLike) -> bool:
        self._wake()
        while True:
            rounds = self._rounds
            self._check_open()
            # The worker must not wait for the room that it makes itself, and without a worker
            # nothing makes room.
            if self._when_full != "block" or self._worker is None or self._is_worker():
                return self._drop()
            if self._put(event):
                return True
            with self._changed:
                # Other processes can make room in a file, too, and cannot notify this one.
                if self._rounds == rounds and not self._is_closed:
                    self._changed.wait(1.0)

    def _wake(self) -> None:
        with self._changed:
            if self._worker is None and not self._is_stopping:
                worker = threading.Thread(
                    target=self._work, name="inngest-rest-buffer", daemon=True
                )
                # No thread starts while the interpreter exits; `flush` then sends inline.
                with suppress(RuntimeError):
                    worker.start()
                    self._worker = worker
            self._changed.notify_all()

    def _is_worker(self) -> bool:
        return threading.current_thread() is self._worker

    def _work(self) -> None:
        goes_on = True
        while goes_on:
            try:
                goes_on = self._rest()
                if goes_on:
                    self._send_next()
            except BaseException:
                # Even SystemExit from a callback: without its thread, the buffer would not send.
                logger.exception("the buffer's thread failed; no event is lost, and it continues")
                with self._changed:
                    self._changed.wait(AFTER_A_BUG)
            with self._changed:
                self._rounds += 1
                self._changed.notify_all()

    def _work_here(self, mark: int, deadline: Deadline) -> None:
        """Send in the calling thread if no worker could be started."""
        while self._queue.has_left(mark) and (left := deadline.left()) != 0.0:
            pause = self._schedule.due_in()
            if not pause:
                self._send_next()
            else:
                with self._changed:
                    self._changed.wait(pause if left is None else min(pause, left))

    def _rest(self) -> bool:
        """Wait until the next send is due; return False when the buffer stops."""
        with self._changed:
            while not self._is_stopping:
                seconds = self._schedule.due_in()
                if seconds == 0.0:
                    return True
                self._changed.wait(seconds)
            return False

    def _send_next(self) -> None:
        """Send the next batch, if any; its events survive any failure."""
        batch = self._take_batch()
        if batch is None:
            return
        try:
            final = self._settle_batch(self._run(deliver(self._session, batch)))
        except BaseException as error:
            # A closed client, an interrupt, or a bug.
            self._keep(batch, error)
            if not isinstance(error, Exception):
                raise
        else:
            self._record(final)

    def _close_at_exit(self, elapsed: float) -> None:
        self.close(max(self._exit_timeout - elapsed, 0.001))

    def after_fork_in_child(self) -> None:
        """Start empty in a forked child; the first event starts its thread."""
        self._changed = threading.Condition()
        self._worker = None
        super().after_fork_in_child()
