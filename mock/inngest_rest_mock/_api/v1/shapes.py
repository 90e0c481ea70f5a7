"""Responses as v1 writes them: snake_case, with `data` and `metadata`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest_mock._api.responses import json_response
from inngest_rest_mock._state.ids import NIL_ID, stable_uuid
from inngest_rest_mock._times import (
    ZERO_TIME,
    go_duration,
    v1_time,
)

if TYPE_CHECKING:
    from inngest_rest_mock._carriers.exchange import Response
    from inngest_rest_mock._state.catalogue import Function
    from inngest_rest_mock._state.records import MockEvent, MockRun

STATUS_NAMES = {
    # v1 reports even a queued run as Running.
    "queued": "Running",
    "running": "Running",
    "completed": "Completed",
    "failed": "Failed",
    "cancelled": "Cancelled",
}

# The status of a queued run in the list of an event's runs.
_SCHEDULED = "Scheduled"


def v1_error(status: int, message: str) -> Response:
    """Respond with an error, as publicerr.WriteHTTP does."""
    body = {"error": message, "data": None, "status": status}
    return json_response(status, body)


def v1_data(data: object, now: int, *, status: int = 200) -> Response:
    """Respond with data."""
    metadata = {"fetched_at": v1_time(now)}
    return json_response(status, {"data": data, "metadata": metadata})


def v1_event(event: MockEvent) -> dict[str, object]:
    """Write an event; an empty `user` or `v` is left out."""
    shape: dict[str, object] = {
        "internal_id": event.internal_id,
        "account_id": NIL_ID,
        "environment_id": NIL_ID,
        "source": "",
        "source_id": None,
        "received_at": v1_time(event.received_ns),
        "id": event.id,
        "name": event.name,
        "data": event.data if event.has_data else None,
    }
    if event.user:
        shape["user"] = event.user
    shape["ts"] = event.ts
    if event.v:
        shape["v"] = event.v
    return shape


def v1_event_run(run: MockRun) -> dict[str, object]:
    """Write a run as in the list of an event's runs.

    There, a run between two attempts is failed, but without an end (recording
    v1-event-runs-between-attempts).
    """
    shape = v1_run(run, NIL_ID)
    if run.status == "queued":
        shape["status"] = _SCHEDULED
    if run.attempt_error is not None:
        shape["status"] = STATUS_NAMES["failed"]
    return shape


def v1_run(run: MockRun, environment_id: str) -> dict[str, object]:
    """Write a run; `output` is absent until it has ended."""
    shape: dict[str, object] = {
        "run_id": run.id,
        "run_started_at": v1_time(run.queued_ns),
        "function_id": stable_uuid(f"{run.app_id}-{run.function_id}"),
        "function_version": 0,
        "environment_id": environment_id,
        "event_id": run.event_id,
    }
    if run.original_run_id is not None:
        shape["original_run_id"] = run.original_run_id
    if run.cron is not None:
        shape["cron"] = run.cron
    shape["status"] = STATUS_NAMES[run.status]
    shape["ended_at"] = None if run.ended_ns is None else v1_time(run.ended_ns)
    if run.ended_ns is not None:
        shape["output"] = run.output
    return shape


def v1_function(function: Function) -> dict[str, object]:
    """Write a function; `id` is its full slug."""
    flow = function.flow
    condition = {} if flow.condition is None else {"expression": flow.condition.text}
    limits: dict[str, object] = {}
    if function.batch_size is not None:
        timeout = go_duration(function.batch_timeout_ns)
        limits["batchEvents"] = {"maxSize": function.batch_size, "timeout": timeout}
    if flow.debounce_ns is not None:
        limits["debounce"] = {"period": go_duration(flow.debounce_ns)}
    if flow.rate_limit is not None:
        limit, period = flow.rate_limit
        limits["rateLimit"] = {"limit": limit, "period": go_duration(period)}
    if flow.singleton is not None:
        limits["singleton"] = {"mode": flow.singleton}
    step = {"id": "step", "name": "step", "uri": f"mock://{function.slug}?stepId=step"}
    return {
        "internal_id": function.internal_id,
        "env_id": NIL_ID,
        "app_id": stable_uuid(function.app_id),
        "id": function.slug,
        "name": function.name,
        "config": {
            "id": function.internal_id,
            "fv": 1,
            "name": function.name,
            "slug": function.slug,
            "triggers": [
                *({"event": trigger, **condition} for trigger in function.triggers),
                *({"cron": cron} for cron in function.crons),
            ],
            **limits,
            "steps": [step],
        },
        "created_at": v1_time(function.created_ns),
        "archived_at": ZERO_TIME,
    }
