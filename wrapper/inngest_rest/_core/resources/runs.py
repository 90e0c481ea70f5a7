"""Runs: list, cancel, replay, jobs."""

from __future__ import annotations

from datetime import timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

from inngest_rest._core.arguments import check_id
from inngest_rest._core.calls.listing import EVERYTHING, ListedPage, Listing, Paging
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources.fields import (
    json_object,
    optional,
    page_of,
    required,
    timestamp,
    v1_page,
    v2_page,
)
from inngest_rest._core.resources.filters import (
    Window,
    check_function,
    check_statuses,
    check_window,
)
from inngest_rest._core.resources.routes import ROUTES, ask, in_order
from inngest_rest.errors import (
    Advice,
    ConflictError,
    NextCall,
    NotFoundError,
    RouteNotFoundError,
)
from inngest_rest.models import UNFINISHED, Run, RunError, RunStatus
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Unpack

    from inngest_rest._core.calls.listing import PageRequest
    from inngest_rest._core.calls.route import AdviceByError
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.typing import StatusFilter
    from inngest_rest_api.types import Unset

# The statuses that listRunsV1 filters by.
_V1_STATUSES = frozenset({"running", "completed", "failed", "cancelled"})

_LIST_ADVICE: AdviceByError = {
    RouteNotFoundError: Advice(
        "List events and their runs instead: {}, {}.",
        (NextCall("events.list"), NextCall("events.runs")),
    )
}

_REPLAY_ADVICE: AdviceByError = {
    RouteNotFoundError: Advice(
        "Send the event of the run again instead, with another id: {}, {}.",
        (NextCall("events.get"), NextCall("send")),
    )
}

_CANCEL = ROUTES["runs.cancel"][0]

_CANCEL_ADVICE: AdviceByError = {
    NotFoundError: Advice(
        "A server that stores in PostgreSQL answers DELETE /v1/runs/{run_id} with 404 "
        f"for every run; {_CANCEL.method} {_CANCEL.path} cancels there, since release "
        f"{_CANCEL.since}."
    )
}

_ID_OF = attrgetter("id")

_ENDED_BEFORE = frozenset({"run_already_cancelled", "run_already_ended"})


def list_runs(
    session: Session,
    *,
    status: StatusFilter | None,
    app: str | None,
    function: str | None,
    since: datetime | timedelta | None,
    until: datetime | timedelta | None,
    include_output: bool,
    **paging: Unpack[Paging],
) -> Listing[Run]:
    """List runs, newest first: by v2, or else by v1 if it supports the arguments."""
    statuses = check_statuses(status)
    window = check_window(since, until, session.server_clocks["api"].now())
    app, function = check_function(app, function)

    def by_v1(page: PageRequest) -> Route[Any, ListedPage[Run]]:
        status = api.V1RunStatusFilter(statuses[0].value) if statuses else UNSET
        return Route(
            v1.list_runs_v1,
            v1.list_runs_v1.get_kwargs(limit=page.size, status=status, cursor=page.cursor),
            page_of(api.V1RunPageEnvelope, api.V1Run, run_of_v1),
            lambda it: v1_page(it, _ID_OF, page),
        )

    by_v2 = _by_v2(
        window,
        status=[api.V2RunStatus(each.upper()) for each in statuses] or UNSET,
        app_id=UNSET if app is None else [app],
        function_id=UNSET if function is None else [function],
        include_output=bool(include_output) or UNSET,
    )
    # v1 ignores unknown filters, and would return runs that were not requested; no server of v1
    # has been seen to list runs, with or without their output.
    v1_ignores = (
        include_output
        or any(each is not None for each in (app, function, since, until))
        or len(statuses) > 1
        or not _V1_STATUSES.issuperset(statuses)
    )
    found = {"list_runs_v2": by_v2} | ({} if v1_ignores else {"list_runs_v1": by_v1})
    routes = in_order("runs.list", **found)
    return Listing(session, *routes, id_of=_ID_OF, is_relative=window.is_relative, **paging)


