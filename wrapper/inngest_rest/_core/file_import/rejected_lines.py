"""Rejected lines, as they stood, in a file that can be mended and sent; their reasons beside it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import orjson

from inngest_rest._core.file_import.lines import CutLine

if TYPE_CHECKING:
    from pathlib import Path


class Mark(NamedTuple):
    """How much was rejected.

    Attributes:
        lines: How many lines the file of rejected lines holds.
        size: How many bytes.
        reasons_size: How many bytes the file of their reasons holds.
    """

    lines: int = 0
    size: int = 0
    reasons_size: int = 0


class DeadLetters:
    """Two files that are made when the first line is rejected.

    A reason tells the `line` of the input and, as `rejected_line`, that of the rejected lines; it
    is null for a line too long to be copied.

    Args:
        path: Where the lines go; their reasons go beside it.
        mark: How much was rejected at the checkpoint that is resumed: what came after it will be
            rejected again. Without one this begins anew.

    Attributes:
        mark: How much is rejected by now.
    """

    def __init__(self, path: Path, mark: Mark | None = None) -> None:
        self.path = path
        self.reasons_path = path.with_name(f"{path.stem}.reasons{path.suffix}")
        self.mark = Mark()
        self._files: tuple[BinaryIO, BinaryIO] | None = None
        if mark is not None and self._holds(mark):
            os.truncate(self.path, mark.size)
            os.truncate(self.reasons_path, mark.reasons_size)
            self.mark = mark
        else:
            # Somebody may be mending what an earlier import rejected.
            _set_aside(self.path)
            _set_aside(self.reasons_path)

    def _holds(self, mark: Mark) -> bool:
        return (
            self.path.is_file()
            and self.path.stat().st_size >= mark.size
            and self.reasons_path.is_file()
            and self.reasons_path.stat().st_size >= mark.reasons_size
        )

    def add(self, line: bytes, number: int, reason: str) -> None:
        """Write down a line of the input."""
        if self._files is None:
            self._files = (self.path.open("ab"), self.reasons_path.open("ab"))
        lines, size, reasons_size = self.mark
        copied = not isinstance(line, CutLine)
        if copied:
            lines += 1
            size += self._files[0].write(line.rstrip(b"\r\n") + b"\n")
        entry = {"line": number, "reason": reason, "rejected_line": lines if copied else None}
        reasons_size += self._files[1].write(orjson.dumps(entry) + b"\n")
        self.mark = Mark(lines, size, reasons_size)

    def flush(self) -> None:
        """Let what was added outlive the process."""
        for file in self._files or ():
            file.flush()

    def sync(self) -> None:
        """Let what was added outlive a loss of power."""
        self.flush()
        for file in self._files or ():
            os.fsync(file.fileno())

    def close(self) -> None:
        self.sync()
        for file in self._files or ():
            file.close()
        self._files = None


def _set_aside(path: Path) -> None:
    """Give a file the next free number."""
    if not path.exists():
        return
    number = 1
    while (kept := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    path.rename(kept)
