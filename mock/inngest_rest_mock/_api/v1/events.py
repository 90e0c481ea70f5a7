"""v1: events, and the runs of an event."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from inngest_rest_mock._api.v1.guard import page_limit
from inngest_rest_mock._api.v1.shapes import (
    v1_data,
    v1_error,
    v1_event,
    v1_event_run,
)
from inngest_rest_mock._state.ids import parse_ulid
from inngest_rest_mock._times import parse_rfc3339

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call
    from inngest_rest_mock._carriers.exchange import Response

_MOST_EVENTS = 51
_WINDOW_NS = 3600 * 10**9


def list_events_v1(call: Call) -> Response:
    """List events, newest id first; by default those of the last hour."""
    query = call.request.query_value
    cursor = parse_ulid(query("cursor")) if query("cursor") else None
    if query("cursor") and cursor is None:
        return v1_error(400, "Invalid cursor query parameter")
    bounds: list[int | None] = []
    for name in ("received_before", "received_after"):
        bound = parse_rfc3339(query(name)) if query(name) else None
        if query(name) and bound is None:
            # The server names this parameter for both (recording v1-events-before-bad).
            return v1_error(400, "Invalid received_after query parameter")
        bounds.append(bound)
    before, after = bounds
    newest = call.now if before is None else before
    oldest = call.now - _WINDOW_NS if after is None else after
    wanted = query("name")
    matching = (
        event
        for event in call.store.events.newest_first(cursor)
        if event.visible_ns <= call.now
        and oldest <= event.received_ns <= newest
        and (not wanted or event.name == wanted)
        and not event.name.startswith("inngest/")
    )
    shown = islice(matching, page_limit(call, _MOST_EVENTS))
    return v1_data([v1_event(event) for event in shown], call.now)


def get_event_v1(call: Call) -> Response:
    """Return one event by its internal id."""
    event_id = parse_ulid(call.params[0])
    if event_id is None:
        return v1_error(400, f"Invalid event ID: {call.params[0]}")
    event = call.store.visible_event(event_id, call.now)
    if event is None:
        return v1_error(404, "Event not found")
    return v1_data(v1_event(event), call.now)


def list_event_runs_v1(call: Call) -> Response:
    """List the runs of an event, oldest first; an unknown event has none.

    The run of a batch is listed only for its first event.
    """
    event_id = parse_ulid(call.params[0])
    if event_id is None:
        return v1_error(400, f"Invalid event ID: {call.params[0]}")
    runs = call.store.visible_runs_of_event(event_id, call.now)
    shown = [v1_event_run(run) for run in runs if run.event_id == event_id]
    return v1_data(shown, call.now)
