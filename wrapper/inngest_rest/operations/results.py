"""What operations return where the client's method returns no record, or one without a target."""

from __future__ import annotations

from attrs import frozen

from inngest_rest.action_reports import ActionOutcome, ActionReport, ActionRow, ActionRows
from inngest_rest.record import Record
from inngest_rest.reports import SendFailure
from inngest_rest.responses import Target


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


@frozen(repr=False)
class Acted(Record):
    """What became of the runs, or the inputs, of a bulk operation.

    Attributes:
        target: Where it acted.
        action: What was done: "runs.cancel", "runs.replay", "functions.invoke APP/FUNCTION".
        counts: How many rows have each outcome.
        rows: One row per run or input, in order.
    """

    target: Target
    action: str
    counts: dict[ActionOutcome, int]
    rows: tuple[ActionRow, ...]

    @classmethod
    def of(cls, target: Target, report: ActionReport) -> Acted:
        """Return the result that has a report."""
        return cls(target, report.action, report.counts, tuple(report.rows))

    @property
    def report(self) -> ActionReport:
        """The report, to resume from."""
        return ActionReport(self.action, ActionRows(self.rows))

    @property
    def is_complete(self) -> bool:
        """Whether nothing failed, was refused, or is left to do."""
        good = {ActionOutcome.DONE, ActionOutcome.ALREADY_ENDED, ActionOutcome.PLANNED}
        return good.issuperset(self.counts)
