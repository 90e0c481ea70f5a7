"""Crons that ran when planned.

A server does not report planned times: they are computed from the schedule of each trigger, and
matched with the schedule that each run names. A schedule without a stored run may have changed a
moment ago: it is "never fired" only if nothing points to a change.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from attrs import evolve, field, frozen

from inngest_rest import errors
from inngest_rest._core.interface import (
    Names,
    Selection,
    Window,
    get_app,
    list_apps,
    list_functions,
    list_runs,
)
from inngest_rest._local.functions import parse_duration
from inngest_rest._local.schedules import Schedule, schedules_of
from inngest_rest.models import App

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inngest_rest._core.interface import Session
    from inngest_rest.models import Function, Run

DEFAULT_GRACE = timedelta(minutes=10)

# Servers queue a run some milliseconds before its time (recording v2-run-cron).
_EARLY = timedelta(seconds=2)

# The longest delay of a run whose trigger has a jitter.
_LONGEST_JITTER = timedelta(minutes=5)

_RUNS = 100  # of a function, in one request

# The smallest difference of two time zones.
_QUARTER = timedelta(minutes=15)


class CronState(StrEnum):
    """The outcome of the last planned time of a schedule whose grace is over."""

    OK = "ok"
    LATE = "late"
    MISSED = "missed"
    NEVER = "never fired"
    NOT_DUE = "not due"
    PAUSED = "paused"
    CHANGED = "changed"
    UNREADABLE = "unreadable"
    OTHER_ZONE = "of another zone"
    UNKNOWN = "unknown"


BROKEN = (CronState.LATE, CronState.MISSED, CronState.NEVER)
"""The states of crons that need somebody to look."""

UNDECIDED = (
    CronState.CHANGED,
    CronState.UNREADABLE,
    CronState.OTHER_ZONE,
    CronState.UNKNOWN,
)
"""The states of crons that cannot be judged."""


@frozen(kw_only=True)
class Cron:
    """A cron trigger of a function, and the outcome of its last planned time.

    Attributes:
        function: The function, as APP/FUNCTION.
        schedule: The schedule.
        state: The outcome.
        planned_at: The last planned time whose grace is over.
        run: The run of that time, or the last one of the schedule.
    """

    function: str
    schedule: str
    state: CronState
    planned_at: datetime | None = None
    run: Run | None = None

    @property
    def is_broken(self) -> bool:
        return self.state in BROKEN

    @property
    def names(self) -> tuple[str, str]:
        """The app and the function."""
        app, _, function = self.function.partition("/")
        return app, function


class _History(NamedTuple):
    """The newest runs of a function, newest first."""

    runs: tuple[Run, ...]
    is_whole: bool  # the function has no other runs

    def of(self, schedule: str) -> list[Run]:
        return [run for run in self.runs if run.cron == schedule]

    def reaches(self, moment: datetime) -> bool:
        """Return whether it has all runs since a moment."""
        if self.is_whole:
            return True
        if not self.runs:
            return False
        oldest = self.runs[-1].queued_at
        return oldest is not None and oldest < moment


class _RunsSince(NamedTuple):
    """The runs of a schedule since a planned time."""

    first: Run | None
    are_all: bool  # if not, a later page may have some


async def read_registered(
    session: Session, apps_in_use: Sequence[App]
) -> tuple[tuple[Function, ...], ...]:
    """Read the functions of each app that are not archived, by a request for each app."""
    listed = await session.driver.together(
        lambda app: list_functions(session, app.id).read_all(), apps_in_use
    )
    return tuple(
        tuple(function for function in functions if not function.is_archived)
        for functions in listed
    )


async def apps_in_use(session: Session, names: Names) -> list[App]:
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


async def check_crons(
    session: Session,
    listed_apps: Sequence[App],
    functions: Iterable[Function],
    grace: timedelta,
) -> tuple[Cron, ...]:
    """Judge each cron trigger of functions.

    It takes a request for each function with a cron; one more if none of its last hundred runs is
    as old as the planned time, and one for each app that has a broken one.
    """
    judges = {app.id: _Judge(session, app, grace) for app in listed_apps}
    to_judge = [(judges[function.app_id], function) for function in functions]
    histories = await session.driver.together(
        lambda each: each[0].history(each[1]), to_judge
    )
    crons: list[Cron] = []
    with_history = zip(to_judge, histories, strict=True)
    for (judge, function), history in with_history:
        crons += await judge.crons_of(function, history)
    return tuple(crons)


@frozen
class _Judge:
    """Judges the crons of an app."""

    _session: Session
    _app: App
    _grace: timedelta
    # The functions as only v1 describes them, read once if a cron seems broken.
    _of_v1: dict[str, Function] = field(factory=dict, init=False)
    _is_read: list[bool] = field(factory=list, init=False)

    async def crons_of(self, function: Function, history: _History) -> list[Cron]:
        schedules = schedules_of(function)
        if function.is_paused:
            return [_cron(function, text, CronState.PAUSED) for text in schedules]
        crons: list[Cron] = []
        for schedule in schedules:
            cron = await self._cron(function, schedule, history)
            crons.append(cron)
        return crons

    async def history(self, function: Function) -> _History:
        """Read the newest runs of a function, if it has a cron to judge by them."""
        if function.is_paused or not schedules_of(function):
            return _History(runs=(), is_whole=False)
        listing = list_runs(self._session, _selection(function), limit=_RUNS)
        page = await listing.walk().next_page()
        return _History(runs=page.items, is_whole=page.next_cursor is None)

    async def _cron(self, function: Function, text: str, history: _History) -> Cron:
        schedule = Schedule.parse(text)
        if schedule is None:
            return _cron(function, text, CronState.UNREADABLE)
        cron = await self._judged(function, schedule, history, timedelta())
        if not cron.is_broken:
            return cron
        jitter = await self._jitter(function, text)
        if jitter:
            cron = await self._judged(function, schedule, history, jitter)
        return cron

    async def _judged(
        self,
        function: Function,
        schedule: Schedule,
        history: _History,
        jitter: timedelta,
    ) -> Cron:
        """Judge a schedule by its last planned time whose grace and jitter are over."""
        allowed = self._grace + jitter
        now = self._session.server_clocks["api"].now()
        planned = schedule.before(now - allowed)
        if planned is None:
            return _cron(function, schedule.text, CronState.NOT_DUE)
        runs = await self._runs_since(function, schedule, history, planned)
        first = runs.first
        newest = history.of(schedule.text)
        last = newest[0] if newest else None
        if first is not None:
            state = _state_of_run(schedule, planned, first, allowed)
        elif not runs.are_all:
            state = CronState.UNKNOWN
        elif last is not None:
            state = CronState.MISSED
        else:
            state = await self._state_without_runs(function, history, planned)
        run = first or last
        if state in BROKEN and run is not None and _is_of_another_zone(schedule, run):
            state = CronState.OTHER_ZONE
        return _cron(function, schedule.text, state, planned, run)

    async def _runs_since(
        self,
        function: Function,
        schedule: Schedule,
        history: _History,
        planned: datetime,
    ) -> _RunsSince:
        """Find the first run of a schedule since its planned time."""
        since = planned - _EARLY
        if history.reaches(since):
            runs = history.of(schedule.text)
            own = [run for run in runs if _is_since(run, since)]
            return _RunsSince(first=own[-1] if own else None, are_all=True)
        selection = evolve(_selection(function), window=Window(since))
        listing = list_runs(
            self._session,
            selection,
            order="oldest",
            limit=_RUNS,
        )
        page = await listing.walk().next_page()
        own = [run for run in page.items if run.cron == schedule.text]
        is_last_page = page.next_cursor is None
        return _RunsSince(first=own[0] if own else None, are_all=is_last_page)

    async def _state_without_runs(
        self, function: Function, history: _History, planned: datetime
    ) -> CronState:
        """Return the state of a schedule without a known run, by the time of registration."""
        current = {trigger.value for trigger in function.triggers}
        fired = {run.cron for run in history.runs if run.cron}
        if not fired <= current:
            return CronState.CHANGED
        of_v1 = await self._function_of_v1(function)
        created_at = None
        if of_v1 is not None:
            created_at = of_v1.created_at
        if created_at is not None and created_at > planned:
            return CronState.NOT_DUE
        if of_v1 is not None and history.runs and _may_have_changed(of_v1):
            return CronState.UNKNOWN
        synced_at = self._app.synced_at
        if synced_at is None:
            return CronState.UNKNOWN if created_at is None else CronState.NEVER
        return CronState.UNKNOWN if synced_at > planned else CronState.NEVER

    async def _jitter(self, function: Function, schedule: str) -> timedelta:
        """Return the longest delay of the schedule's runs, which only v1 states."""
        of_v1 = await self._function_of_v1(function)
        if of_v1 is None:
            return _LONGEST_JITTER
        longest = timedelta()
        configuration = of_v1.configuration or {}
        for trigger in configuration.get("triggers") or ():
            if trigger.get("cron") == schedule:
                jitter = parse_duration(trigger.get("jitter"))
                longest = max(longest, jitter or timedelta())
        return longest

    async def _function_of_v1(self, function: Function) -> Function | None:
        if not self._is_read:
            self._is_read.append(True)
            try:
                listed = await list_functions(
                    self._session, self._app.id, as_configured=True
                ).read_all()
            except errors.ApiError:
                listed = []
            for of_v1 in listed:
                self._of_v1[of_v1.id] = of_v1
        return self._of_v1.get(function.id)


