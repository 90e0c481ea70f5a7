"""v2: the runs of a session, on Inngest Cloud alone: those of the events that name it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from inngest_rest_mock._api.v2.shapes import v2_data, v2_run

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call
    from inngest_rest_mock._carriers.exchange import Response
    from inngest_rest_mock._state.records import MockRun


def list_session_runs_v2(call: Call) -> Response:
    """List the runs of a session, newest first."""
    key, id = map(unquote, call.params)
    runs = [
        _run(call, run)
        for run in call.store.execution.runs.newest_first()
        if run.visible_ns <= call.now
        and call.store.events[run.event_id].sessions.get(key) == id
    ]
    return v2_data(runs, call.now, page={})


def _run(call: Call, run: MockRun) -> dict[str, Any]:
    function = call.store.catalogue.find(run.app_id, run.function_id)
    assert function is not None, run
    shape = v2_run(run, function, include_output=False, listed=True)
    kept = ("id", "function", "status", "queuedAt", "startedAt", "endedAt")
    named = {"eventName": call.store.events[run.event_id].name}
    return {name: shape[name] for name in kept if name in shape} | named
