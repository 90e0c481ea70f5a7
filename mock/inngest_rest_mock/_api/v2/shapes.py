"""Responses as v2 writes them: proto3 JSON, keys sorted, default values left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest_mock._api.responses import JSON
from inngest_rest_mock._carriers.exchange import Response
from inngest_rest_mock._json import encode, is_object
from inngest_rest_mock._state.ids import span_id, step_hash
from inngest_rest_mock._times import go_duration, v2_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest_mock._state.catalogue import App, Function
    from inngest_rest_mock._state.records import MockEvent, MockRun, Step

_UNLIMITED = {"limit": {"isPlanLimit": True, "value": -1}, "scope": "ACCOUNT"}
_RETRIES = {"isDefault": True, "value": 4}
_GRACE_NS = 10 * 10**9


def v2_json(status: int, body: dict[str, Any]) -> Response:
    """Respond with JSON as the gateway does: keys sorted, no newline at the end."""
    return Response(status, (("Content-Type", JSON),), encode(body, sort=True))


def v2_error(status: int, code: str, message: str) -> Response:
    """Respond with one error."""
    return v2_json(status, {"errors": [{"code": code, "message": message}]})


def v2_data(
    data: Any,
    now: int,
    *,
    status: int = 200,
    page: dict[str, Any] | None = None,
    time_range: dict[str, str] | None = None,
) -> Response:
    """Respond with data; proto3 leaves out an empty list, like every default value."""
    metadata: dict[str, Any] = {"fetchedAt": v2_time(now)}
    if time_range is not None:
        metadata["timeRange"] = time_range
    body: dict[str, Any] = {"metadata": metadata}
    if data:
        body["data"] = data
    if page is not None:
        body["page"] = page
    return v2_json(status, body)


def v2_run(
    run: MockRun, function: Function, *, include_output: bool, listed: bool
) -> dict[str, Any]:
    """Write a run, as in a list or as a single one.

    Lists report the time of scheduling as `startedAt`, the end of a cancelled run ten seconds late
    (recording v2-event-runs-cancelled-endedat), and an error under `error`. Between two attempts, a
    run is running in a list, with the last error, and failed when fetched singly, without an end or
    output (recordings v2-event-runs-between-attempts, v2-run-between-attempts).
    """
    trigger: dict[str, Any] = {"eventIds": [run.event_id]}
    if run.batch_id is not None:
        trigger |= {"batchId": run.batch_id, "isBatch": True}
    if run.cron is not None:
        trigger["cronSchedule"] = run.cron
    started = run.queued_ns if listed else _start(run)
    shape: dict[str, Any] = {
        "app": {"id": run.app_id},
        "function": {"id": run.function_id, "name": function.name},
        "id": run.id,
        "queuedAt": v2_time(run.queued_ns),
        "startedAt": v2_time(started),
        "status": run.status.upper(),
        "trigger": trigger,
    }
    if listed:
        shape |= _period(started, listed_end(run))
    else:
        shape |= _period(started, run.ended_ns)
        if run.attempt_error is not None:
            shape["status"] = "FAILED"
    if include_output:
        shape |= _listed_output(run) if listed else _output(run)
    return shape


def listed_end(run: MockRun) -> int | None:
    """Return the end of a run as lists report it, in nanoseconds; None if it has not ended."""
    if run.ended_ns is None:
        return None
    return run.ended_ns + (_GRACE_NS if run.status == "cancelled" else 0)


def _listed_output(run: MockRun) -> dict[str, Any]:
    if run.attempt_error is not None:
        return {"output": {"error": run.attempt_error}}
    return {"output": {"error": run.output}} if run.status == "failed" else _output(run)


def _output(run: MockRun) -> dict[str, Any]:
    return (
        {"output": v2_output(run.output)}
        if run.status in ("completed", "failed")
        else {}
    )


def v2_output(output: Any) -> dict[str, Any]:
    """Wrap an output that is not an object as `{"data": ...}`."""
    value = output
    return value if is_object(value) else {"data": value}


def _start(run: MockRun) -> int:
    # Before the start, it is the time of queueing (recording v2-run-queued).
    return run.queued_ns if run.started_ns is None else run.started_ns


def _period(start: int, end: int | None) -> dict[str, str]:
    if end is None:
        return {}
    # 64-bit numbers are strings in proto3 JSON.
    return {"endedAt": v2_time(end), "durationMs": str((end - start) // 1_000_000)}


def v2_trace(
    run: MockRun, events: Sequence[MockEvent], *, include_output: bool
) -> dict[str, Any]:
    """Write a run's trace: a root span with its steps, or with one that stands for all of it."""
    status = {"queued": "WAITING", "running": "RUNNING"}.get(
        run.status, run.status.upper()
    )
    span: dict[str, Any] = {"queuedAt": v2_time(run.queued_ns), "status": status}
    span |= _period(_start(run), run.ended_ns)
    if run.started_ns is None:
        span.pop("durationMs", None)
    else:
        span["startedAt"] = v2_time(_start(run))
    if include_output:
        span |= _output(run)
    step = {
        **span,
        "id": span_id(run.id, run.step),
        "name": run.step,
        "stepId": step_hash(run.step),
        "stepOp": run.step_op,
    }
    if run.status == "running":
        step["status"] = "WAITING"
    steps = [_step(run, each, include_output=include_output) for each in run.steps]
    root = {**span, "id": span_id(run.id), "name": "Run"}
    root["children"] = [step] if not run.steps else list(filter(None, steps))
    if run.attempt_error is not None and not run.steps:
        root["children"] = [_failed_attempt(run)]
    if include_output:
        root["input"] = {"data": [event.as_seen_by_function() for event in events]}
    return {"rootSpan": root, "runId": run.id}


