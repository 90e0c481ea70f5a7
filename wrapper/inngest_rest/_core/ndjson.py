"""A line of NDJSON becomes the text of an event: passed on as it stands wherever that is safe.

The line is decoded once, to be checked, and its own bytes go out; encoding it again would cost
more than all the rest. What is unusual in any way goes through `encode`, which knows every rule.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

import orjson

from inngest_rest._core.batches import Batch
from inngest_rest._core.encoding import FIRST_TS, LAST_TS, MAX_EVENT_BYTES, encode
from inngest_rest._core.lines import CutLine
from inngest_rest.errors import InvalidEventError
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

# Hexadecimal digits of a hash in an id: 64 bits tell apart what has stood in one line.
_DIGITS = 16

# Longest line that is passed on as it stands; an id may be added to it.
_MAX_PLAIN = MAX_EVENT_BYTES - 64


class NdjsonEncoder:
    """Make batches of lines; an event without id gets one that depends on where it stands.

    The id is made of the import's name, the line's number and its bytes: the same import again
    gives the same ids, and mending a line changes the id of that line alone.

    Args:
        name: The import's name.
    """

    def __init__(self, name: str) -> None:
        self._prefix = f"{_digest(name.encode())}-"

    def batch(self, lines: Sequence[bytes], first: int) -> Batch:
        """Make a batch of lines, whose positions are their numbers; blank ones are no events.

        Args:
            lines: The lines, endings included.
            first: The number of the first of them.
        """
        loads, prefix = orjson.loads, f',"id":"{self._prefix}'
        positions: list[int] = []
        texts: list[bytes] = []
        refused: list[SendFailure] = []
        for number, line in enumerate(lines, first):
            try:
                event = loads(line)
            except orjson.JSONDecodeError as error:
                if line.strip():
                    refused.append(SendFailure(number, {}, _not_json(line, error)))
                continue
            text = line.rstrip()
            if (
                event.__class__ is dict
                and (name := event.get("name")).__class__ is str
                and name
                and name[0] not in "iI"
                and event.get("data").__class__ is dict
                and ("user" not in event or event["user"].__class__ is dict)
                and ("ts" not in event or _is_moment(event["ts"]))
                and ("v" not in event or event["v"].__class__ is str)
                and ("id" not in event or (event["id"].__class__ is str and event["id"]))
                and len(line) < _MAX_PLAIN
            ):
                if "id" not in event:
                    # Last, since of two keys that are the same to it the server takes the last.
                    digest = sha256(text).hexdigest()[:_DIGITS]
                    text = text[:-1] + f'{prefix}{number}-{digest}"}}'.encode()
            else:
                try:
                    text = self._encode(event, line, number)
                except InvalidEventError as error:
                    refused.append(SendFailure(number, _shown(event), error.reason))
                    continue
            positions.append(number)
            texts.append(text)
        if texts:
            # The brackets go into the one copy: each more of this size costs like half the checks.
            texts[0] = b"[" + texts[0]
            texts[-1] += b"]"
        return Batch(positions, b",".join(texts), refused)

    def _encode(self, event: Any, line: bytes, number: int) -> bytes:
        """Encode what is unusual, or refuse it."""
        if isinstance(line, CutLine):
            raise InvalidEventError(_too_long(line), position=number)
        if not isinstance(event, dict):
            reason = f"a line holds one JSON object, not {type(event).__name__}"
            raise InvalidEventError(reason, position=number)
        wire = cast("dict[str, Any]", event)
        if wire.get("id") is None or wire["id"] == "":
            wire = {**wire, "id": f"{self._prefix}{number}-{_digest(line.rstrip())}"}
        return encode(wire, number)


def _digest(text: bytes) -> str:
    return sha256(text).hexdigest()[:_DIGITS]


def _is_moment(ts: object) -> bool:
    return type(ts) is int and FIRST_TS <= ts <= LAST_TS


def _shown(event: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", event) if isinstance(event, dict) else {}


def _not_json(line: bytes, error: orjson.JSONDecodeError) -> str:
    if isinstance(line, CutLine):
        return _too_long(line)
    ends = "" if line.endswith(b"\n") else "; the file ends in the middle of this line"
    return f"not JSON: {error.msg}, at character {error.pos + 1}{ends}"


def _too_long(line: CutLine) -> str:
    size = len(line) + line.passed_over
    return f"a line of {size:,} bytes; the server takes events of {MAX_EVENT_BYTES:,}"
