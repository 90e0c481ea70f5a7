"""Summarize many runs in bounded memory: list them, and get those whose times are asked for."""

from __future__ import annotations

import math
import re
from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from inspect import iscoroutinefunction
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING

from attrs import evolve

from inngest_rest._arguments import check_choice, invalid
from inngest_rest._core.arguments import check_count_or_none
from inngest_rest._core.resources import runs
from inngest_rest.errors import NotFoundError
from inngest_rest.models import UNFINISHED, Run, RunStatus
from inngest_rest.summary import ErrorCount, Percentiles, RunGroup, RunSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inngest_rest._core.calls.listing import Walk
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.resources.filters import Selection
    from inngest_rest.typing import SummaryBy

    At = datetime | None
    Due = list[tuple["Group", str]]

_FAILED = RunStatus.FAILED
# One that was cancelled did not take its time.
_TIMED = (_FAILED, RunStatus.COMPLETED)

_OTHER = "(other)"
_MOST_GROUPS, _MOST_ERRORS, _MOST_TOLD = 200, 50, 5

_VARIABLE = (
    (r"""(?<!\w)(["'`])(?:(?!\1).)*\1(?!\w)""", '"…"'),
    (r"(?i)\b(?:0x[\da-f]+|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})\b", "#"),
    # An id such as F1-00017: a first part that begins with letters, and a later one with a digit.
    (r"\b(?<!-)[^\W\d_]++\d\w*+(?:-(?!\w*\d)\w++)*+-(?=\w*\d)[\w-]++", "#"),
    (r"(?<![^\W_])\d+(?:[.,:]\d+)*(?!\w)", "#"),
    (r"\b(?=\w*\d)\w{8,}", "#"),  # ULIDs, hashes, ids with a prefix
    (r"(?<![^\W_])\d+(?:[.,:]\d+)*", "#"),  # 10ms
)

_BASE = 1.01 / 0.99

_MOST_EXACT = 1_000  # times of a group
_MICROSECOND = timedelta(microseconds=1)


