"""The SQLite file of an outbox: opening, checking, creating.

WAL, so that readers never block, and full sync, so that commits survive a power cut.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import sysconfig
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from inngest_rest._core.clock import SYSTEM_CLOCK
from inngest_rest.errors import OutboxError

if TYPE_CHECKING:
    from collections.abc import Generator

VERSION = 1
"""Version of the schema, in the file's user_version."""

# "INGR", in the file's application_id.
_APPLICATION = 0x494E4752

# Seconds to wait for another process's write lock.
_LOCK_TIMEOUT = 10.0

# Free-threaded Python may free another thread's prepared statements only some time after close();
# until then SQLite keeps the file open, and a fork would carry that into the child.
_CACHED_STATEMENTS = 0 if sysconfig.get_config_var("Py_GIL_DISABLED") else 128

# Milliseconds per attempt to get the write lock, and seconds between attempts in which our other
# threads can use the connection.
_LOCK_ATTEMPT_MS = 20
_LOCK_RETRY_DELAY = 0.005

# The disk or a quota is full, or the file system has become read-only.
_WRITE_ERRORS = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR}
_DAMAGED = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}

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
_NEW = (
    *_TABLES,
    "INSERT INTO counts VALUES (0)",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
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
            self._make()
            self._check_schema(self._open())
        open_files[self] = None

    @contextmanager
    def transaction(self, doing: str) -> Generator[sqlite3.Connection]:
        """Run statements atomically; they are on disk on exit, or none is."""
        with self._clear_errors(doing), self._begun() as db:
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                # SQLite rolls back by itself after some errors.
                if db.in_transaction:
                    with suppress(sqlite3.Error):
                        db.execute("ROLLBACK")
                raise

    @contextmanager
    def _begun(self) -> Generator[sqlite3.Connection]:
        """Begin a transaction; while another process writes, let our threads read."""
        end = SYSTEM_CLOCK.monotonic() + _LOCK_TIMEOUT
        while True:
            with self._held() as db:
                try:
                    db.execute(f"PRAGMA busy_timeout = {_LOCK_ATTEMPT_MS}")
                    try:
                        db.execute("BEGIN IMMEDIATE")
                    finally:
                        db.execute(f"PRAGMA busy_timeout = {int(_LOCK_TIMEOUT * 1_000)}")
                except sqlite3.OperationalError as error:
                    is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                    if not is_busy or self.skips_lock_wait or SYSTEM_CLOCK.monotonic() >= end:
                        raise
                else:
                    yield db
                    return
            SYSTEM_CLOCK.sleep(_LOCK_RETRY_DELAY)

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """Read without waiting for writers."""
        with self._clear_errors("cannot be read"), self._held() as db:
            yield db

    @contextmanager
    def _held(self) -> Generator[sqlite3.Connection]:
        with self.lock:
            try:
                yield self._db or self._open()
            finally:
                if self._is_retired:
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

    def _make(self) -> None:
        with suppress(FileExistsError):
            # Owner only, as are SQLite's files beside it: events hold customer data.
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            if os.name == "posix":
                directory = os.open(self.path.parent, os.O_RDONLY)
                os.fsync(directory)
                os.close(directory)

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self.path,
            timeout=_LOCK_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_CACHED_STATEMENTS,
        )
        # Corrupted text must not make the rows behind it unreadable.
        db.text_factory = _decode
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
        except BaseException:
            db.close()
            raise
        self._db = db
        return db

    def _check_schema(self, db: sqlite3.Connection) -> None:
        try:
            # Immediate: a read-only file fails here, not at the first event.
            db.execute("BEGIN IMMEDIATE")
            [version] = db.execute("PRAGMA user_version").fetchone()
            [application] = db.execute("PRAGMA application_id").fetchone()
            [tables] = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if version == application == tables == 0:
                for statement in _NEW:
                    db.execute(statement)
            elif application != _APPLICATION:
                self._refuse("is a database of another application")
            elif version > VERSION:
                self._refuse(
                    f"was written by a newer inngest-rest (format {version}, this one knows "
                    f"{VERSION}); upgrade inngest-rest, the file is unchanged"
                )
            elif not {sql for (sql,) in db.execute("SELECT sql FROM sqlite_schema")}.issuperset(
                _TABLES
            ):
                self._refuse("is damaged: its tables are not those of an outbox. Move it aside")
            db.execute("COMMIT")
            # Outside the transaction, so that other processes can write meanwhile.
            [fault] = db.execute("PRAGMA quick_check(1)").fetchone()
            if fault != "ok":
                self._refuse(f"is damaged: {fault.splitlines()[-1]}. Move it aside")
        except BaseException:
            self.close()
            raise

    def count(self, db: sqlite3.Connection) -> int:
        row = db.execute("SELECT pending FROM counts").fetchone()
        if row is None or not isinstance(row[0], int):
            self._refuse("is damaged: its count of events is missing. Move it aside")
        return int(row[0])

    def _refuse(self, reason: str) -> NoReturn:
        raise OutboxError(f"{self.path} {reason}", path=str(self.path))

    @contextmanager
    def _clear_errors(self, doing: str) -> Generator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            reason = str(error)
            if isinstance(error, UnicodeDecodeError):
                # SQLite quotes corrupted text in its message, which Python then cannot decode.
                reason = _decode(error.object)
            raise OutboxError(
                f"{self.path} {doing}: {reason}{_advice(error)}", path=str(self.path)
            ) from error


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def is_about_writing(error: OutboxError) -> bool:
    """Return whether the file may still be readable after this error."""
    return _kind(error.__cause__) in _WRITE_ERRORS


def _advice(error: Exception) -> str:
    kind = _kind(error)
    if isinstance(error, UnicodeDecodeError) or kind in _DAMAGED:
        return ". Move it aside: it is damaged, or not an outbox"
    if kind in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return f". Another process has been writing for {_LOCK_TIMEOUT:g} s"
    return ". Make room on the disk" if kind == sqlite3.SQLITE_FULL else ""


def _kind(error: BaseException | None) -> int:
    # The low byte is the primary result code.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


# In the order in which they were opened; and those closed by the fork under way, which no other
# fork may follow until it is done.
open_files: dict[OutboxFile, None] = {}
_closed: list[OutboxFile] = []
_forking = threading.Lock()


def _before_fork() -> None:
    """Close all files and hold their locks: a connection must not be carried into a child."""
    _forking.acquire()
    _closed[:] = open_files
    for file in _closed:
        file.lock.acquire()
        file.close()


def _after_fork() -> None:
    for file in _closed:
        file.lock.release()
    _forking.release()


def _after_fork_in_child() -> None:
    for file in _closed:
        file.lock = threading.RLock()
    _forking.release()


if sys.platform != "win32":
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child
    )
