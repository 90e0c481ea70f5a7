"""A queue in a file: events are on disk before `put` returns, and deleted once acknowledged.

It uses no network and no thread. Several processes may share the file: a batch is leased to the
one that sends it. Leases only avoid duplicate work: if one expires early (a clock jump, a very slow
request), an event is sent twice, with its id (operation sendEvents).

The file is an SQLite database: with a WAL, so that readers never block, and full sync, so that
commits survive a power cut.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import uuid
from collections import deque
from contextlib import closing, contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import define

from inngest_rest._core.arguments import invalid
from inngest_rest._core.buffer.queue import Queue, Reserved, gather
from inngest_rest._core.clock import SYSTEM_CLOCK
from inngest_rest._core.json_text import decode
from inngest_rest._core.logs import logger
from inngest_rest._core.sending.event_json import encode
from inngest_rest.errors import OutboxError
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from inngest_rest._core.buffer.schedule import Schedule
    from inngest_rest._core.sending.batching import Batch, BatchOutcome
    from inngest_rest.event import EventLike


LONGEST_LEASE = 3_600.0
"""Seconds; a lease that ends later than this was written by a wrong clock and is void."""

IDEMPOTENCY_WINDOW = 86_400.0
"""Seconds during which the platform deduplicates by event id (operation sendEvents)."""

_FREE = f"(leased_until <= :now OR leased_until > :now + {LONGEST_LEASE} OR owner = :owner)"
_SELECT = f"""
SELECT seq, text, added_at, owner FROM entries
WHERE seq BETWEEN :first AND :last AND {_FREE} ORDER BY seq
"""  # noqa: S608
_LEFT = f"SELECT seq FROM entries WHERE seq <= :last AND {_FREE}"  # noqa: S608

_INSERT = "INSERT INTO entries (text, added_at) VALUES (?, ?)"
_LEASE = "UPDATE entries SET owner = ?, leased_until = ? WHERE seq = ?"
_RELEASE = "UPDATE entries SET owner = ?, leased_until = 0 WHERE seq = ? AND owner = ?"
_DELETE = "DELETE FROM entries WHERE seq = ?"
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
        self._has_warned_of_age = False
        self._has_warned_of_disk = False

    def put(self, event: EventLike) -> bool:
        """Store an event; concurrent threads share one commit."""
        ticket = _Ticket(encode(event, 0, self._convention))
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
        tickets = [self._pending_writes.popleft() for _ in range(len(self._pending_writes))]
        try:
            with self.file.transaction("cannot store the event") as db:
                room, now = max(0, self._max_pending - self._count()), self._now()
                db.executemany(_INSERT, [(ticket.text, now) for ticket in tickets[:room]])
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
                reserved = self._next_batch()
                until = self._now() + self._lease
                leases = [(self._owner, until, seq) for seq in reserved.batch.positions]
                db.executemany(_LEASE, leases)
        except OutboxError as error:
            if _kind(error.__cause__) not in _WRITE_ERRORS:
                raise
            # It may still be readable, and sending frees space. Without a lease, an event may
            # be sent twice.
            self._warn_of_disk(error)
            reserved = self._next_batch()
        return reserved

    def _choose(self, seqs: Sequence[int] | None, skipped: set[int]) -> tuple[Batch, bool]:
        """Return a batch of free events; a damaged one is not sent, but invalid."""
        damaged: list[SendFailure] = []

        def good(rows: Iterable[tuple[int, Any, Any, Any]]) -> Iterator[tuple[int, bytes, bool]]:
            for seq, text, added_at, owner in rows:
                if _is_json_object(text):
                    if isinstance(added_at, float):  # not corrupted
                        self._warn_of_age(self._now() - added_at)
                    yield seq, text, owner is not None or seq in self._maybe_stored
                else:
                    damaged.append(SendFailure(seq, {}, "damaged in the file: not a JSON object"))

        first, last = (min(seqs), max(seqs)) if seqs else (0, 2**63 - 1)
        wanted = frozenset(seqs or ())
        bounds = {"now": self._now(), "owner": self._owner, "first": first, "last": last}
        with self.file.reading() as db, closing(db.execute(_SELECT, bounds)) as rows:
            chosen = (it for it in rows if (it[0] in wanted if wanted else it[0] not in skipped))
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
                "%s. Events in it are still sent; outcomes are written when that is possible", error
            )

    def _keep(self, batch: Batch, *, may_be_stored: bool) -> None:
        """Do so; if writing fails, the next `take` or `close` tries again."""
        try:
            super()._keep(batch, may_be_stored=may_be_stored)
        except OutboxError as error:
            self._warn_of_disk(error)

    def _write_outcomes(self, unsent: Sequence[int] = ()) -> None:
        """Write every pending outcome and release the leases of unsent events."""
        outcomes = list(self._outcomes.items())
        accepted = [(seq,) for seq, reason in outcomes if reason is None]
        rejected = [(self._now(), reason, seq) for seq, reason in outcomes if reason is not None]
        owner, maybe_stored = self._owner, self._maybe_stored
        released = [(owner if seq in maybe_stored else None, seq, owner) for seq in unsent]
        if outcomes or unsent:
            with self.file.transaction("cannot record outcomes") as db:
                db.executemany(_RELEASE, released)
                # First: this frees the space that dead letters need.
                db.executemany(_DELETE, accepted)
                db.executemany(_MOVE_TO_DEAD_LETTERS, rejected)
                db.executemany(_DELETE, [(seq,) for *_, seq in rejected])
            self._note_written(seq for seq, _ in outcomes)

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
        free = {"now": self._now(), "owner": self._owner, "last": mark}
        with self.file.reading() as db, closing(db.execute(_LEFT, free)) as rows:
            left = (seq for (seq,) in rows if seq not in self._outcomes)
            return sum(1 for _ in islice(left, at_most))

    def dead_letters(self) -> list[SendFailure]:
        with self.file.reading() as db:
            rows = db.execute("SELECT seq, text, reason FROM dead_letters ORDER BY seq").fetchall()
        return [
            SendFailure(seq, decode(text) if _is_json_object(text) else {}, str(reason))
            for seq, text, reason in rows
        ]

    def discard(self, letters: Iterable[SendFailure]) -> None:
        try:
            gone = [(each.position,) for each in letters]
        except (AttributeError, TypeError):
            raise invalid("letters", "must be some of dead_letters()") from None
        with self.file.transaction("cannot discard dead letters") as db:
            db.executemany("DELETE FROM dead_letters WHERE seq = ?", gone)

    def skip_lock_wait(self) -> None:
        self.file.skips_lock_wait = True

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


def _is_json_object(text: object) -> bool:
    try:
        return isinstance(text, bytes) and isinstance(decode(text), dict)
    except ValueError:
        return False


VERSION = 1
"""Version of the schema, in the file's user_version."""

