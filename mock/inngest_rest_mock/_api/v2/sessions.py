"""v2: sessions, on Inngest Cloud alone: the runs of the events that name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from inngest_rest_mock._api.v2.shapes import v2_data, v2_run
from inngest_rest_mock._times import v2_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest_mock._api.call import Call
    from inngest_rest_mock._carriers.exchange import Response
    from inngest_rest_mock._state.records import MockRun


def list_session_keys_v2(call: Call) -> Response:
    """List the keys of sessions."""
    found = {key: run for key, _, run in _runs(call)}
    keys = [
        {"id": key, "createdAt": v2_time(it.queued_ns)} for key, it in found.items()
    ]
    return _listed(call, keys)


def list_sessions_v2(call: Call) -> Response:
    """List the sessions of a key."""
    runs_by_id: dict[str, list[MockRun]] = {}
    for key, id, run in _runs(call):
        if key == unquote(call.params[0]):
            runs_by_id.setdefault(id, []).append(run)
    sessions = [_session(id, runs) for id, runs in runs_by_id.items()]
    return _listed(call, sessions)


def list_session_runs_v2(call: Call) -> Response:
    """List the runs of a session, newest first."""
    wanted = tuple(map(unquote, call.params))
    runs = [_run(call, run) for key, id, run in _runs(call) if (key, id) == wanted]
    return _listed(call, runs)


def _runs(call: Call) -> Iterator[tuple[str, str, MockRun]]:
    """Yield the key and the id of each session, with each run that is readable, newest first."""
    for run in call.store.execution.runs.newest_first(None):
        if run.visible_ns > call.now:
            continue
        event = call.store.events[run.event_id]
        for key, id in event.sessions.items():
            yield key, id, run


def _session(id: str, runs: list[MockRun]) -> dict[str, Any]:
    failed = sum(run.status == "failed" for run in runs)
    return {
        "id": id,
        "runCount": len(runs),
        "failedRunCount": failed,
        "failureRate": failed / len(runs),
        "lastActiveAt": v2_time(max(run.queued_ns for run in runs)),
        "functions": [{"id": each} for each in sorted({it.function_id for it in runs})],
    }


def _run(call: Call, run: MockRun) -> dict[str, Any]:
    function = call.store.catalogue.find(run.app_id, run.function_id)
    assert function is not None, run
    shape = v2_run(run, function, include_output=False, listed=True)
    kept = ("id", "function", "status", "queuedAt", "startedAt", "endedAt")
    named = {"eventName": call.store.events[run.event_id].name}
    return {name: shape[name] for name in kept if name in shape} | named


def _listed(call: Call, items: list[Any]) -> Response:
    search = call.query.text("search")
    return v2_data([it for it in items if search in it["id"]], call.now, page={})
