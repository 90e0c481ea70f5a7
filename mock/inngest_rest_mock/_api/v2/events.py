"""v2: sending one event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest_mock._api.event_json import (
    RefusedError,
    refuse_reserved,
    validate_ts,
)
from inngest_rest_mock._api.v2.input import (
    BodyKind,
    InputError,
    invalid_field,
    missing_field,
    read_body,
)
from inngest_rest_mock._api.v2.shapes import v2_data
from inngest_rest_mock._go.encoding import float64
from inngest_rest_mock._state.store import Incoming

if TYPE_CHECKING:
    from collections.abc import Callable

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
    ts = fields.get("ts", 0)
    if not name:
        raise missing_field("Event name is required")
    if len(name.encode()) > _LONGEST_NAME:
        raise invalid_field(f"Event name cannot exceed {_LONGEST_NAME} characters")
    _check(refuse_reserved, name, "invalid_field_format")
    _check(validate_ts, ts, "validation_error")
    data = float64(fields.get("data", {}))
    data.pop("_inngest", None)
    user = float64(fields.get("user")) or None
    event = call.store.receive(
        Incoming(name, fields.get("id", ""), data, user, ts), call.now
    )
    return v2_data({"eventId": event.internal_id}, call.now)


def _check(check: Callable[..., None], value: object, code: str) -> None:
    try:
        check(value)
    except RefusedError as refusal:
        raise InputError(str(refusal), code) from None


BODIES = {"POST /v2/events": _EVENT}
HANDLERS: Handlers = {"POST /v2/events": send_event}
