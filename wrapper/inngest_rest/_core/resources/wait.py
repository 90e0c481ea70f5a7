"""Wait until a run has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.arguments import check_id, check_seconds
from inngest_rest._core.calls.retry import may_pass
from inngest_rest._core.plans import sleep
from inngest_rest._core.resources import one_run
from inngest_rest.errors import (
    ApiError,
    InngestError,
    NotFoundError,
    RouteNotFoundError,
    ServerError,
    TransportError,
    WaitTimeoutError,
)

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Run
    from inngest_rest.typing import Seconds

# A run becomes visible about 0.25 s after its event was accepted; until then it is "not found".
# Five seconds allow for a slow server.
APPEARS_WITHIN = 5.0

# Seconds between two polls: short for a function that is about to end, and 29 polls in the first
# minute.
FIRST_PAUSE = 0.05
GROWTH = 1.6
LONGEST_PAUSE = 3.0


def wait(session: Session, run_id: str, timeout: Seconds) -> Plan[Run]:
    """Poll until the run has ended."""
    run_id = check_id("run id", run_id, argument="id")
    return follow(session, run_id, session.clock.monotonic() + check_seconds("timeout", timeout))


def follow(session: Session, run_id: str, deadline: float, *, seen: Run | None = None) -> Plan[Run]:
    """Poll until the run has ended.

    "Not found" is tolerated while the run may still appear, and every transient fault once the run
    has been seen.

    Args:
        session: The session whose settings and keys apply.
        run_id: The run's id.
        deadline: When to give up, by the session's clock.
        seen: The run as it was just seen, if it was.
    """
    appears_by = session.clock.monotonic() + APPEARS_WITHIN
    also_v1 = True
    pause = FIRST_PAUSE
    missing: NotFoundError | None = None
    while True:
        fault: InngestError | None = None
        asked_pause = 0.0
        try:
            seen = yield from one_run.fetch(
                session,
                run_id,
                deadline=deadline,
                v1_first=seen is not None and one_run.is_of_v1(seen),
                also_v1=also_v1,
                cached=False,
            )
        except (ApiError, TransportError) as error:
            fault = error
        now = session.clock.monotonic()
        if seen is not None:
            also_v1 = True
            if fault is None:
                if seen.is_ended:
                    return seen
            elif not may_appear(fault):
                raise fault
            else:
                asked_pause = getattr(fault, "retry_after", None) or 0.0
        elif isinstance(fault, NotFoundError):
            missing = fault
            if now >= appears_by and also_v1:
                yield from one_run.name_event(session, run_id, fault, deadline)
                raise fault
            # A run appears in v2 no later than in v1: v1 is asked at the start and at the end.
            also_v1 = now >= appears_by
            if also_v1:
                continue
        elif fault is not None and not (isinstance(fault, TransportError) and now >= deadline):
            raise fault
        if now >= deadline:
            if seen is None:
                state, fault = "did not appear", missing or fault
            else:
                state = f"was still {seen.status}"
            raise WaitTimeoutError(
                f"run {run_id} {state} when the timeout expired", run=seen
            ) from fault
        yield from sleep(min(max(pause, asked_pause), deadline - now))
        pause = min(pause * GROWTH, LONGEST_PAUSE)


def may_appear(fault: InngestError) -> bool:
    """Return whether an error after a run was seen may be transient."""
    # A server that has the run and the route loses neither: it, or a proxy, is failing.
    return (
        isinstance(fault, NotFoundError | RouteNotFoundError)
        or (isinstance(fault, ServerError) and fault.hidden)
        or may_pass(fault)
    )