# "INGR", in the file's application_id.
_APPLICATION = 0x494E4752

# Seconds to wait for another process's write lock.
_LOCK_TIMEOUT = 10.0

# The disk or a quota is full, or the file system has become read-only.
_WRITE_ERRORS = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR}

_TABLES = (
    """CREATE TABLE entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    text BLOB NOT NULL,
    added_at REAL NOT NULL,
    owner TEXT,
    leased_until REAL NOT NULL DEFAULT 0
)""",
    """CREATE TABLE dead_letters (
    seq INTEGER PRIMARY KEY,
    text BLOB NOT NULL,
    added_at REAL NOT NULL,
    rejected_at REAL NOT NULL,
    reason TEXT NOT NULL
)""",
    "CREATE TABLE counts (pending INTEGER NOT NULL)",
    """CREATE TRIGGER entry_in AFTER INSERT ON entries BEGIN
    UPDATE counts SET pending = pending + 1;
END""",
    """CREATE TRIGGER entry_out AFTER DELETE ON entries BEGIN
    UPDATE counts SET pending = pending - 1;
END""",
)


class OutboxFile:
    """A database file shared by threads, one transaction at a time; errors are OutboxErrors.

    It is created if missing, readable only by its owner. If it `skips_lock_wait`, it fails at once
    while another process writes.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        # Absolute: a later chdir must not lead to another file.
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - links are kept
        # Reentrant: a finalizer may add an event in the middle of an add; SQLite then refuses it.
        self.lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self._is_retired = False
        self.skips_lock_wait = False
        with self._clear_errors("cannot be opened"), self.lock:
            with suppress(FileExistsError):
                # Owner only, as are SQLite's files beside it: events hold customer data.
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            self._check_schema()
        open_files[self] = None

    @contextmanager
    def transaction(self, doing: str) -> Generator[sqlite3.Connection]:
        """Run statements atomically; they are on disk on exit, or none is."""
        end = SYSTEM_CLOCK.monotonic() + _LOCK_TIMEOUT
        with self._clear_errors(doing):
            while True:
                with self._held() as db:
                    try:
                        db.execute("BEGIN IMMEDIATE")
                    except sqlite3.OperationalError as error:
                        is_busy = _kind(error) == sqlite3.SQLITE_BUSY
                        if not is_busy or self.skips_lock_wait or SYSTEM_CLOCK.monotonic() >= end:
                            raise
                    else:
                        with db:
                            yield db
                        return
                # Between attempts, while another process writes, our threads may read.
                SYSTEM_CLOCK.sleep(0.005)

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """Read without waiting for writers."""
        with self._clear_errors("cannot be read"), self._held() as db:
            yield db

    @contextmanager
    def _held(self) -> Generator[sqlite3.Connection]:
        with self.lock:
            db = self._db or self._open()
            try:
                yield db
            finally:
                if self._is_retired and not db.in_transaction:
                    self.close()

    def close(self) -> None:
        """Close the connection; the next use reopens it."""
        with self.lock, suppress(sqlite3.Error):
            if self._db is not None:
                self._db.close()
            self._db = None

    def retire(self) -> None:
        """Close it for good: later uses still work, but leave no connection open."""
        open_files.pop(self, None)
        self._is_retired = True
        self.close()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self.path,
            timeout=_LOCK_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
            # Free-threaded Python may free them only some time after close(); until then SQLite
            # keeps the file open, and a fork would carry that into the child.
            cached_statements=0,
        )
        # Corrupted text must not make the rows behind it unreadable.
        db.text_factory = partial(str, encoding="utf-8", errors="replace")
        try:
            [mode] = db.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != "wal":
                raise OutboxError(
                    f"{self.path} is on a drive where SQLite cannot keep a write-ahead log, such "
                    "as a network drive; put it on a local disk",
                    path=str(self.path),
                )
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA fullfsync = ON")
            db.execute("PRAGMA busy_timeout = 20")
        except BaseException:
            db.close()
            raise
        self._db = db
        return db

    def _check_schema(self) -> None:
        try:
            # A read-only file fails here, not at the first event.
            with self.transaction("cannot be opened") as db:
                [version] = db.execute("PRAGMA user_version").fetchone()
                [application] = db.execute("PRAGMA application_id").fetchone()
                tables = {sql for (sql,) in db.execute("SELECT sql FROM sqlite_schema")}
                if not (version or application or tables):
                    for statement in (*_TABLES, "INSERT INTO counts VALUES (0)"):
                        db.execute(statement)
                    db.execute(f"PRAGMA application_id = {_APPLICATION}")
                    db.execute(f"PRAGMA user_version = {VERSION}")
                elif application != _APPLICATION:
                    self._refuse("is a database of another application")
                elif version > VERSION:
                    self._refuse(
                        f"was written by a newer inngest-rest (format {version}, this one knows "
                        f"{VERSION}); upgrade inngest-rest, the file is unchanged"
                    )
                elif not tables.issuperset(_TABLES):
                    self._refuse("is damaged: its tables are not those of an outbox. Move it aside")
            # Outside the transaction, so that other processes can write meanwhile.
            [fault] = db.execute("PRAGMA quick_check(1)").fetchone()
            if fault != "ok":
                self._refuse(f"is damaged: {fault.splitlines()[-1]}. Move it aside")
        except BaseException:
            self.close()
            raise

    def _refuse(self, reason: str) -> NoReturn:
        raise OutboxError(f"{self.path} {reason}", path=str(self.path))

    @contextmanager
    def _clear_errors(self, doing: str) -> Generator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise OutboxError(
                f"{self.path} {doing}: {error}{_advice(error)}", path=str(self.path)
            ) from error


def _advice(error: Exception) -> str:
    kind = _kind(error)
    # SQLite quotes corrupted text in its message, which Python then cannot decode.
    is_text = isinstance(error, UnicodeDecodeError)
    if is_text or kind in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
        return ". Move it aside: it is damaged, or not an outbox"
    if kind in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return f". Another process has been writing for {_LOCK_TIMEOUT:g} s"
    return ". Make room on the disk" if kind == sqlite3.SQLITE_FULL else ""


def _kind(error: BaseException | None) -> int:
    # The low byte is the primary result code.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


# In the order in which they were opened; and those that the thread closed which forks.
open_files: dict[OutboxFile, None] = {}
_closed = threading.local()


def _before_fork() -> None:
    """Close all files and hold their locks: a connection must not be carried into a child."""
    _closed.files = [*open_files]
    for file in _closed.files:
        file.lock.acquire()
        file.close()


def _after_fork() -> None:
    for file in _closed.files:
        file.lock.release()


def _after_fork_in_child() -> None:
    for file in _closed.files:
        file.lock = threading.RLock()


if sys.platform != "win32":
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child
    )
