"""v2: sending one event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest_mock._api.event_json import RefusedError, parse_event
from inngest_rest_mock._api.v2.input import (
    BodyKind,
    InputError,
    invalid_field,
    missing_field,
    read_body,
)
from inngest_rest_mock._api.v2.shapes import v2_data

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handlers
    from inngest_rest_mock._carriers.messages import Response

_LONGEST_NAME = 512
_EVENT: dict[str, BodyKind] = {
    "name": "string",
    "data": "object",
    "user": "object",
    "id": "string",
    "ts": "int64",
}


def send_event(call: Call) -> Response:
    """Store one event; this route supports neither the seed header nor `v`."""
    fields = read_body(call.request.body, _EVENT)
    name = fields.get("name", "")
    if not name:
        raise missing_field("Event name is required")
    if len(name.encode()) > _LONGEST_NAME:
        raise invalid_field(f"Event name cannot exceed {_LONGEST_NAME} characters")
    try:
        event = call.store.receive(parse_event({"data": {}, **fields}), call.now)
    except RefusedError as refusal:
        raise InputError(str(refusal), "validation_error") from None
    return v2_data({"eventId": event.internal_id}, call.now)


BODIES = {"POST /v2/events": _EVENT}
HANDLERS: Handlers = {"POST /v2/events": send_event}
