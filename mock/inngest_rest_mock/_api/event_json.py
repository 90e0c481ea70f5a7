"""Read events from a request body, up to the first one that the server rejects."""

from __future__ import annotations

import re
from typing import Any

import attrs
import msgspec

from inngest_rest_mock._go.decoding import (
    GoJsonError,
    Item,
    read_array,
    read_document,
    skip_space,
    text_of,
)
from inngest_rest_mock._go.encoding import NotFiniteError, float64
from inngest_rest_mock._go.json_kinds import is_array, is_object, kind_of
from inngest_rest_mock._state.store import Incoming

MAX_EVENTS = 5_000
MAX_EVENT_BYTES = 3 * 1024 * 1024
NOT_AN_EVENT = "Request body must contain an event object or an array of event objects"

_EARLIEST_NS = 315_532_800 * 10**9
_LATEST_NS = 4_102_444_800 * 10**9
_MOST_SESSIONS = 5

_GO_TYPES = {
    "id": "string",
    "name": "string",
    "data": "map[string]interface {}",
    "ts": "int64",
    "v": "string",
    "meta": "event.EventMeta",
    "user": "map[string]interface {}",
}
_PYTHON_TYPES: dict[str, type] = {
    "id": str, "name": str, "data": dict, "ts": int, "v": str, "meta": dict, "user": dict
}  # fmt: skip
# Matches numbers that a float64 may change or that Go writes differently: many digits, an exponent,
# or a fraction of zeros.
_DELICATE_NUMBER = re.compile(
    rb"[:,\[\s]-?(?:\d{16}|\d+(?:\.\d+)?[eE]|\d+\.0+[,\]}\s])"
)


class RefusedError(ValueError):
    """The server rejects the event; the message is the server's own."""


@attrs.frozen
class Batch:
    """The events to store, and the reason the rest is rejected, if it is."""

    events: list[Incoming]
    error: str | None = None


def read_events(body: bytes) -> Batch | None:
    """Read an ingest body; None if it begins like neither an object nor an array."""
    if len(body) <= MAX_EVENT_BYTES:
        batch = _read_well_formed(body)
        if batch is not None:
            return batch
    text = text_of(body)
    start = skip_space(text, 0)
    if start == len(text):
        return Batch([])
    if text[start] == "{":
        return _read_single(text[start:])
    if text[start] == "[":
        return _read_array(text, start + 1)
    return None


def _read_well_formed(body: bytes) -> Batch | None:
    """Read ordinary events on a fast path; None if the body needs the exact reader."""
    try:
        document = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    items: list[Any] = document if is_array(document) else [document]
    if len(items) > MAX_EVENTS or not all(type(item) is dict for item in items):
        return None
    delicate = _DELICATE_NUMBER.search(body) is not None
    events: list[Incoming] = []
    for item in items:
        try:
            events.append(parse_event(item, delicate=delicate))
        except GoJsonError:
            return None
        except RefusedError as refusal:
            return Batch(events, str(refusal))
    return Batch(events)


def _read_single(text: str) -> Batch:
    size = len(text.encode())
    if size > MAX_EVENT_BYTES:
        return Batch([], _too_large(size))
    try:
        return Batch([parse_event(read_document(text), text)])
    except (GoJsonError, RefusedError) as error:
        return Batch([], str(error))


def _read_array(text: str, start: int) -> Batch:
    events: list[Incoming] = []
    items = read_array(text, start)
    try:
        for item in items:
            if len(events) == MAX_EVENTS:
                # The server randomly stores 4,999 or 5,000: 4,999 in recording ingest-5001.
                events.pop()
                return Batch(
                    events, f"Cannot have more than {MAX_EVENTS} events in a batch"
                )
            if len(item.text) > MAX_EVENT_BYTES // 4 and item.size > MAX_EVENT_BYTES:
                return Batch(events, _too_large(item.size))
            refusal = _append(events, item)
            if refusal is not None:
                return Batch(events, refusal)
    except GoJsonError as error:
        # Broken JSON usually loses the preceding event, which the server is still processing.
        return Batch(events[:-1], str(error))
    return Batch(events)


