"""v1: events, runs, apps, functions and signals (facts.md 4)."""

import re
from itertools import islice

from ._call import Call, Handlers
from ._clock import NS_PER_MILLISECOND
from ._go_json import GoJsonError, read_first, text_of
from ._http import Response, json_response
from ._ids import ACCOUNT_ID, ENVIRONMENT_ID, NIL_ID, parse_ulid, span_id
from ._json_kinds import is_object
from ._records import MockRun
from ._times import parse_any_time, to_milliseconds, v1_time
from ._v1_shapes import STATUS_NAMES, v1_data, v1_error, v1_event, v1_function, v1_run

_DEFAULT_LIMIT = 20
_MOST_EVENTS = 51
_MOST_RUNS = 100
_MOST_JOBS = 10
_EVENT_WINDOW_NS = 3600 * 10**9
_FAR_AHEAD_NS = 365 * 86_400 * 10**9
_INTEGER = re.compile(r"[+-]?[0-9]+")


def _limit(call: Call, most: int) -> int:
    text = call.request.query_value("limit")
    limit = int(text) if _INTEGER.fullmatch(text) else 0
    return min(max(limit or _DEFAULT_LIMIT, 1), most)


def list_events(call: Call) -> Response:
    """List events, newest id first; the last hour unless `received_after` says otherwise."""
    query = call.request.query_value
    cursor = parse_ulid(query("cursor")) if query("cursor") else None
    if query("cursor") and cursor is None:
        return v1_error(400, "Invalid cursor query parameter")
    bounds: list[int | None] = []
    for name in ("received_before", "received_after"):
        bound = parse_any_time(query(name)) if query(name) else None
        if query(name) and bound is None:
            # The server names the wrong parameter here.
            return v1_error(400, "Invalid received_after query parameter")
        bounds.append(bound)
    before, after = bounds
    newest = call.now if before is None else before
    oldest = call.now - _EVENT_WINDOW_NS if after is None else after
    wanted = query("name")
    matching = (
        event
        for event in call.store.events.newest_first(cursor)
        if event.visible_ns <= call.now
        and oldest <= event.received_ns <= newest
        and (not wanted or event.name == wanted)
        and not event.name.startswith("inngest/")
    )
    shown = islice(matching, _limit(call, _MOST_EVENTS))
    return v1_data([v1_event(event) for event in shown], call.now)


def get_event(call: Call) -> Response:
    """Give one event by its internal id."""
    event_id = parse_ulid(call.params[0])
    if event_id is None:
        return v1_error(400, f"Invalid event ID: {call.params[0]}")
    event = call.store.visible_event(event_id, call.now)
    if event is None:
        return v1_error(404, "Event not found")
    return v1_data(v1_event(event), call.now, cache_seconds=5)


def list_event_runs(call: Call) -> Response:
    """List the runs of an event, oldest first; an unknown event has none."""
    event_id = parse_ulid(call.params[0])
    if event_id is None:
        return v1_error(400, f"Invalid event ID: {call.params[0]}")
    runs = call.store.visible_runs_of_event(event_id, call.now)
    return v1_data([v1_run(run, NIL_ID) for run in runs], call.now, cache_seconds=15)


def list_runs(call: Call) -> Response:
    """List runs, newest first. No server of today has this route (design.md 2)."""
    query = call.request.query_value
    status, cursor = query("status").lower(), query("cursor")
    names = {name.lower() for name in STATUS_NAMES.values()}
    if status and status not in names:
        return v1_error(400, "Invalid status query parameter")
    before = parse_ulid(cursor) if cursor else None
    if cursor and before is None:
        return v1_error(400, "Invalid cursor query parameter")
    matching = (
        run
        for run in call.store.execution.runs.newest_first(before)
        if run.visible_ns <= call.now and status in ("", STATUS_NAMES[run.status].lower())
    )
    shown = islice(matching, _limit(call, _MOST_RUNS))
    return v1_data([v1_run(run) for run in shown], call.now)


def _find_run(call: Call, unknown_status: int) -> MockRun | Response:
    text = call.params[0]
    run_id = parse_ulid(text)
    if run_id is None:
        return v1_error(400, f"Invalid run ID: {text}")
    run = call.store.visible_run(run_id, call.now)
    return run or v1_error(unknown_status, f"Unable to load function run: {text}")


