"""How far an import has come, in a small file beside its input; written whole or not at all."""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from inngest_rest._core.file_import.lines import Place
from inngest_rest._core.file_import.rejected_lines import Mark
from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest._core.file_import.lines import Lines

_VERSION = 1


class Progress(NamedTuple):
    """What is done: every line before the place was accepted, rejected or blank.

    Attributes:
        place: The place in the input.
        mark: How much was rejected until there; None if that is in other files.
    """

    place: Place
    mark: Mark | None


class Checkpoint:
    """The progress of one import, kept in a file.

    It knows the input again by its first bytes and by the line before the place: what follows may
    be mended or added to meanwhile, another file is refused.

    Args:
        path: The file.
        name: The import's name, which its events' ids are made of.
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
        place = progress.place
        content = {
            "version": _VERSION,
            "name": self._name,
            "line": place.line,
            "offset": place.offset,
            "head": _digest(self._head[: place.offset]),
            "edge": place.edge.hex(),
            "rejected": self._rejected,
            "mark": progress.mark and list(progress.mark),
        }
        draft = self.path.with_name(f"{self.path.name}.new")
        with draft.open("wb") as file:
            file.write(orjson.dumps(content))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)

    def remove(self) -> None:
        """Forget the progress."""
        self.path.unlink(missing_ok=True)

    def load(self, lines: Lines) -> Progress | None:
        """Bring the lines to where the file says; None if there is none yet.

        Raises:
            InvalidArgumentError: It is of another import, or of another version.
        """
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            content: dict[str, Any] = orjson.loads(text)
            version = content["version"]
            if version != _VERSION:
                raise self._refusal(f"is of version {version}, which this release cannot read")
            place = Place(content["line"], content["offset"], bytes.fromhex(content["edge"]))
            name, head, mark = content["name"], content["head"], Mark(*content["mark"])
            rejected = content["rejected"]
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, InvalidArgumentError):
                raise
            raise self._refusal("is no checkpoint") from error
        if name != self._name:
            raise self._refusal(f"is of an import named {name!r}, not {self._name!r}")
        if head != _digest(self._head[: place.offset]) or not lines.go_to(place):
            raise self._refusal(f"is of another file, or its first {place.line:,} lines changed")
        return Progress(lines.place, mark if rejected == self._rejected else None)

    def _refusal(self, what: str) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"{self.path} {what}; delete it, or say resume=False, to begin at the first line"
        )


def _digest(head: bytes) -> str:
    return blake2b(head, digest_size=16).hexdigest()
