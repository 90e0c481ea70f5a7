"""Read events from a request body, up to the first one that the server refuses."""

from __future__ import annotations

from typing import Any

import attrs

from inngest_rest_mock._api.reading import MisfitError, read_value
from inngest_rest_mock._json import decode, encode, is_array, is_object
from inngest_rest_mock._state.store import Incoming

MAX_EVENTS = 5_000
MAX_EVENT_BYTES = 3 * 1024 * 1024

_EVENT = {"$ref": "#/components/schemas/Event"}
_NOT_AN_EVENT = "Request body must contain an event object or an array of event objects"

_EARLIEST_MS = 315_532_800_000
_LATEST_MS = 4_102_444_800_000
_MOST_SESSIONS = 5


class RefusedError(ValueError):
    """The server refuses the event; the message says why."""


@attrs.frozen
class Batch:
    """The events to store, and the reason the rest is refused, if it is."""

    events: list[Incoming]
    error: str | None = None


def read_events(body: bytes) -> Batch:
    """Read the body of an ingest request: an event, or an array of them."""
    if not body.strip():
        return Batch([])
    try:
        document = decode(body)
    except ValueError:
        return Batch([], _NOT_AN_EVENT)
    items: list[Any] = document if is_array(document) else [document]
    events: list[Incoming] = []
    for item in items:
        try:
            if len(events) == MAX_EVENTS:
                raise RefusedError(
                    f"Cannot have more than {MAX_EVENTS} events in a batch"
                )
            if len(body) > MAX_EVENT_BYTES:
                _check_size(item)
            events.append(parse_event(item))
        except RefusedError as refusal:
            return Batch(events, str(refusal))
    return Batch(events)


def _check_size(item: object) -> None:
    size = len(encode(item))
    if size > MAX_EVENT_BYTES:
        limit = f"Max {MAX_EVENT_BYTES} bytes / Size {size} bytes"
        raise RefusedError(f"Event is over the max size: {limit}")


def parse_event(value: object) -> Incoming:
    """Read a decoded event; raise RefusedError for one that the server refuses."""
    if not is_object(value):
        raise RefusedError(_NOT_AN_EVENT)
    try:
        fields = read_value(value, _EVENT, "event", is_strict=False)
    except MisfitError as misfit:
        raise RefusedError(str(misfit)) from None
    name, ts = fields.get("name", ""), fields.get("ts", 0)
    if name[:8].lower() == "inngest/":
        raise RefusedError(f"event name is reserved for internal use: {name}")
    if not name:
        raise RefusedError("event name is empty")
    if ts and ts < _EARLIEST_MS:
        raise RefusedError("timestamp is before Jan 1, 1980")
    if ts > _LATEST_MS:
        raise RefusedError("timestamp is after Jan 1, 2100")
    sessions = _sessions(fields.get("meta", {}))
    data = fields.get("data")
    if data is not None:
        data.pop("_inngest", None)
    return Incoming(
        name,
        fields.get("id", ""),
        data,
        fields.get("user") or None,
        ts,
        fields.get("v", ""),
        sessions,
    )


def _sessions(meta: dict[str, Any]) -> dict[str, str]:
    """Return the sessions of an event by their keys; those with a null id are cut."""
    given: dict[str, Any] = meta.get("sessions") or {}
    propagated = meta.get("propagated_sessions")
    sessions = {key: str(id) for key, id in given.items() if id is not None}
    if len(sessions) > _MOST_SESSIONS:
        raise RefusedError(
            f"event sessions can include at most {_MOST_SESSIONS} entries"
        )
    if "" in sessions or (is_object(propagated) and "" in propagated):
        raise RefusedError("event session keys cannot be empty")
    return sessions
