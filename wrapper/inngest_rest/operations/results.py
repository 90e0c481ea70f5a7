"""What operations return where the client's method returns no record, or one without a target."""

from __future__ import annotations

from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Self

from attrs import field, frozen

from inngest_rest.action_reports import ActionOutcome, ActionReport, ActionRow
from inngest_rest.record import Record
from inngest_rest.reports import SendFailure
from inngest_rest.responses import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_ROWS = 1_000
"""Number of rows, ids and failures that a result has at most."""

DONE = frozenset({ActionOutcome.DONE, ActionOutcome.ALREADY_ENDED, ActionOutcome.PLANNED})
"""Outcomes after which nothing is left to do."""


@frozen(repr=False)
class Sent(Record):
    """What became of events that were sent.

    Attributes:
        target: Where they were sent.
        accepted: Number of events the server stored.
        rejected: Number of events that were rejected.
        unknown: Number of events whose outcome is unknown, or that were not tried.
        ids: The internal ids of those accepted, for `events get`, in order; the first 1,000.
        failures: Those that were not accepted, the first 1,000. Sending them again, as they are
            here, runs nothing twice.
    """

    target: Target
    accepted: int
    rejected: int = 0
    unknown: int = 0
    ids: tuple[str, ...] = ()
    failures: tuple[SendFailure, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether all were accepted."""
        return not (self.rejected or self.unknown)


@frozen(repr=False)
class Acted(Record):
    """What became of the runs, or the inputs, of a bulk operation.

    Attributes:
        target: Where it acted.
        action: What was done: "runs.cancel", "runs.replay", "functions.invoke APP/FUNCTION".
        counts: How many rows have each outcome.
        rows: One row per run or input, in order. Of more than 1,000, those that were not done come
            before those that were.
        rows_left_out: Number of rows that are not here.
        since: The beginning of the filter's window.
        until: The end of the filter's window.
    """

    target: Target
    action: str
    counts: dict[ActionOutcome, int]
    rows: tuple[ActionRow, ...]
    rows_left_out: int = 0
    since: datetime | None = None
    until: datetime | None = None
    _report: ActionReport = field(kw_only=True, alias="report", repr=False, eq=False)

    @classmethod
    def of(
        cls,
        target: Target,
        report: ActionReport,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Self:
        """Return the result that has a report."""
        rows = _most_telling(report.rows)
        return cls(
            target,
            report.action,
            report.counts,
            rows,
            len(report.rows) - len(rows),
            since,
            until,
            report=report,
        )

    @property
    def report(self) -> ActionReport:
        """All rows, to resume from."""
        return self._report

    @property
    def is_complete(self) -> bool:
        """Whether nothing failed, was refused, or is left to do."""
        return DONE.issuperset(self.counts)


def _most_telling(rows: Sequence[ActionRow]) -> tuple[ActionRow, ...]:
    """Return at most `MAX_ROWS` rows, first those that were not done."""
    if len(rows) <= MAX_ROWS:
        return tuple(rows)
    done = (row for row in rows if row.outcome in DONE)
    ordered = chain((row for row in rows if row.outcome not in DONE), done)
    return tuple(row for row, _ in zip(ordered, range(MAX_ROWS), strict=False))


@frozen(repr=False)
class Invoked(Record):
    """A function that was started.

    Attributes:
        target: Where it was started.
        run_id: The id of its run.
    """

    target: Target
    run_id: str


@frozen(repr=False)
class Signalled(Record):
    """A signal that was sent.

    Attributes:
        target: Where it was sent.
        run_id: The id of the run that was waiting for it.
    """

    target: Target
    run_id: str


@frozen(repr=False)
class Deleted(Record):
    """What was deleted.

    Attributes:
        target: Where it was deleted.
        id: Its id.
    """

    target: Target
    id: str
