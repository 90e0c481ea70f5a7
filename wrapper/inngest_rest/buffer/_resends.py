"""Accepted events of an outbox, kept for a while and then sent once more with their ids.

A self-hosted server acknowledges events before it stores them: when it ends, by SIGTERM or by
SIGKILL, it loses those of its last second. Sent again, a lost event runs its functions, and one
that was stored does not, since the platform remembers an id for 24 hours (operation sendEvents).
"""

from __future__ import annotations

import math
from contextlib import closing
from typing import TYPE_CHECKING

from inngest_rest._core.delivery import Unknown
from inngest_rest.buffer._outbox_file import is_json_object
from inngest_rest.buffer._queue import gather

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator

    from inngest_rest._core.delivery import Batch, BatchOutcome
    from inngest_rest.buffer._outbox_file import OutboxFile

LONGEST = 23 * 3_600.0
"""Seconds after which an event is not sent again, an hour before the platform forgets its id."""

# Seconds until the next attempt after one that failed.
_PAUSE = 5.0

# Not part of the outbox's version: releases that do not know the table leave it alone.
_TABLE = """CREATE TABLE IF NOT EXISTS resends (
    seq INTEGER PRIMARY KEY,
    text BLOB NOT NULL,
    accepted_at REAL NOT NULL,
    not_before REAL NOT NULL
)"""

_KEEP = """
INSERT OR IGNORE INTO resends SELECT seq, text, :now, :now + :after FROM entries WHERE seq = :seq
"""
_EXPIRE = "DELETE FROM resends WHERE accepted_at < ?"
_DUE = "SELECT seq, text FROM resends WHERE not_before <= ? ORDER BY not_before, seq LIMIT ?"
_NEXT = "SELECT min(not_before) FROM resends"
_POSTPONE = "UPDATE resends SET not_before = ? WHERE seq = ?"
_DELETE = "DELETE FROM resends WHERE seq = ?"


class Resends:
    """The accepted events of a file that are to be sent once more.

    Args:
        file: The outbox's file.
        after: Seconds from the acceptance of an event to its second request.
        lease: Seconds for which the events of a request are left to the process that sends it.
        now: Returns the seconds since 1970.
    """

    def __init__(
        self, file: OutboxFile, *, after: float, lease: float, now: Callable[[], float]
    ) -> None:
        self._file = file
        self._after = after
        self._lease = lease
        self._now = now
        with file.transaction("cannot be opened") as db:
            db.execute(_TABLE)

    def keep(self, db: sqlite3.Connection, seqs: Iterable[int]) -> None:
        """Keep accepted events, in the transaction that deletes them from the queue."""
        now = self._now()
        db.executemany(
            _KEEP, [{"now": now, "after": self._after, "seq": seq} for seq in seqs]
        )

    def due_in(self) -> float:
        """Return the seconds until the next events are due; infinity if none are kept."""
        with self._file.reading() as db:
            [not_before] = db.execute(_NEXT).fetchone()
        if not_before is None:
            return math.inf
        seconds: float = not_before - self._now()
        return max(seconds, 0.0)

    def take(self, most: int) -> Batch | None:
        """Return a batch of due events, and leave them to this process for a lease."""
        now = self._now()
        with self._file.transaction("cannot lease") as db:
            db.execute(_EXPIRE, [now - LONGEST])
            damaged: list[tuple[int]] = []
            with closing(db.execute(_DUE, [now, most])) as rows:
                batch, _ = gather(_whole(rows, damaged))
            db.executemany(_DELETE, damaged)
            leased_until = now + self._lease
            db.executemany(_POSTPONE, [(leased_until, seq) for seq in batch.positions])
        return batch if batch.positions else None

    def settle(self, outcome: BatchOutcome) -> None:
        """Forget events with a final outcome; try the others again after a pause."""
        not_before = self._now() + _PAUSE
        final: list[tuple[int]] = []
        unknown: list[tuple[float, int]] = []
        for seq, result in zip(outcome.batch.positions, outcome.each, strict=True):
            if isinstance(result, Unknown):
                unknown.append((not_before, seq))
            else:
                final.append((seq,))
        with self._file.transaction("cannot record outcomes") as db:
            db.executemany(_DELETE, final)
            db.executemany(_POSTPONE, unknown)


def _whole(
    rows: Iterable[tuple[int, bytes]], damaged: list[tuple[int]]
) -> Iterator[tuple[int, bytes, bool]]:
    """Yield the undamaged events: a damaged one would keep others of its request from arriving."""
    for seq, text in rows:
        if is_json_object(text):
            yield seq, text, True
        else:
            damaged.append((seq,))
