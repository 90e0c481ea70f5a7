"""Runs as returned by v1 and v2, and their conversion to a model."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from attrs import evolve

from inngest_rest._core.clock import whole_milliseconds
from inngest_rest._core.resources import fields
from inngest_rest._core.resources.rows import PageRow, moment, row_of
from inngest_rest._values.visible import shown
from inngest_rest.models import UNFINISHED, Run, RunError, RunStatus, run_error

if TYPE_CHECKING:
    from inngest_rest_api import models as api

# A run has ended if the response has its end, and only then: between two attempts, some routes call
# a run failed that will be tried again (recordings v2-run-between-attempts,
# v1-event-runs-between-attempts).

UNKNOWN = RunStatus("unknown")
"""The status of a run that has an end, but is listed as unfinished."""

# Looking up a member of an enum takes as long as calling a function.
_QUEUED = RunStatus.QUEUED
_RUNNING = RunStatus.RUNNING
_COMPLETED = RunStatus.COMPLETED
_FAILED = RunStatus.FAILED

# v1 calls a run that waits to start "Scheduled" (schema V1RunStatus).
_STATUSES = {status.value: status for status in RunStatus} | {
    "scheduled": RunStatus.QUEUED
}

# The server adds it to the end of a cancelled run, so that steps in flight can report.
GRACE_PERIOD = timedelta(seconds=10)


class V1RunRow(PageRow):
    """The fields of a run of v1 that `Run` has."""

    run_id: str
    status: str = "unknown"
    ended_at: str | None = None
    output: Any = None
    run_started_at: str | None = None
    function_id: str | None = None
    event_id: str | None = None
    batch_id: str | None = None
    cron: str | None = None
    original_run_id: str | None = None


class _Named(PageRow):
    id: str | None = None


class _Trigger(PageRow, rename="camel"):
    event_ids: list[str] = msgspec.field(default_factory=list)
    batch_id: str | None = None
    cron_schedule: str | None = None


class V2RunRow(PageRow, rename="camel"):
    """The fields of a run of v2 that `Run` has."""

    id: str
    app: _Named
    function: _Named
    trigger: _Trigger
    status: str = "unknown"
    ended_at: str | None = None
    duration_ms: Any = None
    output: dict[str, Any] | None = None
    queued_at: str | None = None


def run_of_v1(raw: api.V1Run) -> Run:
    return listed_run_of_v1(row_of(V1RunRow, raw))


def listed_run_of_v1(row: V1RunRow) -> Run:
    ended_at = moment(row.ended_at)
    status = _status(row.status, ended_at)
    output, error = _outcome(status, row.output)
    return Run(
        id=row.run_id,
        status=status,
        # v1's run_started_at is when the run was queued (schema V1Run).
        queued_at=moment(row.run_started_at),
        ended_at=ended_at,
        internal_function_id=row.function_id,
        event_ids=() if row.event_id is None else (row.event_id,),
        batch_id=row.batch_id,
        cron=row.cron,
        original_run_id=row.original_run_id,
        output=output,
        error=error,
    )


def run_of_v2(raw: api.V2Run) -> Run:
    """Convert a run that was requested alone.

    Before it starts, its `startedAt` is the time of queueing (recording v2-run-queued).
    """
    row = row_of(V2RunRow, raw)
    run = _run_of_v2(row, moment(row.ended_at))
    if run.status is _QUEUED:
        return run
    return evolve(run, started_at=fields.timestamp(raw.started_at))


def listed_run_of_v2(row: V2RunRow) -> Run:
    """Convert a run of a listing.

    There, `startedAt` is not the start, but the time of scheduling, and the end of a cancelled run
    includes a grace period (recordings v2-event-runs-cancelled-endedat, v2-run-cancelled-endedat).
    """
    ended_at = moment(row.ended_at)
    if ended_at is not None and row.status == "CANCELLED":
        ended_at -= GRACE_PERIOD
    return _run_of_v2(row, ended_at)


def _run_of_v2(row: V2RunRow, ended_at: datetime | None) -> Run:
    if ended_at is None:
        _check_open(row)
    status = _status(row.status, ended_at)
    output, error = _outcome(status, _unwrapped(row.output, status))
    trigger = row.trigger
    run = Run.__new__(Run)
    # `Run(...)` would take twice as long, as it collects its keyword arguments in a dict.
    Run.__init__(
        run,
        id=row.id,
        status=status,
        queued_at=moment(row.queued_at),
        # In milliseconds, as getRunV2 has it; listings have more digits.
        ended_at=ended_at and whole_milliseconds(ended_at),
        app_id=row.app.id,
        function_id=row.function.id,
        event_ids=tuple(trigger.event_ids),
        batch_id=trigger.batch_id,
        cron=trigger.cron_schedule,
        output=output,
        error=error,
    )
    return run


_FINAL = {"COMPLETED", "FAILED", "CANCELLED"}


def _check_open(row: V2RunRow) -> None:
    """Refuse an ended run without an end: it would seem to be running for good.

    Servers send the duration of a run with its end, and never without it, not even between two
    attempts (recordings v2-run-between-attempts, v2-run-completed-between-step-attempts).
    """
    if row.status not in _FINAL:
        return
    duration = row.duration_ms
    # "0" may stand for none: Go writes it for an absent number.
    if isinstance(duration, str) and duration.strip("0"):
        raise ValueError(f"run {shown(row.id)} has durationMs, but endedAt is missing")


def _unwrapped(output: dict[str, Any] | None, status: RunStatus) -> Any:
    """Return an output, or an error, as the SDK reported it.

    v2 wraps a value that is not an object as `{"data": value}`. A function that returns such an
    object itself reads the same (recordings v2-run-output-number, v2-run-output-data-number).
    Listings wrap an error once more (recording v2-runs-include-output).
    """
    if output is None or len(output) != 1:
        return output
    if status is _FAILED and "error" in output:
        return output["error"]
    if not isinstance(output.get("data", output), dict):
        return output["data"]
    return output


def _status(stated: str, ended_at: datetime | None) -> RunStatus:
    """Return the status of a run, made consistent with its end.

    A run that failed without an end is between two attempts, and one that completed without an end
    between two steps (recording v2-run-completed-between-step-attempts). The outcome of a run that
    ended, but is listed as unfinished, is unknown (recording v1-event-runs-boom).
    """
    status = _STATUSES.get(stated.lower()) or RunStatus(stated or "unknown")
    if ended_at is None:
        return _RUNNING if status is _COMPLETED or status is _FAILED else status
    return UNKNOWN if status in UNFINISHED else status


def _outcome(status: RunStatus, output: Any) -> tuple[Any, RunError | None]:
    """Return the output and the error of a run.

    A run that has not ended has neither, though listEventRunsV2 shows the error of its last
    attempt. Neither has a cancelled one, whose code may have run on (recording
    v1-event-runs-twice).
    """
    if status is _COMPLETED:
        return output, None
    if status is _FAILED and output is not None:
        return None, run_error(output)
    return None, None
