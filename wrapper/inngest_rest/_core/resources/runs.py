"""Single runs: get one by v1 or v2, and say what else its id may be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from attrs import evolve

from inngest_rest import errors
from inngest_rest._core.calls.alternatives import first_present
from inngest_rest._core.calls.operation import redacted_url
from inngest_rest._core.calls.route import About, Route
from inngest_rest._core.resources import events, routes
from inngest_rest._core.resources.run_rows import (
    run_of_v1,
    run_of_v2,
)
from inngest_rest._local.arguments import check_id
from inngest_rest.models import Run, RunStatus
from inngest_rest_api.api import v1, v2

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


P = ParamSpec("P")
T = TypeVar("T")


async def get(session: Session, run_id: str, include_original_run_id: bool) -> Run:
    run = await fetch(session, run_id)
    if not include_original_run_id or is_of_v1(run):
        return run
    of_v1 = await routes.ask_first(session, "runs.get", route_by_v1(run_id))
    return with_v1(run, of_v1)


async def fetch(
    session: Session,
    run_id: str,
    *,
    deadline: float = math.inf,
    also_v1: bool = True,
    cached: bool = True,
) -> Run:
    """Get a run from the first API that the server has, or from v1 if v2 cannot load it.

    With `also_v1`, v1 is asked for a run that v2 does not have. Unless `cached`, v1 does not
    respond from its cache, whose entries live for 3 s.
    """
    of_v1 = route_by_v1(run_id)
    if not cached:
        of_v1 = routes.past_cache(session, of_v1)
    of_v2 = Route.of(
        v2.get_run_v2,
        run_of_v2,
        run_id,
        query={"include_output": True},
        about=About(run_id, "id"),
    )
    try:
        return await routes.ask_first(
            session, "runs.get", of_v2, of_v1, deadline=deadline
        )
    except errors.NotFoundError as error:
        if not also_v1 or error.url == redacted_url(session, of_v1):
            raise
        # v1 can load some runs that v2 cannot (recording v2-run-after-metadata).
        found = await found_at_once(session, of_v1, deadline)
        if found is None:
            raise
        return found


def route_by_v1(run_id: str) -> Route[Any, Run]:
    about = About(run_id, "run_id")
    return Route.of(v1.get_run_v1, run_of_v1, run_id, about=about)


def is_of_v1(run: Run) -> bool:
    """Return whether a run comes from v1, so that it has the fields that only v1 has."""
    return run.internal_function_id is not None


def with_v1(run: Run, of_v1: Run) -> Run:
    """Return a run of v2 with the fields that only v1 has, and v1's exact output."""
    output = run.output
    if run.status == of_v1.status == RunStatus.COMPLETED:
        output = of_v1.output
    return evolve(
        run,
        internal_function_id=of_v1.internal_function_id,
        original_run_id=of_v1.original_run_id,
        output=output,
    )


async def found_at_once(
    session: Session, route: Route[Any, T], deadline: float
) -> T | None:
    """Request a hint once, without retries; return None if that fails."""
    if session.absent.has(route.operation, session.clock.monotonic()):
        return None
    once = evolve(route, repeatable=False)
    try:
        return await first_present(session, once, deadline=deadline)
    except errors.InngestError:
        return None


async def note_event_id(
    session: Session,
    error: errors.NotFoundError,
    run_id: str,
    *,
    by: float = math.inf,
) -> bool:
    """Say in a "not found" if the id is that of an event; return whether it is.

    `send` returns ids of events. `by` is the time by the session's clock to find that out.
    """
    now = session.clock.monotonic()
    deadline = min(by, now + 2.0)  # it is only a hint
    if now >= deadline:
        return False
    event = await found_at_once(session, events.get_route(run_id), deadline)
    if event is None:
        return False
    error.advice = errors.Advice(
        "This is the id of an event; its runs: {}.",
        (errors.NextCall("events.runs", (run_id,)),),
    )
    return True


def explain_event_id(
    plan: Callable[Concatenate[Session, str, P], Plan[T]],
) -> Callable[Concatenate[Session, str, P], Plan[T]]:
    """Return a plan about a run whose "not found" says if the id is that of an event."""

    async def explained(
        session: Session,
        run_id: str,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        run_id = check_id("run id", run_id, argument="id")
        try:
            return await plan(session, run_id, *args, **kwargs)
        except errors.NotFoundError as error:
            await note_event_id(session, error, run_id)
            raise

    return explained
