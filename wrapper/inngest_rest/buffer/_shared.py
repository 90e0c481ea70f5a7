"""The shared part of both event buffers: queue, schedule, running report, and the sending plan.

No I/O here: the two buffers send and wait, in a thread or a task. What both do is a coroutine; in
threads, all that it awaits blocks, so that it never suspends.
"""

from __future__ import annotations

import atexit
import math
import signal
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from importlib import import_module
from inspect import isawaitable, iscoroutinefunction
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, TypeVarTuple, get_args

from inngest_rest._local.arguments import (
    check_callable,
    check_choice,
    check_count,
    check_path,
    check_seconds,
    invalid,
)
from inngest_rest._local.limits import MAX_EVENTS
from inngest_rest._values.locks import Forked
from inngest_rest._values.logs import logger
from inngest_rest.buffer import BufferFullError, WhenFull
from inngest_rest.buffer._delivery import deliver
from inngest_rest.buffer._queue import Queue
from inngest_rest.buffer._schedule import Deadline, Schedule
from inngest_rest.errors import ClosedError
from inngest_rest.reports import SendReport
from inngest_rest.retry import RetryPolicy

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable, Callable

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.drivers.blocking import Driver
    from inngest_rest._core.sending.batching import Batch, BatchOutcome
    from inngest_rest.event import EventLike
    from inngest_rest.reports import BatchReport
    from inngest_rest.typing import Seconds

R = TypeVar("R")
Args = TypeVarTuple("Args")


AFTER_A_BUG = 1.0
"""Seconds to wait after an unexpected error."""


