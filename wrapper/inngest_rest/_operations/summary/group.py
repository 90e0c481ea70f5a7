"""Runs that are counted together."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from inngest_rest._operations.summary.error_messages import normalized_error
from inngest_rest._operations.summary.quantiles import QuantileSketch
from inngest_rest.models import UNFINISHED, Run, RunStatus
from inngest_rest.summary import ErrorCount, RunGroup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

# A cancelled run did not take its full time.
TIMED = (RunStatus.FAILED, RunStatus.COMPLETED)

OTHER = "(other)"
"""The name of groups, or messages, beyond their maximum number."""

_MAX_MESSAGES = 50  # that are counted separately
_MAX_MESSAGES_SHOWN = 5


class LongestRun(NamedTuple):
    """The run that took the longest; of several, the one with the latest id."""

    time: timedelta = timedelta.min
    id: str = ""


class Group:
    """Runs that are counted together."""

    def __init__(self) -> None:
        self.count_by_status = Counter[str]()
        self.sampled_ids: list[str] = []
        self._times_by_phase = defaultdict[str, QuantileSketch](QuantileSketch)
        self._oldest_open: str | None = None
        self._last: Run | None = None
        self._longest = LongestRun()
        self._count_by_message = Counter[str]()
        self._example_by_message: dict[str, str] = {}

    @property
    def timed(self) -> int:
        return sum(self.count_by_status[status] for status in TIMED)

    def count(self, run: Run) -> None:
        self.count_by_status[run.status] += 1
        if self._last is None or run.id > self._last.id:
            self._last = run
        if run.status in UNFINISHED:
            self._oldest_open = min(self._oldest_open or run.id, run.id)
        if run.status == RunStatus.FAILED:
            self._count_error(run)

    def add_time(
        self, phase: str, begin: datetime | None, end: datetime | None
    ) -> None:
        """Count the time that a phase of a run took, if it is known."""
        if begin is not None and end is not None:
            self._times_by_phase[phase].add(end - begin)

    def compare(self, run: Run, begin: datetime | None, end: datetime | None) -> None:
        """Keep the id of the run that took the longest."""
        if begin is None or end is None:
            return
        candidate = LongestRun(time=end - begin, id=run.id)
        self._longest = max(self._longest, candidate)

    def reservoir_sample(self, run: Run, size: int, random: Random) -> None:
        """Keep a run with the same chance as each other of the group."""
        place = random.randrange(self.timed)
        if len(self.sampled_ids) < size:
            self.sampled_ids.append(run.id)
        elif place < size:
            self.sampled_ids[place] = run.id

    def _count_error(self, run: Run) -> None:
        message = normalized_error(run)
        is_new = message not in self._count_by_message
        if is_new and len(self._count_by_message) >= _MAX_MESSAGES:
            message = OTHER
        self._count_by_message[message] += 1
        self._example_by_message.setdefault(message, run.id)

    def record(self, name: str) -> RunGroup:
        counts = sorted(self.count_by_status.items())
        failed = self.count_by_status[RunStatus.FAILED]
        failure_rate = None
        if self.timed:
            failure_rate = round(failed / self.timed, 4)
        times = {
            phase: sketch.percentiles()
            for phase, sketch in self._times_by_phase.items()
        }
        last = self._last
        return RunGroup(
            name=name,
            counts={str(status): count for status, count in counts},
            failure_rate=failure_rate,
            times=times,
            oldest_open=self._oldest_open,
            longest=self._longest.id or None,
            errors=tuple(self._most_common_errors()),
            last_run=None if last is None else last.queued_at,
            last_status=None if last is None else last.status,
        )

    def _most_common_errors(self) -> Iterator[ErrorCount]:
        most_common = self._count_by_message.most_common(_MAX_MESSAGES_SHOWN)
        for message, count in most_common:
            example = self._example_by_message[message]
            yield ErrorCount(runs=count, message=message, example_id=example)
