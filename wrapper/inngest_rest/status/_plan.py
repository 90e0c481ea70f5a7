"""Find out the status of a server, in few requests.

They are at most 26, the explanations of up to three runs, and for crons one for each app and each
function with a cron, of up to 10 apps and 50 functions. A rule takes up to two more.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from attrs import evolve

from inngest_rest import errors
from inngest_rest._core.resources.apps import get_app, list_apps, list_functions
from inngest_rest._core.resources.events import EventSelection, list_events
from inngest_rest._core.resources.filters import Selection
from inngest_rest._core.resources.last_runs import with_runs
from inngest_rest._core.resources.names import Names, check_names
from inngest_rest._core.resources.routes import check_health, request_directly
from inngest_rest._core.resources.run_jobs import list_jobs
from inngest_rest._core.resources.run_lists import list_runs
from inngest_rest._core.resources.windows import Window
from inngest_rest._local.functions import function_of, name_of
from inngest_rest._local.schedules import schedules_of
from inngest_rest.models import App, RunStatus
from inngest_rest.status._crons import judge_crons, missed_at
from inngest_rest.status._evidence import LOOKED_BACK, Listed, StatusEvidence, runs_of
from inngest_rest.status._headline import report_of
from inngest_rest.status._rules import check_rules
from inngest_rest.status._verdicts import reach
from inngest_rest.status._verdicts.by_rules import (
    judge_queue,
    judge_success,
)
from inngest_rest.status._verdicts.fresh import judge_fresh
from inngest_rest.status._verdicts.starting import is_on_purpose, judge_starting
from inngest_rest.status._verdicts.stuck import judge_stuck
from inngest_rest.status._verdicts.succeeding import judge_succeeding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.explanation import RunExplanation
    from inngest_rest.findings import Finding
    from inngest_rest.models import Function, Job, Run
    from inngest_rest.status import StatusReport
    from inngest_rest.status._rules import Rules, SuccessRule
    from inngest_rest.typing import RunOrder

    # Explains the state of a run: the client hands it in, as capabilities do not know each other.
    ExplainRun = Callable[[Session, str], Plan[RunExplanation]]

T = TypeVar("T")

_PAGE = 100
_FEW = 20  # failed runs that are read with their errors
_MOST_FAILING = 3  # functions of which none is among these, so that a few more are read
_FEW_OF_FUNCTION = 5

_MOST_TIMEOUTS = 2  # after which nothing else is read

# The ages at which a busy window is sampled, in parts of it: by a page of the runs queued then.
_SAMPLED_AT = (1, 3 / 4, 1 / 2, 1 / 4, 1 / 12)

_MOST_WITH_JOBS = 5  # open runs whose jobs are read one by one

# Beyond these numbers, functions and crons are not read.
_MOST_APPS = 10
_MOST_FUNCTIONS = 50

# The statuses of runs that ended by themselves.
_OUTCOMES = (RunStatus.COMPLETED, RunStatus.FAILED)

# The value is written as 9, 1e+06 or NaN.
_QUEUE_DEPTH = re.compile(
    r"^inngest_queue_depth\s+(?P<value>[0-9.e+]+)\s*$", re.MULTILINE
)

_MAY_FAIL = (errors.ApiError, errors.InvalidResponseError, errors.TransportError)


async def status(
    session: Session, /, explain_run: ExplainRun, **given: Any
) -> StatusReport:
    """Check that the server answers, read the evidence, and judge it by the rules."""
    rules = check_rules(**given)
    clock = session.server_clocks["api"]
    target = session.settings.target
    try:
        # A hung server is reported after one request timeout, without retries.
        deadline = session.clock.monotonic() + session.settings.timeout
        await check_health(session, deadline=deadline)
    except _MAY_FAIL as error:
        return report_of([reach.is_down(error)], {}, target, clock.now())
    reader = _Reader(session, rules, explain_run)
    evidence = reader.evidence
    await reader.read_recent()
    await reader.read_waiting()
    if evidence.has_no_runs:
        await check_names(session, rules.names)
    await reader.read_stuck()
    await reader.read_arrivals()
    await reader.read_functions()
    await reader.read_crons()
    await reader.read_by_rules()
    refusal = reader.refusal
    if refusal is not None and evidence.has_nothing:
        if not isinstance(refusal, errors.ServerError | errors.TransportError):
            raise refusal
        down = reach.answers_nothing_else(refusal)
        return report_of([down], {}, target, clock.now())
    evidence.now = clock.now()
    evidence.clock_ahead_s = clock.ahead
    findings = [reach.answers(), *_judged(evidence)]
    needed = rules.needed()
    missing = {
        subject: reason
        for subject, reason in evidence.unread.items()
        if subject in needed
    }
    return report_of(findings, missing, target, evidence.now)


def _judged(evidence: StatusEvidence) -> Iterator[Finding]:
    """Yield the answer to each question, in the order of the report."""
    rules = evidence.rules
    yield judge_starting(evidence)
    yield judge_succeeding(evidence)
    yield judge_stuck(evidence)
    yield judge_fresh(evidence)
    yield judge_crons(evidence)
    yield reach.judge_apps(evidence)
    for rule in rules.successes:
        yield judge_success(evidence, rule)
    if rules.queue_depth_above is not None:
        yield judge_queue(evidence, rules.queue_depth_above)


class _Reader:
    """Reads the evidence, and notes what cannot be read and why."""

    def __init__(self, session: Session, rules: Rules, explain_run: ExplainRun) -> None:
        self.session = session
        self.explain_run = explain_run
        self.rules = rules
        self.evidence = StatusEvidence(
            now=session.server_clocks["api"].now(),
            rules=rules,
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
        """Read the runs that were queued in the window, and those that ended in it.

        Of those that were queued in it, all if they fit on a page, else a sample. Of those that
        were queued before, the newest: a server reads its whole history to list runs by their ends.
        """
        evidence = self.evidence
        window = self.rules.window
        recent = await self.read("recent", self._page(since=window))
        if recent is not None and recent.has_more:
            recent = await self._sampled(recent)
        evidence.recent = recent
        plan = self._page(status=_OUTCOMES, since=window + LOOKED_BACK, until=window)
        evidence.before = await self.read("recent", plan)
        has_failed = any(run.status is RunStatus.FAILED for run in evidence.of_window)
        if has_failed or evidence.complete_since is not None:
            evidence.failed = await self._failed(evidence.of_window)

    async def _failed(self, of_window: tuple[Run, ...]) -> Listed | None:
        """Read the newest failed runs with their errors, and a few of functions without any."""
        newest = await self.read("failed", self._failed_page(_FEW))
        if newest is None:
            return None
        counts = Counter[tuple[str, str]]()
        for run in of_window:
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
        ended = filter(self.evidence.has_ended_in_window, failed)
        return Listed(runs=tuple(ended), has_more=newest.has_more)

    def _failed_page(self, most: int, **filters: Any) -> Plan[Listed]:
        return self._page(
            status=RunStatus.FAILED,
            since=self.rules.window + LOOKED_BACK,
            most=most,
            output=True,
            **filters,
        )

    async def _sampled(self, newest: Listed) -> Listed:
        """Return the newest runs of the window with those at some moments of it."""
        runs_by_id = {run.id: run for run in newest.runs}
        now = self.session.server_clocks["api"].now()
        for part in _SAMPLED_AT:
            since = now - part * self.rules.window
            plan = self._page(since=since, order="oldest")
            page = await self.read("recent", plan)
            if page is None:  # v1 lists only the newest
                break
            runs_by_id |= {run.id: run for run in page.runs}
        return Listed(runs=tuple(runs_by_id.values()), has_more=True)

    async def read_waiting(self) -> None:
        """Read the queued runs, and why the oldest waits for long, or another if on purpose."""
        evidence = self.evidence
        queued = self._page(status=RunStatus.QUEUED, since=LOOKED_BACK, order="oldest")
        evidence.queued = await self.read("queued", queued)
        if self.session.settings.target.is_cloud:
            evidence.unread["queue_depth"] = "Inngest Cloud does not state the depth"
        else:
            depth = _read_queue_depth(self.session)
            evidence.queue_depth = await self.read("queue_depth", depth)
        waiting = evidence.waiting_long()
        if not waiting:
            return
        await self._explain(waiting[0])
        others = [run for run in waiting if function_of(run) != function_of(waiting[0])]
        if others and all(map(is_on_purpose, evidence.explained)):
            await self._explain(others[-1])

    async def _explain(self, run: Run) -> None:
        plan = self.explain_run(self.session, run.id)
        explanation = await self.read("explained", plan)
        if explanation is not None:
            self.evidence.explained.append(explanation)

    async def read_stuck(self) -> None:
        """Read the runs that have been open for long, and the jobs of some, old and less old."""
        evidence = self.evidence
        long_open = self._page(
            # Those that wait to start are judged by the queue.
            status=RunStatus.RUNNING,
            are_open=True,
            since=LOOKED_BACK + (self.rules.stuck_for or timedelta()),
            until=evidence.stuck_after,
            order="oldest",
        )
        evidence.open = await self.read("open", long_open)
        started = runs_of(evidence.open)
        jobs: dict[str, list[Job]] = {}
        for run in _spread(started, _MOST_WITH_JOBS):
            plan = list_jobs(self.session, run.id)
            jobs_of_run = await self.read("jobs", plan)
            if jobs_of_run is None:
                break
            jobs[run.id] = jobs_of_run
        if jobs or not started:
            evidence.jobs = jobs
        without_job = [id for id, jobs_of_run in jobs.items() if not jobs_of_run]
        if without_job:
            explanation = self.explain_run(self.session, without_job[0])
            evidence.lost = await self.read("lost", explanation)

    async def read_arrivals(self) -> None:
        """Read the newest events, and the newest run."""
        evidence = self.evidence
        selection = EventSelection(since=LOOKED_BACK)
        walk = list_events(self.session, selection, limit=_PAGE).walk()
        page = await self.read("events", walk.next_page())
        if page is not None:
            evidence.events = page.items
        newest = evidence.recent
        if newest is not None and not newest.runs:
            plan = self._page(since=LOOKED_BACK, most=1)
            newest = await self.read("newest", plan)
        queued = [run for run in runs_of(newest) if run.queued_at is not None]
        evidence.newest_run = max(
            queued, key=lambda run: str(run.queued_at), default=None
        )

    async def read_functions(self) -> None:
        """Read the apps, and if they are few, their functions."""
        evidence = self.evidence
        names = self.rules.names
        apps = await self.read("apps", _apps_in_use(self.session, names))
        evidence.apps = apps
        if apps is None:
            evidence.unread["functions"] = evidence.unread["apps"]
            return
        number = sum(app.function_count or 0 for app in apps)
        if len(apps) > _MOST_APPS or number > _MOST_FUNCTIONS:
            many = f"{len(apps)} apps with {number} functions take many requests"
            evidence.unread["functions"] = f"{many}; with `app`, those of one are read"
            return
        plan = _read_registered(self.session, apps)
        registered = await self.read("functions", plan)
        if registered is None:
            return
        functions: list[Function] = []
        for of_app in registered:
            functions += [each for each in of_app if names.match(each.app_id, each.id)]
        evidence.functions = tuple(functions)

    async def read_crons(self) -> None:
        """Read the last run of each function that has a cron."""
        evidence = self.evidence
        if evidence.functions is None:
            evidence.unread["crons"] = evidence.unread["functions"]
            return
        crons = tuple(
            function
            for function in evidence.functions
            if schedules_of(function) and not function.is_paused
        )
        try:
            evidence.crons = await self.read("crons", with_runs(self.session, crons))
        except errors.ConfigurationError as error:  # cronsim is not installed
            evidence.unread["crons"] = str(error)
        now = self.session.server_clocks["api"].now()
        missed = [each for each in evidence.crons or () if missed_at(each, now)]
        for app in evidence.apps or ():
            of_app = [function for function in missed if function.app_id == app.id]
            if of_app:
                await self._read_registrations(app, of_app)

    async def _read_registrations(self, app: App, functions: list[Function]) -> None:
        """Note since when functions are registered as they are: of v2, Inngest Cloud states it."""
        registered_at = self.evidence.registered_at
        if app.synced_at is not None:
            registered_at |= {name_of(each): app.synced_at for each in functions}
            return
        plan = list_functions(self.session, app.id, as_configured=True).read_all()
        for function in await self.read("registered", plan) or ():
            registered_at[name_of(function)] = function.created_at

    async def read_by_rules(self) -> None:
        """Read what only rules ask for."""
        for rule in self.rules.successes:
            await self._read_success(rule)

    async def _read_success(self, rule: SuccessRule) -> None:
        """Read a run of the functions that has completed in time, or why there can be none."""
        evidence = self.evidence
        plan = _completed(self.session, rule.names, rule.within)
        found = await self.read(rule.subject, plan)
        if rule.subject in evidence.unread:
            return
        evidence.successes[rule.pattern] = found
        if found is None:
            listing = list_runs(self.session, Selection(names=rule.names))
            why = await listing.why_empty()
            evidence.why_none[rule.pattern] = why

    async def _page(
        self,
        *,
        order: RunOrder = "newest",
        most: int = _PAGE,
        output: bool = False,
        are_open: bool = False,
        **chosen: Any,
    ) -> Listed:
        selection = Selection.of(self.session, **chosen)
        selection = evolve(selection, are_open=are_open)
        if selection.names == Names():
            selection = evolve(selection, names=self.rules.names)
        listing = list_runs(
            self.session, selection, order=order, include_output=output, limit=most
        )
        page = await listing.walk().next_page()
        return Listed(runs=page.items, has_more=page.next_cursor is not None)


async def _apps_in_use(session: Session, names: Names) -> list[App]:
    """Read the apps that may have functions of these names, and are not archived."""
    app_id, _ = names.exact
    if app_id is None:
        listed = await list_apps(session).read_all()
        return [
            app for app in listed if not app.is_archived and _names_app(names, app.id)
        ]
    try:
        app = await get_app(session, app_id)
    except errors.RouteNotFoundError:
        app = App(id=app_id)
    return [app]


def _names_app(names: Names, app_id: str) -> bool:
    """Return whether functions of an app may be among the named ones."""
    if names.app is None:
        return True
    of_any_function = Names(app=names.app)
    return of_any_function.match(app_id, None)


async def _read_registered(
    session: Session, apps: list[App]
) -> tuple[tuple[Function, ...], ...]:
    """Read the functions of each app that are not archived, by a request for each app."""
    listed = await session.driver.together(
        lambda app: list_functions(session, app.id).read_all(), apps
    )
    return tuple(
        tuple(function for function in functions if not function.is_archived)
        for functions in listed
    )


async def _read_queue_depth(session: Session) -> int:
    """Read the number of items in all queues of a self-hosted server, as Prometheus reads it."""
    response = await request_directly(session, "GET", "/metrics", query=None, body=None)
    sample = _QUEUE_DEPTH.search(response.text)
    if sample is None:
        raise errors.InvalidResponseError(
            "its metrics have no depth of the queue",
            method="GET",
            url=response.url,
            status=response.status,
        )
    return int(float(sample["value"]))


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


async def _completed(session: Session, names: Names, within: timedelta) -> Run | None:
    """Find a run that has completed in time."""
    statuses = (RunStatus.COMPLETED,)
    # A server finds a run queued since then at once, and few that end are older.
    queued_since = Selection(statuses=statuses, names=names, window=Window(within))
    ended_since = Selection(statuses=statuses, names=names, ended=Window(within))
    for selection in (queued_since, ended_since):
        found = await list_runs(session, selection, limit=1).read_all()
        if found:
            return found[0]
    return None
