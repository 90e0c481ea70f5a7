"""Events that wait in a file: on disk before `put` returns, deleted once they are acknowledged.

No network, and no thread of its own. Several processes may share the file: a batch is leased to
the one that sends it. A lease only saves work. Where one ends early (a clock that jumps, a request
that takes for ever), an event goes out twice, and runs once by its id [facts.md 1].
"""

from __future__ import annotations

import logging
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from inngest_rest._core.buffer.delivery import final_part
from inngest_rest._core.buffer.group_commit import GroupCommit
from inngest_rest._core.buffer.sqlite_file import OutboxFile
from inngest_rest._core.sending.batching import Batch, Batcher
from inngest_rest._core.sending.event_json import encode
from inngest_rest.errors import OutboxError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from inngest_rest._core.buffer.schedule import Pace
    from inngest_rest._core.sending.send import Outcome
    from inngest_rest.event import EventLike
    from inngest_rest.reports import BatchReport

logger = logging.getLogger("inngest_rest")

LONGEST_LEASE = 3_600.0
"""Seconds; a lease that ends later was written by a clock that has jumped, and holds no more."""

IDEMPOTENCY_WINDOW = 86_400.0
"""Seconds for which the platform knows an event's id [facts.md 1]."""


class _Verdict(NamedTuple):
    """What has to be written about a batch that was sent."""

    accepted: Sequence[tuple[int]]
    rejected: Sequence[tuple[str, int]]
    released: Sequence[tuple[int]]


