"""Summarize many runs: list them, and get those whose times are requested."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC
from inspect import iscoroutinefunction
from random import Random
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from attrs import evolve

from inngest_rest._arguments import check_choice, invalid
from inngest_rest._core.arguments import check_count_or_none
from inngest_rest._core.resources import runs
from inngest_rest._core.resources.catalogue import name_of, read_catalogue
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

_MAX_GROUPS = 200


class RunToGet(NamedTuple):
    """A run that is got for its start time."""

    group: Group
    id: str


D = TypeVar("D")
V = TypeVar("V")


class SummaryJob(ABC, Generic[D, V]):
    """A summary in progress, with validated arguments; a step returns the items to get."""

    in_flight = 8

    def __init__(
        self,
        session: Session,
        selection: Selection,
        *,
        by: str,
        all_functions: bool,
        exact: bool,
        sample: int | None,
        seed: int,
        limit: int | None,
        on_progress: Callable[[int, int], object] | None,
    ) -> None:
        if all_functions and by != "function":
            raise invalid("all_functions", "goes with by=function")
        if exact and sample is not None:
            raise invalid("sample", "and exact exclude each other: pass one of them")
        if iscoroutinefunction(on_progress):
            raise invalid("on_progress", "must be a plain function")
        if by == "error" and not selection.statuses:
            selection = evolve(selection, statuses=(RunStatus.FAILED,))
        self._session = session
        self._selection = selection
        self._by = by
        self._adds_functions = all_functions
        self._is_exact = exact
        self._sample_size = check_count_or_none("sample", sample)
        self._random = Random(seed)  # noqa: S311 - a sample is no secret
        self._on_progress = on_progress
        self._groups: dict[str, Group] = {}
        self._gaps: list[str] = []
        # Errors are read with the counted runs: a second listing would find other runs.
        may_fail = not selection.statuses or RunStatus.FAILED in selection.statuses
        self._listing = runs.list_runs(
            session, selection, limit=limit, include_output=may_fail, also_v1=True
        )
        self._is_cut_by_limit = False
        self._searched = ""
        self._listed_count = 0
        self._timed_count = 0
        self._got_count = 0
        self._began_at = session.clock.monotonic()
        self._getting_took_s = 0.0

    def steps(self) -> Iterator[Plan[list[D]]]:
        """Yield each step; the items that it returns are got and recorded before the next one."""
        walk = self._listing.walk()
        while not walk.is_done:
            yield self._count_page(walk)

    async def _count_page(self, walk: Walk[Run]) -> list[D]:
        """Count the runs of the next page; return the items to get."""
        page = await walk.next_page()
        due = self._count_runs(page.items)
        self._listed_count += len(page.items)
        self._is_cut_by_limit = page.next_cursor is not None
        self._report_progress()
        if not walk.is_done:
            return due
        if self._selection.evaluated_here or not self._listed_count:
            self._searched = await self._listing.searched()
        if self._adds_functions:
            await self._add_functions()
        return due + self._due_at_the_end()

    @abstractmethod
    def _count_runs(self, listed: tuple[Run, ...]) -> list[D]:
        """Count the runs of a page as far as possible; return the items to get."""

    def _due_at_the_end(self) -> list[D]:
        return []

    @abstractmethod
    def get(self, due: D) -> Plan[V | None]: ...

    @abstractmethod
    def record(self, due: D, found: V | None) -> bool:
        """Count an item that was got; `found` is None if the server no longer has it."""

    def _count(self, run: Run, name: str) -> Group:
        """Count a run in the group of a name."""
        group = self._group_of(name)
        group.count(run)
        if run.status in TIMED:
            self._timed_count += 1
            group.add_time("total", run.queued_at, run.ended_at)
            if not self._is_exact:
                group.compare(run, run.queued_at, run.ended_at)
        return group

    def _group_of(self, name: str) -> Group:
        if name not in self._groups and len(self._groups) >= _MAX_GROUPS:
            name = OTHER
        return self._groups.setdefault(name, Group())

    async def _add_functions(self) -> None:
        """Add a group for each function that is selected and has no run."""
        catalogue = await read_catalogue(self._session)
        self._gaps = catalogue.gaps
        for function in catalogue.functions:
            if self._selection.names.match(function.app_id, function.id):
                self._group_of(name_of(function))

    def _report_progress(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self._listed_count, self._got_count)

    def result(self) -> RunSummary:
        groups = [group.record(name) for name, group in self._groups.items()]
        groups.sort(key=self._rank)
        notes = tuple(self._notes())
        return RunSummary(
            by=self._by,
            groups=tuple(groups),
            notes=notes,
        )

    def _rank(self, group: RunGroup) -> tuple[bool | int | str, ...]:
        """Return the sort key of a group: hours in order, others by their failures and runs."""
        is_other = group.name == OTHER
        if self._by == "hour":
            return is_other, group.name
        failed = group.counts.get(RunStatus.FAILED, 0)
        total = sum(group.counts.values())
        return is_other, -failed, -total, group.name

    def _notes(self) -> Iterator[str]:
        if self._searched:
            yield f"Searched {self._searched}."
        if self._is_cut_by_limit:
            yield (
                f"Stopped at the limit of {self._listed_count:,} runs; older ones are not counted."
            )
        for gap in self._gaps:
            yield f"Functions may be missing: {gap}."


class RunSummaryJob(SummaryJob[RunToGet, Run]):
    """A summary by a field of listed runs; runs are got for the times that lists lack."""

    def __init__(self, *args: Any, by: str, **options: Any) -> None:
        check_choice("by", by, _GROUP_NAMES)
        super().__init__(*args, by=by, **options)
        self._name_of = _GROUP_NAMES[by]

    def _count_runs(self, listed: tuple[Run, ...]) -> list[RunToGet]:
        runs_to_get: list[RunToGet] = []
        for run in listed:
            name = self._name_of(run) or "unknown"
            group = self._count(run, name)
            if run.status not in TIMED:
                continue
            if self._is_exact:
                runs_to_get.append(RunToGet(group, run.id))
            elif self._sample_size:
                group.reservoir_sample(run, self._sample_size, self._random)
        return runs_to_get

    def _due_at_the_end(self) -> list[RunToGet]:
        """Return the runs of the sample."""
        if self._sample_size:
            self._began_at = self._session.clock.monotonic()
        return [
            RunToGet(group, id)
            for group in self._groups.values()
            for id in group.sampled_ids
        ]

    async def get(self, due: RunToGet) -> Run | None:
        try:
            return await runs.fetch(self._session, due.id)
        except NotFoundError:
            return None

    def record(self, due: RunToGet, found: Run | None) -> bool:
        """Count the times of a run."""
        if found is not None:
            group = due.group
            group.add_time("waiting", found.queued_at, found.started_at)
            group.add_time("running", found.started_at, found.ended_at)
            group.compare(found, found.started_at, found.ended_at)
            self._got_count += 1
            now = self._session.clock.monotonic()
            self._getting_took_s = now - self._began_at
            self._report_progress()
        return True

    def _notes(self) -> Iterator[str]:
        yield from super()._notes()
        if self._got_count:
            yield self._note_on_getting()
        elif self._timed_count:
            runs_got = f"{self._timed_count:,} runs one by one"
            if self._timed_count == 1:
                runs_got = "1 run"
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
        seconds_per_run = self._getting_took_s / self._got_count
        all_take_s = seconds_per_run * self._timed_count
        return f"{got}; all take about {all_take_s:,.0f} s."


def _error_or_none(run: Run) -> str:
    return normalized_error(run) if run.status == RunStatus.FAILED else "no error"


def _hour(run: Run) -> str | None:
    if run.queued_at is None:
        return None
    return f"{run.queued_at.astimezone(UTC):%Y-%m-%dT%H:00Z}"


_GROUP_NAMES: dict[str, Callable[[Run], str | None]] = {
    "function": runs.function_of,
    "app": lambda run: run.app_id,
    "status": lambda run: run.status,
    "error": _error_or_none,
    "hour": _hour,
}
