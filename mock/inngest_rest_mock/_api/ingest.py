"""Sending, by `POST /e/{key}` and by v2, and a server of itself: `GET /health`, `GET /dev`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest_mock._api.event_json import RefusedError, parse_event, read_events
from inngest_rest_mock._api.responses import NOT_FOUND, TEXT, json_response
from inngest_rest_mock._api.v2.input import InputError, invalid_field
from inngest_rest_mock._api.v2.shapes import v2_data
from inngest_rest_mock._state.ids import seeded_id

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call
    from inngest_rest_mock._carriers.exchange import Response

_SEED = "x-inngest-event-id-seed"
_LONGEST_NAME = 512


def send_events(call: Call) -> Response:
    """Store the events of the body, up to the first rejected one."""
    (key,) = call.params
    if not call.keys.accepts_event_key(key):
        error = {"status": 401, "message": "", "error": "Event key not found"}
        return json_response(401, error)
    batch = read_events(call.request.body)
    seed = call.request.headers.get(_SEED)
    receive, now = call.store.receive, call.now
    ids = [
        receive(event, now, seeded_id(seed, index)).internal_id
        for index, event in enumerate(batch.events, start=1)
    ]
    # The server writes an empty list of ids as one empty id (recording ingest-empty-array).
    answer: dict[str, object] = {"ids": ids or [""], "status": 200}
    if batch.error is not None:
        answer |= {"status": 400, "error": batch.error}
    return json_response(
        400 if batch.error is not None else 200, answer, content_type=TEXT
    )


def send_event_v2(call: Call) -> Response:
    """Store one event; this route supports neither the seed header nor `v`."""
    if len(call.body["name"].encode()) > _LONGEST_NAME:
        raise invalid_field(f"Event name cannot exceed {_LONGEST_NAME} characters")
    try:
        event = call.store.receive(parse_event({"data": {}, **call.body}), call.now)
    except RefusedError as refusal:
        raise InputError(str(refusal), "validation_error") from None
    return v2_data({"eventId": event.internal_id}, call.now)


def get_health(_: Call) -> Response:
    """Respond that the server is up."""
    return json_response(200, {"status": 200, "message": "OK"})


def get_dev_info(call: Call) -> Response:
    """Tell the release of the dev server; a server with keys lacks this page."""
    if call.keys.server_kind != "dev":
        return NOT_FOUND
    info = {"version": f"{call.release}-mock"}
    return json_response(200, info, content_type="application/json; charset=utf-8")
