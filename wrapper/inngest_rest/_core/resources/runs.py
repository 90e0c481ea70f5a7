"""Plans for runs: list, get, wait, cancel, replay, jobs, trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.arguments import check_id, check_seconds, check_window
from inngest_rest._core.calls.families import Cursor, Route, first_present, of_family
from inngest_rest._core.calls.listing import Listing, listing
from inngest_rest._core.calls.operation import perform
from inngest_rest._core.plans import Plan, sleep
from inngest_rest._core.resources import from_v1, from_v2
from inngest_rest._core.resources.absent import given
from inngest_rest._core.resources.filters import check_statuses
from inngest_rest.errors import (
    ConfigurationError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    RouteNotFoundError,
    ServerError,
    TransportError,
    WaitTimeoutError,
)
from inngest_rest.models import Job, Page, Run, Span
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from datetime import datetime

    from inngest_rest._core.calls.session import Session
    from inngest_rest.typing import Seconds, StatusFilter

# The statuses the request's `GET /v1/runs` takes.
_V1_STATUSES = frozenset({"running", "completed", "failed", "cancelled"})

# A run becomes visible about 0.25 s after its event was accepted; until then it is "not found"
# [facts.md 0]. Five seconds leave room for a slow server.
_APPEARS_WITHIN = 5.0
_APPEARS_EVERY = 0.25

# v1 answers for a run from a cache of 3 s [facts.md 0]: asking sooner shows the same.
_CHANGES_EVERY = 3.0

_ENDED_BEFORE = frozenset({"run_already_cancelled", "run_already_ended"})


def list_runs(
    session: Session,
    *,
    status: StatusFilter | None,
    app: str | None,
    function: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int | None,
    page_size: int | None,
    cursor: str | None,
) -> Listing[Run]:
    """List runs, newest first: v1 for what it can filter by, else v2."""
    statuses = check_statuses(status)
    check_window(since, until)
    if app is not None:
        check_id("app", app)
    if function is not None:
        check_id("function", function)
        if app is None:
            raise InvalidArgumentError("function needs app: functions are named within one")
    # What v1 cannot filter by it would ignore, and answer with runs nobody asked for.
    needs_v2 = (
        any(each is not None for each in (app, function, since, until))
        or len(statuses) > 1
        or not _V1_STATUSES.issuperset(statuses)
    )

    def by_v1(place: str | None, size: int) -> Plan[Page[Run]]:
        operation = v1.list_runs_v1
        kwargs = operation.get_kwargs(
            limit=size,
            status=api.V1RunStatusFilter(statuses[0].value) if statuses else UNSET,
            cursor=place or UNSET,
        )
        answer = yield from perform(session, "v1", operation, kwargs, api.V1RunPageEnvelope)
        items = tuple(from_v1.run(each) for each in answer.data)
        goes_on = len(items) >= size and items[-1].id != place
        return Page(items, str(Cursor("v1", items[-1].id)) if goes_on else None)

    def by_v2(place: str | None, size: int) -> Plan[Page[Run]]:
        operation = v2.list_runs_v2
        kwargs = operation.get_kwargs(
            limit=size,
            cursor=place or UNSET,
            status=[api.V2RunStatus(each.upper()) for each in statuses] or UNSET,
            app_id=UNSET if app is None else [app],
            function_id=UNSET if function is None else [function],
            from_=since or UNSET,
            until=until or UNSET,
        )
        answer = yield from perform(session, "v2", operation, kwargs, api.V2RunListEnvelope)
        return page_of_v2(answer)

    def fetch(cursor: Cursor | None, size: int) -> Plan[Page[Run]]:
        place = cursor.place if cursor else None
        routes = [Route("v2", "GET /v2/runs", lambda: by_v2(place, size))]
        if not needs_v2:
            routes.insert(0, Route("v1", "GET /v1/runs", lambda: by_v1(place, size)))
        return first_present(session, *of_family(routes, cursor))

    found = listing(fetch, limit=limit, page_size=page_size, cursor=cursor)
    if needs_v2 and found.start is not None and found.start.family == "v1":
        raise InvalidArgumentError("this cursor is v1's, and v1 has none of these filters")
    return found


def page_of_v2(answer: api.V2RunListEnvelope) -> Page[Run]:
    """Read a page of v2's runs."""
    items = tuple(from_v2.run(each) for each in given(answer.data) or ())
    return Page(items, from_v2.next_cursor(answer.page))


def get(session: Session, run_id: str, *, within: float | None = None) -> Plan[Run]:
    """Get a run, from v1 where there is one: v2's status of a single run is often wrong.

    In 32 of 80 runs it was [facts.md 5].
    """
    check_id("run id", run_id)

    def by_v1() -> Plan[Run]:
        operation = v1.get_run_v1
        kwargs = operation.get_kwargs(run_id)
        try:
            answer = yield from perform(
                session, "v1", operation, kwargs, api.V1RunEnvelope, within=within
            )
        except ServerError as error:
            failure = error
        else:
            return from_v1.run(answer.data)
        yield from _raise_if_unknown(session, run_id, failure)
        raise failure

    def by_v2() -> Plan[Run]:
        operation = v2.get_run_v2
        kwargs = operation.get_kwargs(run_id, include_output=True)
        answer = yield from perform(
            session, "v2", operation, kwargs, api.V2RunEnvelope, within=within
        )
        return from_v2.run(answer.data)

    return first_present(
        session,
        Route("v1", "GET /v1/runs/{id}", by_v1),
        Route("v2", "GET /v2/runs/{id}", by_v2),
    )


