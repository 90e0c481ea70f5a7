"""v2: runs and their traces."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from inngest_rest_api.api import LATER
from inngest_rest_api.models import V2RunStatus
from inngest_rest_mock._api.v2.expressions import condition_of
from inngest_rest_mock._api.v2.input import InputError, invalid_field
from inngest_rest_mock._api.v2.shapes import (
    listed_end,
    v2_data,
    v2_error,
    v2_run,
    v2_trace,
)
from inngest_rest_mock._state.ids import parse_ulid, step_hash
from inngest_rest_mock._state.records import MockRun
from inngest_rest_mock._times import v2_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inngest_rest_mock._api.call import Call
    from inngest_rest_mock._api.reading import Query
    from inngest_rest_mock._carriers.exchange import Response

_STATUSES = set(V2RunStatus) - {V2RunStatus.UNKNOWN}

Clock: TypeAlias = Callable[[MockRun], int]
"""Returns the sort key of runs, a time in nanoseconds."""


def _queued(run: MockRun) -> int:
    return run.queued_ns


def _changed(run: MockRun) -> int:
    """Return the time of the last change visible in lists: end, start or creation."""
    end = listed_end(run)
    if end is not None:
        return end
    return run.queued_ns if run.started_ns is None else run.started_ns


def _cursor_of(run: MockRun, time_of: Clock = _queued) -> str:
    field = "start_time" if time_of is _queued else "end_time"
    position = {"f": field, "v": time_of(run) // 1_000}
    cursor = {"id": run.id, "c": {field: position}}
    return base64.b64encode(msgspec.json.encode(cursor)).decode()


def _read_cursor(text: str) -> str | None:
    if not text:
        return None
    try:
        cursor = msgspec.json.decode(base64.b64decode(text, validate=True))
        run_id = cursor["id"] if cursor["c"] else ""
    except (ValueError, TypeError, KeyError, binascii.Error):
        run_id = ""
    if not run_id or not isinstance(run_id, str):
        raise invalid_field("Cursor is invalid")
    return run_id


def _answer(
    call: Call,
    runs: Iterable[MockRun],
    time_range: dict[str, str] | None = None,
    time_of: Clock = _queued,
) -> Response:
    limit = call.query.limit
    page: dict[str, object] = {"limit": limit}
    shown = list(islice(runs, limit + 1))
    if len(shown) > limit:
        shown.pop()
        page |= {"cursor": _cursor_of(shown[-1], time_of), "hasMore": True}
    data = [_shape(call, run, listed=True) for run in shown]
    return v2_data(data, call.now, page=page, time_range=time_range)


def _shape(call: Call, run: MockRun, *, listed: bool) -> dict[str, Any]:
    function = call.store.catalogue.find(run.app_id, run.function_id)
    assert function is not None, run
    include_output = call.query.flag("includeOutput")
    shape = v2_run(run, function, include_output=include_output, listed=listed)
    if listed:
        if call.release.has(LATER["V2FunctionRef.slug"]):
            shape["function"]["slug"] = function.slug
        if call.release.has(LATER["V2Run.isDeferred"]):
            shape["isDeferred"] = False
    return shape


def _list(call: Call, apps: list[str], functions: list[str]) -> Response:
    query = call.query
    since, until = query.moment("from"), query.moment("until")
    cursor = _read_cursor(query.text("cursor"))
    if since is not None and until is not None and since >= until:
        raise invalid_field("from must be before until")
    statuses = {status.strip().upper() for status in query.texts("status")}
    if not statuses <= _STATUSES:
        raise invalid_field("Status is invalid")
    if "PAUSED" in statuses:
        message = "Filtering runs by PAUSED status is not implemented"
        raise InputError(message, "not_implemented", 501)
    _check_include(query)
    condition = condition_of(query.text("query"))

    def wanted(run: MockRun) -> bool:
        return (
            run.visible_ns <= call.now
            and not query.flag("isDeferred")  # the mock has no such runs
            and (not statuses or run.status.upper() in statuses)
            and (not apps or run.app_id in apps)
            and (not functions or run.function_id in functions)
            and (since is None or time_of(run) >= since)
            and (until is None or time_of(run) <= until)
            and condition(run, call.store.events[run.event_id])
        )

    time_of = _changed if query.text("timeField") == "endedAt" else _queued
    is_ascending = query.text("order") == "ASC"
    matching = _ordered(call, wanted, time_of, cursor, is_ascending=is_ascending)
    span = None
    if since is not None and until is not None:
        span = {"from": v2_time(since), "until": v2_time(until)}
    return _answer(call, matching, span, time_of)


def _check_include(query: Query) -> None:
    unknown = [each for each in query.texts("include") if each != "deferred_from"]
    if unknown:
        raise invalid_field(f'unsupported include value "{unknown[0]}"')


def _ordered(
    call: Call,
    wanted: Callable[[MockRun], bool],
    time_of: Clock,
    cursor: str | None,
    *,
    is_ascending: bool,
) -> Iterable[MockRun]:
    """Return the matching runs after the cursor, in order.

    In ascending order, a page repeats the last run of the previous page, as with SQLite.
    """
    runs = call.store.execution.runs
    if time_of is _queued and not is_ascending:
        return filter(wanted, runs.newest_first(cursor))

    def rank(run: MockRun) -> tuple[int, str]:
        return time_of(run), run.id

    found = sorted(filter(wanted, runs.oldest_first()), key=rank)
    last = None if cursor is None else runs.get(cursor)
    if is_ascending:
        return [run for run in found if last is None or rank(run) >= rank(last)]
    found.reverse()
    return [run for run in found if last is None or rank(run) < rank(last)]


def list_runs_v2(call: Call) -> Response:
    """List runs, newest first unless `order=ASC`."""
    apps, functions = call.query.texts("appId"), call.query.texts("functionId")
    if functions and not apps:
        raise invalid_field("appId is required when filtering by functionId")
    bare = [name.removeprefix(f"{app}-") for name in functions for app in apps]
    return _list(call, apps, [*functions, *bare])


def list_function_runs_v2(call: Call) -> Response:
    """List the runs of one function; an unknown function has none."""
    app, function = call.params
    return _list(call, [app], [function, function.removeprefix(f"{app}-")])


def list_event_runs_v2(call: Call) -> Response:
    """List the runs of an event, newest first; a batch's run is listed for each of its events."""
    event_id = parse_ulid(call.params[0])
    if event_id is None:
        raise invalid_field("Event ID must be a valid ULID")
    _check_include(call.query)
    cursor = _read_cursor(call.query.text("cursor"))
    runs = reversed(call.store.visible_runs_of_event(event_id, call.now))
    older = (run for run in runs if cursor is None or run.id < cursor)
    return _answer(call, older)


