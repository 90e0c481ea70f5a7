"""A store in a file: events are on disk before `put` returns, and deleted once acknowledged.

No network, and no thread of its own. Several processes may share the file: a batch is leased to
the one that sends it. A lease only saves work. If one ends early (a clock that jumps, a request
that takes very long), an event goes out twice, and runs once by its id (operation sendEvents).
"""

from __future__ import annotations

import itertools
import logging
import uuid
from contextlib import closing
from itertools import chain, islice
from typing import TYPE_CHECKING

from inngest_rest._core.buffer import dead_letters
from inngest_rest._core.buffer.dead_letters import is_json_object
from inngest_rest._core.buffer.group_commit import GroupCommit
from inngest_rest._core.buffer.parking import Parking, may_be_about_the_events
from inngest_rest._core.buffer.sqlite_file import OutboxFile, is_about_writing
from inngest_rest._core.sending.batching import Batch, Batcher
from inngest_rest._core.sending.event_json import encode
from inngest_rest._core.sending.fates import Rejected, Unknown
from inngest_rest.errors import OutboxError
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence

    from inngest_rest._core.buffer.schedule import Schedule
    from inngest_rest._core.event_names import NameConvention
    from inngest_rest._core.sending.fates import Fates
    from inngest_rest.event import EventLike

logger = logging.getLogger("inngest_rest")

LONGEST_LEASE = 3_600.0
"""Seconds; a lease that ends later was written by a clock that has jumped, and no longer holds."""

IDEMPOTENCY_WINDOW = 86_400.0
"""Seconds for which the platform remembers an event's id (operation sendEvents)."""

# Flipped bits heed no NOT NULL, on which SQLite relies: it takes IS NULL for false.
_FREE = f"""
(leased_until <= :now OR leased_until > :now + {LONGEST_LEASE} OR owner = :owner
    OR typeof(leased_until) = 'null')
"""
_SELECT = f"""
SELECT seq, text, added_at, owner FROM entries
WHERE seq BETWEEN :first AND :last AND {_FREE} ORDER BY seq
"""  # noqa: S608
_BEHIND = f"SELECT seq FROM entries WHERE seq > :last AND {_FREE}"  # noqa: S608

# The first and the last number that a row can have.
_FIRST, _LAST = -(2**63), 2**63 - 1

_LEASE = "UPDATE entries SET owner = ?, leased_until = ? WHERE seq = ?"
_RELEASE = "UPDATE entries SET owner = ?, leased_until = 0 WHERE seq = ? AND owner = ?"
_DELETE = "DELETE FROM entries WHERE seq = ?"


