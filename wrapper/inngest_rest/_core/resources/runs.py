"""Runs: list, cancel, replay, jobs."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from inngest_rest._core.arguments import check_id
from inngest_rest._core.calls.listing import EVERYTHING, ListedPage, Listing, Paging, listing
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources import from_v1, from_v2
from inngest_rest._core.resources.absent import needed
from inngest_rest._core.resources.filters import (
    Window,
    check_function,
    check_statuses,
    check_window,
)
from inngest_rest._core.resources.one_run import raise_if_unknown
from inngest_rest._core.resources.routes import ask, in_order
from inngest_rest.errors import (
    Advice,
    ConflictError,
    NextCall,
    NotFoundError,
    RouteNotFoundError,
    ServerError,
)
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta
    from typing import Unpack

    from inngest_rest._core.calls.listing import PageRequest
    from inngest_rest._core.calls.route import AdviceByError
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Job, Run, RunStatus
    from inngest_rest.typing import StatusFilter

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

_CANCEL_ADVICE: AdviceByError = {
    NotFoundError: Advice(
        "A server that stores in PostgreSQL answers DELETE /v1/runs/{run_id} with 404 "
        f"for every run; {v2.cancel_run_v2.OPERATION.method} {v2.cancel_run_v2.OPERATION.path} "
        f"cancels there, since release {v2.cancel_run_v2.OPERATION.since}."
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
            api.V1RunPageEnvelope,
            lambda it: from_v1.page(map(from_v1.run, it.data), _ID_OF, page),
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
    return listing(session, *routes, id_of=_ID_OF, is_relative=window.is_relative, **paging)


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
    return listing(session, *routes, id_of=_ID_OF, **EVERYTHING)


def _by_v2(window: Window, **filters: Any) -> Callable[[PageRequest], Route[Any, ListedPage[Run]]]:
    def by_v2(page: PageRequest) -> Route[Any, ListedPage[Run]]:
        operation = v2.list_runs_v2
        since, until = window.at(page.now)
        return Route(
            operation,
            operation.get_kwargs(
                limit=page.size, cursor=page.cursor, from_=since, until=until, **filters
            ),
            api.V2RunListEnvelope,
            lambda it: from_v2.page(it, from_v2.listed_run),
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
        return needed(answer.data.run_id, "the id of the new run")

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


def jobs(session: Session, run_id: str) -> Plan[list[Job]]:
    """List the jobs queued for a run."""
    operation = v1.list_run_jobs_v1
    kwargs = operation.get_kwargs(check_id("run id", run_id, argument="id"))
    route = Route(
        operation, kwargs, api.V1JobListEnvelope, lambda it: list(map(from_v1.job, it.data))
    )
    try:
        return (yield from ask(session, "runs.jobs", route))
    except ServerError as error:
        yield from raise_if_unknown(session, run_id, error)
        raise
