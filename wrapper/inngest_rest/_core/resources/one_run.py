"""One run, by v2 or else by v1, whichever can load it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve

from inngest_rest._core.arguments import check_id
from inngest_rest._core.calls.operation import first_present, redacted_url
from inngest_rest._core.calls.route import V2_ROOT_BEFORE_1_26, Route
from inngest_rest._core.resources import events, runs
from inngest_rest._core.resources.fields import optional, timestamp
from inngest_rest._core.resources.routes import ask, past_cache
from inngest_rest.errors import (
    Advice,
    ConfigurationError,
    InngestError,
    NextCall,
    NotFoundError,
    RouteNotFoundError,
    ServerError,
)
from inngest_rest.models import Job, RunStatus
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Run

T = TypeVar("T")

# Seconds for finding out whether an unknown id is an event's id.
_HINT_WITHIN = 2.0


def get(session: Session, run_id: str, *, include_original_run_id: bool) -> Plan[Run]:
    """Get a run."""
    run_id = check_id("run id", run_id, argument="id")
    try:
        run = yield from fetch(session, run_id)
    except NotFoundError as error:
        yield from name_event(session, run_id, error)
        raise
    if include_original_run_id and not is_of_v1(run):
        return with_v1(run, (yield from by_v1(session, run_id)))
    return run


def fetch(
    session: Session,
    run_id: str,
    *,
    deadline: float = math.inf,
    v1_first: bool = False,
    also_v1: bool = True,
    cached: bool = True,
) -> Plan[Run]:
    """Get a run from the first family that the server has, or from v1 if v2 cannot load it.

    Args:
        session: The session whose settings and keys apply.
        run_id: The run's id.
        deadline: When the call must have ended, by the session's clock.
        v1_first: Whether v1 is asked first.
        also_v1: Whether v1 is asked about a run that v2 does not have.
        cached: Whether v1 may respond from its cache, whose entries live for 3 s.

    Raises:
        NotFoundError: Neither has it.
    """
    of_v1 = _by_v1(run_id) if cached else past_cache(session, _by_v1(run_id))
    of_v2 = _by_v2(session, run_id)
    try:
        if v1_first:
            return (yield from first_present(session, of_v1, of_v2, deadline=deadline))
        return (yield from ask(session, "runs.get", of_v2, of_v1, deadline=deadline))
    except NotFoundError as error:
        if not also_v1 or error.url == redacted_url(session, of_v1):
            raise
        run = yield from _hidden_from_v2(session, of_v1, deadline)
        if run is None:
            raise
        return run
    except ServerError as error:
        yield from raise_if_unknown(session, run_id, error, deadline)
        raise


def by_v1(session: Session, run_id: str) -> Plan[Run]:
    """Get a run from v1."""
    return ask(session, "runs.get", _by_v1(run_id))


def _by_v1(run_id: str) -> Route[Any, Run]:
    operation = v1.get_run_v1
    return Route(
        operation,
        operation.get_kwargs(run_id),
        api.V1RunEnvelope,
        lambda it: runs.run_of_v1(it.data),
    )


def _by_v2(session: Session, run_id: str) -> Route[Any, Run]:
    operation = v2.get_run_v2

    def convert(answer: api.V2RunEnvelope) -> Run:
        run = runs.run_of_v2(answer.data)
        if session.absent.v2_root == V2_ROOT_BEFORE_1_26 and run.function_id is not None:
            # Such a release puts the app's id in front (recording 1.25-api-v2-run-echoes).
            return evolve(run, function_id=run.function_id.removeprefix(f"{run.app_id}-"))
        return run

    kwargs = operation.get_kwargs(run_id, include_output=True)
    return Route(operation, kwargs, api.V2RunEnvelope, convert)


def is_of_v1(run: Run) -> bool:
    """Return whether v1 responded with this run, which then has all that v1 alone has."""
    return run.internal_function_id is not None


def with_v1(run: Run, of_v1: Run) -> Run:
    """Return a run of v2 with what v1 alone has of it, its exact output included."""
    is_same = run.status == of_v1.status == RunStatus.COMPLETED
    return evolve(
        run,
        internal_function_id=of_v1.internal_function_id,
        original_run_id=of_v1.original_run_id,
        output=of_v1.output if is_same else run.output,
    )


def _hidden_from_v2(session: Session, of_v1: Route[Any, Run], deadline: float) -> Plan[Run | None]:
    """Return a run that v2 cannot load, if v1 can (recording v2-run-after-metadata)."""
    if session.absent.has(of_v1.operation, session.clock.monotonic()):
        return None
    try:
        route = evolve(of_v1, repeatable=False)
        return (yield from ask(session, "runs.get", route, deadline=deadline))
    except InngestError:
        return None


def raise_if_unknown(
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
            yield from ask(session, "runs.get", route, deadline=deadline)
            return
    except (NotFoundError, RouteNotFoundError, ConfigurationError):
        pass
    except InngestError:
        return
    raise NotFoundError(
        f"no run {run_id}: {failure.message}", status=404, method=failure.method, url=failure.url
    ) from failure


def name_event(
    session: Session, run_id: str, error: NotFoundError, deadline: float = math.inf
) -> Plan[None]:
    """Add a hint to the error if the id is an event's internal id, as `send` returns it."""
    route = evolve(events.get_route(run_id), repeatable=False)
    if session.absent.has(route.operation, session.clock.monotonic()):
        return
    deadline = min(deadline, session.clock.monotonic() + _HINT_WITHIN)
    try:
        yield from ask(session, "events.get", route, deadline=deadline)
    except InngestError:
        return
    error.advice = Advice(
        "This is the id of an event; its runs: {}.", (NextCall("events.runs", (run_id,)),)
    )


def jobs(session: Session, run_id: str) -> Plan[list[Job]]:
    """List the jobs queued for a run."""
    operation = v1.list_run_jobs_v1
    kwargs = operation.get_kwargs(check_id("run id", run_id, argument="id"))
    route = Route(
        operation, kwargs, api.V1JobListEnvelope, lambda it: list(map(job_of_v1, it.data))
    )
    try:
        return (yield from ask(session, "runs.jobs", route))
    except ServerError as error:
        yield from raise_if_unknown(session, run_id, error)
        raise


def job_of_v1(it: api.V1Job) -> Job:
    return Job(
        id=optional(it.job_id),
        at=timestamp(it.at),
        kind=optional(it.kind),
        attempt=optional(it.attempt),
        position=optional(it.position),
    )
