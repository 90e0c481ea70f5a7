"""The file of an outbox: an SQLite database that threads and processes share.

With a WAL, so that readers never block, and full sync, so that commits survive a power cut. What
SQLite and the disk refuse is an OutboxError that says what to do.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from inngest_rest._core.clock import SYSTEM_CLOCK
from inngest_rest._values.json_text import decode
from inngest_rest.buffer import OutboxError

if TYPE_CHECKING:
    from collections.abc import Generator

VERSION = 1
"""Version of the schema, in the file's user_version."""

# "INGR", in the file's application_id.
_APPLICATION = 0x494E4752

# Seconds to wait for another process's write lock.
_LOCK_TIMEOUT = 10.0

WRITE_ERRORS = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR}
"""The disk or a quota is full, or the file system has become read-only."""

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
                        is_over = SYSTEM_CLOCK.monotonic() >= end
                        if is_over or self.skips_lock_wait or not _is_busy(error):
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
                    self._refuse(
                        "is damaged: its tables are not those of an outbox. Move it aside"
                    )
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
    kind = kind_of(error)
    # SQLite quotes corrupted text in its message, which Python then cannot decode.
    is_text = isinstance(error, UnicodeDecodeError)
    if is_text or kind in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
        return ". Move it aside: it is damaged, or not an outbox"
    if kind in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return f". Another process has been writing for {_LOCK_TIMEOUT:g} s"
    if kind == sqlite3.SQLITE_FULL:
        return ". Make room on the disk"
    return ""


def _is_busy(error: sqlite3.Error) -> bool:
    """Return whether another process was writing."""
    return kind_of(error) == sqlite3.SQLITE_BUSY


def kind_of(error: BaseException | None) -> int:
    """Return SQLite's primary result code; 0 for an error that is not SQLite's."""
    # The low byte is the primary result code.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_json_object(text: object) -> bool:
    """Return whether the text of an event is as it was stored, rather than damaged in the file."""
    try:
        return isinstance(text, bytes) and isinstance(decode(text), dict)
    except ValueError:
        return False


# The open files, in the order of opening; and those that a forking thread has closed.
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
        before=_before_fork,
        after_in_parent=_after_fork,
        after_in_child=_after_fork_in_child,
    )
