"""The checkpoint: how far an import has come, in a small file beside its input."""

from __future__ import annotations

import os
import stat
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from inngest_rest._core.file_import.lines import Place
from inngest_rest._core.file_import.private_file import create_private
from inngest_rest._core.file_import.rejected_lines import FileMark, Mark, Marks
from inngest_rest._core.json_text import decode, encode
from inngest_rest._visible import shown
from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from inngest_rest._core.file_import.lines import Lines

_VERSION = 2
# Without hashes of the rejected lines: which of these were corrected since is not known.
_OLD_VERSION = 1


# Bytes; it has a line's end, a path and some numbers.
_LONGEST = 1024 * 1024


class Progress(NamedTuple):
    """What is done.

    Attributes:
        place: Every line of the input before it was accepted, rejected or blank.
        marks: How far the files of rejected lines were written; None if that is not known, or if
            they are other files.
    """

    place: Place
    marks: Marks | None


class Checkpoint:
    """The progress of one import, kept in a file.

    The input is recognized by its first bytes and by the line before the place: what follows may
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

    def save(self, progress: Progress) -> None:
        """Replace the file; a crash leaves the old one or the new one."""
        place, marks = progress
        content = {
            "version": _VERSION,
            "name": self._name,
            "line": place.line,
            "offset": place.offset,
            "head": _digest(self._head[: place.offset]),
            "edge": place.edge.hex(),
            "rejected": self._rejected,
            "marks": marks,
        }
        draft = self.path.with_name(f"{self.path.name}.new")
        # Left by a crash, or a link that somebody put there.
        draft.unlink(missing_ok=True)
        with create_private(draft) as file:
            file.write(encode(content))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)

    def remove(self) -> None:
        """Forget the progress."""
        self.path.unlink(missing_ok=True)

    def load(self, lines: Lines) -> Progress | None:
        """Bring the lines to the saved place; return what is done, None if nothing was saved.

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
            content: dict[str, Any] = decode(text)
            version = content["version"]
            if version not in (_VERSION, _OLD_VERSION):
                raise self._refusal(f"is of version {version}, which this release cannot read")
            edge = bytes.fromhex(content["edge"])
            place = Place(_natural(content["line"]), _natural(content["offset"]), edge)
            name, head, rejected = content["name"], content["head"], content["rejected"]
            marks = Marks(*map(_mark, content["marks"])) if version == _VERSION else None
        except InvalidArgumentError:
            raise
        except (ValueError, KeyError, TypeError) as error:
            raise self._refusal("is not a valid checkpoint") from error
        if name != self._name:
            raise self._refusal(f"is of an import named {shown(name)}, not {shown(self._name)}")
        if head != _digest(self._head[: place.offset]) or not lines.go_to(place):
            raise self._refusal(f"is of another file, or its first {place.line:,} lines changed")
        return Progress(lines.place, marks if rejected == self._rejected else None)

    def _refusal(self, what: str) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"{self.path} {what}; delete it, or pass resume=False, to begin at the first line",
            argument="resume",
        )


def _digest(head: bytes) -> str:
    return blake2b(head, digest_size=16).hexdigest()


def _natural(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"not a count: {value!r}")
    return value


def _mark(value: Sequence[Any]) -> Mark:
    line_count, *files = value
    lines, reasons = (FileMark(_natural(size), digest) for size, digest in files)
    return Mark(_natural(line_count), lines, reasons)
