"""The file of a resumable report, written row by row.

It consists of JSON lines, on disk before each request. The first line has the arguments of the
call; then comes each row as it was selected; then each row before its request is sent, and again
with its outcome. The last line of a position counts. Lines are only appended, so a kill can
truncate only the last one.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from attrs import evolve

from inngest_rest._local.arguments import check_path, check_run_id, invalid
from inngest_rest._local.files import lock_file
from inngest_rest._values.json_text import decode, encode
from inngest_rest._values.visible import shown
from inngest_rest.bulk import ActionReport, ActionRow

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from inngest_rest import errors

R = TypeVar("R", ActionReport, ActionRow)

_BINARY: int = getattr(os, "O_BINARY", 0)
# A link may have been planted.
_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_FLAGS = os.O_RDWR | _BINARY | _NO_FOLLOW
_FLAGS_OF_NEW = _FLAGS | os.O_CREAT | os.O_EXCL


class ReportFile:
    """The file of one bulk operation, locked from `open` or `begin` to `close`.

    It is bound to the arguments of its operation: action, selection, server and environment. Each
    method raises InvalidArgumentError if the file cannot be used, is in use, or has the report of
    another operation; its `__cause__` is the system's error, if any.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._lock = threading.Lock()
        check_path("report_path", path)
        self.path = os.fspath(path)
        self._file: int | None = None

    def open(self, asked: Mapping[str, Any]) -> ActionReport | None:
        """Return the report in the file; None if none was begun."""
        with self._usable(), suppress(FileNotFoundError):
            self._file = os.open(self.path, _FLAGS)
            mode = os.fstat(self._file).st_mode
            if not stat.S_ISREG(mode):
                raise self._refusal("is not a regular file")
            lock_file(self._file)
            with os.fdopen(self._file, "rb", closefd=False) as file:
                return self._read(file, asked)
        return None

    def begin(self, asked: Mapping[str, Any], report: ActionReport) -> None:
        head = evolve(report, rows=()).to_dict()
        header = {
            "report": 1,
            **asked,
            "since": head["since"],
            "until": head["until"],
            "row_count": len(report.rows),
        }
        with self._usable():
            if self._file is None:
                self._file = os.open(self.path, _FLAGS_OF_NEW, 0o600)
                lock_file(self._file)
            if hasattr(os, "fchmod"):
                os.fchmod(self._file, 0o600)
            os.ftruncate(self._file, 0)
            rows = [without_none(row.to_dict()) for row in report.rows]
            self._append([header, *rows])

    def add(self, row: ActionRow) -> None:
        """Write the current state of a row; thread-safe."""
        fields = without_none(row.to_dict())
        with self._usable(), self._lock:
            self._append([fields])

    def close(self) -> None:
        """Free the lock; adding a row afterwards raises an error."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _refusal(self, reason: str) -> errors.InvalidArgumentError:
        return invalid(str(self.path), reason, argument="report_path")

    def _read(self, file: BinaryIO, asked: Mapping[str, Any]) -> ActionReport | None:
        first_line = file.readline()
        if _is_torn_header(first_line):
            return None
        try:
            header = decode(first_line)
            report = _record(ActionReport, {**header, "rows": ()})
            count = header["row_count"]
        except (KeyError, TypeError, ValueError):
            raise self._refusal("is not a report; name another file") from None
        self._check_header(header, asked)
        rows, size = self._read_rows(file, count)
        if len(rows) < count:
            return None  # killed while the rows were written first
        os.ftruncate(file.fileno(), len(first_line) + size)
        ordered = [rows[position] for position in range(count)]
        return evolve(report, rows=ordered)

    def _check_header(
        self, header: Mapping[str, Any], asked: Mapping[str, Any]
    ) -> None:
        """Reject the report of another operation."""
        kept = {name: header.get(name) for name in asked}
        if _is_pinned(asked["selection"], header):
            kept["selection"] = asked["selection"]
        differing = difference(kept, asked)
        if differing:
            raise self._refusal(f"is a report with {differing}; name another file")

    def _read_rows(
        self, file: BinaryIO, count: int
    ) -> tuple[dict[int, ActionRow], int]:
        """Return the latest row of each position, and the number of bytes in whole lines."""
        rows: dict[int, ActionRow] = {}
        size = 0
        for number, line in enumerate(file, start=2):
            if not line.endswith(b"\n"):
                break
            try:
                row = _record(ActionRow, decode(line))
                check_run_id("id", row.id)
                _check_position(row.position, rows_before=len(rows), count=count)
            except ValueError as error:
                raise self._refusal(f"is damaged in line {number}: {error}") from None
            rows[row.position] = row
            size += len(line)
        return rows, size

    def _append(self, records: Iterable[dict[str, Any]]) -> None:
        if self._file is None:
            raise OSError(errno.EBADF, "the report was closed")
        text = memoryview(b"".join(encode(record) + b"\n" for record in records))
        end = os.lseek(self._file, 0, os.SEEK_END)
        try:
            while text:
                written = os.write(self._file, text)
                text = text[written:]
        except OSError:
            # A full disk may have taken half of a line.
            os.ftruncate(self._file, end)
            raise

    @contextmanager
    def _usable(self) -> Generator[None]:
        try:
            yield
        except (BlockingIOError, FileExistsError) as error:
            in_use = "is in use by another process or call; wait for its end"
            raise self._refusal(in_use) from error
        except OSError as error:
            reason: object = error.strerror or error
            if error.errno == errno.ELOOP:
                reason = "it is a symbolic link"
            raise self._refusal(f"cannot be written as a report: {reason}") from error


def _record(kind: type[R], fields: Mapping[str, Any]) -> R:
    """Return the record that a line of the file has; raise ValueError if it has something else."""
    import msgspec  # noqa: PLC0415 - few read reports; help of the command does without

    try:
        record = msgspec.convert(fields, kind)
    except (RecursionError, ValueError) as error:
        reason = str(error)[:500]
        raise ValueError(f"this is not an {kind.__name__}: {reason}") from None
    return evolve(record)  # converters are not called by msgspec


def _check_position(position: int, *, rows_before: int, count: int) -> None:
    """Reject a position outside the report, or before the one that should come first.

    If a first row were missing, the file would be begun anew, and every act repeated.
    """
    if not 0 <= position < min(rows_before + 1, count):
        raise ValueError(f"position {position} is none of {count}, or too early")


def _is_torn_header(line: bytes) -> bool:
    """Return whether a file is empty, or its writer was killed during the first line."""
    if line.endswith(b"\n"):
        return False
    return not line or line.startswith(b'{"report":1,')


def _is_pinned(selection: Any, header: Mapping[str, Any]) -> bool:
    """Return whether a selection is that of the header, with its times as instants."""
    pinned = dict(header["selection"] or {})
    is_of_ends = any(name.startswith("ended_") for name in pinned)
    prefix = "ended_" if is_of_ends else ""
    for name in ("since", "until"):
        if header.get(name):
            pinned[f"{prefix}{name}"] = header[name]
    return bool(selection == pinned)


def without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are set."""
    return {name: value for name, value in fields.items() if value is not None}


def difference(kept: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """Return in words how the arguments of a call differ from those of a file; "" if they do not.

    They are compared as JSON, in which one of them was stored.
    """
    kept_as_json = decode(encode(kept))
    asked_as_json = decode(encode(asked))
    return " and ".join(_differences(kept_as_json, asked_as_json))


def _differences(
    kept: Mapping[str, Any], asked: Mapping[str, Any], *, is_nested: bool = False
) -> Iterator[str]:
    """Yield the arguments that differ; of an object, such as a selection, only its fields."""
    for name in dict.fromkeys([*kept, *asked]):
        theirs: Any = kept.get(name)
        ours: Any = asked.get(name)
        are_objects = all(isinstance(value, dict) for value in (theirs, ours))
        if are_objects and not is_nested:
            yield from _differences(theirs, ours, is_nested=True)
        elif theirs != ours:
            yield f"{name} {shown(theirs)}, not {shown(ours)}"
