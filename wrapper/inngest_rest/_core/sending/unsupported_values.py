"""Unsupported values: their path in an event, and a remedy.

Only used for events about to be rejected, so speed does not matter.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import msgspec

from inngest_rest._core.json_text import encode, plain
from inngest_rest._visible import nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FIELDS = frozenset({"name", "data", "id", "user", "ts", "v", "meta"})
"""The keys of an event (schema Event)."""

_OR_BIND = ", or bind it to the event's name with EventType"

# By an attribute of the values that can be converted so.
_CONVERSIONS = {
    "model_dump": 'value.model_dump(mode="json")',
    "__dataclass_fields__": f"dataclasses.asdict(value){_OR_BIND}",
    "__attrs_attrs__": f"attrs.asdict(value){_OR_BIND}",
    "_asdict": "value._asdict()",
    "tolist": "value.tolist()",
}


def unknown_key(event: Mapping[Any, Any]) -> str:
    """Describe the first unknown key of a mapping, with a suggestion."""
    key = next(each for each in event if each not in FIELDS)
    if near := nearest(key, sorted(FIELDS)):
        return f"unknown key {shown(key)}; did you mean {near!r}?"
    return f"unknown key {shown(key)}; a field for functions belongs inside 'data'"


def how_to_convert(value: object) -> str:
    """Return advice on converting a value to JSON, to follow a colon; empty if none applies."""
    if isinstance(value, type):
        return ""
    found = (call for name, call in _CONVERSIONS.items() if hasattr(value, name))
    return next((f"pass {call}" for call in found), "")


def first_unsupported(event: Mapping[str, Any]) -> str | None:
    """Return the path of the first value that JSON cannot represent, the reason and a remedy."""
    return next(_unsupported(event, ""), None)


def _unsupported(value: object, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in cast("dict[object, object]", value).items():
            if _error_of({key: None}) is not None:
                yield f"{path or 'the event'} has the key {shown(key)}, which cannot be text"
            yield from _unsupported(each, f"{path}.{key}" if path else f"{key}")
    elif isinstance(value, list | tuple):
        for index, each in enumerate(cast("Sequence[object]", value)):
            yield from _unsupported(each, f"{path}[{index}]")
    elif (error := _error_of(value)) is not None:
        yield f"{path} {_reason(value, error)}"
    else:
        # The plain value of an enum member, a set or a dataclass.
        inside = msgspec.to_builtins(value, enc_hook=plain)
        if isinstance(inside, dict | list):
            yield from _unsupported(cast("object", inside), path)
        elif isinstance(inside, float) and not math.isfinite(inside):
            yield f"{path} is NaN or infinite, which JSON cannot represent"
        elif isinstance(inside, int) and not -(2**63) <= inside < 2**64:
            yield f"{path} cannot be encoded: the integer exceeds 64 bits"


def _error_of(value: object) -> Exception | None:
    try:
        encode(value)
    except Exception as error:  # noqa: BLE001 - a tzinfo runs the caller's own code
        return error
    return None


def _reason(value: object, error: Exception) -> str:
    if not isinstance(error, NotImplementedError):
        return f"cannot be encoded: {str(error) or type(error).__name__}"
    advice = how_to_convert(value)
    if not advice and not isinstance(value, type):
        advice = "pass text, a number, a list or a dict made of it"
    reason = f"is of type {type(value).__name__}, which JSON cannot represent"
    return reason + (advice and f": {advice}")