def _raise_if_unknown(session: Session, run_id: str, failure: ServerError) -> Plan[None]:
    """Ask v2, where it may be asked, whether a run exists that v1 "failed to load".

    v1 words an unknown run and a failure alike; where nobody can tell, the first is likelier.
    """
    if not failure.hidden:
        return
    operation = v2.get_run_v2
    kwargs = operation.get_kwargs(run_id)

    def by_v2() -> Plan[api.V2RunEnvelope]:
        return perform(session, "v2", operation, kwargs, api.V2RunEnvelope)

    try:
        yield from first_present(session, Route("v2", "GET /v2/runs/{id}", by_v2))
    except (NotFoundError, RouteNotFoundError, ConfigurationError):
        raise NotFoundError(
            f"no run {run_id}: {failure.message}",
            status=404,
            method=failure.method,
            url=failure.url,
        ) from failure


def wait(session: Session, run_id: str, timeout: Seconds) -> Plan[Run]:
    """Poll until the run has ended, forgiving "not found" while it may yet appear."""
    deadline = session.clock.monotonic() + check_seconds("timeout", timeout)
    appears_by = session.clock.monotonic() + _APPEARS_WITHIN
    seen: Run | None = None
    while True:
        missing: NotFoundError | ServerError | None = None
        try:
            seen = yield from get(session, run_id, within=deadline - session.clock.monotonic())
        except TransportError as error:
            if session.clock.monotonic() < deadline:
                raise
            raise _still_waiting(run_id, seen) from error
        except NotFoundError as error:
            missing = error
        except ServerError as error:
            # v2 knows a new run a moment before v1 can load it, which v1 words as an outage.
            if not error.hidden:
                raise
            missing = error
        if seen is not None and seen.is_ended:
            return seen
        now = session.clock.monotonic()
        if missing is not None and now >= appears_by:
            raise missing
        pause = _APPEARS_EVERY if missing is not None else _CHANGES_EVERY
        if now >= deadline:
            raise _still_waiting(run_id, seen)
        yield from sleep(min(pause, deadline - now))


def _still_waiting(run_id: str, seen: Run | None) -> WaitTimeoutError:
    state = f"is still {seen.status}" if seen else "did not appear"
    return WaitTimeoutError(f"run {run_id} {state} when the time was up", run=seen)


def cancel(session: Session, run_id: str) -> Plan[None]:
    """Cancel a run; one that has ended already is no error."""
    check_id("run id", run_id)

    def by_v1() -> Plan[None]:
        operation = v1.cancel_run_v1
        kwargs = operation.get_kwargs(run_id)
        yield from perform(session, "v1", operation, kwargs, type(None))

    def by_v2() -> Plan[None]:
        operation = v2.cancel_run_v2
        kwargs = operation.get_kwargs(run_id)
        try:
            yield from perform(session, "v2", operation, kwargs, api.V2RunIdEnvelope)
        except ConflictError as error:
            if error.code not in _ENDED_BEFORE:
                raise

    return first_present(
        session,
        Route("v1", "DELETE /v1/runs/{id}", by_v1),
        Route("v2", "POST /v2/runs/{id}/cancel", by_v2),
    )


def replay(session: Session, run_id: str) -> Plan[str]:
    """Run a run again from its start and return the new run's id."""
    check_id("run id", run_id)

    def by_v1() -> Plan[str]:
        operation = v1.replay_run_v1
        kwargs = operation.get_kwargs(run_id)
        answer = yield from perform(
            session, "v1", operation, kwargs, api.V1ReplayEnvelope, repeatable=False
        )
        return answer.data.run_id

    def by_v2() -> Plan[str]:
        operation = v2.rerun_run_v2
        kwargs = operation.get_kwargs(run_id)
        answer = yield from perform(
            session, "v2", operation, kwargs, api.V2RunIdEnvelope, repeatable=False
        )
        return answer.data.run_id

    return first_present(
        session,
        Route("v1", "POST /v1/runs/{id}/replay", by_v1),
        Route("v2", "POST /v2/runs/{id}/rerun", by_v2),
    )


def jobs(session: Session, run_id: str) -> Plan[list[Job]]:
    """Get what is queued for a run."""
    check_id("run id", run_id)

    def by_v1() -> Plan[list[Job]]:
        operation = v1.list_run_jobs_v1
        kwargs = operation.get_kwargs(run_id)
        try:
            answer = yield from perform(session, "v1", operation, kwargs, api.V1JobListEnvelope)
        except ServerError as error:
            failure = error
        else:
            return [from_v1.job(each) for each in answer.data]
        yield from _raise_if_unknown(session, run_id, failure)
        raise failure

    return first_present(session, Route("v1", "GET /v1/runs/{id}/jobs", by_v1))


def trace(session: Session, run_id: str) -> Plan[Span]:
    """Get a run's trace, the root span first."""
    check_id("run id", run_id)

    def by_v2() -> Plan[Span]:
        operation = v2.get_run_trace_v2
        kwargs = operation.get_kwargs(run_id, include_output=True)
        answer = yield from perform(session, "v2", operation, kwargs, api.V2TraceEnvelope)
        return from_v2.span(answer.data.root_span)

    return first_present(session, Route("v2", "GET /v2/runs/{id}/trace", by_v2))
