"""The queue of a buffer: holds events until they are accepted or rejected.

Two implementations: in memory, here, and in a file (`outbox`).
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inngest_rest._core.arguments import check_name
from inngest_rest._core.calls.retry import had_no_effect
from inngest_rest._core.sending.batching import (
    DEFAULT_BYTES,
    Batch,
    BatchOutcome,
    batches_of_events,
)
from inngest_rest._core.sending.event_json import wire_form
from inngest_rest.errors import (
    ApiError,
    AuthenticationError,
    InngestError,
    InvalidArgumentError,
    InvalidEventError,
    RateLimitError,
)
from inngest_rest.event import Event, EventLike

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inngest_rest._core.arguments import NameConvention
    from inngest_rest._core.buffer.schedule import Schedule
    from inngest_rest.reports import SendFailure

logger = logging.getLogger("inngest_rest")


def _may_be_about_the_events(cause: InngestError | None) -> bool:
    """Return whether the events themselves may have made the request fail."""
    if cause is None or isinstance(cause, RateLimitError | AuthenticationError):
        return False
    return cause.status != 503 if isinstance(cause, ApiError) else not had_no_effect(cause)


class Queue(ABC):
    """The shared part of both: bounded, thread-safe, and with one batch in flight at a time.

    The schedule decides what to send, and is notified of every change; `wake`, called outside the
    locks, wakes an idle worker.
    """

    def __init__(
        self,
        schedule: Schedule,
        wake: Callable[[], None],
        *,
        max_pending: int,
        convention: NameConvention | None = None,
    ) -> None:
        self._schedule = schedule
        self._wake = wake
        self._max_pending = max_pending
        self._convention = convention
        self._start()

    def _start(self) -> None:
        self._taking = threading.RLock()
        self._taken: Batch | None = None

    def after_fork_in_child(self) -> None:
        """Reset in a forked child; batches in flight stay with the parent."""
        self._start()
        self._schedule.restart()

    def settle(self, outcome: BatchOutcome) -> BatchOutcome | None:
        """Remove final events, keep the rest, and return the final outcomes; None if closed."""
        with self._taking:
            if outcome.batch is not self._taken:
                return None
            self._note(outcome)
            final, rest = outcome.split()
            self._finish(outcome, rest)
            self._taken = None
            return final

    def _note(self, outcome: BatchOutcome) -> None:
        """Record the outcome of a request, which schedules its remaining events and all others."""
        positions, known = outcome.batch.positions, outcome.known
        done, rest = positions[:known], positions[known:]
        self._schedule.forget(done)
        if not rest:
            self._schedule.succeeded()
        elif _may_be_about_the_events(outcome.cause) and self._schedule.failed_on(rest):
            logger.warning(
                "%d events fail while others are accepted; they are kept and tried again: %s",
                len(rest),
                outcome.cause,
            )
        else:
            self.pause(len(rest), outcome.cause)

    def pause(self, count: int, error: BaseException | None) -> None:
        expected = error is None or isinstance(error, InngestError)
        asked = error.retry_after if isinstance(error, ApiError) else None
        logger.warning(
            "%d events were not accepted and are kept; trying again in %.0f s: %s",
            count,
            self._schedule.failed(asked),
            error,
            exc_info=None if expected else error,
        )

    def put_back(self, batch: Batch) -> None:
        """Return an unfinished batch to the queue; no effect if it was settled."""
        with self._taking:
            if batch is self._taken:
                self._keep(batch, may_be_stored=True)
                self._taken = None

    @abstractmethod
    def _finish(self, outcome: BatchOutcome, rest: Batch | None) -> None:
        """Remove final events, and keep the rest of the batch."""

    @abstractmethod
    def _keep(self, batch: Batch, *, may_be_stored: bool) -> None:
        """Return the events of a batch to the queue."""

    def dead_letters(self) -> list[SendFailure]:
        """Return the dead letters, oldest first."""
        raise InvalidArgumentError(
            "dead letters are kept in a file: give the buffer a path as its store"
        )

    def discard(self, letters: Iterable[SendFailure]) -> None:  # noqa: ARG002
        self.dead_letters()

    def shut(self) -> None:
        """Accept no more events."""
        self._max_pending = 0

    def skip_lock_wait(self) -> None:  # noqa: B027 - memory has no lock to wait for
        """Stop waiting for other processes: the close timeout expired."""


def gather(rows: Iterable[tuple[int, bytes, bool]]) -> tuple[Batch, bool]:
    """Make a batch of the events that fit into one request; return whether its bytes fill it, too.

    A row is an event's number, its text, and whether an earlier request may have stored it.
    """
    seqs: list[int] = []
    texts: list[bytes] = []
    size, may_be_stored, is_full = 2, False, False
    for seq, text, may_be in rows:
        size += len(text) + 1
        is_full = bool(seqs) and size > DEFAULT_BYTES
        if is_full:
            break
        seqs.append(seq)
        texts.append(text)
        may_be_stored |= may_be
    return Batch.of(seqs, texts)._replace(may_be_stored=may_be_stored), is_full


class MemoryQueue(Queue):
    """Events in memory; encoding is left to the worker, so `put` takes microseconds."""

    def _start(self) -> None:
        super()._start()
        self._events: deque[EventLike] = deque()
        self._encoded = 0
        self._ready: deque[Batch] = deque()
        # JSON texts of events that have failed, and whether each may be stored.
        self._failed: dict[int, tuple[bytes, bool]] = {}
        self._added = 0
        self._gone = 0
        # The value of `_added` at which the queue is full: `put` needs one comparison.
        self._full_at = self._max_pending

    def put(self, event: Any) -> bool:
        """Add an event, or return False if the queue is full; reject an invalid one.

        Nested values are validated when it is encoded.
        """
        kept: Any
        try:
            if event.__class__ is dict:
                # A copy: callers may reuse the mapping for their next event.
                kept = event.copy()
                name, data = kept.get("name"), kept.get("data")
            elif isinstance(event, Event):
                kept, name, data = event, event.name, event.data
            else:
                kept = wire_form(event)
                name, data = kept.get("name"), kept.get("data")
            convention = self._convention
            if name.__class__ is not str or not name or name[0] in "iI" or convention is not None:
                check_name(name, convention)
            if data.__class__ is not dict and not (data is None or isinstance(data, Mapping)):
                raise TypeError(f"data must be a JSON object, not {type(data).__name__}")
        except (TypeError, ValueError) as error:
            raise InvalidEventError(str(error)) from None
        schedule = self._schedule
        with schedule.lock:
            if self._added >= self._full_at:
                return False
            wake = schedule.count_one()
            self._added += 1
            self._events.append(kept)
        if wake:
            self._wake()
        return True

    def shut(self) -> None:
        with self._schedule.lock:
            self._max_pending = self._full_at = 0

    def take(self) -> Batch | None:
        """Return the next batch, if any; until it is settled, it is returned again."""
        with self._taking:
            if self._taken is not None:
                self._keep(self._taken, may_be_stored=self._taken.may_be_stored)
            self._taken = self._next()
            with self._schedule.lock:
                left = len(self._events) + sum(map(_size, self._ready))
                self._schedule.took(left, is_full=bool(self._ready))
            return self._taken

    def _next(self) -> Batch | None:
        for seqs in self._schedule.turns():
            if seqs is None:
                if (batch := self._next_new()) is not None:
                    return batch
            elif found := [(seq, *self._failed[seq]) for seq in seqs if seq in self._failed]:
                batch, _ = gather(found)
                for seq in batch.positions:
                    del self._failed[seq]
                return batch
        return None

    def _next_new(self) -> Batch | None:
        if not self._ready:
            self._encode_next()
        if not self._ready:
            return None
        batch, most = self._ready.popleft(), self._schedule.most
        if len(batch.positions) > most:
            self._ready.appendleft(batch.part(most))
            return batch.part(0, most)._replace(invalid=batch.invalid)
        return batch

    def _encode_next(self) -> None:
        """Encode the next events; positions count in the order of adding."""
        count = min(len(self._events), self._schedule.batch_size)
        chunk = [self._events.popleft() for _ in range(count)]
        self._ready += batches_of_events(chunk, count or 1, first=self._encoded, lenient=True)
        self._encoded += count

    def _finish(self, outcome: BatchOutcome, rest: Batch | None) -> None:
        if rest is not None:
            self._keep(rest, may_be_stored=rest.may_be_stored)
        with self._schedule.lock:
            self._gone += _size(outcome.batch) - _size(rest)
            self._full_at = self._max_pending and self._max_pending + self._gone

    def _keep(self, batch: Batch, *, may_be_stored: bool) -> None:
        if self._schedule.failing().isdisjoint(batch.positions):
            self._ready.appendleft(batch._replace(may_be_stored=may_be_stored))
            self._schedule.added(_size(batch))
        else:
            texts = ((text, may_be_stored) for text in batch.texts())
            self._failed.update(zip(batch.positions, texts, strict=True))

    @property
    def pending(self) -> int:
        """The number of events waiting or in flight."""
        with self._schedule.lock:
            return self._added - self._gone

    def mark(self) -> int:
        """Return a mark behind the last event added."""
        with self._schedule.lock:
            return self._added

    def has_left(self, mark: int) -> bool:
        """Return whether any event before the mark is not final yet."""
        with self._schedule.lock:
            # All up to the last one taken are gone, except those that have failed.
            failing = self._schedule.failing()
            return mark > min(failing, default=mark) or mark > self._gone + len(failing)

    def close(self, on_lost: Callable[[BatchOutcome], object]) -> int:
        """Discard all remaining events, including those in flight; log and return their number."""
        with self._taking:
            while self._events:
                self._encode_next()
            failed = Batch.of([*self._failed], [text for text, _ in self._failed.values()])
            left = [
                it for it in (failed, self._taken, *self._ready) if it is not None and _size(it)
            ]
            self._failed.clear()
            self._taken = None
            self._ready.clear()
            with self._schedule.lock:
                self._schedule.forget(self._schedule.failing())
                self._gone = self._added
                self._schedule.took(0)
        for batch in left:
            on_lost(BatchOutcome.unknown(batch, "the buffer was closed before it was accepted"))
        count = sum(len(batch.positions) for batch in left)
        if count:
            logger.warning("%d events were not accepted when the buffer closed; see report", count)
        return count


def _size(batch: Batch | None) -> int:
    return 0 if batch is None else len(batch.positions) + len(batch.invalid)