def list_changes(
    session: Session,
    *,
    app: str | None,
    function: str | None,
    status: tuple[RunStatus, ...] = (),
    since: datetime | None = None,
    by_change: bool = False,
    include_output: bool = False,
) -> Listing[Run]:
    """List runs by v2, oldest first; `since` is about their last change, or else their beginning.

    The last change is the end, and before it the start (schema V2TimeField). The arguments must
    have been checked.
    """
    by_v2 = _by_v2(
        Window(since, None),
        status=[api.V2RunStatus(each.upper()) for each in status] or UNSET,
        app_id=UNSET if app is None else [app],
        function_id=UNSET if function is None else [function],
        time_field=api.V2TimeField.ENDEDAT if by_change else UNSET,
        order=api.V2Order.ASC,
        include_output=bool(include_output) or UNSET,
    )
    routes = in_order("runs.watch", list_runs_v2=by_v2)
    return Listing(session, *routes, id_of=_ID_OF, **EVERYTHING)


def _by_v2(window: Window, **filters: Any) -> Callable[[PageRequest], Route[Any, ListedPage[Run]]]:
    def by_v2(page: PageRequest) -> Route[Any, ListedPage[Run]]:
        operation = v2.list_runs_v2
        since, until = window.at(page.now)
        return Route(
            operation,
            operation.get_kwargs(
                limit=page.size, cursor=page.cursor, from_=since, until=until, **filters
            ),
            page_of(api.V2RunListEnvelope, api.V2Run, listed_run_of_v2),
            v2_page,
            advice=_LIST_ADVICE,
        )

    return by_v2


def cancel(session: Session, run_id: str) -> Plan[None]:
    """Cancel a run; a run that has already ended is not an error."""
    yield from cancel_if_running(session, check_id("run id", run_id, argument="id"))


def cancel_if_running(session: Session, run_id: str) -> Plan[bool]:
    """Cancel a run, and return False if v2 responds that it had ended; v1 does not tell."""
    by_v2 = Route.without_result(v2.cancel_run_v2, v2.cancel_run_v2.get_kwargs(run_id))
    of_v1 = v1.cancel_run_v1.get_kwargs(run_id)
    by_v1 = Route.without_result(v1.cancel_run_v1, of_v1, advice=_CANCEL_ADVICE)
    try:
        yield from ask(session, "runs.cancel", by_v2, by_v1)
    except ConflictError as error:
        if error.code not in _ENDED_BEFORE:
            raise
        return False
    return True


def replay(session: Session, run_id: str) -> Plan[str]:
    """Replay a run from its beginning and return the new run's id."""
    run_id = check_id("run id", run_id, argument="id")

    def new_id(answer: api.V1ReplayEnvelope | api.V2RunIdEnvelope) -> str:
        return required(answer.data.run_id, "the id of the new run")

    of_v1 = v1.replay_run_v1.get_kwargs(run_id)
    by_v1 = Route(v1.replay_run_v1, of_v1, api.V1ReplayEnvelope, new_id, repeatable=False)
    of_v2 = v2.rerun_run_v2.get_kwargs(run_id)
    by_v2 = Route(
        v2.rerun_run_v2,
        of_v2,
        api.V2RunIdEnvelope,
        new_id,
        repeatable=False,
        advice=_REPLAY_ADVICE,
    )
    return ask(session, "runs.replay", by_v2, by_v1)


# A run has ended if the response has its end, and only then: between two attempts, some routes call
# a run failed that will be tried again (recordings v2-run-between-attempts,
# v1-event-runs-between-attempts).

UNKNOWN = RunStatus("unknown")
"""How a run ended that has an end and is listed as unfinished."""

# Looking up a member of an enum takes as long as calling a function.
_QUEUED, _RUNNING = RunStatus.QUEUED, RunStatus.RUNNING
_COMPLETED, _FAILED = RunStatus.COMPLETED, RunStatus.FAILED

# v1 calls a run that waits to start "Scheduled" (schema V1RunStatus).
_STATUSES = {status.value: status for status in RunStatus} | {"scheduled": RunStatus.QUEUED}

# What the server adds to the end of a cancelled run, so that steps in flight can report.
_GRACE_PERIOD = timedelta(seconds=10)


