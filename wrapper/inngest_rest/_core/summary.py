"""Summarize many runs in bounded memory: list them, and get those whose times are asked for."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from inspect import iscoroutinefunction
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING

from attrs import evolve

from inngest_rest._core.arguments import check_count, check_count_or_none, invalid
from inngest_rest._core.resources import runs
from inngest_rest._core.resources.filters import Selection
from inngest_rest._visible import did_you_mean, shown
from inngest_rest.errors import InvalidArgumentError, NotFoundError
from inngest_rest.models import UNFINISHED, Run, RunStatus
from inngest_rest.summary import ErrorCount, Percentiles, RunGroup, RunSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from inngest_rest._core.calls.listing import Listing, Paging, Walk
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.drivers.asynchronous import AsyncDriver
    from inngest_rest._core.drivers.blocking import Driver
    from inngest_rest._core.plans import Plan
    from inngest_rest.typing import RunSelection, SummaryBy

    At = datetime | None
    Due = tuple["Group", Run]

_ARGUMENTS = ("by", "exact", "sample", "seed", "limit", "on_progress")

_FAILED = RunStatus.FAILED
# One that was cancelled did not take its time.
_TIMED = (_FAILED, RunStatus.COMPLETED)

_IN_FLIGHT = 8

_OTHER = "(other)"
_MOST_GROUPS, _MOST_ERRORS, _MOST_TOLD = 200, 50, 5

_LONGEST_MESSAGE = 160
_VARIABLE = (
    (r"""(?<!\w)(["'`])(?:(?!\1).)*\1(?!\w)""", '"…"'),
    (r"(?i)\b(?:0x[\da-f]+|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})\b", "#"),
    (r"(?<![^\W_])\d+(?:[.,:]\d+)*(?!\w)", "#"),
    (r"\b(?=\w*\d)\w{8,}", "#"),  # ULIDs, hashes, ids with a prefix
    (r"(?<![^\W_])\d+(?:[.,:]\d+)*", "#"),  # 10ms
)

_BASE = 1.01 / 0.99


class Sketch:
    """A DDSketch (Masson, Rim and Lee, VLDB 2019) of times: percentiles within 1 %.

    No package of it, or of t-digest, is both maintained and built for each supported Python.
    """

    def __init__(self) -> None:
        self._bins = Counter[int]()  # at most 1,730: from a microsecond to 30 years

    def add(self, time: timedelta) -> None:
        seconds = min(max(time.total_seconds(), 1e-6), 1e9)
        self._bins[math.ceil(math.log(seconds, _BASE))] += 1

    def percentiles(self) -> Percentiles:
        bins = sorted(self._bins)
        below = list(accumulate(self._bins[each] for each in bins))
        ranks = (share * (below[-1] - 1) for share in (0.5, 0.95))
        found = (_BASE ** bins[bisect_right(below, rank)] * 2 / (_BASE + 1) for rank in ranks)
        return Percentiles(*(timedelta(seconds=round(each, 3)) for each in found))


class Group:
    """Runs that are counted together."""

    def __init__(self) -> None:
        self.counts = Counter[str]()
        self.times = defaultdict[str, Sketch](Sketch)
        self.oldest_open: str | None = None
        self.longest: tuple[timedelta, str] | None = None
        self.errors: dict[str, ErrorCount] = {}
        self.sample: list[Run] = []

    def time(self, name: str, run: Run, begin: At, end: At, *, compare: bool = False) -> None:
        """Count a time of a run; to compare, keep the id of that which took the longest."""
        if begin is not None and end is not None:
            self.times[name].add(end - begin)
            if compare:
                self.longest = max(self.longest or (end - begin, run.id), (end - begin, run.id))

    def choose(self, run: Run, size: int, random: Random) -> None:
        """Keep a run with the same chance as each other of the group."""
        place = random.randrange(sum(self.counts[each] for each in _TIMED))
        if len(self.sample) < size:
            self.sample.append(run)
        elif place < size:
            self.sample[place] = run

    def tally(self, run: Run) -> None:
        """Count the error of a failed run."""
        message = normalised(run)
        if message not in self.errors and len(self.errors) >= _MOST_ERRORS:
            message = _OTHER
        known = self.errors.get(message, ErrorCount(0, message, run.id))
        self.errors[message] = known._replace(runs=known.runs + 1)

    def record(self, name: str) -> RunGroup:
        ended = sum(self.counts[each] for each in _TIMED)
        return RunGroup(
            name,
            {str(status): count for status, count in sorted(self.counts.items()) if count},
            round(self.counts[_FAILED] / ended, 4) if ended else None,
            {name: sketch.percentiles() for name, sketch in self.times.items()},
            self.oldest_open,
            self.longest and self.longest[1],
            tuple(sorted(self.errors.values(), reverse=True)[:_MOST_TOLD]),
        )


