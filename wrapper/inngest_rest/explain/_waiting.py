"""Explain why open runs wait: list them, read their jobs, and apply the rules of explain."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import define, field

from inngest_rest._core.resources.events import get_stored as get_stored_event
from inngest_rest._core.resources.run_jobs import list_jobs
from inngest_rest._core.resources.run_lists import list_runs
from inngest_rest._core.resources.runs import fetch as get_run
from inngest_rest._local.arguments import check_count_or_none, check_text, invalid
from inngest_rest._local.functions import name_of
from inngest_rest._values.visible import did_you_mean, shown
from inngest_rest.explain import WaitingReport, WaitingRun
from inngest_rest.explain._evidence import RunEvidence
from inngest_rest.explain._limits import concurrency_limits
from inngest_rest.explain._run_evidence import (
    JOB_CHECK_INTERVAL,
    Reader,
    depends_on_limits,
    find_function,
    read_executing,
    read_steps,
)
from inngest_rest.explain._run_rules import reasons_of_run
from inngest_rest.explanation import ReasonKind as Kind
from inngest_rest.models import UNFINISHED, Job, RunStatus
from inngest_rest.responses import is_on_cloud

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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

_EVENT_FIELDS = (
    "id",
    "internal_id",
    "name",
    "data",
    "ts",
    "user",
    "v",
    "received_at",
)


@define(kw_only=True, eq=False)
class OpenRun:
    """An open run, the evidence about it, and the gaps in it."""

    reader: Reader
    evidence: RunEvidence
    are_jobs_read: bool = False
    has_ended: bool = False
    event_fields: dict[str, Any] = field(factory=dict[str, Any])

    @property
    def is_without_job(self) -> bool:
        return self.are_jobs_read and not self.evidence.jobs


async def waiting(
    session: Session,
    selection: Selection,
    *,
    event_fields: Iterable[str] | None,
    limit: int | None,
) -> WaitingReport:
    """Explain why each open run waits."""
    search = _OpenRuns(session, selection, event_fields=event_fields, limit=limit)
    await search.read_open_runs()
    await search.read_limits()
    return search.result()


class _OpenRuns:
    """Open runs, and what was read of them.

    The jobs of each run are read; only few runs need further requests.
    """

    def __init__(
        self,
        session: Session,
        selection: Selection,
        *,
        event_fields: Iterable[str] | None = None,
        limit: int | None,
    ) -> None:
        self._session = session
        self._selection = selection
        self._asked = _check_paths(event_fields)
        self._limit = check_count_or_none("limit", limit)
        selection.check_open()
        # The oldest first, so that the limit does not cut off those that have waited longest.
        self._listing = list_runs(
            session, selection.narrowed(UNFINISHED), order="oldest", limit=limit
        )
        self._may_list_all_jobs = not is_on_cloud(session.settings.api_url)
        self._reader = Reader(session=session)
        self._open: list[OpenRun] = []
        self._is_cut_by_limit = False
        self._searched = ""

    async def read_open_runs(self) -> None:
        """Read the open runs and their jobs, and again those that have none."""
        walk = self._listing.walk()
        while not walk.is_done:
            page = await walk.next_page()
            now = self._session.server_clocks["api"].now()
            listed = [
                OpenRun(
                    reader=Reader(session=self._session),
                    evidence=RunEvidence(run=run, now=now),
                )
                for run in page.items
                if not run.is_ended
            ]
            await self._session.driver.together(self._read, listed)
            self._open += listed
            self._is_cut_by_limit = page.next_cursor is not None
        if not self._open:
            self._searched = await self._listing.searched()
        without_job = [each for each in self._open if each.is_without_job]
        if without_job and self._may_list_all_jobs:
            # A server takes that long between two steps.
            await self._session.driver.sleep(JOB_CHECK_INTERVAL)
        await self._session.driver.together(self._read, without_job)
        self._open = [each for each in self._open if not each.has_ended]

    async def _read(self, open_run: OpenRun) -> None:
        """Read the jobs of a run; a run without a job is read again, in case it is lost."""
        evidence = open_run.evidence
        session = self._session
        is_second_look = open_run.is_without_job
        if is_second_look:
            run_id = evidence.run.id
            evidence.run = await get_run(session, run_id, cached=False)
            open_run.has_ended = evidence.run.is_ended
            if open_run.has_ended:
                return
        plan = list_jobs(session, evidence.run.id, cached=False)
        jobs = await open_run.reader.read(plan, "what it has in the queue")
        open_run.are_jobs_read = jobs is not None
        evidence.jobs = jobs or []
        evidence.now = session.server_clocks["api"].now()
        if is_second_look or _is_without_details(evidence.jobs):
            still_without_job = is_second_look and open_run.is_without_job
            is_lost = still_without_job and self._may_list_all_jobs
            await read_steps(open_run.reader, evidence, is_open_without_job=is_lost)
        is_queued = evidence.run.status == RunStatus.QUEUED
        may_be_scheduled = is_queued and not evidence.due_jobs
        if self._asked or self._selection.event_paths or may_be_scheduled:
            await self._read_event(open_run)

    async def _read_event(self, open_run: OpenRun) -> None:
        evidence = open_run.evidence
        run = evidence.run
        if evidence.event is not None or not run.event_ids:
            return
        plan = get_stored_event(self._session, run.event_ids[0])
        stored = await open_run.reader.read(plan, "its event")
        if stored is not None:
            evidence.event, _ = stored
            values = {name: getattr(evidence.event, name) for name in _EVENT_FIELDS}
            event = {name: value for name, value in values.items() if value is not None}
            open_run.event_fields = self._selection.fields_of(event, self._asked)

    async def read_limits(self) -> None:
        """Read the functions of runs that limits may hold back, and which runs these execute."""
        held_back = [each for each in self._open if depends_on_limits(each.evidence)]
        if not held_back:
            return
        catalogue = await self._reader.read_catalogue()
        executing_by_function: dict[str, list[tuple[str, Job]]] = {}
        of_a_key: list[OpenRun] = []
        for open_run in held_back:
            evidence = open_run.evidence
            function = find_function(evidence, catalogue)
            if function is None:
                continue
            limits = concurrency_limits(function)
            if not limits or not evidence.due_jobs:
                continue
            name = name_of(function)
            if name not in executing_by_function:
                known = self._jobs_of_same_function(evidence.run)
                await read_executing(self._reader, evidence, function, known)
                executing_by_function[name] = evidence.executing
            evidence.executing = [
                (run_id, job)
                for run_id, job in executing_by_function[name]
                if run_id != evidence.run.id
            ]
            if evidence.executing and any(entry.get("key") for entry in limits):
                of_a_key.append(open_run)
        await self._session.driver.together(self._read_event, of_a_key)

    def _jobs_of_same_function(self, run: Run) -> dict[str, list[Job]]:
        """Return the jobs of the open runs of a run's function, as far as they were read."""
        function = (run.app_id, run.function_id)
        jobs_by_run: dict[str, list[Job]] = {}
        for each in self._open:
            other = each.evidence.run
            is_same = (other.app_id, other.function_id) == function
            if each.are_jobs_read and is_same:
                jobs_by_run[other.id] = each.evidence.jobs
        return jobs_by_run

    def _unchecked(self) -> tuple[str, ...]:
        """Return the gaps in the evidence; one that several runs share is returned once."""
        gaps_by_subject: dict[str, list[str]] = {}
        for each in self._open:
            for gap in each.reader.unchecked:
                subject = gap.partition(": ")[0]
                gaps_by_subject.setdefault(subject, []).append(gap)
        unchecked: list[str] = []
        for first, *others in gaps_by_subject.values():
            if others:
                first += f" (and of {len(others):,} more runs)"  # noqa: PLW2901
            unchecked.append(first)
        may_hide_jobs = not self._may_list_all_jobs
        if may_hide_jobs and any(each.is_without_job for each in self._open):
            unchecked.append(
                "runs without a job, as Inngest Cloud may not list all jobs"
            )
        return (*unchecked, *self._reader.unchecked)

    def result(self) -> WaitingReport:
        self._find_invoked()
        rows = [_row_of(each) for each in self._open]
        rows.sort(key=_rank)
        counts = Counter(str(row.kind or _UNKNOWN) for row in rows)
        return WaitingReport(
            counts=dict(counts),
            rows=tuple(rows),
            notes=tuple(self._notes(rows)),
            unchecked=self._unchecked(),
        )

    def _find_invoked(self) -> None:
        """Add to runs that wait for a function the open run that it started."""
        run_by_event: dict[str, Run] = {}
        for each in self._open:
            for event_id in each.evidence.run.event_ids:
                run_by_event[event_id] = each.evidence.run
        for each in self._open:
            for job in each.evidence.jobs:
                if job.event_id in run_by_event:
                    invoked = run_by_event[job.event_id]
                    each.evidence.invoked[job.event_id] = (invoked,)

    def _notes(self, rows: list[WaitingRun]) -> Iterator[str]:
        if self._searched:
            yield f"Searched {self._searched}."
        if self._is_cut_by_limit:
            yield f"Stopped at the limit of {self._limit:,} runs; newer ones are not read."
        if any(each.evidence.is_lost for each in self._open):
            yield "Runs that are lost do not go on: cancel them, and replay them."
        with_event = [row for row in rows if row.event_ids]
        for path in self._asked:
            without = sum(path not in row.event for row in with_event)
            if without:
                yield f"{without:,} of {len(with_event):,} events lack {path}, or are not stored."