def run_of_v1(it: api.V1Run) -> Run:
    ended_at = timestamp(it.ended_at)
    status = _status(it.status, ended_at)
    output, error = _outcome(status, optional(it.output))
    return Run(
        id=required(it.run_id, "run_id"),
        status=status,
        # v1's run_started_at is when the run was queued (schema V1Run).
        queued_at=timestamp(it.run_started_at),
        ended_at=ended_at,
        internal_function_id=optional(it.function_id),
        event_ids=() if (event_id := optional(it.event_id)) is None else (event_id,),
        batch_id=optional(it.batch_id),
        cron=optional(it.cron),
        original_run_id=optional(it.original_run_id),
        output=output,
        error=error,
    )


def run_of_v2(it: api.V2Run) -> Run:
    """Convert a single run (operation getRunV2)."""
    return _run_of_v2(it, timestamp(it.ended_at), timestamp(it.started_at))


def listed_run_of_v2(it: api.V2Run) -> Run:
    """Convert a run of a listing (operations listRunsV2, listEventRunsV2).

    There, `startedAt` is not the start, but when the run was scheduled, and the end of a cancelled
    run includes a grace period (recordings v2-event-runs-cancelled-endedat,
    v2-run-cancelled-endedat).
    """
    ended_at = timestamp(it.ended_at)
    if ended_at is not None and it.status == "CANCELLED":
        ended_at -= _GRACE_PERIOD
    return _run_of_v2(it, ended_at, None)


def _run_of_v2(it: api.V2Run, ended_at: datetime | None, started_at: datetime | None) -> Run:
    status = _status(it.status, ended_at)
    output, error = _outcome(status, _unwrapped(json_object(it.output), status))
    trigger = it.trigger
    return Run(
        id=required(it.id, "id"),
        status=status,
        queued_at=timestamp(it.queued_at),
        # Before the start, it is when the run was queued (recording v2-run-queued).
        started_at=None if status is _QUEUED else started_at,
        # In milliseconds, as getRunV2 has it; listings have more digits.
        ended_at=ended_at and ended_at - timedelta(0, 0, ended_at.microsecond % 1000),
        app_id=optional(it.app.id),
        function_id=optional(it.function.id),
        event_ids=tuple(optional(trigger.event_ids) or ()),
        batch_id=optional(trigger.batch_id),
        cron=optional(trigger.cron_schedule),
        output=output,
        error=error,
    )


def _unwrapped(output: dict[str, Any] | None, status: RunStatus) -> Any:
    """Return an output, or an error, as the SDK reported it.

    v2 wraps what is not an object as `{"data": value}`. A function that returns such an object
    itself reads the same there (recordings v2-run-output-number, v2-run-output-data-number).
    Listings wrap an error once more (recording v2-runs-include-output).
    """
    if output is None or len(output) != 1:
        return output
    if status is _FAILED and "error" in output:
        return output["error"]
    if not isinstance(output.get("data", output), dict):
        return output["data"]
    return output


def _status(value: str | Unset, ended_at: datetime | None) -> RunStatus:
    """Return the status of a run that agrees with its end.

    A run that failed without an end is between two attempts. How one ended that has an end and is
    called unfinished, by listEventRunsV1 before release 1.27.1, is unknown.
    """
    said = optional(value) or "unknown"
    status = _STATUSES.get(said.lower()) or RunStatus(said)
    if status is _FAILED and ended_at is None:
        return _RUNNING
    if status in UNFINISHED and ended_at is not None:
        return UNKNOWN
    return status


def _outcome(status: RunStatus, output: Any) -> tuple[Any, RunError | None]:
    """Return the output and the error of a run.

    A run that has not ended has neither, though listEventRunsV2 shows the error of its last
    attempt, nor has a cancelled one, whose code may have run on (recording v1-event-runs-twice).

    Args:
        status: The status that agrees with its end.
        output: What the server has as its output, unwrapped; None if it has nothing.
    """
    if status is _FAILED and output is not None:
        return None, _run_error(output)
    return (output if status is _COMPLETED else None), None


def _run_error(output: Any) -> RunError:
    """Read the error that an SDK reported; not every SDK reports an object."""
    if not isinstance(output, dict):
        return RunError(None, str(output))
    error = cast("dict[str, Any]", output)
    return RunError(*(_text(error.get(key)) for key in ("name", "message", "stack")))


def _text(value: object) -> str | None:
    """Return what should be text as text."""
    return value if value is None or isinstance(value, str) else str(value)
