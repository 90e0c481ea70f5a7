"""The checkpoint of an import: how far it is, in a file beside the input.

The input is identified by its first bytes and by the line before the position: whatever follows may
have been corrected or appended since.
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from inngest_rest._local.arguments import invalid
from inngest_rest._local.files import replace_file, usable
from inngest_rest._values.json_text import encode
from inngest_rest._values.visible import shown
from inngest_rest.files._import.lines import Position
from inngest_rest.files._import.rejected_lines import LogStates  # noqa: TC001 - msgspec reads it

if TYPE_CHECKING:
    from inngest_rest.errors import InvalidArgumentError
    from inngest_rest.files._import.lines import Lines
    from inngest_rest.files._import.options import ImportOptions
    from inngest_rest.files._import.rows import TableRows

_Count = Annotated[int, msgspec.Meta(ge=0)]


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
    """The file of one import; each method raises InvalidArgumentError if it cannot be used."""

    def __init__(self, options: ImportOptions) -> None:
        self.path = Path(f"{options.path}.checkpoint")
        self._options = options

    def load(self, lines: Lines | TableRows) -> LogStates | None:
        """Go to the saved position; return the states of the rejected lines, if known.

        A checkpoint of another file or of another import, or one that is unreadable, is refused.
        """
        content = self._read()
        if content is None:
            return None
        try:
            saved = msgspec.json.decode(content, type=_Saved)
            position = Position(
                line=saved.line,
                offset=saved.offset,
                edge=bytes.fromhex(saved.edge),
            )
        except (ValueError, RecursionError) as error:
            raise self._refusal("is not a valid checkpoint") from error
        if saved.name != self._options.name:
            names = f"{shown(saved.name)}, not {shown(self._options.name)}"
            raise self._refusal(f"belongs to an import named {names}")
        head = _digest(lines.head[: saved.offset])
        if saved.head != head or not lines.go_to(position):
            reason = f"belongs to a different file, or its first {saved.line:,} lines changed"
            raise self._refusal(reason)
        if saved.rejected != str(self._options.rejected):
            return None
        return saved.logs

    def _read(self) -> bytes | None:
        with usable("path", self.path):
            self.path.parent.stat()  # before anything is sent
            if not self.path.exists():
                return None
            if not self.path.is_file():  # opening a pipe may block forever
                raise self._refusal("is not a regular file")
            return self.path.read_bytes()

    def save(self, position: Position, head: bytes, states: LogStates) -> None:
        saved = _Saved(
            name=self._options.name,
            line=position.line,
            offset=position.offset,
            head=_digest(head[: position.offset]),
            edge=position.edge.hex(),
            rejected=str(self._options.rejected),
            logs=states,
        )
        with usable("path", self.path):
            replace_file(self.path, encode(saved))

    def delete(self) -> None:
        with usable("path", self.path):
            self.path.unlink(missing_ok=True)

    def _refusal(self, reason: str) -> InvalidArgumentError:
        return invalid(
            str(self.path),
            reason,
            how="Delete it, or pass resume=False, to begin at the first line.",
            argument="checkpoint",
        )


def _digest(head: bytes) -> str:
    return blake2b(head, digest_size=16).hexdigest()
