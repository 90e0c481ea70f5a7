"""Summaries of many runs: counts, times and errors by group.

_summarize   lists the runs, and reads what lists lack
_group       runs counted together
rows         its row of the table of calls
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Literal

from attrs import frozen

from inngest_rest._values.visible import and_more
from inngest_rest.record import Record

__all__ = ["ErrorCount", "Percentiles", "RunGroup", "RunSummary", "SummaryBy"]

SummaryBy = Literal["function", "error"]
"""What runs are grouped by in a summary."""


@frozen(repr=False)
class Percentiles(Record):
    """Percentiles of times, as `statistics.quantiles` has them with the method "inclusive".

    Attributes:
        p50: Half of the runs took no longer.
        p95: 95 of 100 runs took no longer. Between the times of two runs, it is interpolated.
    """

    p50: timedelta
    p95: timedelta

    def __str__(self) -> str:
        """Return both times as a table has them, such as `30.9 s / 49.9 s`."""
        from inngest_rest._waterfall.layout import text_of  # noqa: PLC0415 - few programs draw

        return f"{text_of(self.p50)} / {text_of(self.p95)}"


@frozen(repr=False)
class ErrorCount(Record):
    """An error of several runs.

    Attributes:
        runs: The number of runs that failed with it.
        message: Its name and message. Where those of the runs differ in numbers, ids or quotes,
            `#` and `"…"` stand for these.
        functions: The number of these runs by function.
        run_ids: The ids of these runs, at most the ten newest.
    """

    runs: int
    message: str
    functions: Mapping[str, int]
    run_ids: tuple[str, ...]

    def __str__(self) -> str:
        """Return it on one line."""
        names = [
            f"{name} {count:,}" if len(self.functions) > 1 else name
            for name, count in self.functions.items()
        ]
        ids = and_more(self.run_ids, 2)
        return f"{self.runs:,} x {self.message} (of {and_more(names)}: {ids})"


_BAR = 8  # characters


@frozen(repr=False)
class RunGroup(Record):
    """Runs that have something in common.

    Attributes:
        name: "APP/FUNCTION", an error, or the value of the event's field as JSON, so that `1` and
            `"1"` are two groups. In parentheses, what is none of these: "(no such field)",
            "(no event)", "(event not read)", and "(other)" for the runs of all groups beyond the
            first 200.
        counts: Number of runs by status; statuses of no run are omitted.
        open: Number of runs that have not ended.
        failure_rate: Failed runs among those that completed or failed; None if there are none.
        times: Percentiles of the runs that completed or failed, by phase: "total" from queued to
            ended, and with `exact` "waiting" until the start, and "running".
        oldest_open: The id of the oldest run that has not ended.
        longest: The id of the run that took the longest: from queued to ended, but with `exact`
            from the start to the end.
        errors: The five most frequent errors.
    """

    name: str
    counts: Mapping[str, int]
    open: int
    failure_rate: float | None
    times: Mapping[str, Percentiles]
    oldest_open: str | None
    longest: str | None
    errors: tuple[ErrorCount, ...]

    def figures(self) -> dict[str, str]:
        """Return the figures of a table in words, by their headings; of what is unknown, none."""
        failed = f"{self.counts.get('failed', 0):,}"
        if self.failure_rate is not None:
            bar = f"{'█' * math.ceil(self.failure_rate * _BAR):░<{_BAR}}"
            failed = f"{bar} {self.failure_rate:6.1%} {failed}"
        times = {phase: str(both) for phase, both in self.times.items()}
        if "running" in times:
            # There is room for two times alone.
            times.pop("total", None)
        return {
            "runs": f"{sum(self.counts.values()):,}",
            "failed": failed,
            "open": f"{self.open:,}",
            "total p50/p95": times.get("total", ""),
            "waiting p50/p95": times.get("waiting", ""),
            "running p50/p95": times.get("running", ""),
        }


@frozen(repr=False)
class RunSummary(Record):
    """Runs by group.

    Attributes:
        by: What they are grouped by.
        groups: The groups, those with the most failures first.
        notes: What else there is to know: that the limit cut it short, what was got one by one.
    """

    by: str
    groups: tuple[RunGroup, ...]
    notes: tuple[str, ...]

    DERIVED: ClassVar = ("runs",)

    @property
    def runs(self) -> int:
        """The number of runs."""
        return sum(sum(group.counts.values()) for group in self.groups)
