"""Rejected lines, byte for byte, in a file ready to be corrected and sent; reasons beside it."""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from inngest_rest._core.file_import.lines import CutLine
from inngest_rest._core.file_import.private_file import append_private, create_private
from inngest_rest._core.json_text import encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK = 1024 * 1024


class FileMark(NamedTuple):
    """How far a file was written, and with what.

    Attributes:
        size: Bytes.
        digest: Hash of these bytes, hexadecimal.
    """

    size: int
    digest: str


class Mark(NamedTuple):
    """How much was rejected at some moment.

    Attributes:
        line_count: How many lines the file of rejected lines holds.
        lines: How far that file was written.
        reasons: How far the file of their reasons was.
    """

    line_count: int
    lines: FileMark
    reasons: FileMark


class Marks(NamedTuple):
    """What a checkpoint remembers of the rejected lines.

    Attributes:
        kept: What was rejected before the checkpoint's place: it stays when the import resumes.
        written: All that was written. Lines after the place will be rejected again.
    """

    kept: Mark
    written: Mark


def reasons_path(path: Path) -> Path:
    """Return where the reasons of the rejected lines go, by where those go."""
    return path.with_name(f"{path.stem}.reasons{path.suffix}")


class RejectedLines:
    """Two private files, created when the first line is rejected.

    A reason has the `line` number in the input and, as `rejected_line`, the number in the file of
    rejected lines, which is null for a line too long to be copied.

    Lines in these files may have been corrected, so only what is known to be what the import wrote
    is ever deleted; a file that differs is renamed with the next free number.

    Args:
        path: Where the lines go; their reasons go beside it.
        marks: What the checkpoint says of the files. Without them the import begins anew.
    """

    def __init__(self, path: Path, marks: Marks | None = None) -> None:
        self._lines = _Log(path)
        self._reasons = _Log(reasons_path(path))
        self._line_count = 0
        if (
            marks is not None
            and self._lines.starts_with(marks.kept.lines)
            and self._reasons.starts_with(marks.kept.reasons)
        ):
            self._lines.resume(marks.kept.lines, marks.written.lines)
            self._reasons.resume(marks.kept.reasons, marks.written.reasons)
            self._line_count = marks.kept.line_count
        else:
            self._lines.set_aside()
            self._reasons.set_aside()

    @property
    def mark(self) -> Mark:
        """How much is rejected by now."""
        return Mark(self._line_count, self._lines.mark, self._reasons.mark)

    def add(self, line: bytes, number: int, reason: str) -> None:
        """Write down a line of the input."""
        copied = not isinstance(line, CutLine)
        if copied:
            self._line_count += 1
            self._lines.write(line.rstrip(b"\r\n") + b"\n")
        rejected_line = self._line_count if copied else None
        entry = {"line": number, "reason": reason, "rejected_line": rejected_line}
        self._reasons.write(encode(entry) + b"\n")

    def flush(self) -> None:
        """Let what was added outlive the process."""
        self._lines.flush()
        self._reasons.flush()

    def sync(self) -> None:
        """Let what was added outlive a loss of power."""
        self._lines.sync()
        self._reasons.sync()

    def close(self) -> None:
        self._lines.close()
        self._reasons.close()


class _Log:
    """A file that is appended to and knows a hash of its content; created by the first write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._size = 0
        self._hash = blake2b(digest_size=16)

    @property
    def mark(self) -> FileMark:
        return FileMark(self._size, self._hash.hexdigest())

    def starts_with(self, mark: FileMark) -> bool:
        """Return whether the file's first bytes are those; a file of no bytes need not exist."""
        return _hash_of(self._path, mark.size).hexdigest() == mark.digest

    def resume(self, kept: FileMark, written: FileMark) -> None:
        """Go on behind what is kept, which the file starts with."""
        self._size, self._hash = kept.size, _hash_of(self._path, kept.size)
        size = self._path.stat().st_size if self._path.is_file() else 0
        if size == kept.size > 0:
            return
        if size == written.size and self.starts_with(written):
            if kept.size:
                os.truncate(self._path, kept.size)
            else:
                self._path.unlink(missing_ok=True)
            return
        # Either a kill came after the checkpoint, or somebody changed what came after it.
        aside = self.set_aside()
        if kept.size:
            with aside.open("rb") as source, create_private(self._path) as target:
                for chunk in _chunks(source, kept.size):
                    target.write(chunk)

    def set_aside(self) -> Path:
        """Rename the file, if there is one, with the next free number; return that path."""
        number = 1
        while os.path.lexists(aside := self._path.with_name(f"{self._path.name}.{number}")):
            number += 1
        if os.path.lexists(self._path):
            self._path.rename(aside)
        return aside

    def write(self, text: bytes) -> None:
        if self._file is None:
            self._file = append_private(self._path) if self._size else create_private(self._path)
        self._file.write(text)
        self._size += len(text)
        self._hash.update(text)

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def sync(self) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        self.sync()
        if self._file is not None:
            self._file.close()
            self._file = None


def _hash_of(path: Path, size: int) -> blake2b:
    """Return the hash of a file's first bytes."""
    state = blake2b(digest_size=16)
    if size and path.is_file():
        with path.open("rb") as file:
            for chunk in _chunks(file, size):
                state.update(chunk)
    return state


def _chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the next bytes of a file, so many or until it ends."""
    while size and (chunk := file.read(min(size, _CHUNK))):
        yield chunk
        size -= len(chunk)
