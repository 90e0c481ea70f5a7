"""v2: sending one event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest_mock._api.event_json import RefusedError, parse_event
from inngest_rest_mock._api.v2.input import (
    InputError,
    invalid_field,
)
from inngest_rest_mock._api.v2.shapes import v2_data

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call
    from inngest_rest_mock._carriers.messages import Response

_LONGEST_NAME = 512


def send_event_v2(call: Call) -> Response:
    """Store one event; this route supports neither the seed header nor `v`."""
    if len(call.body["name"].encode()) > _LONGEST_NAME:
        raise invalid_field(f"Event name cannot exceed {_LONGEST_NAME} characters")
    try:
        event = call.store.receive(parse_event({"data": {}, **call.body}), call.now)
    except RefusedError as refusal:
        raise InputError(str(refusal), "validation_error") from None
    return v2_data({"eventId": event.internal_id}, call.now)
