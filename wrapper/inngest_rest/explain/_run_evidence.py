"""Read the evidence about a run: its jobs, its steps, and limits that may hold it back."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import field, frozen

from inngest_rest._core.resources.apps import list_functions
from inngest_rest._core.resources.catalogue import Catalogue
from inngest_rest._core.resources.filters import Selection
from inngest_rest._core.resources.names import Names
from inngest_rest._core.resources.run_jobs import list_jobs
from inngest_rest._core.resources.run_lists import list_runs
from inngest_rest._core.resources.runs import fetch as get_run
from inngest_rest._core.resources.trace import get_trace
from inngest_rest._local.functions import is_run_of, limit
from inngest_rest.errors import InngestError
from inngest_rest.explain._limits import concurrency_limits
from inngest_rest.models import Function, Job, Run, RunStatus, Span
from inngest_rest.responses import is_on_cloud

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.explain._evidence import RunEvidence

T = TypeVar("T")

MAX_READ_SINGLY = 10
"""Of events with the same id, running runs, and invocations."""

JOB_CHECK_INTERVAL = 1.0
"""Seconds until a run without a job is looked at again."""


@frozen(kw_only=True)
class Reader:
    """Reads evidence until a deadline, and notes the gaps in it."""

    session: Session
    deadline: float = math.inf  # by our clock
    unchecked: list[str] = field(factory=list[str])

    async def read(self, plan: Plan[T], subject: str) -> T | None:
        """Run a plan; if it fails, return None and note the subject as unchecked."""
        try:
            return await plan
        except InngestError as error:
            self.unchecked.append(f"{subject}: {error}")
            return None

    async def read_catalogue(self, *, since: float = math.inf) -> Catalogue:
        catalogue = await Catalogue.read(
            self.session, deadline=self.deadline, since=since
        )
        self.unchecked.extend(catalogue.gaps)
        return catalogue


def depends_on_limits(evidence: RunEvidence) -> bool:
    """Return whether the limits of its function may explain the state of a run."""
    if evidence.is_lost:
        return False
    may_be_held_back = evidence.run.status in {RunStatus.QUEUED, RunStatus.CANCELLED}
    is_retried = any(job.attempt for job in evidence.jobs)
    return may_be_held_back or is_retried or bool(evidence.due_jobs)


@frozen(kw_only=True)
class Queue:
    """A run, and its jobs in the queue."""

    run: Run
    jobs: list[Job]
    is_open_without_job: bool = False  # for longer than between two steps


async def read_queue(reader: Reader, run_id: str) -> Queue:
    """Get a run and its jobs.

    Between two steps an open run may have none for a moment, so it is looked at again. Whether
    Inngest Cloud lists all jobs is not known.
    """
    session = reader.session
    for is_last_look in (False, True):
        run = await get_run(session, run_id, cached=False)
        if run.is_ended:
            return Queue(run=run, jobs=[])
        plan = list_jobs(session, run_id, cached=False)
        jobs = await reader.read(plan, "what it has in the queue")
        if jobs or jobs is None or is_on_cloud(session.settings.api_url):
            return Queue(run=run, jobs=jobs or [])
        if not is_last_look:
            await session.driver.sleep(JOB_CHECK_INTERVAL)
    return Queue(run=run, jobs=[], is_open_without_job=True)


async def read_steps(
    reader: Reader, evidence: RunEvidence, *, is_open_without_job: bool
) -> None:
    """Read the trace of a run, and its idle time if it has no job."""
    plan = get_trace(reader.session, evidence.run.id)
    root = await reader.read(plan, "its steps")
    is_over = False
    if root is not None:
        evidence.is_traced = True
        evidence.steps = root.children
        evidence.events = _events_in(root)
        is_over = root.ended_at is not None or root.status == "skipped"
    if is_open_without_job and not is_over:
        evidence.idle = _idle_time(reader.session, evidence.run, root)


def _events_in(root: Span) -> tuple[dict[str, Any], ...]:
    """Return the events of a run, all of a batch, as its code received them."""
    input: Any = root.input
    if isinstance(input, dict):
        # Servers wrap any other type in an object.
        input = cast("dict[str, Any]", input).get("data")
    if not isinstance(input, list):
        return ()
    items = cast("list[object]", input)
    return tuple(
        cast("dict[str, Any]", item) for item in items if isinstance(item, dict)
    )


def _idle_time(session: Session, run: Run, root: Span | None) -> timedelta:
    """Return the time since the last change of a run; 0 if that is unknown."""
    if root is None:
        return timedelta(0)
    times = [run.queued_at]
    spans = [root]
    while spans:
        span = spans.pop()
        times += [span.queued_at, span.started_at, span.ended_at]
        spans += span.children
    known_times = [time for time in times if time]
    if not known_times:
        return timedelta(0)
    elapsed = session.server_clocks["api"].now() - max(known_times)
    return max(elapsed, timedelta(0))


async def read_limits(
    reader: Reader, evidence: RunEvidence, catalogue: Catalogue
) -> None:
    """Read the limits of a run's function, and the evidence of whether they were reached."""
    function = find_function(evidence, catalogue)
    if function is None:
        return
    if evidence.run.status == RunStatus.CANCELLED:
        await _read_timeouts(reader, evidence, function)
    if evidence.due_jobs and concurrency_limits(function):
        await read_executing(reader, evidence, function)


def find_function(evidence: RunEvidence, catalogue: Catalogue) -> Function | None:
    """Add the function of a run, as it is now, to the evidence about the run."""
    evidence.catalogue = catalogue
    for function in catalogue.functions:
        if is_run_of(evidence.run, function):
            evidence.function = function
    return evidence.function


async def _read_timeouts(
    reader: Reader, evidence: RunEvidence, function: Function
) -> None:
    """Read the timeouts of a function, which only v1 has."""
    listing = list_functions(reader.session, function.app_id, as_configured=True)
    plan = listing.read_all(deadline=reader.deadline)
    subject = f"the timeouts of functions of {function.app_id}"
    of_app = await reader.read(plan, subject)
    for configured in of_app or ():
        if configured.id == function.id:
            evidence.timeouts = limit(configured, "timeouts") or {}


async def read_executing(
    reader: Reader,
    evidence: RunEvidence,
    function: Function,
    known_jobs: Mapping[str, list[Job]] | None = None,
) -> None:
    """Read the jobs that other runs of a run's function execute; those of some runs are known."""
    jobs_by_run = dict(known_jobs or {})
    known = {evidence.run.id, *jobs_by_run}
    unknown_running = await _unknown_running(reader, function, known)
    for run_id in unknown_running:
        plan = list_jobs(
            reader.session,
            run_id,
            cached=False,
            deadline=reader.deadline,
        )
        jobs = await reader.read(plan, f"whether run {run_id} is being executed")
        jobs_by_run[run_id] = jobs or []
    jobs_by_run.pop(evidence.run.id, None)
    for run_id, jobs in jobs_by_run.items():
        for job in jobs:
            if evidence.executes(job):
                evidence.executing.append((run_id, job))


async def _unknown_running(
    reader: Reader, function: Function, known: set[str]
) -> list[str]:
    """List the first running runs of a function that are not known yet."""
    names = Names(function.app_id, function.id)
    running = Selection(statuses=(RunStatus.RUNNING,), names=names)
    listing = list_runs(reader.session, running, page_size=100)
    first_page = listing.walk().next_page(deadline=reader.deadline)
    page = await reader.read(first_page, "which runs are being executed")
    if page is None:
        return []
    unknown = [run.id for run in page.items if run.id not in known]
    return unknown[:MAX_READ_SINGLY]
