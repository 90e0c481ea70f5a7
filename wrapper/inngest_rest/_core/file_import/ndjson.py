"""Encoding lines of NDJSON as events, byte for byte wherever that is safe.

A line is decoded once, to check it, and its own bytes are sent; encoding it again would cost more
than everything else. An unusual line goes through `encode`, which knows every rule.
"""

from __future__ import annotations

from binascii import hexlify
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from xxhash import xxh3_64_digest

from inngest_rest._core.file_import.lines import CutLine, Part
from inngest_rest._core.json_text import decode, decode_or_recurse
from inngest_rest._core.sending.batching import Batch
from inngest_rest._core.sending.event_json import MAX_EVENT_BYTES, encode, fields_of
from inngest_rest.errors import InvalidEventError
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest._core.event_names import NameConvention

# Longest line that is sent byte for byte; an id may be added to it.
_MAX_PLAIN = MAX_EVENT_BYTES - 64

# Lines that are checked together: decoded, they fit into the processor's cache, and are too few
# for the garbage collector to look at.
_GROUP = 128


class NdjsonEncoder:
    """Make batches of lines; an event without an id gets one derived from its line.

    The id is made of the import's name, the line's number and its bytes: the same import again
    gives the same ids, and correcting a line changes the id of that line alone.

    Args:
        name: The import's name.
        convention: The check of the events' names, if there is one.
    """

    def __init__(self, name: str, convention: NameConvention | None = None) -> None:
        self._convention = convention
        # 64 bits of a hash tell apart the names of imports, and what has stood in one line.
        self._id = b"%.16b-%%d-%%.16b" % hexlify(sha256(name.encode()).digest())
        # Last, since the server takes the last of two keys that it considers equal.
        self._with_id = b'%b,"id":"' + self._id + b'"}'

    def batch(self, part: Part) -> Batch:
        """Make a batch whose positions are line numbers; blank lines are skipped."""
        positions: list[int] = []
        texts: list[bytes] = []
        refused: list[SendFailure] = []
        has_long = part.size > _MAX_PLAIN and max(map(len, part.lines)) > _MAX_PLAIN
        for start in range(0, len(part.lines), _GROUP):
            group, number = part.lines[start : start + _GROUP], part.start.line + 1 + start
            is_cut = isinstance(group[-1], CutLine)  # and alone
            plain = None if has_long or is_cut else self._plain_texts(group, number)
            if plain is None:
                self._one_by_one(group, number, positions, texts, refused)
            else:
                positions += range(number, number + len(group))
                texts += plain
        if texts:
            # Added before joining: another copy of this size costs half as much as the checks.
            texts[0] = b"[" + texts[0]
            texts[-1] += b"]"
        return Batch(positions, b",\n".join(texts), refused)

    def _one_by_one(
        self,
        lines: Sequence[bytes],
        first: int,
        positions: list[int],
        texts: list[bytes],
        refused: list[SendFailure],
    ) -> None:
        """Encode lines of any kind, and sort out those that are refused."""
        for number, line in enumerate(lines, first):
            if not line.strip():
                continue
            event: Any = None
            try:
                event = _loads(line, number)
                text = self._text(event, line, number)
            except InvalidEventError as error:
                shown = cast("dict[str, Any]", event) if isinstance(event, dict) else {}
                refused.append(SendFailure(number, shown, error.reason))
            else:
                positions.append(number)
                texts.append(text)

    def _plain_texts(self, lines: Sequence[bytes], first: int) -> list[bytes] | None:
        """Return the text of each event, or None if any of them is unusual."""
        try:
            fields = fields_of(list(map(decode_or_recurse, lines)), self._convention)
        except (ValueError, RecursionError):
            return None
        if fields is None:
            return None
        if "id" in fields:
            return [line.rstrip() for line in lines]
        heads = [line.rstrip()[:-1] for line in lines]
        digests = map(hexlify, map(xxh3_64_digest, heads))
        with_id = self._with_id
        return [with_id % each for each in zip(heads, count(first), digests)]

    def _text(self, event: Any, line: bytes, number: int) -> bytes:
        """Return the text of one event, or refuse it."""
        if not isinstance(event, dict):
            reason = f"a line holds one JSON object, not {type(event).__name__}"
            raise InvalidEventError(reason, position=number)
        texts = self._plain_texts([line], number) if len(line) <= _MAX_PLAIN else None
        if texts is not None:
            return texts[0]
        wire = cast("dict[str, Any]", event)
        if wire.get("id") is None or wire["id"] == "":
            digest = hexlify(xxh3_64_digest(line.rstrip()[:-1]))
            wire = {**wire, "id": (self._id % (number, digest)).decode()}
        # What a file has is sent as it is, as it may come from another program.
        return encode(wire, number, self._convention, from_file=True)


def _loads(line: bytes, number: int) -> Any:
    if isinstance(line, CutLine):  # whatever its beginning is
        raise InvalidEventError(_too_long(line), position=number)
    try:
        return decode(line)
    except ValueError as error:
        reason = f"not JSON: {error}"
        if not line.endswith(b"\n"):
            reason += "; the file ends in the middle of this line"
        raise InvalidEventError(reason, position=number) from None


def _too_long(line: CutLine) -> str:
    size = len(line) + line.passed_over
    return f"a line of {size:,} bytes; the server accepts events of {MAX_EVENT_BYTES:,}"
