"""State that both buffers share: the store, the schedule and the running report.

Nothing here sends or waits; the two doors do that, in a thread or a task.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, NamedTuple, get_args

from inngest_rest._core.arguments import (
    check_callable,
    check_count,
    check_path,
    check_seconds,
    invalid,
)
from inngest_rest._core.buffer.queue import MemoryQueue, Queue
from inngest_rest._core.buffer.schedule import Schedule
from inngest_rest._core.sending.batching import MAX_EVENTS
from inngest_rest._visible import shown
from inngest_rest.errors import BufferFullError, ClosedError
from inngest_rest.reports import SendReport
from inngest_rest.typing import WhenFull

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.sending.batching import Batch
    from inngest_rest._core.sending.outcomes import BatchOutcome
    from inngest_rest.reports import BatchReport
    from inngest_rest.typing import Seconds

logger = logging.getLogger("inngest_rest")

# Seconds after which an idle outbox looks for events that other processes left.
_POLL = 30.0


class BufferOptions(NamedTuple):
    """The options of a buffer, checked."""

    path: str | os.PathLike[str] | None
    batch_size: int
    max_age: float
    max_pending: int
    when_full: WhenFull
    on_batch: Callable[[BatchReport], object] | None
    exit_timeout: float


def check_client(client: object, kind: type[object]) -> None:
    """Check that a buffer was given the client of its own kind."""
    if not isinstance(client, kind):
        raise invalid(
            "client",
            f"must be an {kind.__name__}, not {type(client).__name__}; EventBuffer takes an "
            "InngestClient, AsyncEventBuffer an AsyncInngestClient",
        )


def check_options(
    session: Session,
    path: str | os.PathLike[str] | None,
    *,
    batch_size: int,
    max_age: Seconds,
    max_pending: int,
    when_full: WhenFull,
    on_batch: Callable[[BatchReport], object] | None,
    exit_timeout: Seconds,
) -> BufferOptions:
    """Check the options that both buffers take, and that there is an event key."""
    if path is not None:
        check_path("store", path)
    check_count("batch_size", batch_size, at_most=MAX_EVENTS)
    check_count("max_pending", max_pending)
    if when_full not in get_args(WhenFull):
        raise invalid("when_full", f"must be block, raise or drop, not {shown(when_full)}")
    check_callable("on_batch", on_batch)
    _ = session.event_key
    return BufferOptions(
        path,
        batch_size,
        check_seconds("max_age", max_age),
        max_pending,
        when_full,
        on_batch,
        check_seconds("exit_timeout", exit_timeout),
    )


class BufferState:
    """The state of a buffer.

    Args:
        session: Its clock and settings apply.
        options: The options of the buffer.
        wake: Wakes a resting worker; called from any thread.

    Attributes:
        store: Where events wait.
        schedule: When they are sent.
        report: The final outcomes so far.
        dropped: How many events were dropped for lack of room.
        is_closed: Whether the buffer takes no more events.
    """

    store: Queue

    def __init__(self, session: Session, options: BufferOptions, wake: Callable[[], None]) -> None:
        self.options = options
        self.is_closed = False
        self._is_settling = False
        self._lock = threading.Lock()
        clock, size, max_age = session.clock, options.batch_size, options.max_age
        if options.path is None:
            self.schedule = Schedule(size, max_age, clock.monotonic)
            self.store = MemoryQueue(
                self.schedule,
                wake,
                batch_size=size,
                max_pending=options.max_pending,
                convention=session.name_convention,
            )
        else:
            from inngest_rest._core.buffer.outbox import Outbox  # noqa: PLC0415 - loads sqlite3

            settings = session.settings
            self.schedule = Schedule(size, max_age, clock.monotonic, poll=_POLL)
            self.store = Outbox(
                options.path,
                self.schedule,
                wake,
                batch_size=size,
                max_pending=options.max_pending,
                # As long as a request may take, including its retries.
                lease=settings.retry.total + settings.timeout,
                now=clock.now,
                convention=session.name_convention,
            )
        self._forget()

    def _forget(self) -> None:
        self.report = SendReport()
        self.dropped = 0

    def check_open(self) -> None:
        if self.is_closed:
            raise ClosedError("this buffer is closed; make a new one")

    def refuse(self) -> bool:
        """Drop an event for lack of room, or raise, as `when_full` says."""
        if self.options.when_full != "drop":
            raise BufferFullError(
                f"{self.options.max_pending:,} events are waiting and the buffer takes no more; "
                "this one was not taken"
            )
        with self._lock:
            self.dropped += 1
            dropped = self.dropped
        if dropped == 10 ** (len(str(dropped)) - 1):
            logger.warning("the buffer is full: %d events dropped so far", dropped)
        return False

    def take(self) -> Batch | None:
        """Return the batch that goes out next; None if there is none, or after an error."""
        try:
            return self.store.take()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt may work
            logger.warning("%s; trying again in %.0f s", error, self.schedule.failed())
            self.schedule.added()
            return None

    def settle(self, outcome: BatchOutcome) -> BatchOutcome | None:
        """Remove final events from the store and return their outcomes; the rest is sent again.

        The caller then calls `record` with it, or `keep` if this raises.
        """
        self._is_settling = True
        return self.store.settle(outcome)

    def keep(self, batch: Batch, error: BaseException) -> None:
        """Keep a batch after an error that no plan expects."""
        self._is_settling = False
        self.store.put_back(batch)
        self.store.pause(len(batch.positions), error)

    def has_left(self, mark: int) -> bool:
        """Return whether any event before the mark is not final, or not in the report yet."""
        # In this order: a batch that leaves the store in between is still being settled.
        return self.store.has_left(mark) or self._is_settling

    def record(self, outcome: BatchOutcome | None) -> None:
        """Add final outcomes, if there are any, to the report, and call `on_batch`."""
        try:
            if outcome is not None and (outcome.each or outcome.batch.refused):
                self._record(outcome)
        finally:
            self._is_settling = False

    def _record(self, outcome: BatchOutcome) -> None:
        with self._lock:
            self.report += outcome.report
        if rejections := outcome.rejections():
            total = len(outcome.each) + len(outcome.batch.refused)
            reason = rejections[0][1]
            logger.warning(
                "%d of %d events rejected, the first: %s", len(rejections), total, reason
            )
        if self.options.on_batch is not None:
            try:
                self.options.on_batch(outcome.batch_report())
            except Exception:
                logger.exception("on_batch failed; the buffer goes on")

    def close_store(self) -> int:
        """Report the events that are left when the buffer closes, and return their number."""
        return self.store.close(self.record)

    def restart(self) -> None:  # pragma: no cover - in a forked child
        """Start anew in a forked child."""
        self._lock = threading.Lock()
        self._is_settling = False
        self._forget()
        self.store.restart()


class Buffer:
    """Properties that both buffers share."""

    _state: BufferState
    _session: Session

    def __repr__(self) -> str:
        if not hasattr(self, "_state"):  # in a crash report, if the constructor raised
            return f"{type(self).__name__}(<not initialized>)"
        url, path = self._session.settings.event_url, self._state.options.path
        return f"{type(self).__name__}({url!r}, {path and str(path)!r})"

    @property
    def report(self) -> SendReport:
        """The final outcomes so far: counts, and the first 1,000 failures."""
        return self._state.report

    @property
    def dropped(self) -> int:
        """How many events were dropped for lack of room."""
        return self._state.dropped

    @property
    def pending(self) -> int:
        """How many events wait or are being sent; in a file, from all processes together."""
        return self._state.store.pending
