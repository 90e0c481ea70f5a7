"""An event becomes the bytes that go out, or is refused with its position.

This is the hot path: checks by hand and one pass of orjson. Contract tests hold its bytes to the
document. What is refused here is what the server refuses [facts.md 1], and what JSON or the server
would change without a word: NaN, integers beyond 64 bits, lone surrogates.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

import orjson

from inngest_rest.errors import InvalidEventError
from inngest_rest.event import Event, EventLike, new_event_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_EVENT_BYTES = 3 * 1024 * 1024
"""Largest JSON text of one event the server takes [facts.md 1]."""

# Milliseconds of 1980-01-01 and 2100-01-01, the server's bounds [facts.md 1].
FIRST_TS, LAST_TS = 315_532_800_000, 4_102_444_800_000

# A compiled pattern finds four letters in half the time that `in` takes.
_find_null = re.compile(b"null").search


def encode(event: EventLike, position: int) -> bytes:
    """Return the event's JSON text, an id included.

    Checked by hand, and the exact types that nearly every event has come first.

    Args:
        event: The event; never changed.
        position: Its index in what was handed over, for the error.

    Raises:
        InvalidEventError: The server would refuse the event, or something of it would be lost.
    """
    try:
        wire: dict[str, Any] = event.copy() if type(event) is dict else wire_form(event)  # pyright: ignore[reportUnknownVariableType]
        name = wire.get("name")
        if name.__class__ is not str or not name or name[0] in "iI":
            _check_name(name)
        if wire.get("data").__class__ is not dict:
            wire["data"] = _object("data", wire.get("data"))
        own_id = wire.get("id")
        if own_id is None or own_id == "":
            wire["id"] = new_event_id()
        elif not isinstance(own_id, str):
            raise TypeError(f"id must be text, not {type(own_id).__name__}")
        if "user" in wire and wire["user"].__class__ is not dict:
            _set_user(wire)
        if "ts" in wire:
            _set_ts(wire)
        if "v" in wire and wire["v"].__class__ is not str:
            _set_v(wire)
        try:
            text = orjson.dumps(wire, option=orjson.OPT_PASSTHROUGH_DATACLASS)
        except orjson.JSONEncodeError as error:  # which is TypeError by another name
            raise ValueError(f"not JSON: {error}") from None
        # orjson writes NaN and infinities as null; only where a null stands can one be hidden.
        if _find_null(text) and not are_all_finite(wire.values()):
            raise ValueError(f"{_non_finite(wire)} is not a finite number; JSON has none but those")
    except (ValueError, TypeError) as error:
        raise InvalidEventError(str(error), position=position) from None
    if len(text) > MAX_EVENT_BYTES:
        reason = f"it is {len(text):,} bytes of JSON; the server takes {MAX_EVENT_BYTES:,}"
        raise InvalidEventError(reason, position=position)
    return text


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name:
        raise ValueError("name must be text and not empty")
    if name[:8].lower() == "inngest/":
        raise ValueError(f"name {name!r} is reserved: inngest/ belongs to the platform")


def wire_form(event: EventLike) -> dict[str, Any]:
    """Return what an event that is no plain dict is made of."""
    if isinstance(event, Event):
        wire: dict[str, Any] = {"name": event.name, "data": event.data, "id": event.id}
        if event.user is not None:
            wire["user"] = event.user
        if event.ts is not None:
            wire["ts"] = event.ts
        if event.v is not None:
            wire["v"] = event.v
        return wire
    if isinstance(event, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        return {**event}
    raise TypeError(f"an event is an Event or a mapping, not {type(event).__name__}")


def _object(name: str, value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return {**cast("Mapping[str, Any]", value)}
    raise TypeError(f"{name} must be a JSON object, not {type(value).__name__}")


def _set_ts(wire: dict[str, Any]) -> None:
    ts = wire["ts"]
    if ts is None:
        del wire["ts"]
        return
    if isinstance(ts, datetime):
        if ts.tzinfo is None:
            raise ValueError("ts must be an aware datetime: without a zone it names no moment")
        ts = wire["ts"] = milliseconds(ts)
    if type(ts) is not int:
        raise TypeError(f"ts must be a datetime or integer milliseconds, not {type(ts).__name__}")
    if not FIRST_TS <= ts <= LAST_TS:
        hint = "; it counts milliseconds, not seconds" if 0 < ts < FIRST_TS else ""
        raise ValueError(f"ts {ts} is not between 1980 and 2100{hint}")


def milliseconds(moment: datetime) -> int:
    """Return the milliseconds since 1970."""
    return round(moment.timestamp() * 1_000)


def _set_user(wire: dict[str, Any]) -> None:
    if wire["user"] is None:
        del wire["user"]
    else:
        wire["user"] = _object("user", wire["user"])


def _set_v(wire: dict[str, Any]) -> None:
    if wire["v"] is None:
        del wire["v"]
    elif not isinstance(wire["v"], str):
        raise TypeError(f"v must be text, not {type(wire['v']).__name__}")


def are_all_finite(values: Iterable[Any]) -> bool:
    """Tell whether every float is one JSON can hold; on the hot path, so flat and blunt."""
    for value in values:
        kind = value.__class__
        if kind is str or kind is int or value is None:
            continue
        if kind is float:
            # Zero for every finite number, NaN for the others.
            if value * 0.0 != 0.0:
                return False
        elif kind is dict:
            if not are_all_finite(value.values()):
                return False
        elif kind is list or kind is tuple:
            if not are_all_finite(value):
                return False
        elif _non_finite(value) is not None:
            return False
    return True


def _non_finite(value: Any, path: str = "") -> str | None:
    """Return the path of a float that JSON cannot hold, or None."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, float):
        return None if math.isfinite(value) else path
    if isinstance(value, Mapping):
        inside = cast("Mapping[str, Any]", value).items()
        steps = ((f"{path}.{key}" if path else key, each) for key, each in inside)
    elif isinstance(value, list | tuple):
        listed = cast("Sequence[Any]", value)
        steps = ((f"{path}[{index}]", each) for index, each in enumerate(listed))
    else:
        return None
    found = (_non_finite(each, step) for step, each in steps)
    return next((step for step in found if step is not None), None)
