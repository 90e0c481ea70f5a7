"""Summaries of many runs: counts, times and errors by group."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from attrs import frozen

from inngest_rest.record import Record


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


@frozen(repr=False)
class RunGroup(Record):
    """Runs that have something in common.

    Attributes:
        name: "APP/FUNCTION", an app, a status, an error, or the hour in which they were queued, by
            UTC; "(other)" for the runs of all groups beyond the first 200.
        counts: Number of runs by status; statuses of no run are omitted.
        failure_rate: Failed runs among those that completed or failed; None if there are none.
        times: Percentiles of the runs that completed or failed, by phase: "total" from queued to
            ended, and of those that were got one by one "waiting" until the start, and "running".
        oldest_open: The id of the oldest run that is queued or running.
        longest: The id of the run that took the longest: from queued to ended, but if all were got
            by `exact`, from the start to the end.
        errors: The five most frequent errors, each with the number of runs and the id of one.
    """

    name: str
    counts: Mapping[str, int]
    failure_rate: float | None
    times: Mapping[str, Percentiles]
    oldest_open: str | None
    longest: str | None
    errors: tuple[ErrorCount, ...]


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
