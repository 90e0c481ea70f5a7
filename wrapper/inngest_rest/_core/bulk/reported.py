"""Bulk jobs with a resumable report: one row per run or input."""

from __future__ import annotations

import threading
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve

from inngest_rest import errors
from inngest_rest._core.arguments import check_callable, check_names, invalid
from inngest_rest._core.bulk.job import ABANDONED, BulkJob, Pace
from inngest_rest._core.bulk.report_file import ReportFile
from inngest_rest._core.calls.retry import had_no_effect
from inngest_rest._core.json_text import encode
from inngest_rest._core.plans import Plan, Stopped, sleep, wait_for
from inngest_rest.action_reports import ActionOutcome, ActionReport, ActionRow
from inngest_rest.typing import BULK_DEFAULTS, BulkOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from inngest_rest._core.calls.session import Session


class BulkResult(NamedTuple):
    """The outcome of one act, and its error, if any."""

    row: ActionRow
    cause: errors.InngestError | None = None


class ReportedJob(BulkJob[ActionRow, BulkResult, ActionReport]):
    """A bulk job whose targets are the rows of its report.

    Attributes:
        action: The operation; a report to resume from must have the same one.
        dry_run: Whether to report the targets without acting on them.
        resumed: The report that was passed to resume from, if any.
        rows: All rows in their current state.
        window: The time range of a filter.
        selection: What was asked for, in the types of JSON.
        searched: What was searched, if it found nothing, or was evaluated here.
    """

    outage = (errors.ServerError, errors.TransportError)

    def __init__(self, session: Session, action: str, given: Mapping[str, Any]) -> None:
        names = BulkOptions.__annotations__
        check_names(given, names)
        options: Any = {**dict.fromkeys(names), **BULK_DEFAULTS, **given}
        rate = options["max_requests"], options["period"]
        pace = Pace(session.clock.monotonic, options["in_flight"], *rate)
        on_start, on_result = options["on_start"], options["on_result"]
        super().__init__(session, pace, on_start=on_start, on_result=on_result)
        self.action = action
        self.dry_run: bool = options["dry_run"]
        self.resumed: ActionReport | Mapping[str, Any] | None = options["resume"]
        self.rows: list[ActionRow] = []
        self.window: tuple[datetime | None, datetime | None] = (None, None)
        self.selection: Mapping[str, Any] = {}
        self.searched: str | None = None
        path = options["report_path"]
        self._file = None if path is None else ReportFile(path)
        self._on_start = check_callable("on_start", on_start)
        self._on_result = check_callable("on_result", on_result)
        self._is_stopped = False
        self._begun: dict[int, ActionRow] = {}
        self._lock = threading.Lock()

    def collect(self) -> Plan[Iterable[ActionRow]]:
        """Return the rows to act on: those that the report file left, or that are selected."""
        target = self.session.settings.target
        asked = {
            "action": self.action,
            "selection": self.selection,
            "server": target.api_url,
            "environment": target.env,
        }
        if self._file is not None and (kept := self._file.open(asked)) is not None:
            self.adopt(kept, "report_path")
            if not any(map(self.is_left, self.rows)):
                raise errors.ReportFinishedError(
                    f"{self._file.path} is finished: {kept}", report=kept
                )
        else:
            yield from self.select()
            if self._file is not None and not self.dry_run:
                self._file.begin(asked, self._report())
        return (row for row in self.rows if self.is_left(row))

    def select(self) -> Plan[None]:
        """Add the rows that are not known before the server is asked."""
        yield from ()

    def is_left(self, row: ActionRow) -> bool:
        """Return whether a row is to be acted on."""
        return row.is_open

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def resume(self) -> None:
        """Adopt the rows of the report that was passed, if any; reject one of another action."""
        report = self.resumed
        if report is None:
            return
        try:
            found = report if isinstance(report, ActionReport) else ActionReport.from_dict(report)
        except ValueError as error:
            raise errors.InvalidArgumentError(f"resume: {error}", argument="resume") from None
        if found.action != self.action:
            raise invalid(
                "resume",
                f"is the report of {found.action}, which cannot be resumed by {self.action}",
            )
        self.adopt(found)

    def adopt(self, report: ActionReport, argument: str = "resume") -> None:
        """Take the rows of a report, which an argument named, if they can be acted on."""
        self.check_rows(report.rows, argument)
        self.rows = list(report.rows)
        self.window, self.searched = (report.since, report.until), report.searched
        self.selection = report.selection or self.selection

    def check_rows(self, rows: Sequence[ActionRow], argument: str) -> None:
        """Reject rows that cannot be acted on: they may come from a file."""

    def begin(self, row: ActionRow) -> Plan[ActionRow]:
        """Mark a row as being requested, and report it; each act starts here, if at all.

        Raises:
            Stopped: The job was stopped in the meantime.
        """
        yield from sleep(0.0)  # the job may have been stopped in the meantime
        now = self.session.server_clocks["api"].now()
        begun = evolve(row, outcome=ActionOutcome.UNKNOWN, reason=ABANDONED, requested_at=now)
        try:
            with self._lock:
                self._check_goes_on()
                started = None if self._on_start is None else self._on_start(begun)
            yield from wait_for(started)
        except BaseException:
            self._is_stopped = True
            raise
        with self._lock:
            self._check_goes_on()
            self._note(begun)
            self._check_goes_on()
            self._begun[row.position] = begun
        return begun

    def _check_goes_on(self) -> None:
        if self._is_stopped or self.stopped_by is not None:
            raise Stopped

    def tally(self, target: ActionRow, result: BulkResult | None) -> errors.InngestError | None:
        """Update the row with the result, and report it."""
        begun = self._begun.pop(target.position, None)
        row, cause = result or BulkResult(begun or target)
        is_abandoned = result is None and begun is None
        if is_abandoned and row.outcome is not ActionOutcome.UNKNOWN:  # from an earlier call
            row = settled(row, ActionOutcome.NOT_TRIED)
        self.rows[row.position] = row
        if result is not None:  # or the file has it, as unknown
            self._note(row)
        if self._on_result is not None:
            self._waiting.append(self._on_result(row))
        return cause

    def _paced(self, target: ActionRow) -> Plan[BulkResult]:
        # The rate is that of the acts, of which a dry run has none.
        return self.act(target) if self.dry_run else super()._paced(target)

    def interrupted(self, error: BaseException) -> None:
        """Attach the progress so far to an external exception, as `report` and in words."""
        error.report = report = self._report()  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
        error.add_note(f"so far {report}")

    def finish(self) -> ActionReport:
        """Return the report, or raise it with the error that stopped the job."""
        report = self._report()
        if self.stopped_by is None:
            return report
        raise errors.PartialActionError(
            f"stopped by {str(self.stopped_by).removesuffix('.')}. So far {report}. Pass "
            "resume=error.report to continue where it stopped.",
            report=report,
        ) from self.stopped_by

    def _report(self) -> ActionReport:
        window = self.window
        return ActionReport(self.action, self.rows, *window, self.selection, self.searched)

    def _note(self, row: ActionRow) -> None:
        """Write a row to the report file; one that cannot be written stops the job."""
        if self._file is not None and not self.dry_run:
            try:
                self._file.add(row)
            except errors.InvalidArgumentError as error:
                self.stopped_by = self.stopped_by or error


def digest(items: Sequence[object]) -> dict[str, Any]:
    """Return what tells a sequence from others, in the types of JSON."""
    return {"count": len(items), "digest": blake2b(encode(items), digest_size=16).hexdigest()}


def settled(row: ActionRow, outcome: ActionOutcome, reason: str | None = None) -> ActionRow:
    return evolve(row, outcome=outcome, reason=reason)


def failure(row: ActionRow, error: errors.InngestError) -> BulkResult:
    """Return the row of an act that ended with an error."""
    if had_no_effect(error) or isinstance(error, errors.NotFoundError):
        return not_done(row, error)
    return BulkResult(settled(row, ActionOutcome.UNKNOWN, str(error)), error)


def not_done(row: ActionRow, error: errors.InngestError) -> BulkResult:
    """Return the row of an act that an error has prevented."""
    is_absent = isinstance(error, errors.NotFoundError)
    outcome = ActionOutcome.NOT_FOUND if is_absent else ActionOutcome.FAILED
    return BulkResult(settled(row, outcome, str(error)), error)
