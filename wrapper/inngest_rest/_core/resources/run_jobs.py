"""The queued jobs of a run."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources import fields, routes
from inngest_rest._values.ulid import second_of_ulid
from inngest_rest.models import Job
from inngest_rest_api import models as api
from inngest_rest_api.api import v1

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


def list_jobs(
    session: Session,
    run_id: str,
    *,
    cached: bool = True,
    deadline: float = math.inf,
) -> Plan[list[Job]]:
    """List the queued jobs of a run; unless `cached`, past the cache of v1."""
    route = Route.of(v1.list_run_jobs_v1, _jobs_of_v1, run_id)
    if not cached:
        route = routes.past_cache(session, route)
    return routes.ask_first(session, "runs.jobs", route, deadline=deadline)


def _jobs_of_v1(raw_jobs: list[api.V1Job]) -> list[Job]:
    return [job_of_v1(raw_job) for raw_job in raw_jobs]


def job_of_v1(raw_job: api.V1Job) -> Job:
    """Convert a job: a step to execute, the end of a sleep, or the wait of a step."""
    optional = fields.optional
    item = optional(raw_job.raw) or api.V1QueueItem()
    data = optional(item.data) or api.V1QueueItemData()
    payload = optional(data.payload) or api.V1QueueItemPayload()
    pause = optional(payload.pause) or api.V1Pause()
    kind = optional(raw_job.kind)
    # Before the run starts, the server does not apply the function's own number.
    max_attempts = None if kind == "start" else optional(data.max_atts)
    edge = optional(payload.edge)
    step_id = optional(pause.outgoing)
    if edge is not None and kind == "sleep":
        step_id = optional(edge.outgoing)
    invoked_function = optional(pause.it_fn_id)
    event: str | None = None
    condition: str | None = None
    event_id: str | None = None
    if invoked_function:
        event_id = optional(pause.t_id)
    else:
        event = optional(pause.event)
        condition = optional(pause.expression)
    return fields.record(
        Job,
        raw_job,
        id=optional(raw_job.job_id),
        max_attempts=max_attempts,
        leased_until=_moment_of_ulid(optional(item.lease_id) or ""),
        step=optional(pause.step_name),
        step_id=step_id,
        event=event,
        condition=condition,
        signal=optional(pause.signal_id),
        function=invoked_function,
        event_id=event_id,
        concurrency_keys=_concurrency_keys(data),
    )


def _moment_of_ulid(text: str) -> datetime | None:
    second = second_of_ulid(text)
    # A datetime cannot hold all times of ULIDs.
    if second >= 2.0**37:
        return None
    return datetime.fromtimestamp(second, UTC)


def _concurrency_keys(data: api.V1QueueItemData) -> dict[str, int]:
    limits: dict[str, int] = {}
    for entry in fields.optional(data.cck) or ():
        key = fields.optional(entry.k)
        limit = fields.optional(entry.l)
        if key and limit is not None:
            limits[key] = limit
    return limits