def _may_have_changed(of_v1: Function) -> bool:
    """Return whether a function with other runs may have got its schedule later on.

    A version other than the first shows that its app was changed since, but not which part of it.
    """
    configuration = of_v1.configuration or {}
    return configuration.get("fv") != 1


def _cron(
    function: Function,
    schedule: str,
    state: CronState,
    planned_at: datetime | None = None,
    run: Run | None = None,
) -> Cron:
    return Cron(
        function=f"{function.app_id}/{function.id}",
        schedule=schedule,
        state=state,
        planned_at=planned_at,
        run=run,
    )


def _selection(function: Function) -> Selection:
    return Selection(names=Names(function.app_id, function.id))


def _is_since(run: Run, moment: datetime) -> bool:
    return run.queued_at is not None and run.queued_at >= moment


def _state_of_run(
    schedule: Schedule,
    planned: datetime,
    run: Run,
    allowed: timedelta,
) -> CronState:
    """Return the state of a schedule by its first run since a planned time.

    A run of a later time says that it fires, and not that it was registered at this one.
    """
    following = schedule.after(planned)
    if following is not None and _is_since(run, following - _EARLY):
        return CronState.OK
    if _is_since(run, planned + allowed + _EARLY):
        return CronState.LATE
    return CronState.OK


def _is_of_another_zone(schedule: Schedule, run: Run) -> bool:
    """Return whether a run's delay is one by which zones differ.

    A self-hosted server plans a schedule that names no zone in that of its machine.
    """
    if schedule.names_zone or run.queued_at is None:
        return False
    planned = schedule.before(run.queued_at + _EARLY)
    if planned is None:
        return False
    delay = run.queued_at - planned
    quarters = round(delay / _QUARTER)
    return quarters > 0 and abs(delay - quarters * _QUARTER) <= _EARLY