class Summarizing:
    """A summary in the making."""

    def __init__(
        self,
        session: Session,
        selection: RunSelection,
        by: SummaryBy,
        on_progress: Callable[[int, int], object] | None,
        exact: bool,
        sample: int | None,
        seed: int,
        limit: int | None,
    ) -> None:
        if by not in _NAMES:
            message = f"by is {shown(by)}{did_you_mean(by, _NAMES)}"
            raise InvalidArgumentError(message, argument="by")
        if exact and sample is not None:
            raise invalid("sample", "and exact exclude each other: pass one of them")
        if iscoroutinefunction(on_progress):
            raise invalid("on_progress", "must be a plain function")
        self._selection = Selection.of(session, selection, *_ARGUMENTS)
        if by == "error" and not self._selection.statuses:
            self._selection = evolve(self._selection, statuses=(_FAILED,))
        self._session, self._by, self._exact = session, by, exact
        self._sample = check_count_or_none("sample", sample)
        self._random = Random(check_count("seed", seed))  # noqa: S311 - a sample is no secret
        self._on_progress = on_progress or (lambda *_: None)
        where = self._selection.where
        self._has_errors = by == "error" or where is not None or self._selection.needs_output
        self._listing = self._list(self._selection, limit)
        self._walk, self._groups = self._listing.walk(), dict[str, Group]()
        self._is_cut, self._searched = False, ""
        self._listed = self._timed = self._got = self._unexplained = 0
        self._began = session.clock.monotonic()

    def run(self, driver: Driver) -> RunSummary:
        for step in self._steps():
            driver.run_many(driver.run(step), self._get, self._record, in_flight=_IN_FLIGHT)
        return self._result()

    async def run_async(self, driver: AsyncDriver) -> RunSummary:
        for step in self._steps():
            due = await driver.run(step)
            await driver.run_many(due, self._get, self._record, in_flight=_IN_FLIGHT)
        return self._result()

    def _steps(self) -> Iterator[Plan[Sequence[Due]]]:
        """Yield each step; the runs that it returns are got and recorded before the next one."""
        while not self._walk.is_done:
            yield self._count()
        if self._unexplained and not self._has_errors:
            failed = evolve(self._selection, statuses=(_FAILED,))
            self._has_errors = True
            walk = self._list(failed, self._unexplained).walk()
            while not walk.is_done:
                yield self._explain(walk)
        if self._sample:
            self._began = self._session.clock.monotonic()
            yield self._draw()

    def _get(self, due: Due) -> Plan[Run | None]:
        try:
            return (yield from runs.fetch(self._session, due[1].id))
        except NotFoundError:
            return None

    def _record(self, due: Due, run: Run | None) -> bool:
        """Count the times of a run; it is None if the run is gone."""
        if run is not None and run.started_at is not None:
            due[0].time("waiting", run, run.queued_at, run.started_at)
            due[0].time("running", run, run.started_at, run.ended_at, compare=self._exact)
            self._got += 1
            self._on_progress(self._listed, self._got)
        return True

    def _result(self) -> RunSummary:
        def rank(it: RunGroup) -> tuple[bool | str | int, ...]:
            failed, total = it.counts.get(_FAILED, 0), sum(it.counts.values())
            return (
                it.name == _OTHER,
                it.name if self._by == "hour" else "",
                -failed,
                -total,
                it.name,
            )

        groups = sorted((it.record(name) for name, it in self._groups.items()), key=rank)
        return RunSummary(self._by, tuple(groups), tuple(self._notes()))

    def _notes(self) -> Iterator[str]:
        if self._searched:
            yield f"Searched {self._searched}."
        if self._is_cut:
            yield f"Stopped at the limit of {self._listed:,} runs; older ones are not counted."
        if self._got:
            seconds = self._session.clock.monotonic() - self._began
            rest = f"; all take about {seconds / self._got * self._timed:,.0f} s"
            told = f"Got {self._got:,} of {self._timed:,} runs one by one in {seconds:,.1f} s"
            yield f"{told}{rest if self._got < self._timed else ''}."
        elif self._timed:
            more = f"exact=True gets {self._timed:,} runs one by one and adds waiting and running"
            yield f"Lists have no start times: {more}."

    def _list(self, selection: Selection, limit: int | None) -> Listing[Run]:
        paging: Paging = {"limit": limit, "page_size": 100}
        return runs.list_runs(self._session, selection, include_output=self._has_errors, **paging)

    def _count(self) -> Plan[Sequence[Due]]:
        """Count the runs of the next page; return those to get."""
        page = yield from self._walk.next_page()
        due: list[Due] = []
        for run in page.items:
            group = self._group_of(run)
            group.counts[run.status] += 1
            if run.status in UNFINISHED:
                group.oldest_open = min(group.oldest_open or run.id, run.id)
            elif run.status in _TIMED:
                self._timed += 1
                group.time("total", run, run.queued_at, run.ended_at, compare=not self._exact)
                if self._exact:
                    due.append((group, run))
                elif self._sample:
                    group.choose(run, self._sample, self._random)
            if run.status == _FAILED:
                self._has_errors |= run.error is not None
                if self._has_errors:
                    group.tally(run)
                else:
                    self._unexplained += 1
        self._listed += len(page.items)
        self._is_cut = page.next_cursor is not None
        if self._walk.is_done and (self._selection.needs_sieve or not self._listed):
            self._searched = yield from self._listing.searched()
        self._on_progress(self._listed, self._got)
        return due

    def _explain(self, walk: Walk[Run]) -> Plan[Sequence[Due]]:
        page = yield from walk.next_page()
        for run in page.items:
            self._group_of(run).tally(run)
        return ()

    def _draw(self) -> Plan[Sequence[Due]]:
        yield from ()
        return [(group, run) for group in self._groups.values() for run in group.sample]

    def _group_of(self, run: Run) -> Group:
        name = _NAMES[self._by](run) or "unknown"
        if name not in self._groups and len(self._groups) >= _MOST_GROUPS:
            name = _OTHER
        return self._groups.setdefault(name, Group())


def _function_of(run: Run) -> str:
    return "/".join(filter(None, (run.app_id, run.function_id or run.internal_function_id)))


def normalised(run: Run) -> str:
    """Return the name of an error and the first line of its message, without what varies."""
    name, message = (run.error.name, run.error.message) if run.error else (None, None)
    message = (message or "").strip().partition("\n")[0][: 4 * _LONGEST_MESSAGE]
    for pattern, mark in _VARIABLE:
        message = re.sub(pattern, mark, message)
    return ": ".join(filter(None, (name, message)))[:_LONGEST_MESSAGE] or "no message"


_NAMES: dict[SummaryBy, Callable[[Run], str | None]] = {
    "function": _function_of,
    "app": lambda it: it.app_id,
    "status": lambda it: it.status,
    "error": lambda it: normalised(it) if it.status == _FAILED else "no error",
    "hour": lambda it: f"{it.queued_at.astimezone(UTC):%Y-%m-%dT%H:00Z}" if it.queued_at else None,
}
