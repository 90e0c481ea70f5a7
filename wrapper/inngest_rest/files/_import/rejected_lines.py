"""The files of rejected lines and of their reasons, beside the input."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Annotated, BinaryIO, NamedTuple

import msgspec

from inngest_rest._local.files import (
    create_file,
    reasons_path,
    usable,
)
from inngest_rest._values.json_text import encode as to_json
from inngest_rest.files._import.lines import RefusedLine

if TYPE_CHECKING:
    from pathlib import Path


_Count = Annotated[int, msgspec.Meta(ge=0)]


class LogState(NamedTuple):
    """The final part of a file of rejected lines, or of their reasons.

    Lines after the checkpoint's position will be rejected again.
    """

    kept_lines: _Count
    kept_size: _Count


LogStates = tuple[LogState, LogState]


class RejectedLines:
    """Rejected lines, byte for byte, ready to correct and resend, with their reasons beside them.

    A reason has the `line` number in the input and, as `rejected_line`, the line number in the file
    of rejected lines, null for a line too long to copy, or a row that has to be corrected in place.

    Users may have corrected lines in these files, so nothing in them is ever deleted: what is cut
    off was copied to the next free number before, and a file that lacks its final part is renamed.
    Without the checkpointed state of both files, the import starts over.
    """

    def __init__(self, path: Path, states: LogStates | None = None) -> None:
        self._lines = _Log(path)
        self._reasons = _Log(reasons_path(path))
        self._logs = (self._lines, self._reasons)
        if states is not None and self._have_kept(states):
            for log, state in zip(self._logs, states, strict=True):
                log.resume(state)
        else:
            for log in self._logs:
                log.set_aside()

    def _have_kept(self, states: LogStates) -> bool:
        pairs = zip(self._logs, states, strict=True)
        return all(log.has_kept(state) for log, state in pairs)

    @property
    def states(self) -> LogStates:
        return self._lines.state, self._reasons.state

    def keep(self) -> None:
        """Mark all lines added so far as final, for a later resume."""
        for log in self._logs:
            log.keep()

    def add(self, line: bytes, number: int, reason: str) -> None:
        is_whole = not isinstance(line, RefusedLine) or line.is_whole
        rejected_line = None
        if is_whole:
            self._lines.write(line.rstrip(b"\r\n") + b"\n")
            rejected_line = self._lines.line_count
        entry = {
            "line": number,
            "reason": reason,
            "rejected_line": rejected_line,
        }
        self._reasons.write(to_json(entry) + b"\n")

    def flush(self, *, to_disk: bool = False) -> None:
        """Flush both files; with `to_disk`, so that they survive a power cut."""
        for log in self._logs:
            log.flush(to_disk=to_disk)

    def close(self) -> None:
        with closing(self._lines), closing(self._reasons):
            pass  # both are closed, also where one cannot be written


class _Log:
    """An append-only file, created on the first write.

    Where it cannot be used, InvalidArgumentError names it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self.line_count = 0
        self._size = 0
        self._kept_lines = 0
        self._kept_size = 0

    @property
    def state(self) -> LogState:
        return LogState(kept_lines=self._kept_lines, kept_size=self._kept_size)

    def keep(self) -> None:
        self._kept_lines = self.line_count
        self._kept_size = self._size

    def has_kept(self, state: LogState) -> bool:
        """Return whether the file has lines up to where they are final; none need no file."""
        if not state.kept_size:
            return True
        with usable("path", self._path):
            if not self._path.is_file():
                return False
            with self._path.open("rb") as file:
                file.seek(state.kept_size - 1)
                return file.read(1) == b"\n"

    def resume(self, state: LogState) -> None:
        """Continue after the kept beginning of the file."""
        with usable("path", self._path):
            self._resume(state)

    def _resume(self, state: LogState) -> None:
        self.line_count = state.kept_lines
        self._size = state.kept_size
        self.keep()
        size_now = 0
        if self._path.is_file():
            size_now = self._path.stat().st_size
        if size_now > self._size:
            # Lines that will be rejected again, and perhaps corrected or added ones. Copied, as a
            # kill in the middle of this must leave the final lines where they are.
            with (
                self._path.open("rb") as source,
                create_file(self._free_path()) as target,
            ):
                shutil.copyfileobj(source, target)
        if self._size:
            os.truncate(self._path, self._size)
        else:
            self._path.unlink(missing_ok=True)

    def set_aside(self) -> None:
        """Rename the file, if it exists, with the next free number."""
        with usable("path", self._path):
            if os.path.lexists(self._path):
                self._path.rename(self._free_path())

    def _free_path(self) -> Path:
        """Return the path with the next free number."""
        number = 1
        while True:
            path = self._path.with_name(f"{self._path.name}.{number}")
            if not os.path.lexists(path):
                return path
            number += 1

    def _append(self) -> BinaryIO:
        opener = partial(os.open, mode=0o600)  # for a file that is gone
        return open(self._path, "ab", opener=opener)

    def _open_or_create(self) -> BinaryIO:
        if self._size:
            return self._append()
        return create_file(self._path)

    def write(self, text: bytes) -> None:
        with usable("path", self._path):
            if self._file is None:
                self._file = self._open_or_create()
            self._file.write(text)
        self.line_count += 1
        self._size += len(text)

    def flush(self, *, to_disk: bool) -> None:
        if self._file is not None:
            with usable("path", self._path):
                self._file.flush()
                if to_disk:
                    os.fsync(self._file.fileno())

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with usable("path", self._path), file:
                file.flush()
                os.fsync(file.fileno())
