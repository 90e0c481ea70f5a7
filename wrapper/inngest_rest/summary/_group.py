"""Runs that are counted together."""

from __future__ import annotations

from array import array
from collections import Counter
from datetime import timedelta
from statistics import quantiles
from typing import TYPE_CHECKING, NamedTuple

from attrs import define, field

from inngest_rest._local.functions import function_of
from inngest_rest._local.run_errors import error_line, normalized_error
from inngest_rest.models import RunStatus
from inngest_rest.summary import ErrorCount, Percentiles, RunGroup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from inngest_rest.models import Run

TIMED = (RunStatus.FAILED, RunStatus.COMPLETED)
"""The statuses of runs whose time counts: a cancelled run did not take its full time."""

OTHER = "(other)"
"""The name of groups, or errors, beyond their maximum number."""

_MAX_ERRORS = 50  # that are counted separately
_MAX_ERRORS_SHOWN = 5
_MAX_IDS = 10  # of the runs of an error


class LongestRun(NamedTuple):
    """The run that took the longest; of several, the one with the latest id."""

    time: timedelta = timedelta.min
    id: str = ""


@define(eq=False)
class _Cause:
    """Runs that failed with errors that differ in their variable parts at most."""

    message: str  # as it is, until another run differs
    runs: int = 0
    count_by_function: Counter[str] = field(factory=Counter[str])
    run_ids: list[str] = field(factory=list[str])

    def record(self) -> ErrorCount:
        return ErrorCount(
            runs=self.runs,
            message=self.message,
            functions=dict(self.count_by_function.most_common()),
            run_ids=tuple(self.run_ids),
        )


class Group:
    """Runs that are counted together, the newest first."""

    def __init__(self) -> None:
        self.count_by_status = Counter[str]()
        self._open = 0
        self._oldest_open: str | None = None
        self._longest = LongestRun()
        self._seconds_by_phase: dict[str, array[float]] = {}
        self._causes: dict[str, _Cause] = {}

    @property
    def timed(self) -> int:
        return sum(self.count_by_status[status] for status in TIMED)

    def count(self, run: Run) -> None:
        self.count_by_status[str(run.status)] += 1
        if not run.is_ended:
            self._open += 1
            self._oldest_open = min(self._oldest_open or run.id, run.id)
        if run.status == RunStatus.FAILED:
            self._count_error(run)

    def add_time(
        self, phase: str, begin: datetime | None, end: datetime | None
    ) -> None:
        """Count the time that a phase of a run took, if it is known."""
        if begin is not None and end is not None:
            seconds = (end - begin).total_seconds()
            times = self._seconds_by_phase.setdefault(phase, array("d"))
            times.append(max(seconds, 0.0))

    def compare(self, run: Run, begin: datetime | None, end: datetime | None) -> None:
        """Keep the id of the run that took the longest."""
        if begin is None or end is None:
            return
        candidate = LongestRun(time=end - begin, id=run.id)
        self._longest = max(self._longest, candidate)

    def _count_error(self, run: Run) -> None:
        pattern = normalized_error(run.error)
        if pattern not in self._causes and len(self._causes) >= _MAX_ERRORS:
            pattern = OTHER
        line = error_line(run.error)
        cause = self._causes.setdefault(pattern, _Cause(line))
        if cause.message != line:
            cause.message = pattern
        cause.runs += 1
        cause.count_by_function[function_of(run) or "unknown"] += 1
        if len(cause.run_ids) < _MAX_IDS:
            cause.run_ids.append(run.id)

    def record(self, name: str) -> RunGroup:
        failure_rate = None
        if self.timed:
            failed = self.count_by_status[RunStatus.FAILED]
            failure_rate = round(failed / self.timed, 4)
        times = {
            phase: _percentiles(seconds)
            for phase, seconds in self._seconds_by_phase.items()
        }
        return RunGroup(
            name=name,
            counts=dict(sorted(self.count_by_status.items())),
            open=self._open,
            failure_rate=failure_rate,
            times=times,
            oldest_open=self._oldest_open,
            longest=self._longest.id or None,
            errors=tuple(self._most_common_errors()),
        )

    def _most_common_errors(self) -> Iterator[ErrorCount]:
        by_count = sorted(self._causes.values(), key=lambda cause: -cause.runs)
        for cause in by_count[:_MAX_ERRORS_SHOWN]:
            yield cause.record()


def _percentiles(seconds: array[float]) -> Percentiles:
    # Of one time, Python has quantiles since 3.13.
    of_two = seconds if len(seconds) > 1 else seconds * 2
    hundredths = quantiles(of_two, n=100, method="inclusive")
    return Percentiles(
        p50=timedelta(seconds=hundredths[49]),
        p95=timedelta(seconds=hundredths[94]),
    )
