"""Find out the status of a server, in few requests.

They are at most 25, the explanations of up to three runs, and for crons one for each app and each
function with a cron, of up to 10 apps and 50 functions.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from inngest_rest import errors
from inngest_rest._core.resources import events, run_jobs, runs
from inngest_rest._core.resources.apps import list_apps
from inngest_rest._core.resources.filters import Selection
from inngest_rest._core.resources.metrics import get_queue_depth
from inngest_rest._core.resources.routes import check_health
from inngest_rest._core.resources.runs import function_of
from inngest_rest._operations.crons import check_crons
from inngest_rest._operations.status.evidence import (
    LOOKED_BACK,
    STUCK_AFTER,
    WINDOW,
    Listed,
    StatusEvidence,
    runs_of,
)
from inngest_rest._operations.status.headline import report_of
from inngest_rest._operations.status.verdicts import server
from inngest_rest._operations.status.verdicts.apps import judge_apps
from inngest_rest._operations.status.verdicts.crons import judge_crons
from inngest_rest._operations.status.verdicts.fresh import judge_fresh
from inngest_rest._operations.status.verdicts.starting import (
    is_held_back,
    judge_starting,
)
from inngest_rest._operations.status.verdicts.stuck import judge_stuck
from inngest_rest._operations.status.verdicts.succeeding import judge_succeeding
from inngest_rest.explain._explain import explain_run
from inngest_rest.models import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.findings import Finding
    from inngest_rest.models import App, Job, Run
    from inngest_rest.status import StatusReport
    from inngest_rest.typing import RunOrder

T = TypeVar("T")

# A function for each question, in the order of the report.
_JUDGES: tuple[Callable[[StatusEvidence], Finding], ...] = (
    judge_starting,
    judge_succeeding,
    judge_stuck,
    judge_fresh,
    judge_crons,
    judge_apps,
)

_PAGE = 100
_FEW = 20  # failed runs that are read with their errors
_MOST_FAILING = 3  # functions of which none is among these, so that a few more are read
_FEW_OF_FUNCTION = 5

_MOST_TIMEOUTS = 2  # after which nothing else is read

# The ages, in minutes, at which a busy hour is sampled, by a page of the runs queued then.
_SAMPLED_AT = (60, 45, 30, 15, 5)

_MOST_WITH_JOBS = 5  # open runs whose jobs are read one by one

# Crons are not judged beyond these numbers.
_MOST_APPS = 10
_MOST_FUNCTIONS = 50

_MAY_FAIL = (errors.ApiError, errors.InvalidResponseError, errors.TransportError)


async def status(session: Session) -> StatusReport:
    """Check that the server answers, read the evidence, and judge it."""
    clock = session.server_clocks["api"]
    target = session.settings.target
    try:
        # A hung server is reported after one request timeout, without retries.
        deadline = session.clock.monotonic() + session.settings.timeout
        await check_health(session, deadline=deadline)
    except _MAY_FAIL as error:
        return report_of([server.is_down(error)], (), target, clock.now())
    reader = _Reader(session)
    evidence = reader.evidence
    await reader.read_recent()
    await reader.read_waiting()
    await reader.read_stuck()
    await reader.read_arrivals()
    evidence.apps = await reader.read("apps", _first_apps(session))
    await reader.read_crons()
    refusal = reader.refusal
    if refusal is not None and evidence.has_nothing:
        if not isinstance(refusal, errors.ServerError | errors.TransportError):
            raise refusal
        down = server.answers_nothing_else(refusal)
        return report_of([down], evidence.unread, target, clock.now())
    evidence.now = clock.now()
    evidence.clock_ahead_s = clock.ahead
    findings = [server.answers()]
    findings += [judge(evidence) for judge in _JUDGES]
    return report_of(findings, evidence.unread, target, evidence.now)


class _Reader:
    """Reads the evidence, and notes what cannot be read and why."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.evidence = StatusEvidence(
            now=session.server_clocks["api"].now(),
            lists_all_jobs=not session.settings.target.is_cloud,
        )
        self.refusal: Exception | None = None  # the first error
        self._lost_connection: errors.InngestError | None = None
        self._timeouts = 0

    async def read(self, subject: str, plan: Plan[T]) -> T | None:
        """Run a plan; return None if it fails, or if the connection was lost before."""
        lost = self._lost_connection
        if lost is not None:
            self.evidence.unread[subject] = f"not read after: {_in_words(lost)}"
            plan.close()
            return None
        try:
            return await plan
        except _MAY_FAIL as error:
            self.refusal = self.refusal or error
            if isinstance(error, errors.TransportError):
                self._note_transport_error(error)
            self.evidence.unread[subject] = _in_words(error)
            return None

    def _note_transport_error(self, error: errors.TransportError) -> None:
        """Give up reading after a lost connection or repeated timeouts."""
        if isinstance(error, errors.RequestTimeoutError):
            self._timeouts += 1
            if self._timeouts != _MOST_TIMEOUTS:
                return
        self._lost_connection = error

    async def read_recent(self) -> None:
        """Read the runs of the last hour: all if they fit on a page, else a sample of them."""
        evidence = self.evidence
        recent = await self.read("recent", self._page(since=WINDOW))
        if recent is not None and recent.has_more:
            recent = await self._sampled(recent)
        evidence.recent = recent
        if any(run.status is RunStatus.FAILED for run in runs_of(recent)):
            evidence.failed = await self._failed(runs_of(recent))

    async def _failed(self, recent: tuple[Run, ...]) -> Listed | None:
        """Read the newest failed runs with their errors, and a few of functions without any."""
        newest = await self.read("failed", self._failed_page(_FEW))
        if newest is None:
            return None
        counts = Counter[tuple[str, str]]()
        for run in recent:
            if run.status is RunStatus.FAILED:
                counts[str(run.app_id), str(run.function_id)] += 1
        failed = [*newest.runs]
        known = {function_of(run) for run in failed}
        missing = [
            names for names, _ in counts.most_common() if "/".join(names) not in known
        ]
        for app, function in missing[:_MOST_FAILING]:
            plan = self._failed_page(_FEW_OF_FUNCTION, app=app, function=function)
            of_function = await self.read("failed", plan)
            failed += runs_of(of_function)
        return Listed(runs=tuple(failed), has_more=newest.has_more)

    def _failed_page(self, most: int, **filters: Any) -> Plan[Listed]:
        return self._page(
            status=RunStatus.FAILED, since=WINDOW, most=most, output=True, **filters
        )

    async def _sampled(self, newest: Listed) -> Listed:
        """Return the newest runs of the hour with those at some moments of it."""
        runs_by_id = {run.id: run for run in newest.runs}
        now = self.session.server_clocks["api"].now()
        for minutes in _SAMPLED_AT:
            since = now - timedelta(minutes=minutes)
            plan = self._page(since=since, order="oldest")
            page = await self.read("recent", plan)
            if page is None:  # v1 lists only the newest
                break
            runs_by_id |= {run.id: run for run in page.runs}
        return Listed(runs=tuple(runs_by_id.values()), has_more=True)

    async def read_waiting(self) -> None:
        """Read the queued runs, and the explanations of two that wait for long.

        The oldest one may wait on purpose or by a limit of its own, which does not explain others.
        """
        evidence = self.evidence
        queued = self._page(status=RunStatus.QUEUED, since=LOOKED_BACK, order="oldest")
        evidence.queued = await self.read("queued", queued)
        if not self.session.settings.target.is_cloud:  # whose metrics have no depth
            depth = get_queue_depth(self.session)
            evidence.queue_depth = await self.read("queue_depth", depth)
        waiting = evidence.waiting_long()
        if not waiting:
            return
        oldest, *others = waiting
        await self._explain(oldest)
        is_explained = any(not is_held_back(each) for each in evidence.explained)
        if others and not is_explained:
            of_other_functions = [
                run for run in others if function_of(run) != function_of(oldest)
            ]
            candidates = of_other_functions or others
            await self._explain(candidates[-1])

    async def _explain(self, run: Run) -> None:
        plan = explain_run(self.session, run.id)
        explanation = await self.read("explained", plan)
        if explanation is not None:
            self.evidence.explained.append(explanation)

    async def read_stuck(self) -> None:
        """Read the runs that have been open for long, and the jobs of some, old and less old."""
        evidence = self.evidence
        long_open = self._page(
            status=RunStatus.RUNNING,
            since=LOOKED_BACK,
            until=STUCK_AFTER,
            order="oldest",
        )
        evidence.open = await self.read("open", long_open)
        started = runs_of(evidence.open)
        jobs: dict[str, list[Job]] = {}
        for run in _spread(started, _MOST_WITH_JOBS):
            plan = run_jobs.list_jobs(self.session, run.id)
            jobs_of_run = await self.read("jobs", plan)
            if jobs_of_run is None:
                break
            jobs[run.id] = jobs_of_run
        if jobs or not started:
            evidence.jobs = jobs
        without_job = [id for id, jobs_of_run in jobs.items() if not jobs_of_run]
        if without_job:
            explanation = explain_run(self.session, without_job[0])
            evidence.lost = await self.read("lost", explanation)

    async def read_arrivals(self) -> None:
        """Read the newest event, and the newest run."""
        evidence = self.evidence
        selection = events.EventSelection(since=LOOKED_BACK)
        walk = events.list_events(self.session, selection, limit=1).walk()
        page = await self.read("events", walk.next_page())
        if page is not None and page.items:
            evidence.newest_event = page.items[0]
        newest = evidence.recent
        if newest is not None and not newest.runs:
            plan = self._page(since=LOOKED_BACK, most=1)
            newest = await self.read("newest", plan)
        queued = [run for run in runs_of(newest) if run.queued_at is not None]
        evidence.newest_run = max(
            queued, key=lambda run: str(run.queued_at), default=None
        )

    async def read_crons(self) -> None:
        """Judge the crons, if they are few: it takes a request for each, and one for each app."""
        evidence = self.evidence
        if evidence.apps is None:
            evidence.unread["crons"] = evidence.unread["apps"]
            return
        functions = sum(app.function_count or 0 for app in evidence.apps)
        if len(evidence.apps) > _MOST_APPS or functions > _MOST_FUNCTIONS:
            many = f"{len(evidence.apps)} apps with {functions} functions take many requests"
            evidence.unread["crons"] = f"{many}: inngest-rest runs check --crons"
            return
        try:
            evidence.crons = await self.read("crons", check_crons(self.session))
        except errors.ConfigurationError as error:  # the extra is not installed
            evidence.unread["crons"] = str(error)

    async def _page(
        self,
        *,
        order: RunOrder = "newest",
        most: int = _PAGE,
        output: bool = False,
        **chosen: Any,
    ) -> Listed:
        selection = Selection.of(self.session, **chosen)
        listing = runs.list_runs(
            self.session, selection, order=order, include_output=output, limit=most
        )
        page = await listing.walk().next_page()
        return Listed(runs=page.items, has_more=page.next_cursor is not None)


def _spread(runs: tuple[Run, ...], most: int) -> tuple[Run, ...]:
    """Return some of the runs, at equal distances."""
    distance = max(len(runs) // most, 1)
    return runs[::distance][:most]


def _in_words(error: errors.InngestError) -> str:
    """Return the reason of a failed read in few words."""
    if isinstance(error, errors.RouteNotFoundError):
        routes = [
            f"{route} (since {release})" for route, release in error.releases.items()
        ]
        return f"this server has no {' and no '.join(routes) or 'route for it'}"
    return error.described


async def _first_apps(session: Session) -> list[App]:
    page = await list_apps(session, limit=_PAGE).walk().next_page()
    return [app for app in page.items if not app.is_archived]
