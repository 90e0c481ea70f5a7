"""A store in a file: events are on disk before `put` returns, and deleted once acknowledged.

No network, and no thread of its own. Several processes may share the file: a batch is leased to
the one that sends it. A lease only saves work. If one ends early (a clock that jumps, a request
that takes very long), an event goes out twice, and runs once by its id (operation sendEvents).
"""

from __future__ import annotations

import logging
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

import orjson

from inngest_rest._core.buffer.group_commit import GroupCommit
from inngest_rest._core.buffer.sqlite_file import OutboxFile
from inngest_rest._core.sending.batching import Batch, Batcher
from inngest_rest._core.sending.event_json import encode
from inngest_rest._core.sending.fates import Fates, Rejected, Unknown
from inngest_rest.errors import OutboxError
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

    from inngest_rest._core.buffer.schedule import Schedule
    from inngest_rest.event import EventLike

logger = logging.getLogger("inngest_rest")

LONGEST_LEASE = 3_600.0
"""Seconds; a lease that ends later was written by a clock that has jumped, and no longer holds."""

IDEMPOTENCY_WINDOW = 86_400.0
"""Seconds for which the platform remembers an event's id (operation sendEvents)."""

_RELEASE = "UPDATE entries SET owner = NULL, leased_until = 0 WHERE seq = ? AND owner = ?"
_BURY = """
INSERT OR IGNORE INTO dead_letters
SELECT seq, text, added_at, ?, ? FROM entries WHERE seq = ?
"""


class Outbox:
    """A bounded queue of events in a file.

    Args:
        path: The file, created if missing.
        schedule: Informed of what comes and goes.
        wake: Called, outside the lock, when a resting worker has to look.
        batch_size: Most events per batch.
        max_pending: Most events in the file, from all processes together.
        lease: Seconds for which a batch is kept from other processes.
        now: Seconds since 1970; processes compare their leases by it.

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
    ) -> None:
        self.file = OutboxFile(path)
        self._schedule = schedule
        self._wake = wake
        self._batch_size = batch_size
        self._max_pending = max_pending
        self._lease = min(lease, LONGEST_LEASE)
        self._now = now
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
        self._unwritten: list[Fates] = []
        self._end = 0
        self._has_warned = False

    def restart(self) -> None:
        self._start()
        self._schedule.restart()

    def put(self, event: EventLike) -> bool:
        """Store an event; threads that wait for the disk at the same time share one commit."""
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
            fitting = texts[: max(0, self._max_pending - pending)]
            now = self._now()
            db.executemany(
                "INSERT INTO entries (text, added_at) VALUES (?, ?)",
                [(text, now) for text in fitting],
            )
            if fitting and self._schedule.added(len(fitting)):
                self._has_to_wake = True
        return len(fitting)

    def shut(self) -> None:
        self._max_pending = 0
        self._end = self.mark()

    def take(self) -> Batch | None:
        """Lease the batch that goes out next.

        Raises:
            OutboxError: The file cannot be used; nothing was leased.
        """
        batcher: Batcher[bytes] = Batcher(_as_it_is, max_events=self._batch_size)
        taken: list[int] = []
        oldest = now = self._now()
        full = None
        self._write_outcomes()
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
            self._schedule.took(left)
        if now - oldest > IDEMPOTENCY_WINDOW:
            self._warn_of_age(now - oldest)
        batch = full or batcher.flush()
        return None if batch is None else batch._replace(positions=taken)

    def _warn_of_age(self, age: float) -> None:
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "%s holds events that have waited for up to %.0f hours: one that was sent without "
                "an answer may run again, since the platform remembers an id for 24 hours",
                self.file.path,
                age / 3_600,
            )

    def settle(self, fates: Fates) -> Fates:
        """Write outcomes down; if the file cannot be written, the next `take` or `close` does."""
        self._settle(fates)
        return fates.split()[0]

    def put_back(self, batch: Batch) -> None:
        self._settle(Fates.unknown(batch, "not sent"))

    def _settle(self, fates: Fates) -> None:
        self._unwritten.append(fates)
        try:
            self._write_outcomes()
        except OutboxError as error:
            logger.warning("%s; it will be tried again", error)
        if fates.known < len(fates.each):
            self._schedule.added()

    def _write_outcomes(self) -> None:
        """Persist every outcome not yet written, including those of earlier failed attempts."""
        if not self._unwritten:
            return
        unwritten, now = list(self._unwritten), self._now()
        with self.file.transaction("cannot note what was sent") as db:
            for fates in unwritten:
                done: list[tuple[int]] = []
                for seq, fate in zip(fates.batch.positions, fates.each, strict=True):
                    match fate:
                        case Unknown():
                            db.execute(_RELEASE, (seq, self._owner))
                        case Rejected(reason):
                            db.execute(_BURY, (now, reason, seq))
                            done.append((seq,))
                        case _:
                            done.append((seq,))
                db.executemany("DELETE FROM entries WHERE seq = ?", done)
        del self._unwritten[: len(unwritten)]

    @property
    def pending(self) -> int:
        """How many events the file holds, from all processes together."""
        with self.file.reading() as db:
            [pending] = db.execute("SELECT pending FROM counts").fetchone()
        return int(pending)

    def mark(self) -> int:
        with self.file.reading() as db:
            [last] = db.execute("SELECT max(seq) FROM entries").fetchone()
        return last or 0

    def has_left(self, mark: int) -> bool:
        """Return whether any is left before the mark that no other process is sending."""
        return self._count_left(mark, at_most=1) > 0

    def _count_left(self, mark: int, *, at_most: int = -1) -> int:
        now = self._now()
        with self.file.reading() as db:
            [left] = db.execute(
                "SELECT count(*) FROM (SELECT 1 FROM entries WHERE seq <= ? "
                "AND (leased_until <= ? OR leased_until > ? OR owner = ?) LIMIT ?)",
                (mark, now, now + LONGEST_LEASE, self._owner, at_most),
            ).fetchone()
        return int(left)

    def dead_letters(self) -> list[SendFailure]:
        with self.file.reading() as db:
            rows = db.execute("SELECT seq, text, reason FROM dead_letters ORDER BY seq").fetchall()
        return [SendFailure(seq, orjson.loads(text), reason) for seq, text, reason in rows]

    def discard(self, letters: Iterable[SendFailure]) -> None:
        gone = [(each.position,) for each in letters]
        with self.file.transaction("did not discard") as db:
            db.executemany("DELETE FROM dead_letters WHERE seq = ?", gone)

    def close(self, on_lost: Callable[[Fates], object]) -> int:  # noqa: ARG002 - none is lost
        with suppress(OutboxError):
            self._write_outcomes()
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


def _as_it_is(text: bytes, _: int) -> bytes:
    return text
