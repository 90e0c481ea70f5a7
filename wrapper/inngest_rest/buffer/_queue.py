"""The queue of a buffer: holds events until they are accepted or rejected.

In memory, here; `outbox` keeps them in a file instead, and overrides what a file does otherwise.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from inngest_rest._core.sending.batching import Batch, BatchOutcome, Rejected, Unknown
from inngest_rest._local.event_json import encode as encode_event
from inngest_rest._local.limits import DEFAULT_BYTES
from inngest_rest._values.logs import logger
from inngest_rest.buffer._delivery import Refused, rejected
from inngest_rest.buffer._schedule import MOST_REFUSALS
from inngest_rest.errors import ApiError, InngestError, InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from inngest_rest._local.event_names import NameConvention
    from inngest_rest.buffer._schedule import Schedule
    from inngest_rest.event import EventLike
    from inngest_rest.reports import SendFailure


@frozen
class Reserved:
    """The next batch, and the counts at the time of its choice.

    Attributes:
        batch: The next batch; empty if none is due.
        left: The number of new events that are left behind it, at most.
        waiting: The number of new events that the schedule had counted, those of the batch too.
        is_full: Whether the batch is filled by its bytes.
    """

    batch: Batch
    left: int
    waiting: int
    is_full: bool


def none_reserved(waiting: int) -> Reserved:
    """Return an empty batch; `waiting` is what the schedule has counted."""
    return Reserved(batch=Batch.of([], []), left=0, waiting=waiting, is_full=False)


class Queue:
    """Bounded, thread-safe, and with one batch in flight at a time.

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
        # JSON texts by number, in the order of adding; the schedule's lock guards them.
        # An ordinary dict looks for its first entry among all that were removed before it.
        self._entries: OrderedDict[int, bytes] = OrderedDict()
        self._added = 0
        # Events of requests whose outcome is unknown. In a file, they keep their owner.
        self._maybe_stored: set[int] = set()
        # Final outcomes not yet written to a file, by number: the reason for a rejection, or None
        # for an accepted event.
        self._outcomes: dict[int, str | None] = {}

    def after_fork_in_child(self) -> None:
        """Reset in a forked child; batches in flight stay with the parent."""
        self._start()
        self._schedule.restart()

    def put(self, event: EventLike) -> bool:
        """Add an event, or return False if the queue is full; reject an invalid one."""
        text = encode_event(event, 0, self._convention)
        with self._schedule.lock:
            if len(self._entries) >= self._max_pending:
                return False
            has_to_wake = self._schedule.added()
            self._entries[self._added] = text
            self._added += 1
        if has_to_wake:
            self._wake()
        return True

    def shut(self) -> None:
        """Accept no more events."""
        self._max_pending = 0

    def take(self) -> Batch | None:
        """Return the next batch, if any; until it is settled, it is returned again."""
        with self._taking:
            reserved = self._reserve()
            batch = reserved.batch
            for failure in batch.invalid:
                self._outcomes[failure.position] = failure.reason
            with self._schedule.lock:
                added_since = self._schedule.waiting - reserved.waiting
                left = reserved.left + added_since
                self._schedule.took(left, is_full=reserved.is_full)
            self._taken = batch if batch.positions or batch.invalid else None
            return self._taken

    def _reserve(self) -> Reserved:
        """Choose the next batch while no event can be added, so that each is counted once."""
        with self._schedule.lock:
            return self._next_batch()

    def _next_batch(self) -> Reserved:
        # First: where adding is not locked out (a full disk), an event that is added meanwhile is
        # rather counted twice than not at all.
        waiting = self._schedule.waiting
        skipped = self._schedule.refused() | self._outcomes.keys()
        for seq in self._schedule.turns():
            batch, is_full = self._choose(seq, skipped)
            taken = set(batch.positions)
            taken.update(failure.position for failure in batch.invalid)
            if taken:
                left = max(self._count() - len(skipped | taken), 0)
                return Reserved(
                    batch=batch, left=left, waiting=waiting, is_full=is_full
                )
        # Any that are left are those of other processes.
        return none_reserved(waiting)

    def _choose(self, seq: int | None, skipped: set[int]) -> tuple[Batch, bool]:
        """Return a batch of one event or of all but `skipped`, and whether its bytes fill it."""
        kept = self._entries
        wanted: Iterable[int]
        if seq is None:
            wanted = (each for each in kept if each not in skipped)
        else:
            wanted = [seq] if seq in kept else []
        rows = ((each, kept[each], each in self._maybe_stored) for each in wanted)
        return gather(islice(rows, self._schedule.most))

    def settle(self, outcome: BatchOutcome) -> BatchOutcome | None:
        """Remove final events, keep the rest, and return the final outcomes; None if closed."""
        with self._taking:
            # A delivery returns the batch that it was given with a mark.
            taken = self._taken
            if taken is None or outcome.batch.positions is not taken.positions:
                return None
            outcome = self._judge(outcome)
            for seq, result in zip(outcome.batch.positions, outcome.each, strict=True):
                if isinstance(result, Rejected):
                    self._outcomes[seq] = result.reason
                elif not isinstance(result, Unknown):
                    self._outcomes[seq] = None
            may_be_stored = outcome.batch.may_be_stored
            if outcome.cause is not None and outcome.cause.may_have_taken_effect:
                may_be_stored = True
            self._keep(outcome.batch, may_be_stored=may_be_stored)
            self._taken = None
            return outcome.final()

    def _judge(self, outcome: BatchOutcome) -> BatchOutcome:
        """Schedule what is left of a delivery, and reject what was refused too often."""
        schedule = self._schedule
        seqs = outcome.batch.positions
        if outcome.are_all_accepted:
            schedule.forget(seqs)
            schedule.succeeded()
            return outcome
        was_retry = not schedule.refused().isdisjoint(seqs)
        results = zip(seqs, outcome.each, strict=True)
        final = [seq for seq, result in results if not isinstance(result, Unknown)]
        schedule.forget(final)
        if final:
            schedule.succeeded()
        judged = self._reject_often_refused(outcome)
        refused = sum(isinstance(result, Refused) for result in judged.each)
        unknown = sum(isinstance(result, Unknown) for result in judged.each)
        are_others_accepted = bool(final) or was_retry
        if refused and are_others_accepted:
            logger.warning(
                "%d events fail while others are accepted; they are kept and tried again: %s",
                refused,
                outcome.cause,
            )
        if unknown > refused or (refused and not are_others_accepted):
            self.pause(unknown, outcome.cause)
        return judged

    def _reject_often_refused(self, outcome: BatchOutcome) -> BatchOutcome:
        """Count the refusals of each event; reject those that were refused too often."""
        each = [*outcome.each]
        for index, seq in enumerate(outcome.batch.positions):
            result = each[index]
            if isinstance(result, Refused) and self._schedule.refuse(seq):
                each[index] = rejected(
                    f"refused {MOST_REFUSALS} times, others were not: {result.reason}",
                    may_be_stored=outcome.batch.may_be_stored,
                )
        return evolve(outcome, each=each)

    def pause(self, count: int, error: BaseException | None) -> None:
        is_expected = error is None or isinstance(error, InngestError)
        retry_after = error.retry_after if isinstance(error, ApiError) else None
        seconds = self._schedule.failed(retry_after)
        logger.warning(
            "%d events were not accepted and are kept; trying again in %.0f s: %s",
            count,
            seconds,
            error,
            exc_info=None if is_expected else error,
        )

    def put_back(self, batch: Batch) -> None:
        """Return an unfinished batch to the queue; no effect if it was settled."""
        with self._taking:
            if batch is self._taken:
                self._keep(batch, may_be_stored=True)
                self._taken = None

    def _keep(self, batch: Batch, *, may_be_stored: bool) -> None:
        """Write outcomes, and return the rest of the batch to the queue."""
        unsent = [seq for seq in batch.positions if seq not in self._outcomes]
        if may_be_stored:
            self._maybe_stored.update(unsent)
        refused = self._schedule.refused()
        if untried := sum(seq not in refused for seq in unsent):
            self._schedule.added(untried)
        self._write_outcomes(unsent)

    def _write_outcomes(self, unsent: Sequence[int] = ()) -> None:  # noqa: ARG002 - no leases here
        """Remove final events."""
        self._note_written([*self._outcomes])

    def _note_written(self, seqs: Iterable[int]) -> None:
        with self._schedule.lock:
            for seq in seqs:
                self._outcomes.pop(seq, None)
                self._maybe_stored.discard(seq)
                self._entries.pop(seq, None)

    def _count(self) -> int:
        return len(self._entries)

    @property
    def pending(self) -> int:
        """The number of events waiting or in flight."""
        return max(self._count() - len(self._outcomes), 0)

    def mark(self) -> int:
        """Return the number of the last event added."""
        with self._schedule.lock:
            return self._added - 1

    def has_left(self, mark: int) -> bool:
        """Return whether any event up to the mark is not final yet."""
        with self._schedule.lock:
            return next(iter(self._entries), mark + 1) <= mark

    def dead_letters(self) -> list[SendFailure]:
        """Return the dead letters, oldest first."""
        raise InvalidArgumentError(
            "dead letters are kept in a file: give the buffer a path as its store"
        )

    def discard(self, letters: Iterable[SendFailure]) -> None:  # noqa: ARG002
        self.dead_letters()

    def give_up(self) -> None:
        """Wait for no other process, and take no more events: a close ends before all are sent."""

    def close(self, on_lost: Callable[[BatchOutcome], object]) -> int:
        """Discard all remaining events, including those in flight; log and return their number."""
        with self._taking, self._schedule.lock:
            left = self._entries
            self._entries = OrderedDict()
            self._taken = None
            self._schedule.forget(self._schedule.refused())
            self._schedule.took(0)
        reason = "the buffer was closed before it was accepted"
        rows = iter(left.items())
        while some := dict(islice(rows, self._schedule.batch_size)):
            batch = Batch.of([*some], some.values())
            on_lost(BatchOutcome.unknown(batch, reason))
        if left:
            logger.warning(
                "%d events were not accepted when the buffer closed; see report",
                len(left),
            )
        return len(left)


def gather(rows: Iterable[tuple[int, bytes, bool]]) -> tuple[Batch, bool]:
    """Make a batch of the events that fit into one request; return whether its bytes fill it, too.

    A row is an event's number, its text, and whether an earlier request may have stored it.
    """
    seqs: list[int] = []
    texts: list[bytes] = []
    size = 2  # the brackets
    may_be_stored = False
    is_full = False
    for seq, text, may_be in rows:
        size += len(text) + 1
        is_full = bool(seqs) and size > DEFAULT_BYTES
        if is_full:
            break
        seqs.append(seq)
        texts.append(text)
        may_be_stored |= may_be
    return Batch.of(seqs, texts)._replace(may_be_stored=may_be_stored), is_full
