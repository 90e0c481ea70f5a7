"""What neither JSON nor an event has: where it is in an event, and what to do instead.

Only events that were refused come here, so nothing is in a hurry.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

import attrs
import orjson

from inngest_rest._core.sending.dumping import dump
from inngest_rest._visible import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FIELDS = frozenset({"name", "data", "id", "user", "ts", "v", "meta"})
"""The keys of an event (schema Event)."""


def unknown_key(event: Mapping[Any, Any]) -> str:
    """Return which key of a mapping is none of an event's, and the key that it resembles."""
    key = next(each for each in event if each not in FIELDS)
    near = get_close_matches(str(key).lower(), sorted(FIELDS), n=1, cutoff=0.7)
    if near:
        return f"unknown key {shown(key)}; did you mean {near[0]!r}?"
    return f"unknown key {shown(key)}; what functions are to see belongs inside 'data'"


def how_to_convert(value: object) -> str:
    """Return advice for a value that JSON lacks, to follow a colon; empty if there is none."""
    if isinstance(value, type):
        return ""
    if isinstance(value, Decimal):
        return "pass str(value), or float(value) where rounding does no harm"
    if isinstance(value, bytes | bytearray | memoryview):
        return "pass value.decode() if it is text, else base64.b64encode(value).decode()"
    if isinstance(value, AbstractSet):
        return "pass sorted(value), a list"
    if hasattr(value, "model_dump"):
        return 'pass value.model_dump(mode="json")'
    if dataclasses.is_dataclass(value):
        return "pass dataclasses.asdict(value), or bind it to the event's name with EventType"
    if attrs.has(type(value)):
        return "pass attrs.asdict(value), or bind it to the event's name with EventType"
    if hasattr(value, "_asdict"):
        return "pass value._asdict()"
    if hasattr(value, "tolist"):
        return "pass value.tolist()"
    return ""


def first_foreign(event: Mapping[str, Any]) -> str | None:
    """Return where an event first has something that JSON lacks, what it is, and what to do."""
    return next(_foreign(event, ""), None)


def _foreign(value: object, path: str) -> Iterator[str]:
    inside = value.value if isinstance(value, Enum) else value
    if isinstance(inside, dict):
        for key, each in cast("dict[object, object]", inside).items():
            if not isinstance(key, str):
                where = path or "the event"
                yield f"{where} has the key {shown(key)}: pass str(key), keys are text"
            yield from _foreign(each, f"{path}.{key}" if path else f"{key}")
    elif isinstance(inside, list) or type(inside) is tuple:
        for index, each in enumerate(cast("Sequence[object]", inside)):
            yield from _foreign(each, f"{path}[{index}]")
    else:
        try:
            dump(inside)
        except orjson.JSONEncodeError as error:
            yield f"{path} {_reason(inside, error)}"


def _reason(value: object, error: orjson.JSONEncodeError) -> str:
    if isinstance(value, str | int):  # a lone surrogate, or an integer beyond 64 bits
        return f"cannot be encoded: {error}"
    advice = how_to_convert(value)
    return f"is of type {type(value).__name__}, which JSON lacks" + (advice and f": {advice}")
