"""Runs: list, get, wait, cancel, replay, jobs."""

from __future__ import annotations

import math
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from attrs import evolve

from inngest_rest._core.arguments import check_id, check_seconds
from inngest_rest._core.calls.families import first_present
from inngest_rest._core.calls.listing import Listing, Paging, Part, listing
from inngest_rest._core.calls.retry import is_worth_retrying
from inngest_rest._core.calls.route import Route
from inngest_rest._core.plans import Plan, sleep
from inngest_rest._core.resources import events, from_v1, from_v2
from inngest_rest._core.resources.absent import needed
from inngest_rest._core.resources.filters import check_statuses, check_window
from inngest_rest.errors import (
    ApiError,
    ConfigurationError,
    ConflictError,
    InngestError,
    InvalidArgumentError,
    NotFoundError,
    RouteNotFoundError,
    ServerError,
    TransportError,
    WaitTimeoutError,
)
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Unpack

    from inngest_rest._core.calls.listing import Place
    from inngest_rest._core.calls.session import Session
    from inngest_rest.models import Job, Run
    from inngest_rest.typing import Seconds, StatusFilter

# The statuses that listRunsV1 filters by.
_V1_STATUSES = frozenset({"running", "completed", "failed", "cancelled"})

# A run becomes visible about 0.25 s after its event was accepted; until then it is "not found".
# Five seconds allow for a slow server.
_APPEARS_WITHIN = 5.0
_APPEARS_EVERY = 0.25

# getRunV1 responds from a cache of 3 s: polling faster returns the same state.
_CHANGES_EVERY = 3.0

# Seconds for finding out whether an unknown id is an event's id.
_HINT_WITHIN = 2.0

_ENDED_BEFORE = frozenset({"run_already_cancelled", "run_already_ended"})


def list_runs(
    session: Session,
    *,
    status: StatusFilter | None,
    app: str | None,
    function: str | None,
    since: datetime | None,
    until: datetime | None,
    **paging: Unpack[Paging],
) -> Listing[Run]:
    """List runs, newest first: by v1 if it supports the filters, else by v2."""
    statuses = check_statuses(status)
    check_window(since, until)
    if app is not None:
        check_id("app", app)
    if function is not None:
        check_id("function", function)
        if app is None:
            raise InvalidArgumentError("function needs app: functions are named within one")

    def by_v1(place: Place, size: int) -> Route[Any, Part[Run]]:
        status = api.V1RunStatusFilter(statuses[0].value) if statuses else UNSET
        return Route(
            v1.list_runs_v1,
            v1.list_runs_v1.get_kwargs(limit=size, status=status, cursor=place),
            api.V1RunPageEnvelope,
            lambda it: from_v1.part(map(from_v1.run, it.data), attrgetter("id"), place, size),
        )

    def by_v2(place: Place, size: int) -> Route[Any, Part[Run]]:
        operation = v2.list_runs_v2
        kwargs = operation.get_kwargs(
            limit=size,
            cursor=place,
            status=[api.V2RunStatus(each.upper()) for each in statuses] or UNSET,
            app_id=UNSET if app is None else [app],
            function_id=UNSET if function is None else [function],
            from_=since or UNSET,
            until=until or UNSET,
        )
        return Route(
            operation, kwargs, api.V2RunListEnvelope, lambda it: from_v2.part(it, from_v2.run)
        )

    # v1 ignores unknown filters, and would return runs that were not requested.
    v1_ignores = (
        any(each is not None for each in (app, function, since, until))
        or len(statuses) > 1
        or not _V1_STATUSES.issuperset(statuses)
    )
    return listing(session, *([] if v1_ignores else [by_v1]), by_v2, **paging)


def get(session: Session, run_id: str) -> Plan[Run]:
    """Get a run."""
    check_id("run id", run_id)
    try:
        return (yield from _get(session, run_id))
    except NotFoundError as error:
        yield from _name_event(session, run_id, error)
        raise


def _get(session: Session, run_id: str, *, deadline: float = math.inf) -> Plan[Run]:
    """Get a run, from v1 where there is one, else from v2."""
    of_v1 = v1.get_run_v1.get_kwargs(run_id)
    by_v1 = Route(v1.get_run_v1, of_v1, api.V1RunEnvelope, lambda it: from_v1.run(it.data))
    of_v2 = v2.get_run_v2.get_kwargs(run_id, include_output=True)
    by_v2 = Route(v2.get_run_v2, of_v2, api.V2RunEnvelope, lambda it: from_v2.run(it.data))
    try:
        return (yield from first_present(session, by_v1, by_v2, deadline=deadline))
    except ServerError as error:
        yield from _raise_if_unknown(session, run_id, error, deadline)
        raise


