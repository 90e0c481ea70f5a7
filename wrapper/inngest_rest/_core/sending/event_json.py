"""Event encoding: validate an event and return its JSON text, or reject it with its position.

This is the hot path: hand-written checks and one pass of msgspec; contract tests compare its output
with the document. It rejects what the server rejects (operation sendEvents), and values that JSON
or the server would silently change: NaN, integers beyond 64 bits, lone surrogates.

`fields_of` is the fast path: it validates a whole batch of ordinary events with C-level loops.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

from inngest_rest._core.arguments import is_aware
from inngest_rest._core.event_names import check_name
from inngest_rest._core.json_text import encode as to_json
from inngest_rest._core.sending.unsupported_values import (
    FIELDS,
    first_unsupported,
    how_to_convert,
    unknown_key,
)
from inngest_rest.errors import InvalidEventError
from inngest_rest.event import Event, EventLike, new_event_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inngest_rest._core.event_names import NameConvention

MAX_EVENT_BYTES = 3 * 1024 * 1024
"""Largest JSON text of one event that the server accepts (operation sendEvents)."""

# Milliseconds of 1980-01-01 and 2100-01-01, the server's bounds (recording ingest-ts-2101).
FIRST_TS, LAST_TS = 315_532_800_000, 4_102_444_800_000

_name_of, _data_of = itemgetter("name"), itemgetter("data")

# A compiled pattern finds four bytes in half the time that `in` takes.
_find_null = re.compile(b"null").search

# For `bytes.translate`: digits become 0, what may precede a number becomes a colon.
_CLASSES = bytes(
    b"0"[0] if byte in b"0123456789" else b":"[0] if byte in b":,[-" else b" "[0]
    for byte in range(256)
)
_LONG_INTEGER = b":" + b"0" * 19


def encode(
    event: EventLike,
    position: int,
    convention: NameConvention | None = None,
    *,
    any_key: bool = False,
) -> bytes:
    """Return the event's JSON text, with an id.

    The checks are written by hand, with the most common exact types first.

    Args:
        event: The event; never changed.
        position: Its index in the caller's input, for the error.
        convention: The check of its name, if there is one.
        any_key: Whether a mapping may have keys that are none of an event's, and integers of any
            size.

    Raises:
        InvalidEventError: The server would reject the event, or part of it would be lost.
    """
    try:
        wire: dict[str, Any] = event.copy() if type(event) is dict else wire_form(event)  # pyright: ignore[reportUnknownVariableType]
        name = wire.get("name")
        if name.__class__ is not str or not name or name[0] in "iI" or convention is not None:
            check_name(name, convention)
        if wire.get("data").__class__ is not dict:
            wire["data"] = _object("data", wire.get("data"))
        own_id = wire.get("id")
        if own_id is None or own_id == "":
            wire["id"] = new_event_id()
        elif not isinstance(own_id, str):
            raise TypeError(f"id must be text, not {type(own_id).__name__}")
        if len(wire) > 3:  # more than a name, data and id
            # Counting the fields that are read anyway costs less than comparing sets of keys.
            others = len(wire) - 3
            if "user" in wire:
                others -= 1
                if wire["user"].__class__ is not dict:
                    _set_user(wire)
            if "ts" in wire:
                others -= 1
                ts = wire["ts"]
                if ts.__class__ is not int or not FIRST_TS <= ts <= LAST_TS:
                    _set_ts(wire)
            if "v" in wire:
                others -= 1
                if wire["v"].__class__ is not str:
                    _set_v(wire)
            if others and not any_key and not wire.keys() <= FIELDS:
                raise ValueError(unknown_key(wire))
        try:
            text = to_json(wire)
        except RecursionError:
            raise
        except Exception as error:  # noqa: BLE001 - a time zone has code of the caller's own
            raise ValueError(f"not JSON: {first_unsupported(wire) or error}") from None
        # NaN and infinities are written as null, so only a text with a null can hide one.
        hides_nan = _find_null(text) and not are_all_finite(wire.values())
        if (hides_nan or (may_have_long_integer(text) and not any_key)) and (
            reason := first_unsupported(wire)
        ):
            raise ValueError(f"not JSON: {reason}")
        if b"\n" in text:  # of msgspec.Raw; a batch is cut at newlines
            text = text.replace(b"\n", b" ")
    except RecursionError:
        raise InvalidEventError("not JSON: nested too deep", position=position) from None
    except (ValueError, TypeError) as error:
        raise InvalidEventError(str(error), position=position) from None
    if len(text) > MAX_EVENT_BYTES:
        reason = f"it is {len(text):,} bytes of JSON; the server accepts {MAX_EVENT_BYTES:,}"
        raise InvalidEventError(reason, position=position)
    return text


def wire_form(event: EventLike) -> dict[str, Any]:
    """Return the fields of an event that is not a plain dict."""
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
    advice = how_to_convert(value)
    reason = f"{name} must be a JSON object, not {type(value).__name__}"
    raise TypeError(f"{reason}: {advice}" if advice else reason)


def _set_ts(wire: dict[str, Any]) -> None:
    ts = wire["ts"]
    if ts is None:
        del wire["ts"]
        return
    if isinstance(ts, datetime):
        if not is_aware(ts):
            raise ValueError("ts must be an aware datetime: without a zone it is ambiguous")
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
    """Return whether JSON can represent every float; written flat, since it is on the hot path."""
    for value in values:
        kind = value.__class__
        if kind is str or kind is int or value is None:
            continue
        if kind is float:
            # Zero for finite numbers, NaN for all others.
            if value * 0.0 != 0.0:
                return False
        elif kind is dict:
            if not are_all_finite(value.values()):
                return False
        elif kind is list or kind is tuple:
            if not are_all_finite(value):
                return False
        elif first_unsupported({"": value}) is not None:
            return False
    return True


def may_have_long_integer(text: bytes) -> bool:
    """Return whether a JSON text may have an integer beyond 64 bits: one of 19 digits or more."""
    # Every third byte is enough to see that nearly no text has so many digits in a row.
    return b"000000" in text[::3].translate(_CLASSES) and _LONG_INTEGER in text.translate(_CLASSES)


def fields_of(
    events: Sequence[Mapping[str, Any]], convention: NameConvention | None = None
) -> set[str] | None:
    """Return the fields of a batch of ordinary events, or None if any event needs a closer look.

    Only events that are certainly valid pass; `encode` knows every rule and reports what is wrong,
    and where. Each event has a name and data; either all have an id or none. Fields that are not in
    the document may have any value.
    """
    try:
        names = set(map(_name_of, events))
        data_kinds = set(map(type, map(_data_of, events)))
    except (KeyError, TypeError):
        return None
    if _kinds(names) != {str} or data_kinds != {dict} or not all(map(_is_free, names)):
        return None
    if convention is not None and not convention.allows(names):
        return None
    fields = set[str]().union(*events)
    if "id" in fields:
        ids = _values("id", events)
        if len(ids) < len(events) or _kinds(ids) != {str} or not all(ids):
            return None
    if "user" in fields and _kinds(_values("user", events)) != {dict}:
        return None
    if "ts" in fields:
        times = _values("ts", events)
        if _kinds(times) != {int} or not FIRST_TS <= min(times) <= max(times) <= LAST_TS:
            return None
    if "v" in fields and _kinds(_values("v", events)) != {str}:
        return None
    return fields


def _kinds(values: Iterable[Any]) -> set[type]:
    return set(map(type, values))


def _values(field: str, events: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return a field's values in the events that have it."""
    try:
        return list(map(itemgetter(field), events))
    except KeyError:
        return [each[field] for each in events if field in each]


def _is_free(name: str) -> bool:
    """Return whether a name is not empty and not reserved by the platform."""
    return bool(name) and name[:8].lower() != "inngest/"