def _find_run(call: Call, unknown: str = "Run not found") -> MockRun:
    run_id = parse_ulid(call.params[0])
    if run_id is None:
        raise invalid_field("Run ID must be a valid ULID")
    run = call.store.visible_run(run_id, call.now)
    if run is None:
        raise InputError(unknown, "not_found", 404)
    return run


def get_run_v2(call: Call) -> Response:
    """Return one run."""
    run = _find_run(call)
    return v2_data(_shape(call, run, listed=False), call.now)


def get_run_trace_v2(call: Call) -> Response:
    """Return the trace of a run: a root span with one child."""
    run = _find_run(call, "Trace not found")
    events = [call.store.events[each] for each in run.event_ids]
    include_output = call.query.flag("includeOutput")
    return v2_data(v2_trace(run, events, include_output=include_output), call.now)


def rerun_run_v2(call: Call) -> Response:
    """Run a run's function again, from the start or from one of its steps."""
    run, step = _find_run(call), call.body.get("fromStep")
    kept = {} if step is None else _kept(run, step)
    run_id = call.store.rerun(run, call.now, **kept).run_id
    if not run_id:  # recordings v2-rerun-debounced, v2-rerun-singleton-running
        raise InputError("Unable to rerun run", "internal_error", 500)
    return v2_data({"runId": run_id}, call.now)


def _kept(run: MockRun, step: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run keeps that starts from a step: the steps that began before it."""
    wanted = step["stepId"]
    recorded = [each for each in run.steps if each.is_recorded]
    by_name = [each.id for each in recorded if each.name == wanted]
    found = {each.id for each in recorded if each.id == wanted} or {*by_name}
    if not run.steps and wanted in {run.step, step_hash(run.step)}:
        return {}
    if len(found) > 1:  # recording v2-rerun-ambiguous-step
        raise InputError(
            "Step name matches multiple steps in original run", "invalid_request"
        )
    if not found:
        raise InputError("Step not found in original run", "invalid_request")
    (id,) = found
    at = next(each.started_ns for each in recorded if each.id == id)
    earlier = tuple(each for each in (*run.kept, *recorded) if each.started_ns < at)
    given = step.get("input") or None  # recording 1.43-v2-rerun-step-input-null
    return {"kept": earlier, "step_input": None if given is None else (id, given)}


def cancel_run_v2(call: Call) -> Response:
    """Cancel a run; one that has already ended is a conflict."""
    run = _find_run(call)
    if run.status == "cancelled":
        return v2_error(409, "run_already_cancelled", "Run is already cancelled")
    if not call.store.execution.cancel(run.id, call.now):
        return v2_error(409, "run_already_ended", "Cannot cancel an ended run")
    return v2_data({"runId": run.id}, call.now)