class Outbox:
    """A bounded queue of events in a file.

    Args:
        path: The file, created if missing.
        schedule: Notified of events that come and go.
        wake: Called, outside the lock, to wake a resting worker.
        batch_size: Maximum number of events per batch.
        max_pending: Maximum number of events in the file, those of all processes together.
        lease: Seconds for which a batch is kept from other processes.
        now: Seconds since 1970; processes compare their leases by it.
        convention: The check of the events' names, if there is one.

    Attributes:
        file: The file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        schedule: Schedule,
        wake: Callable[[], None],
        *,
        batch_size: int,
        max_pending: int,
        lease: float,
        now: Callable[[], float],
        convention: NameConvention | None = None,
    ) -> None:
        self.file = OutboxFile(path)
        self._schedule = schedule
        self._wake = wake
        self._batch_size = batch_size
        self._max_pending = max_pending
        self._lease = min(lease, LONGEST_LEASE)
        self._now = now
        self._convention = convention
        self._start()
        try:
            has_backlog = self.pending > 0
        except OutboxError:
            self.file.retire()
            raise
        if has_backlog:  # left by an earlier process
            schedule.added(batch_size)

    def _start(self) -> None:
        self._owner = uuid.uuid4().hex
        self._commits = GroupCommit(self._store)
        self._has_to_wake = False
        # Events that a request had whose outcome is unknown. In the file, their owner stays.
        self._maybe_stored: set[int] = set()
        # Final outcomes that are not in the file yet: why an event was rejected, None if it was
        # accepted, by its number.
        self._outcomes: dict[int, str | None] = {}
        self._parking = Parking[tuple[int, ...]](self._schedule, len, _part)
        self._end = 0
        self._has_warned_of_age = False
        self._has_warned_of_disk = False
        self._has_recounted = False

    def restart(self) -> None:  # pragma: no cover - in a forked child
        self._start()
        self._schedule.restart()

    def put(self, event: EventLike) -> bool:
        """Store an event; threads that wait for the disk at the same time share one commit."""
        stored = self._commits.put(encode(event, 0, self._convention))
        if isinstance(stored, str):
            raise OutboxError(stored, path=str(self.file.path))
        if self._has_to_wake:
            self._has_to_wake = False
            self._wake()
        return stored

    def _store(self, texts: Sequence[bytes]) -> int:
        """Store as many texts as there is room for, and return how many."""
        with self.file.transaction("did not take the event") as db:
            fitting = texts[: max(0, self._max_pending - self._count_all(db))]
            if len(fitting) < len(texts) and self._recount(db):
                fitting = texts[: max(0, self._max_pending - self._count_all(db))]
            now = self._now()
            db.executemany(
                "INSERT INTO entries (text, added_at) VALUES (?, ?)",
                [(text, now) for text in fitting],
            )
            if fitting and self._schedule.added(len(fitting)):
                self._has_to_wake = True
        return len(fitting)

    def _recount(self, db: sqlite3.Connection) -> bool:
        """Correct a damaged count, and return whether it was: it would leave no room for ever."""
        if self._has_recounted:
            return False
        self._has_recounted = True
        [count] = db.execute("SELECT count(*) FROM entries").fetchone()
        if count == self._count_all(db):
            return False
        db.execute("UPDATE counts SET pending = ?", [count])
        return True

    def shut(self) -> None:
        self._max_pending = 0
        self._end = self.mark()

    def take(self) -> Batch | None:
        """Lease the batch that goes out next; on a full disk, return it without a lease.

        Raises:
            OutboxError: The file cannot be read, or another process does not stop writing.
        """
        try:
            self._write_outcomes()
            with self.file.transaction("cannot lease") as db:
                batch, left, is_full = self._next(db)
                until = self._now() + self._lease
                leases = [(self._owner, until, seq) for seq in batch.positions]
                db.executemany(_LEASE, leases)
        except OutboxError as error:
            if not is_about_writing(error):
                raise
            # Sending makes room. Without a lease, an event may be sent twice; it runs once.
            self._warn_of_disk(error)
            with self.file.reading() as db:
                batch, left, is_full = self._next(db)
        self._outcomes.update((each.position, each.reason) for each in batch.refused)
        self._schedule.took(left, is_full=is_full, parked_until=self._parking.next_due())
        return batch if batch.positions or batch.refused else None

    def _next(self, db: sqlite3.Connection) -> tuple[Batch, int, bool]:
        """Return the events that go out next: new ones, or some that have failed before."""
        self._parking.put_back()  # of an attempt to lease that failed
        chosen = None if self._parking.comes_first else self._choose(db)
        if chosen is None or not (chosen[0].positions or chosen[0].refused):
            while (parked := self._parking.take()) is not None:
                batch, left, is_full = self._choose(db, parked.item)
                if batch.positions or batch.refused:
                    return batch._replace(is_to_blame=parked.is_to_blame), left, is_full
                self._parking.taken = None  # another process has sent them
        return chosen or self._choose(db)

    def _choose(
        self, db: sqlite3.Connection, among: Sequence[int] | None = None
    ) -> tuple[Batch, int, bool]:
        """Return the events that go out next, past damaged ones.

        Args:
            db: The file.
            among: The events to choose among; by default all that have not failed.

        Returns:
            The batch, how many events come after it, and whether it is full by its bytes.
        """
        batcher: Batcher[bytes] = Batcher(_as_it_is, max_events=self._batch_size)
        taken: list[int] = []
        damaged: list[SendFailure] = []
        full, last = None, _FIRST
        size = 1 if among is None and self._parking.is_full else self._batch_size
        oldest = now = self._now()
        free = {"now": now, "owner": self._owner, "first": _FIRST, "last": _LAST}
        parked = frozenset(chain.from_iterable(self._parking))
        wanted = frozenset(among or ())
        if among is not None:
            free |= {"first": min(among), "last": max(among)}
        may_be_stored = False
        with closing(db.execute(_SELECT, free)) as rows:
            for seq, text, added_at, owner in rows:
                if seq in self._outcomes or (seq not in wanted if wanted else seq in parked):
                    continue
                if len(taken) + len(damaged) == size:
                    break
                if not is_json_object(text):
                    damaged.append(SendFailure(seq, {}, "damaged in the file: not a JSON object"))
                else:
                    full = batcher.add(text)
                    if full is not None:
                        break
                    taken.append(seq)
                    may_be_stored |= owner is not None or seq in self._maybe_stored
                    # A damaged time is no reason not to send a good event.
                    oldest = min(oldest, added_at) if isinstance(added_at, float) else oldest
                last = seq
        behind = _FIRST if wanted else last
        with closing(db.execute(_BEHIND, {**free, "last": behind})) as rows:
            unsent = (1 for (seq,) in rows if seq not in self._outcomes and seq not in parked)
            left = sum(islice(unsent, self._batch_size))
        self._warn_of_age(now - oldest)
        batch = full or batcher.flush() or Batch((), b"[]")
        batch = batch._replace(positions=taken, refused=damaged, may_be_stored=may_be_stored)
        return batch, left, full is not None

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
        """Log that the file cannot be written, once until it can be written again."""
        if not self._has_warned_of_disk:
            self._has_warned_of_disk = True
            logger.warning(
                "%s. Events in it are still sent; outcomes are written when that is possible", error
            )

    def settle(self, fates: Fates) -> Fates:
        """Write outcomes to the file; if that fails, the next `take` or `close` does it."""
        for seq, fate in zip(fates.batch.positions, fates.each, strict=True):
            if not isinstance(fate, Unknown):
                self._outcomes[seq] = fate.reason if isinstance(fate, Rejected) else None
        unsent = tuple(seq for seq in fates.batch.positions if seq not in self._outcomes)
        if fates.each and not unsent:
            self._parking.succeeded()
        elif unsent and may_be_about_the_events(fates.cause):
            self._parking.failed(unsent)
        elif unsent:
            self._parking.put_back(unsent)
        self._release(fates.batch, may_be_stored=fates.rest_may_be_stored)
        return fates.split()[0]

    def put_back(self, batch: Batch) -> None:
        self._parking.put_back()
        self._release(batch, may_be_stored=True)

    def _release(self, batch: Batch, *, may_be_stored: bool) -> None:
        """Write outcomes, and give other processes the rest of a batch."""
        unsent = [seq for seq in batch.positions if seq not in self._outcomes]
        if may_be_stored:
            self._maybe_stored.update(unsent)
        try:
            self._write_outcomes(unsent)
        except OutboxError as error:
            self._warn_of_disk(error)
        self._parking.taken = None
        self._schedule.kept(None, parked_until=self._parking.next_due())
        if not set(unsent) <= set(chain.from_iterable(self._parking)):
            self._schedule.added()

    def _write_outcomes(self, unsent: Sequence[int] = ()) -> None:
        """Write every outcome that is not in the file, and end the leases of unsent events."""
        accepted = [(seq,) for seq, reason in list(self._outcomes.items()) if reason is None]
        rejected = [
            (seq, reason) for seq, reason in list(self._outcomes.items()) if reason is not None
        ]
        # Apart, since accepted events make room, and dead letters need it.
        if accepted or unsent:
            with self.file.transaction("cannot note what was sent") as db:
                owners = [self._owner if seq in self._maybe_stored else None for seq in unsent]
                released = zip(owners, unsent, itertools.repeat(self._owner), strict=False)
                db.executemany(_RELEASE, released)
                db.executemany(_DELETE, accepted)
            self._note_written(seq for (seq,) in accepted)
        if rejected:
            now = self._now()
            with self.file.transaction("cannot keep a dead letter") as db:
                dead_letters.bury(db, rejected, now)
                db.executemany(_DELETE, [(seq,) for seq, _ in rejected])
            self._note_written(seq for seq, _ in rejected)

    def _note_written(self, seqs: Iterable[int]) -> None:
        for seq in seqs:
            self._outcomes.pop(seq, None)
            self._maybe_stored.discard(seq)
        self._has_warned_of_disk = False

    @property
    def pending(self) -> int:
        """How many events wait or are being sent, those of all processes together."""
        with self.file.reading() as db:
            return max(self._count_all(db) - len(self._outcomes), 0)

    def _count_all(self, db: sqlite3.Connection) -> int:
        row = db.execute("SELECT pending FROM counts").fetchone()
        if row is None or not isinstance(row[0], int):
            self.file.refuse("is damaged: it does not know how many events it has. Move it aside")
        return int(row[0])

    def mark(self) -> int:
        with self.file.reading() as db:
            [last] = db.execute("SELECT max(seq) FROM entries").fetchone()
        return last or 0

    def has_left(self, mark: int) -> bool:
        """Return whether any event is left before the mark that no other process is sending."""
        return self._count_left(mark, at_most=1) > 0

    def _count_left(self, mark: int, *, at_most: int | None = None) -> int:
        free = {"mark": mark, "now": self._now(), "owner": self._owner}
        query = f"SELECT seq FROM entries WHERE seq <= :mark AND {_FREE}"  # noqa: S608
        with self.file.reading() as db, closing(db.execute(query, free)) as rows:
            left = (seq for (seq,) in rows if seq not in self._outcomes)
            return sum(1 for _ in islice(left, at_most))

    def dead_letters(self) -> list[SendFailure]:
        return dead_letters.read(self.file)

    def discard(self, letters: Iterable[SendFailure]) -> None:
        dead_letters.discard(self.file, letters)

    def hurry(self) -> None:
        self.file.is_hurried = True

    def close(self, on_lost: Callable[[Fates], object]) -> int:  # noqa: ARG002 - none is lost
        try:
            self._write_outcomes()
        except OutboxError as error:
            logger.warning(
                "%s. %d events in it are done, and are sent again, to run once, when a buffer "
                "opens it: the platform remembers an id for 24 hours",
                error,
                len(self._outcomes),
            )
        try:
            left = self._count_left(self._end)
        finally:
            self.file.retire()
        if left:
            logger.warning(
                "%d events are left in %s; they go out when a buffer opens it again",
                left,
                self.file.path,
            )
        return left


def _part(seqs: tuple[int, ...], start: int, end: int | None) -> tuple[int, ...]:
    return seqs[start:end]


def _as_it_is(text: bytes, _: int) -> bytes:
    return text
