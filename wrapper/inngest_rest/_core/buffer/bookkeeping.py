"""What both buffers do alike: where events wait, what became of them, what is said about it.

Nothing here sends or waits; the two doors do that, with a thread or a task.
"""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, get_args

from inngest_rest._core.arguments import check_count, check_seconds
from inngest_rest._core.buffer.memory_store import Intake
from inngest_rest._core.buffer.outbox import Outbox
from inngest_rest._core.buffer.schedule import Pace
from inngest_rest._core.sending.batching import MAX_EVENTS
from inngest_rest._core.sending.send import unsent
from inngest_rest.errors import BufferFullError, InngestError, InvalidArgumentError
from inngest_rest.reports import BatchReport, SendReport
from inngest_rest.typing import WhenFull

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator

    from inngest_rest._core.buffer.sqlite_file import OutboxFile
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.sending.batching import Batch
    from inngest_rest._core.sending.send import Outcome
    from inngest_rest.typing import Seconds

logger = logging.getLogger("inngest_rest")

# Seconds after which an idle outbox looks for what other processes left.
_POLL = 30.0

# A dropped event is logged when the count reaches 1, 10, 100 ...
_LOUD = frozenset(10**power for power in range(12))


class Options(NamedTuple):
    """What a buffer was told, checked."""

    path: str | os.PathLike[str] | None
    batch_size: int
    max_age: float
    max_pending: int
    when_full: WhenFull
    on_batch: Callable[[BatchReport], object] | None
    exit_timeout: float


def options(
    session: Session,
    path: str | os.PathLike[str] | None,
    *,
    batch_size: int,
    max_age: Seconds,
    max_pending: int,
    when_full: WhenFull,
    on_batch: Callable[[BatchReport], object] | None,
    exit_timeout: Seconds,
) -> Options:
    """Check what both buffers take; a missing key is found here too."""
    check_count("batch_size", batch_size, at_most=MAX_EVENTS)
    check_count("max_pending", max_pending)
    if when_full not in get_args(WhenFull):
        raise InvalidArgumentError(f"when_full must be block, raise or drop, not {when_full!r}")
    if on_batch is not None and not callable(on_batch):
        raise InvalidArgumentError("on_batch must be callable")
    _ = session.event_key
    return Options(
        path,
        batch_size,
        check_seconds("max_age", max_age),
        max_pending,
        when_full,
        on_batch,
        check_seconds("exit_timeout", exit_timeout),
    )