def _raise_if_unknown(
    session: Session, run_id: str, failure: ServerError, deadline: float = math.inf
) -> Plan[None]:
    """Ask v2, if it may be used, whether a run exists that v1 "failed to load".

    v1 has one message for an unknown run and for a failure (recording v1-run-unknown); without v2,
    an unknown run is more likely.
    """
    if not failure.hidden:
        return
    operation = v2.get_run_v2
    route = Route(operation, operation.get_kwargs(run_id), api.V2RunEnvelope, lambda _: None)
    try:
        if not session.absent.has(operation.OPERATION, session.clock.monotonic()):
            yield from first_present(session, route, deadline=deadline)
            return
    except (NotFoundError, RouteNotFoundError, ConfigurationError):
        pass
    except InngestError:
        return
    raise NotFoundError(
        f"no run {run_id}: {failure.message}", status=404, method=failure.method, url=failure.url
    ) from failure


def _name_event(
    session: Session, run_id: str, error: NotFoundError, deadline: float = math.inf
) -> Plan[None]:
    """Add a hint to the error if the id is an event's internal id, as `send` returns it."""
    route = evolve(events.get_route(run_id), repeatable=False)
    if session.absent.has(route.operation, session.clock.monotonic()):
        return
    deadline = min(deadline, session.clock.monotonic() + _HINT_WITHIN)
    try:
        yield from first_present(session, route, deadline=deadline)
    except InngestError:
        return
    error.advice = f"This is the id of an event; its runs: client.events.runs({run_id!r})."


def wait(session: Session, run_id: str, timeout: Seconds) -> Plan[Run]:
    """Poll until the run has ended.

    "Not found" is tolerated while the run may still appear, and every transient fault once the run
    has been seen.
    """
    check_id("run id", run_id)
    deadline = session.clock.monotonic() + check_seconds("timeout", timeout)
    appears_by = session.clock.monotonic() + _APPEARS_WITHIN
    seen: Run | None = None
    while True:
        fault: InngestError | None = None
        try:
            seen = yield from _get(session, run_id, deadline=deadline)
        except (ApiError, TransportError) as error:
            fault = error
        now = session.clock.monotonic()
        pause = _CHANGES_EVERY
        if fault is None:
            if seen is not None and seen.is_ended:
                return seen
        elif seen is not None:
            if not _may_pass(fault):
                raise fault
            pause = max(pause, getattr(fault, "retry_after", None) or 0.0)
        elif _is_missing(fault):
            pause = _APPEARS_EVERY
            if now >= appears_by:
                if isinstance(fault, NotFoundError):
                    yield from _name_event(session, run_id, fault, deadline)
                raise fault
        elif not isinstance(fault, TransportError) or now < deadline:
            raise fault
        if now >= deadline:
            state = f"is still {seen.status}" if seen else "did not appear"
            raise WaitTimeoutError(
                f"run {run_id} {state} when the time was up", run=seen
            ) from fault
        yield from sleep(min(pause, deadline - now))


def _is_missing(fault: InngestError) -> bool:
    """Return whether an error means that the server does not have the run, or not yet.

    v2 knows a new run a moment before v1 can load it, which v1 calls a failure.
    """
    return isinstance(fault, NotFoundError) or (isinstance(fault, ServerError) and fault.hidden)


def _may_pass(fault: InngestError) -> bool:
    """Return whether an error after a run was seen may be transient."""
    # A server that has the run and the route loses neither: it, or a proxy, is failing.
    return (
        _is_missing(fault)
        or isinstance(fault, RouteNotFoundError)
        or is_worth_retrying(fault, repeatable=True)
    )


def cancel(session: Session, run_id: str) -> Plan[None]:
    """Cancel a run; a run that has already ended is not an error."""
    check_id("run id", run_id)
    by_v1 = Route.without_result(v1.cancel_run_v1, v1.cancel_run_v1.get_kwargs(run_id))
    by_v2 = Route.without_result(v2.cancel_run_v2, v2.cancel_run_v2.get_kwargs(run_id))
    try:
        yield from first_present(session, by_v1, by_v2)
    except ConflictError as error:
        if error.code not in _ENDED_BEFORE:
            raise


def replay(session: Session, run_id: str) -> Plan[str]:
    """Replay a run from its beginning and return the new run's id."""
    check_id("run id", run_id)

    def new_id(answer: api.V1ReplayEnvelope | api.V2RunIdEnvelope) -> str:
        return needed(answer.data.run_id, "the id of the new run")

    of_v1 = v1.replay_run_v1.get_kwargs(run_id)
    by_v1 = Route(v1.replay_run_v1, of_v1, api.V1ReplayEnvelope, new_id, repeatable=False)
    of_v2 = v2.rerun_run_v2.get_kwargs(run_id)
    by_v2 = Route(v2.rerun_run_v2, of_v2, api.V2RunIdEnvelope, new_id, repeatable=False)
    return first_present(session, by_v1, by_v2)


def jobs(session: Session, run_id: str) -> Plan[list[Job]]:
    """List the jobs queued for a run."""
    operation = v1.list_run_jobs_v1
    kwargs = operation.get_kwargs(check_id("run id", run_id))
    route = Route(
        operation, kwargs, api.V1JobListEnvelope, lambda it: list(map(from_v1.job, it.data))
    )
    try:
        return (yield from first_present(session, route))
    except ServerError as error:
        yield from _raise_if_unknown(session, run_id, error)
        raise