def _check_paths(paths: Iterable[str] | None) -> tuple[str, ...]:
    """Return paths into an event, as `where` has them or without `event.`."""
    if isinstance(paths, str):
        paths = [paths]
    checked: list[str] = []
    for given in paths or ():
        text = check_text("event_fields", given) or ""
        for part in text.split(","):
            path = part.strip().removeprefix("event.")
            name = path.partition(".")[0]
            if name not in _EVENT_FIELDS:
                hint = did_you_mean(name, _EVENT_FIELDS)
                raise invalid(
                    "event_fields",
                    f"has {shown(part)}{hint}",
                    how="Name fields such as data.order.",
                )
            checked.append(path)
    return tuple(dict.fromkeys(checked))


def _is_without_details(jobs: list[Job]) -> bool:
    """Return whether the server lists jobs without their kind, as Inngest Cloud does."""
    return bool(jobs) and all(job.kind is None for job in jobs)


def _row_of(open_run: OpenRun) -> WaitingRun:
    evidence = open_run.evidence
    run = evidence.run
    reasons = [reason for reason in reasons_of_run(evidence) if reason.kind in _RANKS]
    main = min(reasons, key=_rank_of_reason, default=None)
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
        event=open_run.event_fields,
        message="; ".join(reason.message for reason in reasons),
    )


def _time_of(main: Reason | None, reasons: list[Reason]) -> Any:
    """Return the end of a wait or the due time of a job, by preference of the main reason."""
    by_preference = [main, *reasons] if main else reasons
    for reason in by_preference:
        at = reason.evidence.get("until") or reason.evidence.get("at")
        if at is not None:
            return at
    return None


def _rank_of_reason(reason: Reason) -> int:
    return _RANKS[reason.kind]


def _rank(row: WaitingRun) -> tuple[int, str]:
    rank = len(KINDS) if row.kind is None else _RANKS[row.kind]
    return rank, row.id