class Outbox:
    """A bounded queue of events in a file.

    Args:
        path: The file, made where it is missing.
        pace: Told of what comes and goes.
        wake: Called, outside the lock, when a resting worker has to look.
        batch_size: Most events a batch.
        at_most: Most events in the file, whoever put them there.
        lease: Seconds a batch is kept from other processes.
        now: Seconds since 1970: processes compare their leases by it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        pace: Pace,
        wake: Callable[[], None],
        *,
        batch_size: int,
        at_most: int,
        lease: float,
        now: Callable[[], float],
    ) -> None:
        self.file = OutboxFile(path)
        self._pace = pace
        self._wake = wake
        self._batch_size = batch_size
        self._at_most = at_most
        self._lease = min(lease, LONGEST_LEASE)
        self._now = now
        self._start()
        try:
            has_backlog = self.pending > 0
        except OutboxError:
            self.file.close()
            raise
        if has_backlog:
            # An earlier process left it.
            pace.added(batch_size)

    def _start(self) -> None:
        self._owner = uuid.uuid4().hex
        self._commits = GroupCommit(self._store)
        self._has_to_wake = False
        self._owed: list[_Verdict] = []
        self._end = 0
        self._has_warned = False

    def restart(self) -> None:
        """Go on in a forked child: what its parent was sending stays with the parent."""
        self.file.after_fork_in_child()
        self._start()
        self._pace.restart()

    def put(self, event: EventLike) -> bool:
        """Store an event; return False where there is no room.

        Threads that wait for the disk at the same time share one commit.

        Raises:
            InvalidEventError: It is invalid.
            OutboxError: It was not stored.
        """
        stored = self._commits.put(encode(event, 0))
        if isinstance(stored, str):
            raise OutboxError(stored, path=str(self.file.path))
        if self._has_to_wake:
            self._has_to_wake = False
            self._wake()
        return stored

    def _store(self, texts: Sequence[bytes]) -> int:
        """Store as many as there is room for, and return how many."""
        with self.file.transaction("did not take the event") as db:
            [pending] = db.execute("SELECT pending FROM counts").fetchone()
            fitting = texts[: max(0, self._at_most - pending)]
            now = self._now()
            db.executemany(
                "INSERT INTO entries (text, added_at) VALUES (?, ?)",
                [(text, now) for text in fitting],
            )
            if fitting and self._pace.added(len(fitting)):
                self._has_to_wake = True
        return len(fitting)

    def shut(self) -> None:
        """Take no more."""
        with self.file.exclusively():
            self._at_most = 0
            self._end = self.mark()

    def take(self) -> Batch | None:
        """Lease what goes out next, oldest first, and return it, or None.

        Raises:
            OutboxError: The file cannot be used; nothing was leased.
        """
        batcher: Batcher[bytes] = Batcher(_as_it_is, max_events=self._batch_size)
        taken: list[int] = []
        oldest = now = self._now()
        full = None
        self._pay()
        with self.file.transaction("cannot lease") as db:
            rows = db.execute(
                "SELECT seq, text, added_at FROM entries "
                "WHERE leased_until <= ? OR leased_until > ? ORDER BY seq LIMIT ?",
                (now, now + LONGEST_LEASE, self._batch_size),
            )
            for seq, text, added_at in rows:
                full = batcher.add(text)
                if full is not None:
                    break
                taken.append(seq)
                oldest = min(oldest, added_at)
            rows.close()
            db.executemany(
                "UPDATE entries SET owner = ?, leased_until = ? WHERE seq = ?",
                [(self._owner, now + self._lease, seq) for seq in taken],
            )
            [left] = db.execute(
                "SELECT count(*) FROM (SELECT 1 FROM entries "
                "WHERE leased_until <= ? OR leased_until > ? LIMIT ?)",
                (now, now + LONGEST_LEASE, self._batch_size),
            ).fetchone()
            self._pace.took(left)
        if now - oldest > IDEMPOTENCY_WINDOW:
            self._warn_of_age(now - oldest)
        batch = full or batcher.flush()
        return None if batch is None else batch._replace(positions=taken)

    def _warn_of_age(self, age: float) -> None:
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "%s holds events that have waited for up to %.0f hours: one that went out before "
                "without an answer runs again, since the platform knows an id for 24 hours",
                self.file.path,
                age / 3_600,
            )

    def settle(self, batch: Batch, outcome: Outcome) -> BatchReport | None:
        """Delete what was accepted, set aside what was rejected, and let go of the rest.

        Where the file cannot be written, that is made up for by the next `take` or `close`.

        Returns:
            What is final.
        """
        final = final_part(batch, outcome)
        reasons = {each.position: each.reason for each in final.report.failures}
        fates = list(zip(final.positions, final.ids, strict=True))
        self._write(
            _Verdict(
                [(seq,) for seq, id in fates if id is not None],
                [(reasons.get(seq, "rejected"), seq) for seq, id in fates if id is None],
                [(seq,) for seq in batch.positions[len(fates) :]],
            )
        )
        return final

    def put_back(self, batch: Batch) -> None:
        """Let go of a batch whose sending was cut short."""
        self._write(_Verdict((), (), [(seq,) for seq in batch.positions]))

    def _write(self, verdict: _Verdict) -> None:
        self._owed.append(verdict)
        try:
            self._pay()
        except OutboxError as error:
            logger.warning("%s; it is tried again", error)
        if verdict.released:
            with self.file.exclusively():
                self._pace.added()

    def _pay(self) -> None:
        """Write down what became of batches, this time or at last."""
        if not self._owed:
            return
        owed, now = list(self._owed), self._now()
        with self.file.transaction("cannot note what was sent") as db:
            for verdict in owed:
                db.executemany(
                    "INSERT OR IGNORE INTO dead_letters "
                    "SELECT seq, text, added_at, ?, ? FROM entries WHERE seq = ?",
                    [(now, *each) for each in verdict.rejected],
                )
                gone = [*verdict.accepted, *((seq,) for _, seq in verdict.rejected)]
                db.executemany("DELETE FROM entries WHERE seq = ?", gone)
                db.executemany(
                    "UPDATE entries SET owner = NULL, leased_until = 0 WHERE seq = ? AND owner = ?",
                    [(*each, self._owner) for each in verdict.released],
                )
        del self._owed[: len(owed)]

    @property
    def pending(self) -> int:
        """How many the file holds, whoever put them there."""
        with self.file.reading() as db:
            [pending] = db.execute("SELECT pending FROM counts").fetchone()
        return int(pending)

    def mark(self) -> int:
        """Return a mark behind the last event that came."""
        with self.file.reading() as db:
            [last] = db.execute("SELECT max(seq) FROM entries").fetchone()
        return last or 0

    def left(self, mark: int | None = None, *, at_most: int = -1) -> int:
        """Count those before a mark (`shut` sets one) that are left, and not sent by others."""
        now = self._now()
        with self.file.reading() as db:
            [left] = db.execute(
                "SELECT count(*) FROM (SELECT 1 FROM entries WHERE seq <= ? "
                "AND (leased_until <= ? OR leased_until > ? OR owner = ?) LIMIT ?)",
                (
                    self._end if mark is None else mark,
                    now,
                    now + LONGEST_LEASE,
                    self._owner,
                    at_most,
                ),
            ).fetchone()
        return int(left)

    def has_left(self, mark: int) -> bool:
        """Tell whether there is such a one."""
        return bool(self.left(mark, at_most=1))

    def before_fork(self) -> None:
        """Close the file, and keep other threads out of it."""
        self.file.before_fork()

    def after_fork(self) -> None:
        """Let them in again, in the parent."""
        self.file.after_fork()

    def close(self) -> None:
        """Close the file."""
        with suppress(OutboxError):
            self._pay()
        self.file.is_done = True
        self.file.close()


def _as_it_is(text: bytes, _: int) -> bytes:
    return text
