"""Lines of JSON become batches of events, with ids that repeat when the import is repeated."""

from __future__ import annotations

from binascii import hexlify
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from msgspec import UnsetType
from xxhash import xxh3_64_digest

from inngest_rest._core.sending.batching import Batch
from inngest_rest._local.event_json import encode as encode_event
from inngest_rest._local.event_json import plain_ids
from inngest_rest._local.limits import MAX_EVENT_BYTES
from inngest_rest._values.json_text import decode
from inngest_rest.errors import InvalidEventError
from inngest_rest.files._import.lines import Chunk, RefusedLine
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest._local.event_names import NameConvention


# Longest line sent byte for byte; it leaves room for an id.
_MAX_PLAIN = MAX_EVENT_BYTES - 64

# Lines validated together: decoded, they fit into the CPU cache, and are too few to trigger the
# garbage collector.
_GROUP = 128


class NdjsonEncoder:
    """Turns lines into batches; an event without an id gets one derived from its line.

    A line is decoded once, for validation, and sent as it is; re-encoding would cost more than
    everything else. Unusual lines go through `encode`, which implements every rule.

    The id is derived from the import's name, the line number and the line's bytes: repeating the
    import yields the same ids, and correcting a line changes only its own id.
    """

    def __init__(
        self, name: str, convention: NameConvention | None = None, *, first: int = 1
    ) -> None:
        self._convention = convention
        self._first = first
        # 64 bits of hash suffice to distinguish imports, and versions of one line.
        digest = hexlify(sha256(name.encode()).digest())
        self._id = b"%.16b-%%d-%%.16b" % digest
        # Appended, since the server uses the last of two keys that it considers equal.
        self._with_id = b'%b,"id":"' + self._id + b'"}'

    def batch(self, chunk: Chunk) -> Batch:
        """Make a batch whose positions are line numbers; blank lines are skipped."""
        positions: list[int] = []
        texts: list[bytes] = []
        invalid: list[SendFailure] = []
        for start in range(0, len(chunk.lines), _GROUP):
            group = chunk.lines[start : start + _GROUP]
            first = chunk.start.line + self._first + start
            plain = self._plain_texts(group, first)
            if plain is not None:
                positions += range(first, first + len(group))
                texts += plain
                continue
            for number, line in enumerate(group, first):
                if line.strip():
                    try:
                        texts.append(self._text(line, number))
                        positions.append(number)
                    except InvalidEventError as error:
                        invalid.append(SendFailure(number, _shown(line), error.reason))
        return Batch.of(positions, texts, invalid)

    def _plain_texts(self, lines: Sequence[bytes], first: int) -> list[bytes] | None:
        """Return the JSON text of each event, or None if any line is unusual."""
        are_plain = {bytes}.issuperset(map(type, lines))
        if not are_plain or max(map(len, lines)) > _MAX_PLAIN:
            return None
        ids = plain_ids(lines, self._convention)
        if ids is None:
            return None
        kinds = set(map(type, ids))
        if kinds == {str}:
            return [line.rstrip() for line in lines]
        if kinds != {UnsetType}:
            return None
        heads = [line.rstrip()[:-1] for line in lines]
        digests = map(hexlify, map(xxh3_64_digest, heads))
        with_id = self._with_id
        return [with_id % each for each in zip(heads, count(first), digests)]

    def _text(self, line: bytes, number: int) -> bytes:
        """Return the JSON text of one event; reject what the server would reject."""
        if isinstance(line, RefusedLine):
            raise InvalidEventError(line.reason, position=number)
        try:
            event = decode(line)
        except ValueError as error:
            reason = f"not JSON: {_not_utf8(line) or error}"
            if not line.endswith(b"\n"):
                reason += "; the file ends in the middle of this line"
            raise InvalidEventError(reason, position=number) from None
        if not isinstance(event, dict):
            reason = f"a line holds one JSON object, not {type(event).__name__}"
            raise InvalidEventError(reason, position=number)
        texts = self._plain_texts([line], number)
        if texts is not None:
            return texts[0]
        wire = cast("dict[str, Any]", event)
        if wire.get("id") in (None, ""):
            digest = hexlify(xxh3_64_digest(line.rstrip()[:-1]))
            wire["id"] = (self._id % (number, digest)).decode()
        # Unknown keys of a file are sent as they are: another program may have written it.
        return encode_event(wire, number, self._convention, from_file=True)


def _not_utf8(line: bytes) -> UnicodeDecodeError | None:
    """Return the error that locates a byte which is not UTF-8: that of msgspec 0.23 does not."""
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return error
    return None


def _shown(line: bytes) -> dict[str, Any]:
    """Return the event of a rejected line for its `SendFailure`."""
    try:
        event: Any = decode(line)
    except ValueError:
        return {}
    return cast("dict[str, Any]", event) if isinstance(event, dict) else {}
