"""Files that an import writes beside its input: the checkpoint and the rejected lines.

All of it is readable by its owner only, since it holds events.
"""

from __future__ import annotations

import os
import shutil
import stat
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, BinaryIO, NamedTuple

import msgspec

from inngest_rest._core.file_import.lines import CutLine, Position
from inngest_rest._core.json_text import encode
from inngest_rest._visible import shown
from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest._core.file_import.lines import Lines

# Bytes that are read at once; a checkpoint has less: a line's end, a path and some numbers.
_LONGEST = 1024 * 1024

_Count = Annotated[int, msgspec.Meta(ge=0)]


class Mark(NamedTuple):
    """How far a file was written: its lines, its bytes, and their hash."""

    line_count: _Count
    size: _Count
    digest: str


class LogState(NamedTuple):
    """What a checkpoint remembers of a file of rejected lines, or of their reasons.

    Attributes:
        kept: What was rejected before the checkpoint's position: it stays when the import resumes.
        written: All that was written. Lines after the position will be rejected again.
    """

    kept: Mark
    written: Mark


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

    The input is recognized by its first bytes and by the line before the position: what follows may
    have been corrected or added to since, while a different file is refused.

    Args:
        path: The file.
        name: The import's name, which is part of its events' ids.
        head: The first bytes of the input.
        rejected: Where the rejected lines go.
    """

    def __init__(self, path: Path, *, name: str, head: bytes, rejected: Path) -> None:
        self.path = path
        self._name = name
        self._head = head
        self._rejected = str(rejected.absolute())

    def save(self, position: Position, logs: LogStates) -> None:
        """Replace the file; a crash leaves the old one or the new one."""
        line, offset, edge = position
        head = _digest(self._head[:offset])
        content = _Saved(self._name, line, offset, head, edge.hex(), self._rejected, logs)
        draft = self.path.with_name(f"{self.path.name}.new")
        # Left by a crash, or a link that somebody put there.
        draft.unlink(missing_ok=True)
        with _create(draft) as file:
            file.write(encode(content))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)

    def load(self, lines: Lines) -> LogStates | None:
        """Bring the lines to the saved position; return what was rejected, None if not known.

        Raises:
            InvalidArgumentError: The checkpoint belongs to another import or is unreadable.
        """
        try:
            # Opening a pipe may wait for ever, and a device may have no end.
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
            raise self._refusal(f"is of an import named {names}")
        if saved.head != _digest(self._head[: saved.offset]) or not lines.go_to(position):
            raise self._refusal(f"is of another file, or its first {saved.line:,} lines changed")
        return saved.logs if saved.rejected == self._rejected else None

    def _refusal(self, what: str) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"{self.path} {what}; delete it, or pass resume=False, to begin at the first line"
        )


def reasons_path(path: Path) -> Path:
    """Return where the reasons of the rejected lines go, by where those go."""
    return path.with_name(f"{path.stem}.reasons{path.suffix}")


class RejectedLines:
    """Rejected lines, byte for byte, ready to be corrected and sent; their reasons beside them.

    A reason has the `line` number in the input and, as `rejected_line`, the number in the file of
    rejected lines, which is null for a line too long to be copied.

    Lines in these files may have been corrected, so only what is known to be what the import wrote
    is ever deleted; a file that differs is renamed with the next free number.

    Args:
        path: Where the lines go.
        states: What the checkpoint says of both files. Without it the import begins anew.
    """

    def __init__(self, path: Path, states: LogStates | None = None) -> None:
        self._lines, self._reasons = self._logs = _Log(path), _Log(reasons_path(path))
        pairs = list(zip(self._logs, states or (), strict=False))
        if pairs and all(log.starts_with(state.kept) for log, state in pairs):
            for log, state in pairs:
                log.resume(state)
        else:
            for log in self._logs:
                log.set_aside()

    @property
    def states(self) -> LogStates:
        return self._lines.state, self._reasons.state

    def keep(self) -> None:
        """Keep what was added so far when the import resumes."""
        for log in self._logs:
            log.keep()

    def add(self, line: bytes, number: int, reason: str) -> None:
        """Write down a line of the input."""
        copied = not isinstance(line, CutLine)
        if copied:
            self._lines.write(line.rstrip(b"\r\n") + b"\n")
        rejected_line = self._lines.state.written.line_count if copied else None
        entry = {"line": number, "reason": reason, "rejected_line": rejected_line}
        self._reasons.write(encode(entry) + b"\n")

    def flush(self, *, to_disk: bool = False) -> None:
        """Let what was added outlive the process, or a loss of power."""
        for log in self._logs:
            log.flush(to_disk=to_disk)

    def close(self) -> None:
        for log in self._logs:
            log.close()


class _Log:
    """A file that is appended to and knows a hash of its content; created by the first write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._line_count = self._size = 0
        self._hash = blake2b(digest_size=16)
        self.keep()

    @property
    def state(self) -> LogState:
        return LogState(self._kept, self._mark)

    @property
    def _mark(self) -> Mark:
        return Mark(self._line_count, self._size, self._hash.hexdigest())

    def keep(self) -> None:
        self._kept = self._mark

    def starts_with(self, mark: Mark) -> bool:
        """Return whether the file's first bytes are those; a file of no bytes need not exist."""
        return _hash_of(self._path, mark.size).hexdigest() == mark.digest

    def resume(self, state: LogState) -> None:
        """Go on behind what is kept, which the file starts with."""
        kept, written = state
        self._kept = kept
        self._line_count, self._size = kept.line_count, kept.size
        self._hash = _hash_of(self._path, kept.size)
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
            with aside.open("rb") as source, _create(self._path) as target:
                shutil.copyfileobj(source, target)
                target.truncate(kept.size)

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
            self._file = _append(self._path) if self._size else _create(self._path)
        self._file.write(text)
        self._line_count += 1
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
    """Create a file with mode 0600 and open it for writing; nothing may be there, not even a link.

    Raises:
        FileExistsError: Something is there.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags, 0o600), "wb")
    if hasattr(os, "fchmod"):
        # A umask can take the owner's rights away as well.
        os.fchmod(file.fileno(), 0o600)
    return file


def _append(path: Path) -> BinaryIO:
    """Open a file to append to it; its mode stays, and is 0600 should it have been moved away."""
    return open(path, "ab", opener=partial(os.open, mode=0o600))


def _digest(head: bytes) -> str:
    return blake2b(head, digest_size=16).hexdigest()


def _hash_of(path: Path, size: int) -> blake2b:
    """Return the hash of a file's first bytes."""
    state = blake2b(digest_size=16)
    if size and path.is_file():
        with path.open("rb") as file:
            while size and (read := file.read(min(size, _LONGEST))):
                state.update(read)
                size -= len(read)
    return state
