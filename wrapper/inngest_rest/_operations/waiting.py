"""Explain why open runs wait: list them, read their jobs, and apply the rules of explain."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, cast

from attrs import define, field

from inngest_rest._arguments import invalid
from inngest_rest._core.arguments import check_count_or_none, check_text
from inngest_rest._core.plans import Plan, sleep
from inngest_rest._core.resources import events, run_jobs, runs
from inngest_rest._core.resources.catalogue import name_of
from inngest_rest._core.resources.flow_control import concurrency_limits
from inngest_rest._operations.reasons.evidence import RunEvidence
from inngest_rest._operations.reasons.run import findings_of_run
from inngest_rest._operations.reasons.texts import reason_of
from inngest_rest._operations.run_evidence import (
    JOB_CHECK_INTERVAL,
    Reader,
    depends_on_limits,
    find_function,
    read_executing,
    read_steps,
)
from inngest_rest._visible import did_you_mean, shown
from inngest_rest.explanation import ReasonKind as Kind
from inngest_rest.models import UNFINISHED, Job, RunStatus, StoredEvent
from inngest_rest.responses import is_on_cloud
from inngest_rest.waiting import WaitingReport, WaitingRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from inngest_rest._core.calls.listing import Walk
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.resources.filters import Selection
    from inngest_rest.explanation import Reason
    from inngest_rest.models import Run

KINDS = (
    Kind.LOST,
    Kind.FUNCTION_REMOVED,
    Kind.APP_UNREACHABLE,
    Kind.CONCURRENCY,
    Kind.THROTTLE,
    Kind.RETRIES,
    Kind.QUEUED,
    Kind.EXECUTING,
    Kind.WAITS_FOR_EVENT,
    Kind.WAITS_FOR_SIGNAL,
    Kind.WAITS_FOR_FUNCTION,
    Kind.SLEEPS,
    Kind.SCHEDULED,
)
"""What a run may wait for; what needs attention most comes first."""

_RANKS = {kind: rank for rank, kind in enumerate(KINDS)}
_UNKNOWN = "unknown"

_EVENT_FIELDS = ("id", "internal_id", "name", "data", "ts", "user", "v", "received_at")


@define(kw_only=True, eq=False)
class OpenRun:
    """An open run, the evidence about it, and what could not be read of it."""

    reader: Reader
    evidence: RunEvidence
    are_jobs_read: bool = False
    has_ended: bool = False
    event_fields: dict[str, Any] = field(factory=dict[str, Any])

    @property
    def is_without_job(self) -> bool:
        return self.are_jobs_read and not self.evidence.jobs

    @property
    def is_lost(self) -> bool:
        return self.evidence.is_lost and not self.has_ended


class WaitingJob:
    """A report on open runs in the making, with validated arguments.

    Of each run, its jobs are read; further requests are for the few that need them.
    """

    in_flight = 8

    def __init__(
        self,
        session: Session,
        selection: Selection,
        *,
        event_fields: Iterable[str] | None = None,
        limit: int | None,
    ) -> None:
        self._session = session
        self._paths = _check_paths(event_fields)
        self._limit = check_count_or_none("limit", limit)
        _check_statuses(selection.statuses)
        # The oldest first: what has waited for longest is not cut off.
        self._listing = runs.list_runs(
            session, selection.narrowed(UNFINISHED), order="oldest", limit=limit
        )
        self._may_list_all_jobs = not is_on_cloud(session.settings.api_url)
        self._reader = Reader(session=session)
        self._open: list[OpenRun] = []
        self._is_cut_by_limit, self._searched = False, ""

    def steps(self) -> Iterator[Plan[list[OpenRun]]]:
        """Yield each step; the runs that it returns are read before the next one."""
        yield from self._steps_to_lost()
        yield self._read_limits()

    def _steps_to_lost(self) -> Iterator[Plan[list[OpenRun]]]:
        walk = self._listing.walk()
        while not walk.is_done:
            yield self._next_page(walk)
        yield self._without_job()

    def find_lost(self) -> Plan[list[Run]]:
        """Read the runs one by one; return those that certainly do not go on, the oldest first."""
        for step in self._steps_to_lost():
            for each in (yield from step):
                yield from self.read(each)
        return self.lost()

    def _next_page(self, walk: Walk[Run]) -> Plan[list[OpenRun]]:
        page = yield from walk.next_page()
        now = self._session.server_clocks["api"].now()
        listed = [
            OpenRun(
                reader=Reader(session=self._session),
                evidence=RunEvidence(run=run, now=now),
            )
            for run in page.items
            if not run.is_ended
        ]
        self._open += listed
        self._is_cut_by_limit = page.next_cursor is not None
        if walk.is_done and not self._open:
            self._searched = yield from self._listing.searched()
        return listed

    def _without_job(self) -> Plan[list[OpenRun]]:
        """Return the runs without a job, once a step that was just over is followed by the next."""
        without_job = [each for each in self._open if each.is_without_job]
        if without_job and self._may_list_all_jobs:
            yield from sleep(JOB_CHECK_INTERVAL)
        return without_job

    def read(self, each: OpenRun) -> Plan[None]:
        """Read the jobs of a run; of one without a job, look again whether it is lost."""
        evidence, session = each.evidence, self._session
        is_second_look = each.is_without_job
        if is_second_look:
            evidence.run = yield from runs.fetch(session, evidence.run.id, cached=False)
            each.has_ended = evidence.run.is_ended
            if each.has_ended:
                return
        plan = run_jobs.list_jobs(session, evidence.run.id, cached=False)
        jobs = yield from each.reader.read(plan, "what it has in the queue")
        each.are_jobs_read = jobs is not None
        evidence.jobs = jobs or []
        evidence.now = session.server_clocks["api"].now()
        if is_second_look or _is_without_details(evidence.jobs):
            is_lost = is_second_look and each.is_without_job and self._may_list_all_jobs
            yield from read_steps(each.reader, evidence, is_open_without_job=is_lost)
        yield from self._read_event(each)

    def record(self, each: OpenRun, _: None) -> bool:  # noqa: ARG002 - all is in the run
        return True

    def _read_event(self, each: OpenRun) -> Plan[None]:
        """Read the event of a run, if its fields are asked for or its time may be to come."""
        evidence = each.evidence
        if evidence.event is not None or not evidence.run.event_ids:
            return
        may_be_scheduled = (
            evidence.run.status == RunStatus.QUEUED and not evidence.due_jobs
        )
        if not self._paths and not may_be_scheduled:
            return
        plan = events.get_now(self._session, evidence.run.event_ids[0])
        stored = yield from each.reader.read(plan, "its event")
        if stored is not None:
            evidence.event, _ = stored
            each.event_fields = _values_at(self._paths, evidence.event)

    def _read_limits(self) -> Plan[list[OpenRun]]:
        """Read what may hold runs back: all functions, and what those at their limit execute."""
        self._open = [each for each in self._open if not each.has_ended]
        held_back = [
            each.evidence for each in self._open if depends_on_limits(each.evidence)
        ]
        if not held_back:
            return []
        catalogue = yield from self._reader.read_catalogue()
        jobs_of = {each.evidence.run.id: each.evidence.jobs for each in self._open}
        executing: dict[str, list[tuple[str, Job]]] = {}
        for evidence in held_back:
            function = find_function(evidence, catalogue)
            if (
                function is None
                or not evidence.due_jobs
                or not concurrency_limits(function)
            ):
                continue
            name = name_of(function)
            if name not in executing:
                known = _of_function(jobs_of, self._open, evidence)
                yield from read_executing(self._reader, evidence, function, known)
                executing[name] = evidence.executing
            evidence.executing = [
                (run_id, job)
                for run_id, job in executing[name]
                if run_id != evidence.run.id
            ]
        return []

    def lost(self) -> list[Run]:
        """Return the runs that certainly do not go on, the oldest first."""
        return [each.evidence.run for each in self._open if each.is_lost]

    @property
    def number_of_runs(self) -> int:
        """How many open runs were read."""
        return len(self._open)

    @property
    def is_cut_by_limit(self) -> bool:
        """Whether there may be more open runs than were read."""
        return self._is_cut_by_limit

    def unchecked(self) -> tuple[str, ...]:
        """Return what could not be read: once for all runs of which it is the same."""
        of_runs = [gap for each in self._open for gap in each.reader.unchecked]
        counts = Counter(gap.partition(": ")[0] for gap in of_runs)
        firsts = {gap.partition(": ")[0]: gap for gap in reversed(of_runs)}
        gaps = [
            firsts[what]
            if number == 1
            else f"{firsts[what]} (and of {number - 1:,} more runs)"
            for what, number in counts.items()
        ]
        if not self._may_list_all_jobs and any(
            each.is_without_job for each in self._open
        ):
            gaps.append("runs without a job, as Inngest Cloud may not list all jobs")
        return (*gaps, *self._reader.unchecked)

    def result(self) -> WaitingReport:
        self._find_invoked()
        rows = sorted(map(_row_of, self._open), key=_rank)
        return WaitingReport(
            counts=dict(Counter(str(row.kind or _UNKNOWN) for row in rows)),
            rows=tuple(rows),
            notes=tuple(self._notes(rows)),
            unchecked=self.unchecked(),
        )

    def _find_invoked(self) -> None:
        """Tell runs that wait for a function which of the open runs is its run."""
        started = {
            event_id: each.evidence.run
            for each in self._open
            for event_id in each.evidence.run.event_ids
        }
        for each in self._open:
            for job in each.evidence.jobs:
                if job.event_id in started:
                    each.evidence.invoked[job.event_id] = (started[job.event_id],)

    def _notes(self, rows: list[WaitingRun]) -> Iterator[str]:
        if self._searched:
            yield f"Searched {self._searched}."
        if self._is_cut_by_limit:
            yield f"Stopped at the limit of {self._limit:,} runs; newer ones are not read."
        if self.lost():
            yield "Runs that are lost do not go on: cancel them, and replay them."
        with_event = [row for row in rows if row.event_ids]
        for path in self._paths:
            without = sum(path not in row.event for row in with_event)
            if without:
                yield f"{without:,} of {len(with_event):,} events lack {path}, or are not stored."


def _check_paths(paths: Iterable[str] | None) -> tuple[str, ...]:
    """Return paths into an event, as `where` has them or without `event.`."""
    checked: list[str] = []
    for given in [paths] if isinstance(paths, str) else paths or ():
        for part in (check_text("event_fields", given) or "").split(","):
            path = part.strip().removeprefix("event.")
            name = path.partition(".")[0]
            if name not in _EVENT_FIELDS:
                reason = f"has {shown(part)}{did_you_mean(name, _EVENT_FIELDS)}"
                raise invalid(
                    "event_fields", reason, how="Name fields such as data.order."
                )
            checked.append(path)
    return tuple(dict.fromkeys(checked))


def _check_statuses(statuses: Iterable[RunStatus]) -> None:
    ended = [status for status in statuses if status not in (*UNFINISHED, "paused")]
    if ended:
        raise invalid("status", f"{ended[0].value!r} selects runs that have ended")


def _is_without_details(jobs: list[Job]) -> bool:
    """Return whether the server lists jobs without what they are, as Inngest Cloud does."""
    return bool(jobs) and all(job.kind is None for job in jobs)


def _of_function(
    jobs_of: Mapping[str, list[Job]],
    open_runs: Iterable[OpenRun],
    evidence: RunEvidence,
) -> dict[str, list[Job]]:
    """Return the jobs that were read of the runs of the function of a run."""
    run = evidence.run
    same = [each.evidence.run for each in open_runs if each.are_jobs_read]
    return {
        other.id: jobs_of[other.id]
        for other in same
        if (other.app_id, other.function_id) == (run.app_id, run.function_id)
    }


def _values_at(paths: Iterable[str], event: StoredEvent) -> dict[str, Any]:
    """Return the values at paths into an event, of those paths that it has."""
    found: dict[str, Any] = {}
    for path in paths:
        first, *rest = path.split(".")
        value: Any = getattr(event, first)
        for name in rest:
            value = cast("Any", value).get(name) if isinstance(value, dict) else None
        if value is not None:
            found[path] = value
    return found


def _row_of(each: OpenRun) -> WaitingRun:
    evidence, run = each.evidence, each.evidence.run
    reasons = [
        reason
        for reason in map(reason_of, findings_of_run(evidence))
        if reason.kind in _RANKS
    ]
    main = min(reasons, key=lambda reason: _RANKS[reason.kind], default=None)
    facts: Mapping[str, Any] = main.evidence if main else {}
    return WaitingRun(
        id=run.id,
        kind=main.kind if main else None,
        is_certain=main.is_certain if main else False,
        app_id=run.app_id,
        function_id=run.function_id,
        status=run.status,
        queued_at=run.queued_at,
        at=_time_of(main, reasons),
        waits_for=facts.get("for"),
        condition=facts.get("condition"),
        runs=tuple(facts.get("runs", ())),
        event_ids=run.event_ids,
        event=each.event_fields,
        message="; ".join(reason.message for reason in reasons),
    )


def _time_of(main: Reason | None, reasons: list[Reason]) -> Any:
    """Return when what a run waits for ends or is due; of a limit, since when its job is due."""
    for reason in ([main] if main else []) + reasons:
        at = reason.evidence.get("until") or reason.evidence.get("at")
        if at is not None:
            return at
    return None


def _rank(row: WaitingRun) -> tuple[int, str]:
    return len(KINDS) if row.kind is None else _RANKS[row.kind], row.id
