"""The files that an import writes beside its input: checkpoint and rejected lines.

They hold events, so only their owner can read them.
"""

from __future__ import annotations

import os
import shutil
import stat
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, NamedTuple

import msgspec

from inngest_rest._core.file_import.lines import Position, RefusedLine
from inngest_rest._core.json_text import encode
from inngest_rest._visible import shown
from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from inngest_rest._core.file_import.lines import EventRows, Lines

# Bytes per read; a checkpoint is smaller: the end of a line, a path and some numbers.
_LONGEST = 1024 * 1024

_Count = Annotated[int, msgspec.Meta(ge=0)]


class LogState(NamedTuple):
    """A file of rejected lines, or of their reasons: what of it is final, and what was written.

    Lines after the checkpoint's position will be rejected again.
    """

    kept_lines: _Count
    kept_size: _Count
    size: _Count
    digest: str


LogStates = tuple[LogState, LogState]


class _Saved(msgspec.Struct, tag_field="version", tag=2):
    """The content of a checkpoint; `edge` is hexadecimal."""

    name: str
    line: _Count
    offset: _Count
    head: str
    edge: str
    rejected: str
    logs: LogStates


class Checkpoint:
    """The progress of one import, kept in a file.

    The input is identified by its first bytes and by the line before the position: whatever follows
    may have been corrected or appended since, but a different file is rejected.
    """

    def __init__(self, path: str, name: str, head: bytes, rejected: Path) -> None:
        self.path, self._name, self._head = Path(path), name, head
        self._rejected = str(rejected.absolute())

    def save(self, position: Position, logs: LogStates) -> None:
        line, offset, edge = position
        head = _digest(self._head[:offset])
        content = _Saved(self._name, line, offset, head, edge.hex(), self._rejected, logs)
        replace_file(self.path, encode(content))

    def load(self, lines: Lines | EventRows) -> LogStates | None:
        """Seek to the saved position; return the states of the rejected lines, if known.

        A checkpoint that belongs to another import, or is unreadable, is refused.
        """
        try:
            # Opening a pipe may block forever, and a device may be endless.
            if not stat.S_ISREG(self.path.stat().st_mode):
                raise self._refusal("is not a regular file")
            with self.path.open("rb") as file:
                text = file.read(_LONGEST)
        except FileNotFoundError:
            return None
        try:
            saved = msgspec.json.decode(text, type=_Saved)
            position = Position(saved.line, saved.offset, bytes.fromhex(saved.edge))
        except (ValueError, RecursionError) as error:
            raise self._refusal("is not a valid checkpoint") from error
        if saved.name != self._name:
            names = f"{shown(saved.name)}, not {shown(self._name)}"
            raise self._refusal(f"belongs to an import named {names}")
        if saved.head != _digest(self._head[: saved.offset]) or not lines.go_to(position):
            why = f"belongs to a different file, or its first {saved.line:,} lines changed"
            raise self._refusal(why)
        return saved.logs if saved.rejected == self._rejected else None

    def _refusal(self, what: str) -> InvalidArgumentError:
        how = "delete it, or pass resume=False, to begin at the first line"
        return InvalidArgumentError(f"{self.path} {what}; {how}")


def replace_file(path: Path, content: bytes) -> None:
    """Write a file for its owner alone, which appears whole and on disk, or not at all."""
    draft = path.with_name(f".{path.name}.new")
    # Left by a crash, or a planted link.
    draft.unlink(missing_ok=True)
    with _create(draft) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def reasons_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}.reasons{path.suffix}")


