"""The last run of functions, and the next planned time of their crons."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attrs import evolve

from inngest_rest._core.resources.filters import Selection
from inngest_rest._core.resources.names import Names
from inngest_rest._core.resources.run_lists import list_runs
from inngest_rest._local.schedules import Schedule, schedules_of

if TYPE_CHECKING:
    from datetime import datetime

    from inngest_rest._core.calls.session import Session
    from inngest_rest.models import Function


async def with_runs(
    session: Session, functions: tuple[Function, ...], deadline: float = math.inf
) -> tuple[Function, ...]:
    """Add to functions their last run, by a request for each, and the next one of a cron."""
    with_last_run = await session.driver.together(
        lambda function: _with_last_run(session, function, deadline), functions
    )
    return tuple(with_last_run)


async def _with_last_run(
    session: Session, function: Function, deadline: float
) -> Function:
    listing = list_runs(session, _runs_of(function), limit=1)
    page = await listing.walk().next_page(deadline=deadline)
    now = session.server_clocks["api"].now()
    next_time = _next_time(function, now)
    function = evolve(function, next_run_at=next_time)
    for run in page.items:
        function = evolve(
            function,
            last_run_id=run.id,
            last_status=run.status,
            last_run_at=run.queued_at,
        )
    return function


def _next_time(function: Function, now: datetime) -> datetime | None:
    if function.is_paused:
        return None
    planned: list[datetime] = []
    for text in schedules_of(function):
        schedule = Schedule.parse(text)
        next_time = schedule.after(now) if schedule else None
        if next_time is not None:
            planned.append(next_time)
    return min(planned, default=None)


def _runs_of(function: Function) -> Selection:
    return Selection(names=Names(function.app_id, function.id))
