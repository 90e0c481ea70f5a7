"""Summarize many runs: list them, and get those whose times are asked for."""

from __future__ import annotations

from datetime import UTC
from inspect import iscoroutinefunction
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from attrs import evolve

from inngest_rest._arguments import check_choice, invalid
from inngest_rest._core.arguments import check_count_or_none
from inngest_rest._core.resources import runs
from inngest_rest._operations.summary.error_messages import normalized_error
from inngest_rest._operations.summary.group import OTHER, TIMED, Group
from inngest_rest.errors import NotFoundError
from inngest_rest.models import Run, RunStatus
from inngest_rest.summary import RunGroup, RunSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inngest_rest._core.calls.listing import Walk
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.resources.filters import Selection
    from inngest_rest.typing import SummaryBy

_MAX_GROUPS = 200


class RunToGet(NamedTuple):
    """A run that is got for its start time."""

    group: Group
    id: str


class SummaryJob:
    """A summary in the making, with validated arguments."""

    in_flight = 8

    def __init__(
        self,
        session: Session,
        selection: Selection,
        *,
        by: SummaryBy,
        exact: bool,
        sample: int | None,
        seed: int,
        limit: int | None,
        on_progress: Callable[[int, int], object] | None,
    ) -> None:
        check_choice("by", by, _GROUP_NAMES)
        if exact and sample is not None:
            raise invalid("sample", "and exact exclude each other: pass one of them")
        if iscoroutinefunction(on_progress):
            raise invalid("on_progress", "must be a plain function")
        if by == "error" and not selection.statuses:
            selection = evolve(selection, statuses=(RunStatus.FAILED,))
        self._session, self._selection = session, selection
        self._by: SummaryBy = by
        self._is_exact = exact
        self._sample_size = check_count_or_none("sample", sample)
        self._random = Random(seed)  # noqa: S311 - a sample is no secret
        self._on_progress = on_progress
        self._groups: dict[str, Group] = {}
        # Errors are read with the runs that are counted: a second look would find others.
        may_fail = not selection.statuses or RunStatus.FAILED in selection.statuses
        self._listing = runs.list_runs(
            session, selection, limit=limit, include_output=may_fail, also_v1=True
        )
        self._is_cut_by_limit, self._searched = False, ""
        self._listed_count = self._timed_count = self._got_count = 0
        self._began_at, self._getting_took_s = session.clock.monotonic(), 0.0

    def steps(self) -> Iterator[Plan[list[RunToGet]]]:
        """Yield each step; the runs that it returns are got and recorded before the next one."""
        walk = self._listing.walk()
        while not walk.is_done:
            yield self._count_page(walk)

    def _count_page(self, walk: Walk[Run]) -> Plan[list[RunToGet]]:
        """Count the runs of the next page; return those to get."""
        page = yield from walk.next_page()
        runs_to_get: list[RunToGet] = []
        for run in page.items:
            group = self._group_of(run)
            group.count(run)
            if run.status in TIMED:
                self._count_time(group, run)
                if self._is_exact:
                    runs_to_get.append(RunToGet(group, run.id))
        self._listed_count += len(page.items)
        self._is_cut_by_limit = page.next_cursor is not None
        self._report_progress()
        if not walk.is_done:
            return runs_to_get
        if self._selection.needs_local_filter or not self._listed_count:
            self._searched = yield from self._listing.searched()
        return runs_to_get + self._sampled_runs()

    def _count_time(self, group: Group, run: Run) -> None:
        """Count the time that a list shows, and perhaps take the run into the sample."""
        self._timed_count += 1
        group.add_time("total", run.queued_at, run.ended_at)
        if not self._is_exact:
            group.compare(run, run.queued_at, run.ended_at)
            if self._sample_size:
                group.reservoir_sample(run, self._sample_size, self._random)

    def _sampled_runs(self) -> list[RunToGet]:
        if self._sample_size:
            self._began_at = self._session.clock.monotonic()
        return [RunToGet(group, id) for group in self._groups.values() for id in group.sampled_ids]

    def _group_of(self, run: Run) -> Group:
        name = _GROUP_NAMES[self._by](run) or "unknown"
        if name not in self._groups and len(self._groups) >= _MAX_GROUPS:
            name = OTHER
        return self._groups.setdefault(name, Group())

    def get(self, run_to_get: RunToGet) -> Plan[Run | None]:
        try:
            return (yield from runs.fetch(self._session, run_to_get.id))
        except NotFoundError:
            return None

    def record(self, run_to_get: RunToGet, run: Run | None) -> bool:
        """Count the times of a run; it is None if the run is gone."""
        if run is not None:
            group = run_to_get.group
            group.add_time("waiting", run.queued_at, run.started_at)
            group.add_time("running", run.started_at, run.ended_at)
            group.compare(run, run.started_at, run.ended_at)
            self._got_count += 1
            self._getting_took_s = self._session.clock.monotonic() - self._began_at
            self._report_progress()
        return True

    def _report_progress(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self._listed_count, self._got_count)

    def result(self) -> RunSummary:
        groups = sorted(
            (group.record(name) for name, group in self._groups.items()), key=self._rank
        )
        return RunSummary(by=self._by, groups=tuple(groups), notes=tuple(self._notes()))

    def _rank(self, group: RunGroup) -> tuple[bool | int | str, ...]:
        """Return what groups are sorted by: hours in order, others by their failures and runs."""
        is_other = group.name == OTHER
        if self._by == "hour":
            return is_other, group.name
        failed = group.counts.get(RunStatus.FAILED, 0)
        return is_other, -failed, -sum(group.counts.values()), group.name

    def _notes(self) -> Iterator[str]:
        if self._searched:
            yield f"Searched {self._searched}."
        if self._is_cut_by_limit:
            yield (
                f"Stopped at the limit of {self._listed_count:,} runs; older ones are not counted."
            )
        if self._got_count:
            yield self._note_on_getting()
        elif self._timed_count:
            runs_got = (
                "1 run" if self._timed_count == 1 else f"{self._timed_count:,} runs one by one"
            )
            yield (
                f"Lists have no start times: `exact` gets {runs_got} and adds waiting and running."
            )

    def _note_on_getting(self) -> str:
        got = (
            f"Got {self._got_count:,} of {self._timed_count:,} runs one by one "
            f"in {self._getting_took_s:,.1f} s"
        )
        if self._got_count == self._timed_count:
            return f"{got}."
        all_take_s = self._getting_took_s / self._got_count * self._timed_count
        return f"{got}; all take about {all_take_s:,.0f} s."


def _error_or_none(run: Run) -> str:
    return normalized_error(run) if run.status == RunStatus.FAILED else "no error"


def _hour(run: Run) -> str | None:
    if run.queued_at is None:
        return None
    return f"{run.queued_at.astimezone(UTC):%Y-%m-%dT%H:00Z}"


_GROUP_NAMES: dict[SummaryBy, Callable[[Run], str | None]] = {
    "function": runs.function_of,
    "app": lambda run: run.app_id,
    "status": lambda run: run.status,
    "error": _error_or_none,
    "hour": _hour,
}