class RejectedLines:
    """Rejected lines, byte for byte, ready to correct and resend, with their reasons beside them.

    A reason has the `line` number in the input and, as `rejected_line`, the line number in the file
    of rejected lines, null for a line too long to copy.

    Users may have corrected lines in these files, so only bytes that the import provably wrote are
    ever deleted; a modified file is renamed with the next free number. Without the checkpointed
    state of both files, the import starts over.
    """

    def __init__(self, path: Path, states: LogStates | None = None) -> None:
        self._lines, self._reasons = self._logs = _Log(path), _Log(reasons_path(path))
        pairs = list(zip(self._logs, states or (), strict=False))
        if pairs and all(log.is_ours(state) for log, state in pairs):
            for log, state in pairs:
                log.resume(state)
        else:
            for log in self._logs:
                log.set_aside()

    @property
    def states(self) -> LogStates:
        return self._lines.state, self._reasons.state

    def keep(self) -> None:
        """Mark all lines added so far as final, for a later resume."""
        for log in self._logs:
            log.keep()

    def add(self, line: bytes, number: int, reason: str) -> None:
        copied = not (isinstance(line, RefusedLine) and line.skipped)
        if copied:
            self._lines.write(line.rstrip(b"\r\n") + b"\n")
        rejected_line = self._lines.line_count if copied else None
        entry = {"line": number, "reason": reason, "rejected_line": rejected_line}
        self._reasons.write(encode(entry) + b"\n")

    def flush(self, *, to_disk: bool = False) -> None:
        """Flush both files; with `to_disk`, so that they survive a power cut."""
        for log in self._logs:
            log.flush(to_disk=to_disk)

    def close(self) -> None:
        for log in self._logs:
            log.close()


class _Log:
    """An append-only file with a running hash of its content, created on the first write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self.line_count = self._size = 0
        self._kept = 0, 0
        self._hash = blake2b(digest_size=16)

    @property
    def state(self) -> LogState:
        return LogState(*self._kept, self._size, self._hash.hexdigest())

    def keep(self) -> None:
        self._kept = self.line_count, self._size

    def is_ours(self, state: LogState) -> bool:
        """Return whether the file begins with all that was written; zero bytes need no file."""
        return _hash_of(self._path, state.size).hexdigest() == state.digest

    def resume(self, state: LogState) -> None:
        """Continue after the kept beginning of the file."""
        self.line_count, self._size, written, _ = state
        self.keep()
        self._hash = _hash_of(self._path, self._size)
        if (self._path.stat().st_size if self._path.is_file() else 0) == written:
            if self._size:
                os.truncate(self._path, self._size)
            else:
                self._path.unlink(missing_ok=True)
            return
        # Either the process was killed after the checkpoint, or somebody added lines.
        aside = self.set_aside()
        if self._size:
            with aside.open("rb") as source, _create(self._path) as target:
                shutil.copyfileobj(source, target)
                target.truncate(self._size)

    def set_aside(self) -> Path:
        """Rename the file, if it exists, with the next free number; return the new path."""
        number = 1
        while os.path.lexists(aside := self._path.with_name(f"{self._path.name}.{number}")):
            number += 1
        if os.path.lexists(self._path):
            self._path.rename(aside)
        return aside

    def write(self, text: bytes) -> None:
        if self._file is None:
            opener = partial(os.open, mode=0o600)  # for one that is gone
            is_begun, path = self._size > 0, self._path
            self._file = open(path, "ab", opener=opener) if is_begun else _create(path)  # noqa: SIM115
        self._file.write(text)
        self.line_count += 1
        self._size += len(text)
        self._hash.update(text)

    def flush(self, *, to_disk: bool) -> None:
        if self._file is not None:
            self._file.flush()
            if to_disk:
                os.fsync(self._file.fileno())

    def close(self) -> None:
        self.flush(to_disk=True)
        if self._file is not None:
            self._file.close()
            self._file = None


def _create(path: Path) -> BinaryIO:
    """Create a file with mode 0600 and open it for writing; never follow a link."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags, 0o600), "wb")
    if hasattr(os, "fchmod"):
        # A umask can remove the owner's permissions, too.
        os.fchmod(file.fileno(), 0o600)
    return file


def _digest(head: bytes) -> str:
    return blake2b(head, digest_size=16).hexdigest()


def _hash_of(path: Path, size: int) -> blake2b:
    state = blake2b(digest_size=16)
    if size and path.is_file():
        with path.open("rb") as file:
            while size and (read := file.read(min(size, _LONGEST))):
                state.update(read)
                size -= len(read)
    return state
