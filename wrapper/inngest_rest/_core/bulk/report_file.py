"""The report of a bulk operation in a file of JSON lines, on disk before each request.

The first line says what was asked for; then comes each row as it was selected; then each row before
its request is sent, and again with its outcome. The last line of a position holds. Lines are only
appended, so a kill can tear no more than the last one.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from attrs import evolve

from inngest_rest._core.arguments import check_path
from inngest_rest._core.json_text import decode, encode_lines
from inngest_rest._core.locks import Locked, lock_file
from inngest_rest._visible import shown
from inngest_rest.action_reports import ActionReport, ActionRow
from inngest_rest.errors import InvalidArgumentError

# A link may have been planted.
_FLAGS = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)

_BEGINNING = b'{"report":1,'

Asked = Mapping[str, Any]
"""What was asked for, to which a report file is bound: action, selection, server, environment."""


class ReportFile(Locked):
    """The file of one bulk operation, locked from `open` or `begin` to `close`.

    Each method raises InvalidArgumentError if the file cannot be used, is in use, or has the report
    of something else; its `__cause__` is the system's error, if any.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__()
        check_path("report_path", path)
        self.path = os.fspath(path)
        self._file: int | None = None

    def open(self, asked: Asked) -> ActionReport | None:
        """Return the report in the file; None if none was begun."""
        with self._usable(), suppress(FileNotFoundError):
            self._file = os.open(self.path, _FLAGS)
            if not stat.S_ISREG(os.fstat(self._file).st_mode):
                raise self._refusal("is not a regular file")
            lock_file(self._file)
            with os.fdopen(self._file, "rb", closefd=False) as file:
                return self._read(file, asked)
        return None

    def begin(self, asked: Asked, report: ActionReport) -> None:
        """Write what was asked for and the rows."""
        window = {"since": report.since, "until": report.until}
        times = {name: at and at.isoformat() for name, at in window.items()}
        header = {"report": 1, **asked, **times, "row_count": len(report.rows)}
        with self._usable():
            if self._file is None:
                self._file = os.open(self.path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
                lock_file(self._file)
            if hasattr(os, "fchmod"):
                os.fchmod(self._file, 0o600)
            os.ftruncate(self._file, 0)
            self._append([header, *map(_compact, report.rows)])

    def add(self, row: ActionRow) -> None:
        """Write a row as it is now; threads may do so at the same time."""
        with self._usable(), self._lock:
            self._append([_compact(row)])

    def close(self) -> None:
        """Free the lock; what would be added later raises an error."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _refusal(self, reason: str) -> InvalidArgumentError:
        return InvalidArgumentError(f"{self.path} {reason}", argument="report_path")

    def _read(self, file: BinaryIO, asked: Asked) -> ActionReport | None:
        first = file.readline()
        if not first.endswith(b"\n") and (not first or first.startswith(_BEGINNING)):
            return None
        try:
            header = decode(first)
            report, count = ActionReport.from_dict({**header, "rows": ()}), header["row_count"]
            theirs = {name: header[name] for name in asked}
        except (KeyError, RecursionError, TypeError, ValueError):
            raise self._refusal("is not a report; name another file") from None
        for name, ours in asked.items():
            if ours != theirs[name] and not (name == "selection" and _is_pinned(ours, header)):
                reason = f"is a report with {name} {shown(theirs[name])}, not {shown(ours)}"
                raise self._refusal(f"{reason}; name another file")
        end, rows = len(first), list[ActionRow]()
        for number, line in enumerate(file, 2):
            if not line.endswith(b"\n"):
                break
            try:
                _put(rows, ActionRow.from_dict(decode(line)), count)
            except (RecursionError, ValueError) as error:
                raise self._refusal(f"is damaged in line {number}: {error}") from None
            end += len(line)
        if len(rows) < count:
            return None
        assert self._file is not None
        os.ftruncate(self._file, end)
        return evolve(report, rows=rows)

    def _append(self, records: Iterable[dict[str, Any]]) -> None:
        if self._file is None:
            raise OSError(errno.EBADF, "the report was closed")
        text = memoryview(encode_lines(records))
        end = os.lseek(self._file, 0, os.SEEK_END)
        try:
            while text:
                text = text[os.write(self._file, text) :]
        except OSError:
            # A full disk may have taken half of a line.
            os.ftruncate(self._file, end)
            raise

    @contextmanager
    def _usable(self) -> Generator[None]:
        try:
            yield
        except (BlockingIOError, FileExistsError) as error:
            raise self._refusal("is in use by another process or call; wait for its end") from error
        except OSError as error:
            is_link = error.errno == errno.ELOOP
            reason = "it is a symbolic link" if is_link else error.strerror or str(error)
            raise self._refusal(f"cannot be written as a report: {reason}") from error


def _put(rows: list[ActionRow], row: ActionRow, count: int) -> None:
    """Put a row at its position, of which the last one holds."""
    at = row.position
    if at == len(rows) < count:
        rows.append(row)
    elif 0 <= at < len(rows) and rows[at].id == row.id:
        rows[at] = row
    else:
        raise ValueError(f"position {at} is not that of {row.id}")


def _is_pinned(selection: Any, header: Mapping[str, Any]) -> bool:
    """Return whether a selection is the header's with the instants that its times stood for."""
    asked: Mapping[str, Any] = header["selection"] or {}
    before = "ended_" if any(name.startswith("ended_") for name in asked) else ""
    window = {f"{before}{name}": header[name] for name in ("since", "until") if header.get(name)}
    return bool(selection == {**asked, **window})


def _compact(row: ActionRow) -> dict[str, Any]:
    return {name: value for name, value in row.to_dict().items() if value is not None}
