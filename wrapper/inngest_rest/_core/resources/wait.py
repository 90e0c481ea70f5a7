"""Wait until one run has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest import errors
from inngest_rest._arguments import check_id, check_seconds
from inngest_rest._core.calls.retry import FAULTS, Fault
from inngest_rest._core.plans import FIRST_PAUSE, longer
from inngest_rest._core.resources import runs
from inngest_rest._core.resources.polling import (
    APPEARS_WITHIN,
    SHORTEST_PAUSE,
    asked_pause,
    may_appear,
)
from inngest_rest.models import RunStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest._core.calls.session import Session
    from inngest_rest.models import Run
    from inngest_rest.typing import Seconds


async def wait(
    session: Session, run_id: str, timeout: Seconds, raise_on_failure: bool
) -> Run:
    deadline = session.clock.monotonic() + check_seconds("timeout", timeout)
    run_id = check_id("run id", run_id, argument="id")
    run = await wait_until_ended(session, run_id, deadline)
    if raise_on_failure:
        check_completed([run])
    return run


def check_completed(runs: Sequence[Run]) -> None:
    """Raise for the first run that did not complete."""
    for run in runs:
        if run.status != RunStatus.COMPLETED:
            raise errors.RunFailedError(run, runs=runs)


async def wait_until_ended(
    session: Session,
    run_id: str,
    deadline: float,
    *,
    seen: Run | None = None,
) -> Run:
    """Poll until the run has ended, or until a time by the session's clock.

    "Not found" is tolerated while the run may still appear, unless the id is that of an event; and
    every transient fault once the run has been seen.
    """
    now = session.clock.monotonic
    appears_by = now() + APPEARS_WITHIN
    pause = FIRST_PAUSE
    missing: errors.NotFoundError | None = None
    while True:
        is_last_chance = now() >= appears_by
        # A run appears in v2 no later than in v1, and an event before its runs: v1, and for an
        # event, is asked at the start and at the end.
        is_first_or_last = missing is None or is_last_chance
        fault: Fault | None = None
        try:
            seen = await runs.fetch(
                session,
                run_id,
                deadline=deadline,
                also_v1=is_first_or_last,
                cached=False,
            )
        except FAULTS as error:
            goes_on = _goes_on_after(
                error,
                was_seen=seen is not None,
                is_last_chance=is_last_chance,
                is_late=now() >= deadline,
            )
            if seen is None and isinstance(error, errors.NotFoundError):
                missing = error
                if is_first_or_last and await runs.note_event_id(
                    session, error, run_id, by=deadline
                ):
                    raise
            if not goes_on:
                raise
            fault = error
        else:
            missing = None
            if seen.is_ended:
                return seen
        left = deadline - now()
        if left <= 0:
            raise _timed_out(run_id, seen) from missing or fault
        if seen is None:
            until_it_appears = max(appears_by - now(), SHORTEST_PAUSE)
            left = min(left, until_it_appears)
        seconds = max(pause, asked_pause(fault))
        await session.driver.sleep(min(seconds, left))
        pause = longer(pause)


def _goes_on_after(
    error: Fault,
    *,
    was_seen: bool,
    is_last_chance: bool,
    is_late: bool,
) -> bool:
    """Return whether a wait goes on after a request that failed."""
    if was_seen:
        return may_appear(error)
    if isinstance(error, errors.NotFoundError):
        return not is_last_chance
    # A request that failed at the deadline ends as an expired wait.
    return is_late and isinstance(error, errors.TransportError)


def _timed_out(run_id: str, seen: Run | None) -> errors.WaitTimeoutError:
    state = "did not appear" if seen is None else f"was still {seen.status}"
    message = f"run {run_id} {state} when the timeout expired"
    return errors.WaitTimeoutError(message, run=seen)
