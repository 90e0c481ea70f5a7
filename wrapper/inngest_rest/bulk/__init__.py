"""Acts on many runs: their reports, with one row per run, and their options.

A later call continues a report in its file. The two errors that carry one are here, too.

_job             a job on runs of ids, of a plan or of a filter, with a row for each
_outcomes        the row of a run after what was done
_report_file     the file of such a report, written before each request
_cancel          cancels runs
_replay          replays runs, none twice
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

from attrs import field, frozen

from inngest_rest.errors import InngestError, InvalidArgumentError
from inngest_rest.record import Record
from inngest_rest.typing import RunSelection

if TYPE_CHECKING:
    from inngest_rest.typing import Seconds

__all__ = [
    "ActionOutcome",
    "ActionReport",
    "ActionRow",
    "BulkOptions",
    "BulkSelection",
    "PartialActionError",
    "ReportFinishedError",
]


class ActionOutcome(StrEnum):
    """The outcome for one run of a bulk operation.

    Attributes:
        PLANNED: Found by a dry run; nothing was done.
        DONE: It was done.
        ALREADY_ENDED: The run had ended, so there was nothing to cancel.
        ALREADY_REPLAYED: A replay of the run is open or completed, or another run of the same chain
            of replays stands for it; `new_run_id` is that run.
        NOT_FOUND: The server has no such run.
        REFUSED: Not tried, because it could not have the intended effect; see `reason`.
        FAILED: The server rejected it or failed; see `reason`.
        UNKNOWN: The request was sent, and may have taken effect.
        NOT_TRIED: The operation ended before it was tried.
    """

    PLANNED = "planned"
    DONE = "done"
    ALREADY_ENDED = "already_ended"
    ALREADY_REPLAYED = "already_replayed"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_TRIED = "not_tried"


@frozen(repr=False)
class ActionRow(Record):
    """One run of a bulk operation.

    Attributes:
        position: Its index in the ids or the listing, from 0.
        id: The run's id.
        outcome: The outcome.
        new_run_id: The run that was started for it; of one already replayed, its replay.
        reason: Why it was not done, if it was not.
        replays_before: For a replay of unknown outcome, the replays that the run had before it: a
            replay that is not among them is this one.
        function: The run's app and function, as "APP/FUNCTION", where the run was looked at.
        status: The run's status when it was looked at.
        queued_at: When the run was queued.
        ended_at: When the run ended.
        error: The first line of the run's error.
        from_step: The step from which a replay starts; None for the beginning.
    """

    position: int
    id: str
    outcome: ActionOutcome = ActionOutcome.NOT_TRIED
    new_run_id: str | None = None
    reason: str | None = None
    replays_before: tuple[str, ...] | None = field(default=None, repr=False)
    function: str | None = None
    status: str | None = None
    queued_at: datetime | None = None
    ended_at: datetime | None = None
    error: str | None = None
    from_step: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether a call with the same `report_path` tries it again."""
        return self.outcome in ("planned", "failed", "unknown", "not_tried")


def _rows(rows: Iterable[ActionRow]) -> tuple[ActionRow, ...]:
    in_order = tuple(rows)
    for index, row in enumerate(in_order):
        if row.position != index:
            raise ValueError(f"row {index}: position {row.position!r} is not {index}")
    return in_order


@frozen(repr=False)
class ActionReport(Record):
    """The outcome of a bulk operation.

    That of a dry run can be passed to the same method, to act on the runs that it planned. A report
    in a file (`report_path`) is continued by the same call.

    Attributes:
        action: The operation: "runs.cancel" or "runs.replay".
        rows: One row per run; the position of each is its index.
        since: The start of the filter's window, by the server's clock; None without a filter.
        until: The end of that window; if the filter had none, when the runs were listed.
        selection: What was asked for: the filter, or a digest of the ids.
        searched: What a filter has searched, if it found nothing or was evaluated here: how much
            was read, what could not be decided, or which app or function does not exist.
    """

    action: str
    rows: tuple[ActionRow, ...] = field(repr=False, converter=_rows)
    since: datetime | None = None
    until: datetime | None = None
    selection: Mapping[str, Any] | None = field(default=None, repr=False, hash=False)
    searched: str | None = field(default=None, repr=False)

    DERIVED: ClassVar = ("counts",)

    @property
    def counts(self) -> dict[ActionOutcome, int]:
        """The number of rows per outcome; outcomes of no row are omitted."""
        counts = Counter(row.outcome for row in self.rows)
        return {
            outcome: counts[outcome] for outcome in ActionOutcome if counts[outcome]
        }

    def __str__(self) -> str:
        counts = [
            f"{count:,} {outcome.replace('_', ' ')}"
            for outcome, count in self.counts.items()
        ]
        summary = ", ".join(counts) or "nothing to do"
        if self.searched and not counts:
            summary += f" ({self.searched})"
        return f"{self.action}: {summary}"

    def to_dict(self, *, flat: bool = False) -> dict[str, Any]:
        """Return the report as a dict that `json.dumps` accepts, its counts included."""
        fields = super().to_dict(flat=flat)
        if not flat:
            counts = {str(outcome): count for outcome, count in self.counts.items()}
            fields["counts"] = counts
        return fields


class PartialActionError(InngestError):
    """A bulk operation stopped early, because the remaining runs would have failed as well.

    The error that stopped it is the `__cause__`.

    Attributes:
        report: One row per run, those that were not tried included.
    """

    def __init__(self, message: str, *, report: ActionReport) -> None:
        super().__init__(message)
        self.report = report
        self.may_have_taken_effect = bool(
            {ActionOutcome.DONE, ActionOutcome.UNKNOWN}.intersection(report.counts)
        )


class ReportFinishedError(InvalidArgumentError):
    """A bulk operation was not begun: nothing is left to do by `report`, which is in its file."""

    def __init__(self, message: str, *, report: ActionReport) -> None:
        super().__init__(message, argument="report_path")
        self.report = report


CLOUD_RATE = 15
"""Acts per second on Inngest Cloud by default.

A proposal for the vendor's pages has a limit of 75 requests in 5 seconds; it was not merged
(docs/reference/cloud-limits.md).
"""


class BulkOptions(TypedDict, total=False):
    """How a bulk operation acts.

    It raises `InvalidArgumentError` if an argument is malformed, if nothing selects what it acts
    on, or several do, or if the file is in use, is no report, or is one of another call;
    `ReportFinishedError` if the file has nothing left to do; and `PartialActionError`, whose report
    has every row, if no later one could succeed. An asynchronous client may be given asynchronous
    callbacks.

    Attributes:
        dry_run: Report each action as planned, without performing it.
        in_flight: Maximum number of runs processed at once, 1 to 64.
        max_requests: Maximum number of them started per period; None for no limit, or on Inngest
            Cloud for 15 a second.
        period: The period of `max_requests`, in seconds or as a timedelta; by default 1 s.
        on_result: Called with each row, in order, as results arrive.
        report_path: A file that records each row before its request is sent, and its outcome. The
            same call with the same file continues after any interruption, even a kill.
    """

    dry_run: bool
    in_flight: int
    max_requests: int | None
    period: Seconds
    on_result: Callable[[ActionRow], object] | None
    report_path: str | PathLike[str] | None


class BulkSelection(RunSelection, BulkOptions, total=False):
    """Which runs a bulk operation acts on, and how: `RunSelection` and `BulkOptions`."""