def _step(run: MockRun, step: Step, *, include_output: bool) -> dict[str, Any]:
    """Write the span of a step; nothing if the trace does not have it."""
    if not step.is_recorded:
        return {}
    return {
        "id": span_id(run.id, step.id),
        "name": step.name,
        "queuedAt": v2_time(step.started_ns),
        "startedAt": v2_time(step.started_ns),
        "status": "FAILED" if step.has_failed else "COMPLETED",
        "stepId": step.id,
        "stepOp": "RUN",
        **_period(step.started_ns, step.ended_ns),
        **({"output": v2_output(step.output)} if include_output else {}),
    }


def _failed_attempt(run: MockRun) -> dict[str, Any]:
    """Write the last attempt, which is of no step (recording v2-trace-step-waits)."""
    times = {"queuedAt": v2_time(run.queued_ns), "startedAt": v2_time(_start(run))}
    span = {
        **times,
        "endedAt": v2_time(_start(run)),
        "durationMs": "0",
        "status": "FAILED",
    }
    name = f"Attempt {run.attempt - 1}"
    attempt: dict[str, Any] = {**span, "id": span_id(run.id, name), "name": name}
    attempt["output"] = v2_output(run.attempt_error)
    return {
        **span,
        "id": span_id(run.id, "end"),
        "name": "Finalization",
        "children": [attempt],
    }


def v2_app(app: App) -> dict[str, Any]:
    """Write an app."""
    return {
        "createdAt": v2_time(app.created_ns - app.created_ns % 1_000_000_000),
        "id": app.id,
        "latestSync": {
            "framework": "mock",
            "sdkLanguage": "py",
            "url": f"mock://{app.id}",
        },
        "method": "SERVE",
        "name": app.id,
        "functionCount": len(app.functions),
    }


def v2_function(function: Function) -> dict[str, Any]:
    """Write a function; `id` and `slug` are the bare id."""
    flow = function.flow
    configuration: dict[str, Any] = {"concurrency": [_UNLIMITED], "retries": _RETRIES}
    if function.batch_size is not None:
        timeout = go_duration(function.batch_timeout_ns)
        configuration["eventsBatch"] = {
            "maxSize": function.batch_size,
            "timeout": timeout,
        }
    if flow.debounce_ns is not None:
        configuration["debounce"] = {"period": go_duration(flow.debounce_ns)}
    if flow.rate_limit is not None:
        limit, period = flow.rate_limit
        configuration["rateLimit"] = {"limit": limit, "period": go_duration(period)}
    if flow.singleton is not None:
        configuration["singleton"] = {"mode": flow.singleton.upper()}
    shape: dict[str, Any] = {
        "app": {"id": function.app_id},
        "configuration": configuration,
        "id": function.id,
        "name": function.name,
        "slug": function.id,
    }
    if function.triggers or function.crons:
        condition = {} if flow.condition is None else {"if": flow.condition.text}
        shape["triggers"] = [
            *(
                {**condition, "type": "EVENT", "value": name}
                for name in function.triggers
            ),
            *({"type": "CRON", "value": cron} for cron in function.crons),
        ]
    return shape