def _append(events: list[Incoming], item: Item) -> str | None:
    try:
        events.append(parse_event(item.value, item.text))
    except (GoJsonError, RefusedError) as error:
        return str(error)
    return None


def _too_large(size: int) -> str:
    return (
        f"Event is over the max size: Max {MAX_EVENT_BYTES} bytes / Size {size} bytes"
    )


def parse_event(value: Any, text: str = "", *, delicate: bool = True) -> Incoming:
    """Validate one decoded event (event.NormalizeInbound).

    Args:
        value: The decoded JSON value.
        text: Its text, for error messages that quote a number.
        delicate: Whether a number in it may need rounding to a float64.

    Raises:
        GoJsonError: A field has the wrong type.
        RefusedError: A value is not allowed.
    """
    fields = _fields(value, text)
    event = _incoming(fields, delicate)
    refuse_reserved(event.name)
    if not event.name:
        raise RefusedError("event name is empty")
    validate_ts(event.ts)
    meta = fields.get("meta")
    sessions = meta.get("sessions") if is_object(meta) else None
    propagated = meta.get("propagated_sessions") if is_object(meta) else None
    if is_object(propagated) and "" in propagated:
        raise RefusedError("event session keys cannot be empty")
    if is_object(sessions) and len(sessions) > _MOST_SESSIONS:
        raise RefusedError(
            f"event sessions can include at most {_MOST_SESSIONS} entries"
        )
    if event.data is not None:
        event.data.pop("_inngest", None)
    return event


def decode_event(value: Any) -> Incoming:
    """Decode an event's fields without validating them; raise GoJsonError for a wrong type."""
    return _incoming(_fields(value, ""), delicate=True)


def refuse_reserved(name: str) -> None:
    """Raise RefusedError for a name that the platform reserves."""
    if name[:8].lower() == "inngest/":
        raise RefusedError(f"event name is reserved for internal use: {name}")


def validate_ts(ts: int) -> None:
    """Raise RefusedError for a time, in milliseconds, outside 1980 to 2100; 0 means not given.

    Go converts to nanoseconds in 64 bits, so times far in the future wrap around to before 1980.
    """
    if ts == 0:
        return
    ns = (ts * 1_000_000 + 2**63) % 2**64 - 2**63
    if ns < _EARLIEST_NS:
        raise RefusedError("timestamp is before Jan 1, 1980")
    if ns > _LATEST_NS:
        raise RefusedError("timestamp is after Jan 1, 2100")


def _incoming(fields: dict[str, Any], delicate: bool) -> Incoming:
    if delicate:
        try:
            fields = {
                key: item if key == "ts" else float64(item)
                for key, item in fields.items()
            }
        except NotFiniteError as error:
            where = "Go struct field raw.data of type float64"
            raise GoJsonError(
                f"json: cannot unmarshal number {error} into {where}"
            ) from None
    return Incoming(
        fields.get("name") or "",
        fields.get("id") or "",
        fields.get("data"),
        fields.get("user") or None,
        fields.get("ts") or 0,
        fields.get("v") or "",
    )


def _fields(value: Any, text: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not is_object(value):
        kind = kind_of(value)
        raise GoJsonError(
            f"json: cannot unmarshal {kind} into Go value of type event.raw"
        )
    fields = value
    if not fields.keys() <= _GO_TYPES.keys():
        # Go matches keys case-insensitively, and the last one wins.
        folded = ((key.casefold(), item) for key, item in fields.items())
        fields = {key: item for key, item in folded if key in _GO_TYPES}
    for key, item in fields.items():
        if type(item) is not _PYTHON_TYPES[key] and item is not None:
            raise _mismatch(key, item, text)
    ts = fields.get("ts") or 0
    if not -(2**63) <= ts < 2**63:
        raise _mismatch("ts", ts, text)
    return fields


def _mismatch(key: str, item: object, text: str) -> GoJsonError:
    kind = kind_of(item)
    if key == "ts" and kind == "number":
        literal = re.search(r'"ts"\s*:\s*([-+0-9.eE]+)', text, re.IGNORECASE)
        kind = f"number {literal[1] if literal else item}"
    into = f"Go struct field raw.{key} of type {_GO_TYPES[key]}"
    return GoJsonError(f"json: cannot unmarshal {kind} into {into}")
