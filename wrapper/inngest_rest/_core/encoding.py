"""An event becomes the bytes that go out, or is refused with its position.

This is the hot path: checks by hand and one pass of orjson. Contract tests hold its bytes to the
document. What is refused here is what the server refuses [facts.md 1], and what JSON or the server
would change without a word: NaN, integers beyond 64 bits, lone surrogates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import orjson

from inngest_rest.errors import InvalidEventError
from inngest_rest.event import Event, EventLike, new_event_id

MAX_EVENT_BYTES = 3 * 1024 * 1024
"""Largest JSON text of one event the server takes [facts.md 1]."""

# Milliseconds of 1980-01-01 and 2100-01-01, the server's bounds [facts.md 1].
_FIRST_TS, _LAST_TS = 315_532_800_000, 4_102_444_800_000


def encode(event: EventLike, position: int) -> bytes:
    """Return the event's JSON text, an id included.

    Args:
        event: The event; never changed.
        position: Its index in what was handed over, for the error.

    Raises:
        InvalidEventError: The server would refuse the event, or something of it would be lost.

    """
    try:
        wire = _wire_form(event)
        text = _dumps(wire)
    except (ValueError, TypeError) as error:
        raise InvalidEventError(str(error), position=position) from None
    if len(text) > MAX_EVENT_BYTES:
        raise InvalidEventError(
            f"it is {len(text):,} bytes of JSON; the server takes {MAX_EVENT_BYTES:,}",
            position=position,
        )
    return text


def _wire_form(event: EventLike) -> dict[str, Any]:
    """Return what goes out: checked, with an id, without what was not given."""
    if isinstance(event, Event):
        wire: dict[str, Any] = {"name": event.name, "data": event.data, "id": event.id}
        if event.user is not None:
            wire["user"] = event.user
        if event.ts is not None:
            wire["ts"] = event.ts
        if event.v is not None:
            wire["v"] = event.v
    elif isinstance(event, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        wire = {**event}
    else:
        raise TypeError(f"an event is an Event or a mapping, not {type(event).__name__}")

    name = wire.get("name")
    if type(name) is not str or not name:
        raise ValueError("name must be text and not empty")
    if name[:8].lower() == "inngest/":
        raise ValueError(f"name {name!r} is reserved: inngest/ belongs to the platform")
    data = wire.get("data")
    if type(data) is not dict:
        wire["data"] = _object("data", data)
    if not wire.get("id"):
        wire["id"] = new_event_id()
    elif type(wire["id"]) is not str:
        raise TypeError(f"id must be text, not {type(wire['id']).__name__}")
    if "ts" in wire:
        _set_ts(wire)
    if "user" in wire:
        _set_user(wire)
    if "v" in wire:
        _set_v(wire)
    return wire


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
        ts = wire["ts"] = round(ts.timestamp() * 1_000)
    if type(ts) is not int:
        raise TypeError(f"ts must be a datetime or integer milliseconds, not {type(ts).__name__}")
    if not _FIRST_TS <= ts <= _LAST_TS:
        hint = "; it counts milliseconds, not seconds" if 0 < ts < _FIRST_TS else ""
        raise ValueError(f"ts {ts} is not between 1980 and 2100{hint}")


def _set_user(wire: dict[str, Any]) -> None:
    if wire["user"] is None:
        del wire["user"]
    elif type(wire["user"]) is not dict:
        wire["user"] = _object("user", wire["user"])


def _set_v(wire: dict[str, Any]) -> None:
    if wire["v"] is None:
        del wire["v"]
    elif type(wire["v"]) is not str:
        raise TypeError(f"v must be text, not {type(wire['v']).__name__}")


def _dumps(wire: dict[str, Any]) -> bytes:
    try:
        text = orjson.dumps(wire)
    except orjson.JSONEncodeError as error:
        raise ValueError(f"not JSON: {error}") from None
    # orjson writes NaN and infinities as null; only where a null stands can one be hidden.
    if b"null" in text and (path := _non_finite(wire)) is not None:
        raise ValueError(f"{path} is not a finite number; JSON has no NaN or infinity")
    return text


def _non_finite(wire: dict[str, Any]) -> str | None:
    """Return the path of a float that JSON cannot hold, or None."""
    pending: list[tuple[str, Any]] = [("", wire)]
    while pending:
        path, value = pending.pop()
        kind = cast("type[object]", type(value))
        if kind is float:
            if not math.isfinite(value):
                return path
        elif kind is dict:
            pending.extend((f"{path}.{key}" if path else key, each) for key, each in value.items())
        elif kind is list or kind is tuple:
            pending.extend((f"{path}[{index}]", each) for index, each in enumerate(value))
        elif isinstance(value, float) and not math.isfinite(value):
            return path
    return None