class Buffer(Forked, ABC):
    """The state of a buffer, and its work.

    A method of a subclass that waits reads `_count`, checks the state, then waits for a change of
    `_count`: a notification in between is not missed.
    """

    _driver: Any  # of the subclass's own kind
    _worker: Any  # a thread or a task
    _survivable: type[BaseException] = Exception  # what does not end the worker

    def __init__(
        self,
        client: Any,
        kind: type[Any],
        store: str | os.PathLike[str] | None,
        batch_size: int,
        max_age: Seconds,
        max_pending: int,
        when_full: WhenFull,
        on_batch: Callable[[BatchReport], object] | None,
    ) -> None:
        if not isinstance(client, kind):
            reason = f"must be an {kind.__name__}, not {type(client).__name__}"
            raise invalid("client", reason)
        if store is not None:
            check_path("store", store)
        check_count("batch_size", batch_size, at_most=MAX_EVENTS)
        check_count("max_pending", max_pending)
        check_choice("when_full", when_full, get_args(WhenFull))
        check_callable("on_batch", on_batch)
        if iscoroutinefunction(on_batch):
            reason = "is asynchronous: a buffer calls plain functions only"
            raise invalid("on_batch", reason)
        age = check_seconds("max_age", max_age)
        self._driver = client._driver  # noqa: SLF001
        # The buffer itself tries again: a retry within a call would hold up closing.
        timeout = client._session.settings.timeout  # noqa: SLF001
        once = RetryPolicy(retries=0, total=timeout)
        self._session: Session = client._session.with_options(retry=once)  # noqa: SLF001
        self._session.check_can_send()
        self._path = store
        self._max_pending = max_pending
        self._when_full = when_full
        self._on_batch = on_batch
        self._is_closed = False
        self._is_stopping = False
        self._forget()
        # Other processes leave events in a file.
        poll = math.inf if store is None else 30.0
        self._schedule = Schedule(
            batch_size, age, self._session.clock.monotonic, poll=poll
        )
        self._queue = self._open()
        super().__init__()
        # It keeps an open buffer, which may have events to send even if the caller dropped it.
        atexit.register(self.at_exit)

    def _open(self) -> Queue:
        session = self._session
        if self._path is None:
            return Queue(
                self._schedule,
                self._notify,
                max_pending=self._max_pending,
                convention=session.name_convention,
            )
        from inngest_rest.buffer._outbox import Outbox  # noqa: PLC0415 - loads sqlite3

        # Its call ends within the timeout; the rest is for a slow machine.
        lease = 2 * session.settings.timeout
        return Outbox(
            self._path,
            self._schedule,
            self._notify,
            max_pending=self._max_pending,
            convention=session.name_convention,
            lease=lease,
            now=session.clock.now,
        )

    def _forget(self) -> None:
        self._lock = threading.RLock()  # for a signal handler that closes it
        self._is_settling = False
        self._report = SendReport()
        self._dropped = 0
        self._count = 0
        self._worker = None

    def __repr__(self) -> str:
        url = self._session.settings.event_url
        path = None if self._path is None else str(self._path)
        return f"{type(self).__name__}({url!r}, {path!r})"

    @property
    def report(self) -> SendReport:
        """The final outcomes so far: counts, and the first 1,000 failures."""
        return self._report

    @property
    def dropped(self) -> int:
        """The number of events dropped because the buffer was full."""
        return self._dropped

    @property
    def pending(self) -> int:
        """The number of events waiting or in flight; for a file, those of all processes."""
        return self._queue.pending

    def _keep(self, batch: Batch, error: BaseException) -> None:
        """Return a batch to the queue after an unexpected error."""
        self._queue.put_back(batch)
        self._queue.pause(len(batch.positions), error)

    def _record(self, outcome: BatchOutcome | None) -> None:
        """Add final outcomes, if any, to the report and call `on_batch`."""
        if outcome is None or not (outcome.each or outcome.batch.invalid):
            return
        with self._lock:
            self._report += outcome.report
        failures = outcome.report.failures
        if failures and outcome.known == len(outcome.each):
            logger.warning(
                "%d of %d events rejected, the first: %s",
                len(failures),
                len(outcome.each) + len(outcome.batch.invalid),
                failures[0].reason,
            )
        if self._on_batch is not None:
            try:
                self._on_batch(outcome.batch_report())
            except Exception:
                logger.exception("on_batch failed; the buffer continues")

    @abstractmethod
    def _notify(self) -> None:
        """Add to the count and wake all that wait, from any thread; start a thread to work."""

    @abstractmethod
    async def _wait(self, seen: int, seconds: float | None = None) -> None:
        """Wait until the count is not what was seen, or for some seconds."""

    @abstractmethod
    async def _end_worker(self, deadline: Deadline) -> None: ...

    def _can_wait(self) -> bool:
        """Whether a worker, which is not the caller, makes room and sends."""
        return True

    async def _elsewhere(self, function: Callable[[*Args], R], *args: *Args) -> R:
        """Call a function that may block on disk."""
        return function(*args)

    async def _whole(self, work: Awaitable[R]) -> R:
        """Finish some work even if the caller is cancelled meanwhile."""
        return await work

    async def _flush(
        self, timeout: Seconds | None, *, until_failure: bool = False
    ) -> bool:
        deadline = Deadline(timeout, self._session.clock.monotonic)
        queue = self._queue
        mark = await self._elsewhere(queue.mark)
        if until_failure and self._schedule.is_pausing:
            return not await self._elsewhere(queue.has_left, mark)
        with self._schedule.flush_now():
            self._notify()
            if self._worker is None:  # no thread could be started
                await self._send_until(mark, deadline, until_failure=until_failure)
            while True:
                seen = self._count
                # In this order: a batch that leaves the queue in between is still settling.
                has_left = await self._elsewhere(queue.has_left, mark)
                if not has_left and not self._is_settling:
                    return True
                left = deadline.left()
                if until_failure and self._schedule.is_pausing:
                    left = 0.0
                if self._is_stopping or left == 0.0 or not self._can_wait():
                    return not await self._elsewhere(queue.has_left, mark)
                await self._wait(seen, left)

    async def _send_until(
        self, mark: int, deadline: Deadline, *, until_failure: bool
    ) -> None:
        """Send events up to a mark in the caller's thread, until a worker is started."""
        while self._worker is None and self._queue.has_left(mark):
            left = deadline.left()
            if left == 0.0 or (until_failure and self._schedule.is_pausing):
                return
            pause = self._schedule.due_in()
            if pause:
                await self._wait(self._count, min(pause, left))
            else:
                await self._send_next()

    async def _close(self, timeout: Seconds | None) -> int:
        deadline = Deadline(timeout, self._session.clock.monotonic)
        with self._lock:
            if self._is_closed:
                return 0
            self._is_closed = True
        is_flushed = False
        try:
            await self._elsewhere(self._queue.shut)
            # What is on disk is safe: it need not wait for a server that is down.
            is_safe = self._path is not None
            is_flushed = await self._flush(timeout, until_failure=is_safe)
        except Exception:
            raise
        except BaseException:
            # After an interrupt, do not wait for the request in flight.
            deadline = Deadline(0.001, self._session.clock.monotonic)
            raise
        finally:
            if not is_flushed:
                self._queue.give_up()
            self._is_stopping = True
            self._notify()
            atexit.unregister(self.at_exit)
            try:
                await self._end_worker(deadline)
            finally:
                # Even if this is interrupted now: the remaining events must be reported.
                left = await self._elsewhere(self._queue.close, self._record)
        return left

    async def _add_to_full(self, event: EventLike) -> bool:
        self._notify()
        while True:
            seen = self._count
            if self._is_closed:
                raise ClosedError("this buffer is closed; create a new one")
            if self._when_full == "drop":
                with self._lock:
                    self._dropped += 1
                    dropped = self._dropped
                if dropped == 10 ** (len(str(dropped)) - 1):
                    logger.warning(
                        "the buffer is full: %d events dropped so far", dropped
                    )
                return False
            if self._when_full == "raise" or not self._can_wait():
                raise BufferFullError(
                    f"{self._max_pending:,} events are waiting, so the buffer is full; "
                    "this one was not added"
                )
            if await self._elsewhere(self._queue.put, event):
                return True
            # Other processes can make room in a file, too, and cannot notify this one.
            await self._wait(seen, 1.0)

    async def _work(self) -> None:
        while not self._is_stopping:
            try:
                seen = self._count
                due_in = self._schedule.due_in()
                if due_in:
                    await self._wait(seen, due_in)
                    continue
                await self._send_next()
            except self._survivable:
                logger.exception(
                    "the buffer's worker failed; no event is lost, and it continues"
                )
                await self._wait(self._count, AFTER_A_BUG)
            self._notify()

    async def _take(self) -> Batch | None:
        return self._taken()

    def _taken(self) -> Batch | None:
        """Take the next batch, perhaps from disk; None if there is none, or after an error."""
        try:
            return self._queue.take()
        except Exception as error:  # noqa: BLE001 - the next attempt may succeed
            logger.warning("%s; trying again in %.0f s", error, self._schedule.failed())
            self._schedule.added()
            return None

    async def _send_next(self) -> None:
        """Send the next batch, if any; its events survive any failure."""
        batch = await self._take()
        if batch is None:
            return
        try:
            sent = self._driver.run(deliver(self._session, batch))
            outcome = await sent if isawaitable(sent) else sent
            await self._whole(self._settle(outcome))
        except Exception as error:  # noqa: BLE001 - a closed client, a disk, or a bug
            await self._elsewhere(self._keep, batch, error)
        except BaseException:
            self._queue.put_back(batch)
            raise

    async def _settle(self, outcome: BatchOutcome) -> None:
        """Remove final events from the queue and report them; the rest are resent."""
        self._is_settling = True
        try:
            self._record(await self._elsewhere(self._queue.settle, outcome))
        finally:
            self._is_settling = False

    @abstractmethod
    def at_exit(self) -> None:
        """Close, as the interpreter exits."""

    def after_fork_in_child(self) -> None:
        self._forget()
        self._queue.after_fork_in_child()


_FIRST_IMPORTS = (
    # Python and httpx import these lazily: on a first lookup, connection or response.
    "encodings.idna",
    "certifi",
)


def preload(driver: Driver) -> None:
    """Import what a buffer's first request needs, before the buffer starts its thread.

    If a process forks while a thread imports a module, the child can never import it: it stays
    half-initialized or locked there. The same goes for OpenSSL's locks while certificates load.
    """
    for name in _FIRST_IMPORTS:
        with suppress(ImportError):  # some releases of httpx do without
            import_module(name)
    driver.prepare("event")


def raise_at_sigterm() -> None:
    """Make SIGTERM run exit handlers, as `sys.exit` does; the program's own handler stays."""
    if threading.current_thread() is not threading.main_thread():
        raise invalid("exit_on_sigterm", "requires a buffer created in the main thread")
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _exit_now)


def _exit_now(*_: object) -> NoReturn:
    # A second signal ends the process at once.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise SystemExit(128 + signal.SIGTERM)
