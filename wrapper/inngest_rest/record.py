"""Record, the base of models and reports: a short repr, and conversion to a dict and to JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any, cast

from attrs import fields, has

from inngest_rest._visible import shown

_MOST_SHOWN = 3  # items of a tuple in a repr


class Record:
    """A frozen value with named fields.

    The repr is short: it omits fields that are None or may contain a key, and truncates long ones.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        shown = (
            f"{each.name}={_shown(value)}"
            for each in fields(type(self))  # type: ignore[arg-type]
            if each.repr and (value := getattr(self, each.name)) is not None
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    def to_dict(self) -> dict[str, Any]:
        """Return the public fields as a dict that `json.dumps` accepts.

        Fields that are None are included, so that all dicts of a class have the same keys. A
        datetime is text in ISO 8601, a timedelta a number of seconds, an enum member its value, a
        record a dict, a tuple a list, and any other type that JSON lacks its text.
        """
        return {
            each.name: _plain_or_text(getattr(self, each.name))
            for each in fields(type(self))  # type: ignore[arg-type]
            if not each.name.startswith("_")
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """Return `to_dict()` as JSON text.

        Args:
            indent: Number of spaces to indent by; None for a single line.
        """
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)


def _shown(value: object) -> str:
    """Return the repr of a field, truncated if it is long."""
    if isinstance(value, Record):
        return repr(value)
    if isinstance(value, tuple):
        items = [_shown(each) for each in cast("tuple[object, ...]", value[:_MOST_SHOWN])]
        more = len(value) - len(items)  # pyright: ignore[reportUnknownArgumentType]
        items += [f"... {more} more"] if more else []
        return f"({', '.join(items)}{',' * (len(items) == 1)})"
    return shown(value)


def _plain_or_text(value: object) -> Any:
    """Return a value in the types of JSON; as text if it contains itself or is nested too deeply.

    Only an event that was rejected before it was sent can be like that.
    """
    try:
        return _plain(value)
    except RecursionError:
        return f"({type(value).__name__}, nested too deeply)"


def _plain(value: object) -> Any:
    """Return a value in the types of JSON."""
    match value:
        case Record():
            return value.to_dict()
        case Enum():
            return _plain(value.value)
        case str():
            # A lone surrogate cannot be written to a file or sent.
            return str(value) if value.isascii() else value.encode(errors="replace").decode()
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Mapping():
            pairs = cast("Mapping[object, object]", value)
            return {str(_plain(key)): _plain(each) for key, each in pairs.items()}
        case list() | tuple() | AbstractSet() | range():
            return [_plain(each) for each in cast("list[object]", value)]
        case _ if is_dataclass(value) or has(type(value)):
            named = cast("Any", type(value))
            own = fields(named) if has(named) else dataclass_fields(named)
            return {each.name: _plain(getattr(value, each.name)) for each in own}
        case _ if hasattr(value, "model_dump"):
            return _plain(cast("Any", value).model_dump())
        case _:
            return str(value)
