"""v1: runs, their queued jobs and metadata, and the signals that they wait for."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from inngest_rest_mock._api.v1.guard import page_limit
from inngest_rest_mock._api.v1.shapes import STATUS_NAMES, v1_data, v1_error, v1_run
from inngest_rest_mock._carriers.exchange import Response
from inngest_rest_mock._json import encode
from inngest_rest_mock._state.ids import (
    ENVIRONMENT_ID,
    parse_ulid,
    span_id,
    step_hash,
    ulid,
)
from inngest_rest_mock._times import NS_PER_MILLISECOND, v1_time

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call
    from inngest_rest_mock._state.behaviours import Waits
    from inngest_rest_mock._state.execution import Waiting
    from inngest_rest_mock._state.records import MockRun

_MOST_RUNS = 100
_LEASE_NS = 20 * 10**9
_FAR_AHEAD_NS = 365 * 86_400 * 10**9
_LARGEST_UPDATE = 64 * 1024


def list_runs_v1(call: Call) -> Response:
    """List runs, newest first. No known server has this route."""
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
        if run.visible_ns <= call.now
        and status in ("", STATUS_NAMES[run.status].lower())
    )
    shown = islice(matching, page_limit(call, _MOST_RUNS))
    return v1_data([v1_run(run, ENVIRONMENT_ID) for run in shown], call.now)


def _find_run(call: Call, unknown_status: int) -> MockRun | Response:
    text = call.params[0]
    run_id = parse_ulid(text)
    if run_id is None:
        return v1_error(400, f"Invalid run ID: {text}")
    run = call.store.visible_run(run_id, call.now)
    return run or v1_error(unknown_status, f"Unable to load function run: {text}")


def get_run_v1(call: Call) -> Response:
    """Return one run; an unknown one is a 500, as on a real server (recording v1-run-unknown)."""
    run = _find_run(call, 500)
    if isinstance(run, Response):
        return run
    return v1_data(v1_run(run, ENVIRONMENT_ID), call.now)


def cancel_run_v1(call: Call) -> Response:
    """Cancel a run: 200 without a body, even if it had already ended."""
    run = _find_run(call, 404)
    if isinstance(run, Response):
        return run
    call.store.execution.cancel(run.id, call.now)
    return Response(200, (("Content-Type", "application/json"),))


def list_run_jobs_v1(call: Call) -> Response:
    """List the queued jobs of a run: what it waits for."""
    run = _find_run(call, 500)
    if isinstance(run, Response):
        return run
    waiting = call.store.execution.waiting(run.id)
    jobs = [] if waiting is None else [_job(run, waiting, call.now)]
    return v1_data(jobs, call.now)


def _job(run: MockRun, waiting: Waiting, now: int) -> dict[str, object]:
    what = waiting.what
    # A wait without a timeout is queued with the longest one, a year.
    due = (
        waiting.due_ns if waiting.due_ns is not None else run.queued_ns + _FAR_AHEAD_NS
    )
    due -= due % NS_PER_MILLISECOND
    job_id, step = span_id(run.id, what.kind), step_hash(run.step)
    kind = "start" if what.kind == "request" else what.kind
    item: dict[str, object] = {}
    if what.kind == "request":
        due = min(due, run.started_ns or due)
        item["leaseID"] = ulid((now + _LEASE_NS) // NS_PER_MILLISECOND, 0)
    payload: dict[str, object] = {
        "edge": {"outgoing": step if what.kind == "sleep" else ""}
    }
    if what.kind == "pause":
        payload = {"pause": _pause(run, what, step)}
    item["data"] = {"maxAtts": 21 if kind == "start" else 5, "payload": payload}
    shape = {"JobID": job_id, "at": v1_time(due), "position": 0, "kind": kind}
    return {**shape, "attempt": run.attempt, "Raw": item}


def _pause(run: MockRun, what: Waits, step: str) -> dict[str, object]:
    pause: dict[str, object] = {"outgoing": step, "stepName": run.step}
    if what.signal is not None:
        return {**pause, "opcode": "WaitForSignal", "signalID": what.signal}
    if what.function is not None:
        pause |= {"opcode": "InvokeFunction", "event": "inngest/function.finished"}
        return {**pause, "tID": what.event, "itFnID": what.function}
    if what.condition is not None:
        pause["expression"] = what.condition.text
    return {**pause, "opcode": "WaitForEvent", "event": what.event}


def replay_run_v1(call: Call) -> Response:
    """Run a run's function again. No known server has this route."""
    run = _find_run(call, 404)
    if isinstance(run, Response):
        return run
    run_id = call.store.rerun(run, call.now).run_id
    if not run_id:
        return v1_error(500, "Unable to rerun run")
    return v1_data({"run_id": run_id}, call.now)


def add_run_metadata_v1(call: Call) -> Response:
    """Accept metadata of a run; whether there is such a run is not looked at."""
    (run_id,) = call.params
    if parse_ulid(run_id) is None:
        return v1_error(400, f"Invalid run ID: {run_id}")
    updates: list[dict[str, Any]] = call.body.get("metadata", [])
    for update in updates:
        kind = update.get("kind", "")
        if kind.startswith("inngest.") and kind != "inngest.score":
            return v1_error(400, "Invalid metadata")
    if any(len(encode(each.get("values"))) > _LARGEST_UPDATE for each in updates):
        return v1_error(413, "Metadata span exceeds maximum size of 64KB")
    return Response(200, (("Content-Type", "application/json"),))


def send_signal_v1(call: Call) -> Response:
    """Resume the run waiting for a signal.

    A real server takes 1.5 s to reject an empty signal; the mock does not wait.
    """
    signal = call.body.get("signal")
    if not signal:
        return v1_error(500, "Failed to receive signal")
    run_id = call.store.execution.signal(signal, call.body.get("data"), call.now)
    if run_id is None:
        return v1_error(404, "No signal found")
    return v1_data({"run_id": run_id}, call.now)