class Times:
    """Times of runs in bounded memory, whose percentiles are by nearest rank.

    As long as they are few, each is kept, in microseconds. A DDSketch (Masson, Rim and Lee, VLDB
    2019) has them all within 1 %, in 1,730 bins from a microsecond to 30 years. No package of it,
    or of t-digest, is both maintained and built for each supported Python.
    """

    def __init__(self) -> None:
        self._few = array("q")
        self._bins = Counter[int]()
        self._count = 0

    def add(self, time: timedelta) -> None:
        self._bins[math.ceil(math.log(max(time.total_seconds(), 1e-6), _BASE))] += 1
        self._count += 1
        if self._count <= _MOST_EXACT:
            self._few.append(max(time // _MICROSECOND, 0))
        elif self._few:
            self._few = array("q")

    def percentiles(self) -> Percentiles:
        value_at = self._exactly if self._few else self._nearly
        return Percentiles(*map(value_at, (50, 95)))

    def _exactly(self, percent: int) -> timedelta:
        return sorted(self._few)[self._rank(percent) - 1] * _MICROSECOND

    def _nearly(self, percent: int) -> timedelta:
        bins = sorted(self._bins)
        up_to = list(accumulate(self._bins[each] for each in bins))
        found = bins[bisect_left(up_to, self._rank(percent))]
        return timedelta(seconds=round(_BASE**found * 2 / (_BASE + 1), 3))

    def _rank(self, percent: int) -> int:
        """Return how many times a percentile is not exceeded by, in integers: floats round up."""
        return -(-self._count * percent // 100)


class Group:
    """Runs that are counted together."""

    def __init__(self) -> None:
        self.counts = Counter[str]()
        self.times = defaultdict[str, Times](Times)
        self.oldest_open: str | None = None
        self.longest = timedelta.min, ""
        self.errors, self.examples = Counter[str](), dict[str, str]()
        self.sample: list[str] = []

    @property
    def timed(self) -> int:
        return sum(self.counts[each] for each in _TIMED)

    def time(self, name: str, run: Run, begin: At, end: At, *, compare: bool = False) -> None:
        """Count a time of a run; to compare, keep the id of that which took the longest."""
        if begin is not None and end is not None:
            self.times[name].add(end - begin)
            if compare:
                self.longest = max(self.longest, (end - begin, run.id))

    def choose(self, run: Run, size: int, random: Random) -> None:
        """Keep a run with the same chance as each other of the group."""
        place = random.randrange(self.timed)
        if len(self.sample) < size:
            self.sample.append(run.id)
        elif place < size:
            self.sample[place] = run.id

    def tally(self, run: Run) -> None:
        message = normalised(run)
        if message not in self.errors and len(self.errors) >= _MOST_ERRORS:
            message = _OTHER
        self.errors[message] += 1
        self.examples.setdefault(message, run.id)

    def record(self, name: str) -> RunGroup:
        errors = self.errors.most_common(_MOST_TOLD)
        return RunGroup(
            name,
            {str(status): count for status, count in sorted(self.counts.items())},
            round(self.counts[_FAILED] / self.timed, 4) if self.timed else None,
            {name: times.percentiles() for name, times in self.times.items()},
            self.oldest_open,
            self.longest[1] or None,
            tuple(ErrorCount(count, each, self.examples[each]) for each, count in errors),
        )


class Summarizing:
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
        check_choice("by", by, _NAMES)
        if exact and sample is not None:
            raise invalid("sample", "and exact exclude each other: pass one of them")
        if iscoroutinefunction(on_progress):
            raise invalid("on_progress", "must be a plain function")
        if by == "error" and not selection.statuses:
            selection = evolve(selection, statuses=(_FAILED,))
        self._session, self._selection, self._exact = session, selection, exact
        self._by: SummaryBy = by
        self._sample = check_count_or_none("sample", sample)
        self._random = Random(seed)  # noqa: S311 - a sample is no secret
        self._on_progress: Callable[[int, int], object] = on_progress or (lambda _, __: None)
        self._groups = dict[str, Group]()
        # Errors are read with the runs that are counted: a second look would find others.
        may_fail = not selection.statuses or _FAILED in selection.statuses
        self._listing = runs.list_runs(
            session, selection, limit=limit, include_output=may_fail, also_v1=True
        )
        self._is_cut, self._searched = False, ""
        self._listed = self._timed = self._got = 0
        self._began, self._seconds = session.clock.monotonic(), 0.0

    def steps(self) -> Iterator[Plan[Due]]:
        """Yield each step; the runs that it returns are got and recorded before the next one."""
        walk = self._listing.walk()
        while not walk.is_done:
            yield self._count(walk)

    def _count(self, walk: Walk[Run]) -> Plan[Due]:
        """Count the runs of the next page; return those to get."""
        page = yield from walk.next_page()
        due: Due = []
        for run in page.items:
            group = self._group_of(run)
            group.counts[run.status] += 1
            if run.status in UNFINISHED:
                group.oldest_open = min(group.oldest_open or run.id, run.id)
            elif run.status in _TIMED:
                self._timed += 1
                group.time("total", run, run.queued_at, run.ended_at, compare=not self._exact)
                if self._exact:
                    due.append((group, run.id))
                elif self._sample:
                    group.choose(run, self._sample, self._random)
            if run.status == _FAILED:
                group.tally(run)
        self._listed += len(page.items)
        self._is_cut = page.next_cursor is not None
        self._on_progress(self._listed, self._got)
        if walk.is_done:
            if self._selection.needs_sieve or not self._listed:
                self._searched = yield from self._listing.searched()
            if self._sample:
                self._began = self._session.clock.monotonic()
                due += [(group, id) for group in self._groups.values() for id in group.sample]
        return due

    def _group_of(self, run: Run) -> Group:
        name = _NAMES[self._by](run) or "unknown"
        if name not in self._groups and len(self._groups) >= _MOST_GROUPS:
            name = _OTHER
        return self._groups.setdefault(name, Group())

    def get(self, due: tuple[Group, str]) -> Plan[Run | None]:
        try:
            return (yield from runs.fetch(self._session, due[1]))
        except NotFoundError:
            return None

    def record(self, due: tuple[Group, str], run: Run | None) -> bool:
        """Count the times of a run; it is None if the run is gone."""
        if run is not None:
            due[0].time("waiting", run, run.queued_at, run.started_at)
            due[0].time("running", run, run.started_at, run.ended_at, compare=True)
            self._got += 1
            self._seconds = self._session.clock.monotonic() - self._began
            self._on_progress(self._listed, self._got)
        return True

    def result(self) -> RunSummary:
        def rank(it: RunGroup) -> tuple[bool | int | str, ...]:
            figures = -it.counts.get(_FAILED, 0), -sum(it.counts.values())
            return it.name == _OTHER, *(() if self._by == "hour" else figures), it.name

        groups = sorted((it.record(name) for name, it in self._groups.items()), key=rank)
        return RunSummary(self._by, tuple(groups), tuple(self._notes()))

    def _notes(self) -> Iterator[str]:
        if self._searched:
            yield f"Searched {self._searched}."
        if self._is_cut:
            yield f"Stopped at the limit of {self._listed:,} runs; older ones are not counted."
        if self._got:
            rest = f"; all take about {self._seconds / self._got * self._timed:,.0f} s"
            got = f"Got {self._got:,} of {self._timed:,} runs one by one in {self._seconds:,.1f} s"
            yield f"{got}{rest if self._got < self._timed else ''}."
        elif self._timed:
            gets = "1 run" if self._timed == 1 else f"{self._timed:,} runs one by one"
            yield f"Lists have no start times: `exact` gets {gets} and adds waiting and running."


def normalised(run: Run) -> str:
    """Return the name of an error and the first line of its message, without what varies."""
    name, message = (run.error.name, run.error.message) if run.error else (None, None)
    message = (message or "").strip().partition("\n")[0]
    for pattern, mark in _VARIABLE:
        message = re.sub(pattern, mark, message)
    return ": ".join(filter(None, (name, message)))[:160] or "no message"


_NAMES: dict[SummaryBy, Callable[[Run], str | None]] = {
    "function": runs.function_of,
    "app": lambda it: it.app_id,
    "status": lambda it: it.status,
    "error": lambda it: normalised(it) if it.status == _FAILED else "no error",
    "hour": lambda it: f"{it.queued_at.astimezone(UTC):%Y-%m-%dT%H:00Z}" if it.queued_at else None,
}
