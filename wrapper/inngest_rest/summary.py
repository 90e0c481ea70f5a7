"""Summaries of many runs: counts, times and errors by group."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import ClassVar

from attrs import frozen

from inngest_rest.models import RunStatus
from inngest_rest.record import Record

__all__ = ["ErrorCount", "Percentiles", "RunGroup", "RunSummary"]


@frozen(repr=False)
class Percentiles(Record):
    """Percentiles of times by nearest rank: each is the time of a run, not one between two.

    Of up to 1,000 times they are exact, and of more within 1 % or a millisecond of that.

    Attributes:
        p50: The shortest time that at least half of the runs did not exceed.
        p95: The shortest time that at least 95 of 100 runs did not exceed.
    """

    p50: timedelta
    p95: timedelta

    def __str__(self) -> str:
        """Return both times as a table has them, such as `30.9 s / 49.9 s`."""
        from inngest_rest._waterfall.times import text_of  # noqa: PLC0415 - few programs draw

        return f"{text_of(self.p50)} / {text_of(self.p95)}"


@frozen(repr=False)
class ErrorCount(Record):
    """An error of several runs.

    Attributes:
        runs: The number of runs that failed with it.
        message: Its name and message, in which `#` stands for numbers and ids, `"…"` for quotes.
        example_id: The id of one of the runs.
    """

    runs: int
    message: str
    example_id: str

    def __str__(self) -> str:
        """Return it on one line."""
        return f"{self.runs:,} x {self.message} (such as {self.example_id})"


# The figures of a group as tables have them.
FIGURES = (
    "runs",
    "failed",
    "open",
    "total p50/p95",
    "waiting p50/p95",
    "running p50/p95",
)

_BAR = 8  # characters


@frozen(repr=False)
class RunGroup(Record):
    """Runs that have something in common.

    Attributes:
        name: "APP/FUNCTION", an app, a status, an error, the hour in which they were queued, by
            UTC, or the value of the event's field; "(other)" for the runs of all groups beyond the
            first 200.
        counts: Number of runs by status; statuses of no run are omitted.
        failure_rate: Failed runs among those that completed or failed; None if there are none.
        times: Percentiles of the runs that completed or failed, by phase: "total" from queued to
            ended, and of those that were got one by one "waiting" until the start, and "running".
        oldest_open: The id of the oldest run that is queued or running.
        longest: The id of the run that took the longest: from queued to ended, but if all were got
            by `exact`, from the start to the end.
        errors: The five most frequent errors, each with the number of runs and the id of one.
        last_run: When the newest of the runs that were counted was queued; None for a function that
            had none.
        last_status: The status of that run.
    """

    name: str
    counts: Mapping[str, int]
    failure_rate: float | None
    times: Mapping[str, Percentiles]
    oldest_open: str | None
    longest: str | None
    errors: tuple[ErrorCount, ...]
    last_run: datetime | None = None
    last_status: RunStatus | None = None

    def _cells(self, *, with_tuples: bool = False) -> Iterator[tuple[str, object]]:  # noqa: ARG002
        yield "name", self.name
        yield from ((name, figure) for name, figure in figures(self).items() if figure)
        if self.oldest_open is not None:
            yield "oldest_open", self.oldest_open
        if self.longest is not None:
            yield "longest", self.longest
        if self.last_run is not None:
            yield "last", f"{self.last_status} at {self.last_run:%Y-%m-%d %H:%M:%S}"
        yield "errors", self.errors


def figures(group: RunGroup) -> dict[str, str]:
    """Return the figures of a group as tables have them, on a terminal and in a notebook."""
    failed = f"{group.counts.get('failed', 0):,}"
    if (rate := group.failure_rate) is not None:
        bar = f"{'█' * math.ceil(rate * _BAR):░<{_BAR}}"
        failed = f"{bar} {rate:6.1%} {failed}"
    times = {phase: str(percentiles) for phase, percentiles in group.times.items()}
    if "running" in times:
        # There is room for two times alone.
        times.pop("total", None)
    return {
        "runs": f"{sum(group.counts.values()):,}",
        "failed": failed,
        "open": str(group.counts.get("queued", 0) + group.counts.get("running", 0)),
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