class Desk:
    """The books of a buffer.

    Args:
        session: Whose clocks and settings apply.
        chosen: What the buffer was told.
        wake: Tells a resting worker to look; from any thread.

    Attributes:
        store: Where events wait.
        pace: When they go out.
        report: What became of events so far, for good.
        dropped: How many were dropped for want of room.
    """

    def __init__(self, session: Session, chosen: Options, wake: Callable[[], None]) -> None:
        self._chosen = chosen
        self._lock = threading.Lock()
        size, at_most = chosen.batch_size, chosen.max_pending
        if chosen.path is None:
            self.pace = Pace(size, chosen.max_age, session.clock.monotonic)
            self.store: Intake | Outbox = Intake(self.pace, wake, batch_size=size, at_most=at_most)
        else:
            settings = session.settings
            self.pace = Pace(size, chosen.max_age, session.clock.monotonic, poll=_POLL)
            self.store = Outbox(
                chosen.path,
                self.pace,
                wake,
                batch_size=size,
                at_most=at_most,
                # As long as a request may take, its retries included.
                lease=settings.retry.total + settings.timeout,
                now=session.clock.now,
            )
        self._forget()

    def _forget(self) -> None:
        self.report = SendReport()
        self.dropped = 0
        self.is_closed = False

    @property
    def path(self) -> str | None:
        return None if self._chosen.path is None else str(self._chosen.path)

    @property
    def blocks(self) -> bool:
        return self._chosen.when_full == "block"

    @property
    def exit_timeout(self) -> float:
        return self._chosen.exit_timeout

    def file(self) -> OutboxFile:
        """Return the file, where there is one."""
        if isinstance(self.store, Outbox):
            return self.store.file
        raise InvalidArgumentError(
            "dead letters are kept in a file: give the buffer a path as its store"
        )

    def check_open(self) -> None:
        if self.is_closed:
            raise RuntimeError("this buffer is closed; make a new one")

    def has_no_room(self) -> bool:
        """Drop an event or raise, as was chosen; nothing happens without a trace."""
        if self._chosen.when_full != "drop":
            raise BufferFullError(
                f"{self._chosen.max_pending:,} events are waiting and the buffer takes no more; "
                "this one was not taken"
            )
        with self._lock:
            self.dropped += 1
            dropped = self.dropped
        if dropped in _LOUD:
            logger.warning("the buffer is full: %d events dropped so far", dropped)
        return False

    def take(self) -> Batch | None:
        """Return what goes out next, or None."""
        try:
            return self.store.take()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next try may do
            logger.warning("%s; trying again in %.0f s", error, self.pace.failed())
            self.pace.added()
            return None

    def settle(self, batch: Batch, outcome: Outcome) -> BatchReport | None:
        """Enter what became of a batch and return what is final; the rest is sent again later."""
        if outcome.report.unknown:
            self._log_retry(outcome.report.unknown, outcome.cause)
        else:
            self.pace.succeeded()
        return self.store.settle(batch, outcome)

    def lost(self, batch: Batch, error: Exception) -> None:
        """Keep a batch whose sending failed in a way that no plan expects."""
        self._log_retry(len(batch.positions), error)
        self.store.put_back(batch)

    def _log_retry(self, count: int, error: Exception | None) -> None:
        pause = self.pace.failed()
        expected = error is None or isinstance(error, InngestError | RuntimeError)
        logger.warning(
            "%d events were not accepted and are kept; trying again in %.0f s: %s",
            count,
            pause,
            error,
            exc_info=None if expected else error,
        )

    def tell(self, batch: BatchReport) -> None:
        """Add to the report what is final, and call `on_batch`."""
        if not batch.positions and not batch.report.rejected:
            return
        with self._lock:
            self.report += batch.report
        if self._chosen.on_batch is not None:
            try:
                self._chosen.on_batch(batch)
            except Exception:
                logger.exception("on_batch failed; the buffer goes on")

    @contextmanager
    def hurrying(self) -> Generator[None]:
        """Send everything now, for as long as this lasts."""
        self.pace.hurry()
        try:
            yield
        finally:
            self.pace.calm()

    def finish(self) -> int:
        """Report what is left when the buffer closes, and return how many that are."""
        if isinstance(self.store, Outbox):
            left = self.store.left()
            if left:
                logger.warning(
                    "%d events are left in %s; they go out when a buffer opens it again",
                    left,
                    self.store.file.path,
                )
            return left
        left = 0
        for batch in self.store.give_up():
            left += len(batch.positions)
            outcome = unsent(batch, "the buffer was closed before it was accepted")
            self.tell(BatchReport(batch.positions, outcome.ids, outcome.report))
        if left:
            logger.warning("%d events were not accepted when the buffer closed; see report", left)
        return left

    def restart(self) -> None:
        """Start anew in a forked child."""
        was_closed = self.is_closed
        self._lock = threading.Lock()
        self._forget()
        self.is_closed = was_closed
        self.store.restart()


class Buffer:
    """What both buffers have in common, for those who read them."""

    _desk: Desk
    _session: Session

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._session.settings.event_url!r}, {self._desk.path!r})"

    @property
    def report(self) -> SendReport:
        """What became of events so far: counts, and the first 1,000 failures."""
        return self._desk.report

    @property
    def dropped(self) -> int:
        """How many events were dropped for want of room."""
        return self._desk.dropped

    @property
    def pending(self) -> int:
        """How many events wait or are under way; in a file, whoever put them there."""
        return self._desk.store.pending

    def _tell_what_is_left(self) -> None:
        try:
            self._desk.store.shut()
            self._desk.finish()
        except Exception:
            logger.exception("a buffer could not be closed at exit")
        self._desk.store.close()

    def before_fork(self) -> None:
        """Let go of what must not be carried into a child; `process_hooks` calls it."""
        self._desk.store.before_fork()

    def after_fork(self) -> None:
        """Go on in the parent."""
        self._desk.store.after_fork()
