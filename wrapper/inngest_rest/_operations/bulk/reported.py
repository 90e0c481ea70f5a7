"""Bulk jobs with a resumable report of one row per run or input."""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from attrs import evolve, frozen

from inngest_rest import errors
from inngest_rest._arguments import invalid
from inngest_rest._core import tracing
from inngest_rest._core.arguments import (
    check_count_or_none,
    check_each,
    check_run_id,
    difference,
)
from inngest_rest._core.json_text import encode
from inngest_rest._core.plans import Plan, Stopped, sleep, wait_for
from inngest_rest._core.resources.windows import Window, instant
from inngest_rest._core.sending.job import ABANDONED, BulkJob
from inngest_rest._faults import had_no_effect
from inngest_rest._operations.bulk.report_file import ReportFile, without_none
from inngest_rest.action_reports import (
    ActionOutcome,
    ActionReport,
    ActionRow,
    PartialActionError,
    ReportFinishedError,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from inngest_rest._core.calls.listing import Listing
    from inngest_rest._core.calls.session import Session
    from inngest_rest.typing import Seconds


class BulkResult(NamedTuple):
    row: ActionRow
    cause: errors.InngestError | None = None


@frozen(kw_only=True)
class Options:
    """How a bulk operation acts, as a caller passed it (`inngest_rest.typing.BulkOptions`)."""

    dry_run: bool
    in_flight: int
    max_requests: int | None
    period: Seconds
    on_start: Callable[[ActionRow], object] | None
    on_result: Callable[[ActionRow], object] | None
    resume: ActionReport | Mapping[str, object] | None
    report_path: str | os.PathLike[str] | None


class ReportedJob(BulkJob[ActionRow, BulkResult, ActionReport]):
    """A bulk job whose targets are the rows of its report."""

    outage = (errors.ServerError, errors.TransportError)

    filters: ClassVar[tuple[str, ...]] = ()  # the names of those that can select them
    selects: ClassVar[str] = "run"  # the kind of things that ids and filters select
    check_id = staticmethod(check_run_id)
    bound: ClassVar[
        tuple[str, ...]
    ] = ()  # arguments that a report to resume from has to share

    def __init__(
        self,
        session: Session,
        action: str,
        options: Options,
        *,
        limit: int | None = None,
    ) -> None:
        super().__init__(
            session,
            options.in_flight,
            options.max_requests,
            options.period,
            on_start=options.on_start,
            on_result=options.on_result,
        )
        self._on_start, self._on_result = options.on_start, options.on_result
        self.dry_run = options.dry_run  # report the targets without acting on them
        self.resumed = options.resume
        self.limit = check_count_or_none("limit", limit)
        self.head = ActionReport(action, ())  # all of the report but its rows
        self.rows: list[ActionRow] = []  # all of them in their current state
        self.listing: Listing[Any] | None = None  # of what a filter selects
        self.listed: dict[str, ActionRow] = {}  # the rows of that, by their ids
        self.asked_window = Window()
        path = options.report_path
        self._file = None if path is None else ReportFile(path)
        self._is_stopped = False

    @property
    def operation(self) -> str:
        return self.head.action.partition(" ")[0]  # without the function

    def facts(self) -> tracing.Facts:
        return tracing.facts_of_action(self._report(), self.selects)

    def collect(self) -> Plan[Iterable[ActionRow]]:
        """Return the rows to act on: those that the report file left, or that are selected."""
        target = self.session.settings.target
        asked = {
            "action": self.head.action,
            "selection": self.head.selection,
            "server": target.api_url,
            "environment": target.env,
        }
        kept = None if self._file is None else self._file.open(asked)
        if kept is None:
            yield from self.collect_rows()
            if self._file is not None and not self.dry_run:
                self._file.begin(asked, self._report())
        else:
            self.load_rows(kept, "report_path")
            if not any(map(self.is_left, self.rows)):
                assert self._file is not None
                raise ReportFinishedError(
                    f"{self._file.path} is finished: {kept}", report=kept
                )
        return islice((row for row in self.rows if self.is_left(row)), self.limit)

    def pick_source(
        self,
        ids: Iterable[str] | None,
        filters: Mapping[str, Any],
        others: Mapping[str, Any],
    ) -> bool:
        """Take the rows of ids, or of a report; return whether a filter selects them instead.

        It has to be one of the three. A report to come is bound to it, and to the other arguments.
        """
        self._check_one_source(ids, filters)
        if self.resumed is not None:
            self.resume()
            selection = {**(self.head.selection or {})}
            self._check_same_arguments(selection, others)
        elif ids is not None:
            unique = dict.fromkeys(
                check_each("ids", ids, f"{self.selects} ids", self.check_id)
            )
            first = list(islice(unique, self.limit))
            # Memory is not to hold these and the rows at once: there may be many.
            del unique
            selection = {"ids": digest(sorted(first))}
            self.rows = [ActionRow(position, id) for position, id in enumerate(first)]
        else:
            selection = without_none({**filters, "limit": self.limit})
        self.head = evolve(self.head, selection={**selection, **without_none(others)})
        return ids is None and self.resumed is None

    def _check_one_source(
        self, ids: Iterable[str] | None, filters: Mapping[str, Any]
    ) -> None:
        ways: list[str] = []
        if ids is not None:
            ways.append("ids")
        if self.resumed is not None:
            ways.append("resume")
        if filters:
            ways.append("/".join(filters))
        if len(ways) > 1:
            raise errors.InvalidArgumentError(
                f"{' and '.join(ways)} exclude each other: pass one of them",
                argument=ways[0],
            )
        if not ways:
            names, kind = ", ".join(self.filters), self.selects
            raise errors.InvalidArgumentError(
                f"nothing selects {kind}s: pass ids, or a filter ({names}); there is no way to act "
                f"on every {kind} of a server by accident"
            )

    def _check_same_arguments(
        self, selection: Mapping[str, Any], others: Mapping[str, Any]
    ) -> None:
        """Reject a report that was begun with other values of the arguments that it is bound to."""
        theirs = {name: selection.get(name) for name in self.bound}
        ours = {name: others.get(name) for name in self.bound}
        if words := difference(theirs, ours):
            how = f"pass the same {' and '.join(self.bound)}"
            raise invalid("resume", f"is a report with {words}: {how}")

    def collect_rows(self) -> Plan[None]:
        """Add the rows of what the filter selects, if there is one."""
        if self.listing is None:
            return
        # The end of the window is an instant of the server's clock.
        self.listing.is_relative |= self.asked_window.until is None
        walk = self.listing.walk()
        while not (walk.is_done or self.is_enough()):
            page = yield from walk.next_page()
            for item in page.items:
                self.keep(item)
        selected = yield from self.selected_rows()
        self.rows = [
            evolve(row, position=position) for position, row in enumerate(selected)
        ]
        self.listed.clear()
        searched = None
        if self.listing.last_filter is not None or not self.rows:
            searched = yield from self.listing.searched()
        assert walk.now is not None
        self._note_window(walk.now, searched)

    def _note_window(self, now: datetime, searched: str | None) -> None:
        """Note the instants that the ends of the filter's window stood for, and what was read."""
        since, until = self.asked_window.since, self.asked_window.until
        self.head = evolve(
            self.head,
            since=None if since is None else instant(since, now),
            until=instant(until or timedelta(), now),
            searched=searched,
        )

    def keep(self, item: Any) -> None:
        """Remember of a listed item no more than is needed: there may be many large ones."""
        row = self.row_of(item)
        self.listed.setdefault(str(row.id), row)

    def row_of(self, item: Any) -> ActionRow:
        """Return the row of a listed item, whose position is not known yet."""
        return ActionRow(0, item.id)

    def is_enough(self) -> bool:
        """Return whether what is listed is as much as the limit allows."""
        return self.limit is not None and len(self.listed) >= self.limit

    def selected_rows(self) -> Plan[Iterable[ActionRow]]:
        """Return the rows of the report, in their order, out of those that are listed."""
        yield from ()
        return islice(self.listed.values(), self.limit)

    def is_left(self, row: ActionRow) -> bool:
        return row.is_open

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def resume(self) -> None:
        """Load the rows of the report that was passed, if any; reject one of another action."""
        if self.resumed is None:
            return
        report = _checked_report(self.resumed)
        if report.action != self.head.action:
            reason = f"is the report of {report.action}, which cannot be resumed by"
            raise invalid("resume", f"{reason} {self.head.action}")
        self.load_rows(report)

    def load_rows(self, report: ActionReport, argument: str = "resume") -> None:
        """Take the rows of a report, which an argument named, if they can be acted on."""
        self.check_rows(report.rows, argument)
        self.rows = list(report.rows)
        ids = digest(sorted(row.id or "" for row in self.rows))
        self.head = evolve(report, rows=(), selection=report.selection or {"ids": ids})

    def check_rows(self, rows: Sequence[ActionRow], argument: str) -> None:
        """Reject rows that cannot be acted on: they may come from a file."""
        for row in rows:
            if row.is_open:
                name = f"{argument}: the id of row {row.position}"
                self.check_id(name, row.id or "", argument=argument)

    def mark_started(self, row: ActionRow) -> Plan[ActionRow]:
        """Mark a row as being requested, and report it; an act starts here, or is Stopped."""
        yield from sleep(0.0)  # the job may have been stopped in the meantime
        begun = evolve(self.dated(row), outcome=ActionOutcome.UNKNOWN, reason=ABANDONED)
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
            self.rows[row.position] = begun
        return begun

    def dated(self, row: ActionRow) -> ActionRow:
        """Note the time of a request that is sent now."""
        clock = self.session.server_clocks["api"]
        return evolve(row, requested_at=clock.now(), requested_at_here=clock.here())

    def _check_goes_on(self) -> None:
        if self._is_stopped or self.stopped_by is not None:
            raise Stopped

    def record_result(
        self, target: ActionRow, result: BulkResult | None
    ) -> errors.InngestError | None:
        row, cause = result or BulkResult(self.rows[target.position])
        if (
            result is None
            and row is target
            and row.outcome is not ActionOutcome.UNKNOWN
        ):
            # It was not begun.
            row = with_outcome(row, ActionOutcome.NOT_TRIED).row
        self.rows[row.position] = row
        if result is not None:  # or the file has it, as unknown
            self._note(row)
        if self._on_result is not None:
            self._callback_result = self._on_result(row)
        return cause

    def _throttled(self, target: ActionRow) -> Plan[BulkResult]:
        # The rate is that of the acts, of which a dry run has none.
        return self.act(target) if self.dry_run else super()._throttled(target)

    def interrupted(self, error: BaseException) -> None:
        """Attach the progress so far to an external exception, as `report` and in words."""
        error.report = report = self._report()  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
        error.add_note(f"so far {report}")

    def finish(self) -> ActionReport:
        report = self._report()
        if self.stopped_by is None:
            return report
        raise PartialActionError(
            f"stopped by {str(self.stopped_by).removesuffix('.')}. So far {report}. Pass "
            "resume=error.report to continue where it stopped.",
            report=report,
        ) from self.stopped_by

    def _report(self) -> ActionReport:
        return evolve(self.head, rows=self.rows)

    def _note(self, row: ActionRow) -> None:
        """Write a row to the report file; one that cannot be written stops the job."""
        if self._file is not None and not self.dry_run:
            try:
                self._file.add(row)
            except errors.InvalidArgumentError as error:
                self.stopped_by = self.stopped_by or error


def _checked_report(report: ActionReport | Mapping[str, object]) -> ActionReport:
    """Return a report that a caller passed, which may come from a file."""
    try:
        checked = (
            report
            if isinstance(report, ActionReport)
            else ActionReport.from_dict(report)
        )
        # `json` reads text that is not Unicode.
        encode([checked.action, checked.selection, [row.id for row in checked.rows]])
    except UnicodeEncodeError:
        raise invalid(
            "resume", "is a damaged report: it has text that is not Unicode"
        ) from None
    except ValueError as error:
        raise errors.InvalidArgumentError(
            f"resume: {error}", argument="resume"
        ) from None
    return checked


def digest(items: Sequence[object]) -> dict[str, Any]:
    """Return what tells a sequence from others, in the types of JSON."""
    return {
        "count": len(items),
        "digest": blake2b(encode(items), digest_size=16).hexdigest(),
    }


def with_outcome(
    row: ActionRow,
    outcome: ActionOutcome,
    reason: object = None,
    cause: errors.InngestError | None = None,
) -> BulkResult:
    text = None if reason is None else str(reason)
    return BulkResult(evolve(row, outcome=outcome, reason=text), cause)


def failure(
    row: ActionRow, error: errors.InngestError, *, is_sent: bool = True
) -> BulkResult:
    """Return the row of an act that ended with an error."""
    outcome = ActionOutcome.FAILED
    if isinstance(error, errors.NotFoundError):
        outcome = ActionOutcome.NOT_FOUND
    elif is_sent and not had_no_effect(error):
        outcome = ActionOutcome.UNKNOWN
    return with_outcome(row, outcome, error, error)