def get_run(call: Call) -> Response:
    """Give one run; an unknown one is a 500 on the real server too."""
    run = _find_run(call, 500)
    if isinstance(run, Response):
        return run
    return v1_data(v1_run(run), call.now, cache_seconds=3)


def cancel_run(call: Call) -> Response:
    """Cancel a run: 200 and no body, also when it had ended."""
    run = _find_run(call, 404)
    if isinstance(run, Response):
        return run
    call.store.execution.cancel(run.id, call.now)
    return Response(200, (("Content-Type", "application/json"),))


def list_run_jobs(call: Call) -> Response:
    """List what a run waits for."""
    run = _find_run(call, 500)
    if isinstance(run, Response):
        return run
    waiting = call.store.execution.waiting(run.id)
    jobs: list[dict[str, object]] = []
    if waiting is not None:
        # A wait without an end has its timeout in the queue, a year ahead at most.
        due = waiting.due_ns if waiting.due_ns is not None else run.queued_ns + _FAR_AHEAD_NS
        due -= due % NS_PER_MILLISECOND
        identifier = {"runID": run.id, "evtID": run.event_id, "aID": ACCOUNT_ID}
        job_id = span_id(run.id, waiting.kind)
        jobs.append(
            {
                "JobID": job_id,
                "at": v1_time(due),
                "position": 0,
                "kind": waiting.kind,
                "attempt": 0,
                "Raw": {
                    "id": job_id,
                    "at": to_milliseconds(due),
                    "wsID": ENVIRONMENT_ID,
                    "data": {"kind": waiting.kind, "identifier": identifier},
                },
            }
        )
    return v1_data(jobs[:_MOST_JOBS], call.now, cache_seconds=5)


def replay_run(call: Call) -> Response:
    """Run a run's function again. No server of today has this route (design.md 2)."""
    run = _find_run(call, 404)
    if isinstance(run, Response):
        return run
    return v1_data({"run_id": call.store.rerun(run, call.now)}, call.now)


def list_apps(call: Call) -> Response:
    """List the apps. No server of today has this route (design.md 2)."""
    apps = call.store.catalogue.apps.values()
    return v1_data([{"id": app.id, "name": app.id} for app in apps], call.now)


def list_functions(call: Call) -> Response:
    """List an app's functions as a bare array; an empty app name means all (facts.md 8.3)."""
    (name,) = call.params
    functions = [
        v1_function(function)
        for app in call.store.catalogue.apps.values()
        if name in ("", app.id)
        for function in app.functions.values()
    ]
    return json_response(200, functions)


def send_signal(call: Call) -> Response:
    """Resume the run that waits for a signal.

    The real server takes 1.5 s to refuse an empty signal; the mock does not wait.
    """
    try:
        body = read_first(text_of(call.request.body))
    except GoJsonError:
        return v1_error(400, "Invalid signal data")
    if body is not None and not is_object(body):
        return v1_error(400, "Invalid signal data")
    fields = {key.casefold(): value for key, value in (body or {}).items()}
    signal = fields.get("signal") or ""
    if not isinstance(signal, str):
        return v1_error(400, "Invalid signal data")
    if not signal:
        return v1_error(500, "Failed to receive signal")
    run_id = call.store.execution.signal(signal, fields.get("data"), call.now)
    if run_id is None:
        return v1_error(404, "No signal found")
    return v1_data({"run_id": run_id}, call.now)


HANDLERS: Handlers = {
    "GET /v1/events": list_events,
    "GET /v1/events/{}": get_event,
    "GET /v1/events/{}/runs": list_event_runs,
    "GET /v1/runs": list_runs,
    "GET /v1/runs/{}": get_run,
    "DELETE /v1/runs/{}": cancel_run,
    "GET /v1/runs/{}/jobs": list_run_jobs,
    "POST /v1/runs/{}/replay": replay_run,
    "GET /v1/apps": list_apps,
    "GET /v1/apps/{}/functions": list_functions,
    "POST /v1/signals": send_signal,
}
