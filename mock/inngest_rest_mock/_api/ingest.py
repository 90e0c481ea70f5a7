"""Ingest: `POST /e/{key}`, `POST /invoke/{slug}`, `GET /health` and `GET /dev`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote_plus

from inngest_rest_mock._api.event_json import (
    NOT_AN_EVENT,
    Batch,
    RefusedError,
    decode_event,
    read_events,
    validate_ts,
)
from inngest_rest_mock._api.responses import NOT_FOUND, TEXT, json_response
from inngest_rest_mock._api.v1.shapes import v1_error, v1_function
from inngest_rest_mock._go.decoding import GoJsonError, read_first, text_of
from inngest_rest_mock._go.encoding import encode
from inngest_rest_mock._state.ids import parse_seed
from inngest_rest_mock._state.store import Incoming

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handlers
    from inngest_rest_mock._carriers.messages import Response

_SEED = "x-inngest-event-id-seed"


def send_events(call: Call) -> Response:
    """Store the events of the body, up to the first rejected one."""
    (key,) = call.params
    if not call.keys.accepts_event_key(key):
        error = {"status": 401, "message": "", "error": "Event key not found"}
        return json_response(401, error)
    batch = _read(call)
    seed = parse_seed(call.request.headers.get(_SEED))
    receive, now = call.store.receive, call.now
    ids = [
        receive(event, now, None if seed is None else seed.at(index)).internal_id
        for index, event in enumerate(batch.events, start=1)
    ]
    # The server writes an empty list of ids as one empty id (recording ingest-empty-array).
    answer: dict[str, object] = {"ids": ids or [""], "status": 200}
    if batch.error is not None:
        answer |= {"status": 400, "error": batch.error}
    return json_response(
        400 if batch.error is not None else 200, answer, content_type=TEXT
    )


def _read(call: Call) -> Batch:
    batch = read_events(call.request.body)
    if batch is not None:
        return batch
    content_type = (
        call.request.headers.get("content-type", "").partition(";")[0].strip()
    )
    if content_type == "application/x-www-form-urlencoded":
        # A form decodes to lists of strings, which then fail as an event.
        form = parse_qs(text_of(call.request.body), keep_blank_values=True)
        return read_events(encode(form, sort=True)) or Batch([], NOT_AN_EVENT)
    return Batch([], NOT_AN_EVENT)


def invoke(call: Call) -> Response:
    """Store an invocation of one function; an unknown function is accepted and never runs."""
    slug = unquote_plus(call.params[0])
    try:
        event = decode_event(read_first(text_of(call.request.body)))
    except GoJsonError:
        return v1_error(400, "Unable to read post data request", content_type=TEXT)
    try:
        validate_ts(event.ts)
    except RefusedError:
        return v1_error(400, "Invalid invocation event", content_type=TEXT)
    marker = {
        "expire": 0, "fn_id": slug, "gid": "", "name": "",
        "source_app_id": "", "source_fn_id": "", "source_fn_v": 0,
    }  # fmt: skip
    data = {**(event.data or {}), "_inngest": marker}
    seed = parse_seed(call.request.headers.get(_SEED))
    stored = call.store.invoke(
        call.store.catalogue.by_slug(slug),
        Incoming("", event.id, data, event.user, event.ts, event.v),
        call.now,
        None if seed is None else seed.at(0),
    )
    return json_response(
        200, {"id": stored.internal_id, "status": 200}, content_type=TEXT
    )


def get_health(_: Call) -> Response:
    """Respond that the server is up."""
    return json_response(200, {"status": 200, "message": "OK"})


def dev_info(call: Call) -> Response:
    """Describe the dev server; a server with keys lacks this page."""
    if call.keys.server_kind != "dev":
        return NOT_FOUND
    functions = [
        v1_function(function)["config"]
        for app in call.store.catalogue.apps.values()
        for function in app.functions.values()
    ]
    info: dict[str, object] = {
        "version": f"{call.server.release}-mock",
        "startOpts": {},
        "functions": functions,
        "handlers": [],
        "isSingleNodeService": True,
        "isMissingSigningKey": False,
        "isMissingEventKeys": False,
        "features": {},
    }
    return json_response(200, info, content_type="application/json; charset=utf-8")


HANDLERS: Handlers = {
    "POST /e/{}": send_events,
    "GET /health": get_health,
    "POST /invoke/{}": invoke,
    "GET /dev": dev_info,
}
