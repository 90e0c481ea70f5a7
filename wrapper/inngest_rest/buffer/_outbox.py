"""A queue in a file: events are on disk before `put` returns, and deleted once acknowledged.

It uses no network and no thread. Several processes may share the file: a batch is leased to the
one that sends it. Leases only avoid duplicate work: if one expires early (a clock jump, a very slow
request), an event is sent twice, with its id (operation sendEvents).
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

from attrs import define

from inngest_rest._local.arguments import invalid
from inngest_rest._local.event_json import encode as encode_event
from inngest_rest._values.json_text import decode
from inngest_rest._values.logs import logger
from inngest_rest.buffer import OutboxError
from inngest_rest.buffer._outbox_file import (
    WRITE_ERRORS,
    OutboxFile,
    is_json_object,
    kind_of,
)
from inngest_rest.buffer._queue import Queue, Reserved, gather, none_reserved
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from inngest_rest._core.sending.batching import Batch, BatchOutcome
    from inngest_rest.buffer._schedule import Schedule
    from inngest_rest.event import EventLike


LONGEST_LEASE = 3_600.0
"""Seconds; a lease that ends later than this was written by a wrong clock and is void."""

IDEMPOTENCY_WINDOW = 86_400.0
"""Seconds during which the platform deduplicates by event id (operation sendEvents)."""

_FREE = (
    f"(leased_until <= :now OR leased_until > :now + {LONGEST_LEASE} OR owner = :owner)"
)
_SELECT = f"""
SELECT seq, text, added_at, owner FROM entries
WHERE seq BETWEEN :first AND :last AND {_FREE} ORDER BY seq
"""  # noqa: S608
_LEFT = f"SELECT seq FROM entries WHERE seq <= :last AND {_FREE}"  # noqa: S608

_INSERT = "INSERT INTO entries (text, added_at) VALUES (?, ?)"
_LEASE = "UPDATE entries SET owner = ?, leased_until = ? WHERE seq = ?"
_RELEASE = "UPDATE entries SET owner = ?, leased_until = 0 WHERE seq = ? AND owner = ?"
_DELETE = "DELETE FROM entries WHERE seq = ?"
_DEAD_LETTERS = "SELECT seq, text, reason FROM dead_letters ORDER BY seq"
_DISCARD = "DELETE FROM dead_letters WHERE seq = ?"
_MOVE_TO_DEAD_LETTERS = """
INSERT OR IGNORE INTO dead_letters SELECT seq, text, added_at, ?, ? FROM entries WHERE seq = ?
"""


@define(eq=False)
class _Ticket:
    """A pending write and its outcome: whether there was room, or an error message."""

    text: bytes
    outcome: bool | str | None = None


class Outbox(Queue):
    """Events in a file; `max_pending` counts those of all processes.

    A batch is reserved for this process for the seconds of a `lease`; processes compare leases by
    `now`, the seconds since 1970.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        schedule: Schedule,
        wake: Callable[[], None],
        *,
        lease: float,
        now: Callable[[], float],
        **options: Any,
    ) -> None:
        self.file = OutboxFile(path)
        self._lease = min(lease, LONGEST_LEASE)
        self._now = now
        super().__init__(schedule, wake, **options)
        if self.pending:  # left by an earlier process
            schedule.added(self._schedule.batch_size)

    def _start(self) -> None:
        super()._start()
        self._owner = uuid.uuid4().hex
        # Group commit: the first thread that gets the lock writes what all of them queued. It is
        # reentrant: a finalizer may add an event in the middle of an add.
        self._pending_writes: deque[_Ticket] = deque()
        self._storing = threading.RLock()
        self._has_to_wake = False
        self._end = 0
        self._has_given_up = False
        self._has_warned_of_age = False
        self._has_warned_of_disk = False

    def put(self, event: EventLike) -> bool:
        """Store an event; concurrent threads share one commit."""
        ticket = _Ticket(encode_event(event, 0, self._convention))
        self._pending_writes.append(ticket)
        with self._storing:
            if ticket.outcome is None:
                self._store_all()
        if isinstance(ticket.outcome, str):
            raise OutboxError(ticket.outcome, path=str(self.file.path))
        if self._has_to_wake:
            self._has_to_wake = False
            self._wake()
        return bool(ticket.outcome)

    def _store_all(self) -> None:
        number = len(self._pending_writes)
        tickets = [self._pending_writes.popleft() for _ in range(number)]
        try:
            with self.file.transaction("cannot store the event") as db:
                room = max(0, self._max_pending - self._count())
                now = self._now()
                rows = [(ticket.text, now) for ticket in tickets[:room]]
                db.executemany(_INSERT, rows)
                if room and self._schedule.added(min(room, len(tickets))):
                    self._has_to_wake = True
        except BaseException as error:
            for ticket in tickets:
                ticket.outcome = str(error) or f"interrupted by {type(error).__name__}"
            if not isinstance(error, Exception):
                raise
        else:
            for index, ticket in enumerate(tickets):
                ticket.outcome = index < room

    def shut(self) -> None:
        super().shut()
        self._end = self.mark()

    def _reserve(self) -> Reserved:
        """Lease the next batch; on a full disk, return it without a lease; or raise OutboxError."""
        try:
            self._write_outcomes()
            # Events are added in transactions of their own, so none is in the middle of this one.
            with self.file.transaction("cannot lease") as db:
                # A lease would keep the event from the next buffer.
                if self._has_given_up:
                    return none_reserved(self._schedule.waiting)
                reserved = self._next_batch()
                until = self._now() + self._lease
                leases = [(self._owner, until, seq) for seq in reserved.batch.positions]
                db.executemany(_LEASE, leases)
        except OutboxError as error:
            if kind_of(error.__cause__) not in WRITE_ERRORS:
                raise
            # It may still be readable, and sending frees space. Without a lease, an event may
            # be sent twice.
            self._warn_of_disk(error)
            reserved = self._next_batch()
        return reserved

    def _choose(self, seq: int | None, skipped: set[int]) -> tuple[Batch, bool]:
        """Return a batch of free events; a damaged one is not sent, but invalid."""
        damaged: list[SendFailure] = []

        def good(
            rows: Iterable[tuple[int, Any, Any, Any]],
        ) -> Iterator[tuple[int, bytes, bool]]:
            for position, text, added_at, owner in rows:
                if is_json_object(text):
                    if isinstance(added_at, float):  # not corrupted
                        self._warn_of_age(self._now() - added_at)
                    is_sent = owner is not None or position in self._maybe_stored
                    yield position, text, is_sent
                else:
                    reason = "damaged in the file: not a JSON object"
                    damaged.append(SendFailure(position, {}, reason))

        bounds = {
            "now": self._now(),
            "owner": self._owner,
            "first": 0 if seq is None else seq,
            "last": 2**63 - 1 if seq is None else seq,
        }
        with self.file.reading() as db, closing(db.execute(_SELECT, bounds)) as rows:
            chosen = (row for row in rows if row[0] == seq or row[0] not in skipped)
            batch, is_full = gather(good(islice(chosen, self._schedule.most)))
        return batch._replace(invalid=damaged), is_full

    def _warn_of_age(self, age: float) -> None:
        if age > IDEMPOTENCY_WINDOW and not self._has_warned_of_age:
            self._has_warned_of_age = True
            logger.warning(
                "%s holds events that have waited for up to %.0f hours: one that was sent without "
                "an answer may run again, since the platform remembers an id for 24 hours",
                self.file.path,
                age / 3_600,
            )

    def _warn_of_disk(self, error: OutboxError) -> None:
        """Log a write failure, once until a write succeeds again."""
        if not self._has_warned_of_disk:
            self._has_warned_of_disk = True
            logger.warning(
                "%s. Events in it are still sent; outcomes are written when that is possible",
                error,
            )

    def _keep(self, batch: Batch, *, may_be_stored: bool) -> None:
        """Do so; if writing fails, the next `take` or `close` tries again."""
        try:
            super()._keep(batch, may_be_stored=may_be_stored)
        except OutboxError as error:
            self._warn_of_disk(error)

    def _write_outcomes(self, unsent: Sequence[int] = ()) -> None:
        """Write every pending outcome and release the leases of unsent events."""
        outcomes = dict(self._outcomes)
        if not outcomes and not unsent:
            return
        now = self._now()
        accepted: list[int] = []
        rejected: list[int] = []
        dead_letters: list[tuple[float, str, int]] = []
        for seq, reason in outcomes.items():
            if reason is None:
                accepted.append(seq)
            else:
                rejected.append(seq)
                dead_letters.append((now, reason, seq))
        with self.file.transaction("cannot record outcomes") as db:
            db.executemany(_RELEASE, [self._release_of(seq) for seq in unsent])
            # First: this frees the space that dead letters need.
            db.executemany(_DELETE, [(seq,) for seq in accepted])
            db.executemany(_MOVE_TO_DEAD_LETTERS, dead_letters)
            db.executemany(_DELETE, [(seq,) for seq in rejected])
        self._note_written(outcomes)

    def _release_of(self, seq: int) -> tuple[str | None, int, str]:
        """Return the arguments of `_RELEASE`: an event that may be stored keeps its owner."""
        owner = self._owner if seq in self._maybe_stored else None
        return owner, seq, self._owner

    def _note_written(self, seqs: Iterable[int]) -> None:
        super()._note_written(seqs)
        self._has_warned_of_disk = False

    def _count(self) -> int:
        with self.file.reading() as db:
            [pending] = db.execute("SELECT pending FROM counts").fetchone()
        return int(pending)

    def mark(self) -> int:
        with self.file.reading() as db:
            [last] = db.execute("SELECT max(seq) FROM entries").fetchone()
        return last or 0

    def has_left(self, mark: int) -> bool:
        """Return whether an event before the mark is left that no other process is sending."""
        return self._count_left(mark, at_most=1) > 0

    def _count_left(self, mark: int, *, at_most: int | None = None) -> int:
        """Count free events before the mark that are not final, up to a number."""
        free = {"now": self._now(), "owner": self._owner, "last": mark}
        count = 0
        with self.file.reading() as db, closing(db.execute(_LEFT, free)) as rows:
            for (seq,) in rows:
                if seq in self._outcomes:
                    continue
                count += 1
                if count == at_most:
                    break
        return count

    def dead_letters(self) -> list[SendFailure]:
        with self.file.reading() as db:
            rows = db.execute(_DEAD_LETTERS).fetchall()
        failures: list[SendFailure] = []
        for seq, text, reason in rows:
            event: dict[str, Any] = decode(text) if is_json_object(text) else {}
            failure = SendFailure(position=seq, event=event, reason=str(reason))
            failures.append(failure)
        return failures

    def discard(self, letters: Iterable[SendFailure]) -> None:
        try:
            seqs = [(letter.position,) for letter in letters]
        except (AttributeError, TypeError):
            raise invalid("letters", "must be some of dead_letters()") from None
        with self.file.transaction("cannot discard dead letters") as db:
            db.executemany(_DISCARD, seqs)

    def give_up(self) -> None:
        self.file.skips_lock_wait = True
        self._has_given_up = True

    def close(self, on_lost: Callable[[BatchOutcome], object]) -> int:  # noqa: ARG002 - none is
        """Write final outcomes, and leave the rest to the next process."""
        try:
            self._write_outcomes()
        except OutboxError as error:
            logger.warning(
                "%s. %d events in it are done, and are sent again when a buffer opens it: only "
                "functions that debounce or batch run again for an id within 24 hours",
                error,
                len(self._outcomes),
            )
        try:
            left = self._count_left(self._end)
        finally:
            self.file.retire()
        if left:
            logger.warning(
                "%d events are left in %s; they are sent when a buffer opens it again",
                left,
                self.file.path,
            )
        return left
