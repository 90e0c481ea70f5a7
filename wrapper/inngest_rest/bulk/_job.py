"""A job on many runs: select them, act on each, and report on each in a row, also in a file."""

from __future__ import annotations

from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import evolve, frozen

from inngest_rest import errors
from inngest_rest._core.resources.names import check_names
from inngest_rest._core.resources.run_lists import list_runs
from inngest_rest._core.resources.windows import Window
from inngest_rest._core.sending.job import BulkJob
from inngest_rest._local.arguments import (
    check_count_or_none,
    check_each,
    check_run_id,
    invalid,
)
from inngest_rest._values.json_text import encode
from inngest_rest.bulk import (
    CLOUD_RATE,
    ActionOutcome,
    ActionReport,
    ActionRow,
    PartialActionError,
    ReportFinishedError,
)
from inngest_rest.bulk._outcomes import BulkResult, with_details, with_outcome
from inngest_rest.bulk._report_file import ReportFile, difference, without_none
from inngest_rest.models import UNFINISHED
from inngest_rest.typing import RunSelection

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from inngest_rest._core.calls.listing import Listing
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.resources.filters import Selection
    from inngest_rest.models import Run, RunStatus
    from inngest_rest.typing import Seconds


@frozen(kw_only=True)
class Options:
    """The caller's options of a bulk operation (`BulkOptions`)."""

    dry_run: bool
    in_flight: int
    max_requests: int | None
    period: Seconds
    on_result: Callable[[ActionRow], object] | None
    report_path: str | os.PathLike[str] | None


class ActionJob(BulkJob[ActionRow, BulkResult, ActionReport]):
    """A job on the runs of some ids, of a plan or of a filter, whose targets are rows of a report.

    Once a report file was begun, its rows are the targets.
    """

    outage = (errors.ServerError, errors.TransportError)

    name: ClassVar[str]
    default_statuses: ClassVar[tuple[RunStatus, ...]]  # if only other filters are given
    shows_errors: ClassVar[bool] = False  # in a dry run
    # The arguments that must be the same when a plan is acted on.
    bound: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        session: Session,
        ids: Iterable[str] | ActionReport | None,
        selection: Selection,
        options: Options,
        *,
        limit: int | None,
        **others: Any,
    ) -> None:
        max_requests, period = options.max_requests, options.period
        if max_requests is None and session.settings.target.is_cloud:
            max_requests, period = CLOUD_RATE, 1.0
        super().__init__(
            session,
            options.in_flight,
            max_requests,
            period,
            on_result=options.on_result,
        )
        self._on_result = options.on_result
        self.dry_run = options.dry_run  # report the targets without acting on them
        self.limit = check_count_or_none("limit", limit)
        self.head = ActionReport(self.name, ())  # the report without its rows
        self.rows: list[ActionRow] = []  # in their current state
        self.listing: Listing[Run] | None = None  # of the runs of a filter
        self._listed: dict[str, ActionRow] = {}  # their rows by id
        self._asked_window = Window()
        self._names = selection.names
        path = options.report_path
        self._file = None if path is None else ReportFile(path)
        # Each run is checked before it is replayed, and an ended one is not cancelled.
        if self.default_statuses is UNFINISHED:
            selection.check_open()
        else:
            selection.check_ended()
        if self._pick_source(ids, selection.to_json(), others):
            self._asked_window = selection.ended or selection.window
            self.listing = self._list(selection)

    def _list(self, selection: Selection) -> Listing[Run]:
        return list_runs(
            self.session,
            selection.narrowed(self.default_statuses),
            include_output=self.dry_run and self.shows_errors,
            limit=self.limit,
        )

    async def collect(self) -> Iterable[ActionRow]:
        """Return the rows to act on: those left in the report file, or the selected ones."""
        if self._file is None:
            await self._collect_rows()
        else:
            await self._collect_with_file(self._file)
        left = (row for row in self.rows if row.is_open)
        return islice(left, self.limit)

    async def _collect_with_file(self, file: ReportFile) -> None:
        """Load the rows of the report file; or collect them, and begin the file."""
        target = self.session.settings.target
        arguments = {
            "action": self.name,
            "selection": self.head.selection,
            "server": target.api_url,
            "environment": target.env,
        }
        kept = file.open(arguments)
        if kept is None:
            await self._collect_rows()
            if not self.dry_run:
                file.begin(arguments, self._report())
            return
        self._load_rows(kept)
        if not any(row.is_open for row in self.rows):
            raise ReportFinishedError(f"{file.path} is finished: {kept}", report=kept)

    def _pick_source(
        self,
        ids: Iterable[str] | ActionReport | None,
        filters: Mapping[str, Any],
        others: Mapping[str, Any],
    ) -> bool:
        """Load the rows of ids or of a plan; return True if a filter selects the rows instead.

        Exactly one of them is given. The report of this job is bound to it, and to the other
        arguments.
        """
        self._check_one_source(ids, filters)
        if isinstance(ids, ActionReport):
            self._load_plan(ids)
            selection = {**(self.head.selection or {})}
            self._check_same_arguments(selection, others)
        elif ids is not None:
            first = self._first_ids(ids)
            selection = {"ids": _digest(sorted(first))}
            self.rows = [
                ActionRow(position, row_id) for position, row_id in enumerate(first)
            ]
        else:
            selection = without_none({**filters, "limit": self.limit})
        selection |= without_none(others)
        self.head = evolve(self.head, selection=selection)
        return ids is None

    def _first_ids(self, ids: Iterable[str]) -> list[str]:
        """Return the first of the caller's ids, without repeats."""
        unique = dict.fromkeys(check_each("ids", ids, "run ids", check_run_id))
        # Memory must not hold all of these and the rows at once: there may be many.
        return list(islice(unique, self.limit))

    def _check_one_source(
        self, ids: Iterable[str] | ActionReport | None, filters: Mapping[str, Any]
    ) -> None:
        if ids is not None and filters:
            names = "/".join(filters)
            raise errors.InvalidArgumentError(
                f"ids and {names} exclude each other: pass one of them",
                argument="ids",
            )
        if ids is None and not filters:
            filter_names = ", ".join(RunSelection.__annotations__)
            raise errors.InvalidArgumentError(
                f"nothing selects runs: pass ids, or a filter ({filter_names}); there is no way "
                "to act on every run of a server by accident"
            )

    def _check_same_arguments(
        self, selection: Mapping[str, Any], others: Mapping[str, Any]
    ) -> None:
        """Reject a plan that was made with other values of the bound arguments."""
        theirs = {name: selection.get(name) for name in self.bound}
        ours = {name: others.get(name) for name in self.bound}
        differing = difference(theirs, ours)
        if differing:
            names = " and ".join(self.bound)
            reason = f"is a plan with {differing}: pass the same {names}"
            raise invalid("ids", reason)

    async def _collect_rows(self) -> None:
        """Add the rows that the filter selects, if there is one."""
        if self.listing is None:
            return
        # The end of the window is an instant of the server's clock.
        self.listing.is_relative |= self._asked_window.until is None
        walk = self.listing.walk()
        while not (walk.is_done or self._is_enough()):
            page = await walk.next_page()
            for run in page.items:
                self.keep(run)
        selected = islice(self._listed.values(), self.limit)
        self.rows = [
            evolve(row, position=position) for position, row in enumerate(selected)
        ]
        self._listed.clear()
        if not self.rows:
            await check_names(self.session, self._names)
        searched: str | None = None
        if self.listing.last_filter is not None or not self.rows:
            searched = await self.listing.searched()
        assert walk.now is not None
        self._note_window(walk.now, searched)

    def _note_window(self, now: datetime, searched: str | None) -> None:
        """Record the filter's window as instants, and a description of the search."""
        since, until = self._asked_window.ends(now)
        self.head = evolve(
            self.head,
            since=since,
            until=until or now,
            searched=searched,
        )

    def keep(self, run: Run) -> None:
        """Remember only the necessary parts of a listed run: there may be many large ones."""
        row = ActionRow(0, run.id)  # its position is not known yet
        if self.dry_run:
            row = with_details(row, run)
        self._listed.setdefault(row.id, row)

    def _is_enough(self) -> bool:
        """Return whether as many runs are listed as the limit allows."""
        return self.limit is not None and len(self._listed) >= self.limit

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _load_plan(self, plan: ActionReport) -> None:
        """Load the rows of a dry run; reject one of another action."""
        if plan.action != self.name:
            reason = f"is a plan of {plan.action}, not of {self.name}"
            raise invalid("ids", reason)
        self._load_rows(plan)

    def _load_rows(self, report: ActionReport) -> None:
        self.rows = list(report.rows)
        self.head = evolve(report, rows=())

    async def mark_started(self, row: ActionRow) -> ActionRow:
        """Mark a row as being requested; raise Stopped if no act may start."""
        # The job may have been stopped in the meantime.
        await self.session.driver.sleep(0.0)
        begun = evolve(row, outcome=ActionOutcome.UNKNOWN, reason=self.abandoned)
        with self._lock:
            self.check_goes_on()
            self._note(begun)
            self.check_goes_on()
            self.rows[row.position] = begun
        return begun

    def record_result(
        self, target: ActionRow, result: BulkResult | None
    ) -> errors.InngestError | None:
        row = self._abandoned(target) if result is None else result.row
        self.rows[row.position] = row
        if result is not None:  # the file has an abandoned row as unknown
            self._note(row)
        if self._on_result is not None:
            self._callback_result = self._on_result(row)
        return None if result is None else result.cause

    def _abandoned(self, target: ActionRow) -> ActionRow:
        """Return the row of an abandoned act."""
        row = self.rows[target.position]
        was_begun = row is not target or row.outcome is ActionOutcome.UNKNOWN
        if was_begun:
            return row
        return with_outcome(row, ActionOutcome.NOT_TRIED).row

    async def _throttled(self, target: ActionRow) -> BulkResult:
        # The rate limits acts, and a dry run has none.
        if self.dry_run:
            return await self.act(target)
        return await super()._throttled(target)

    def interrupted(self, error: BaseException) -> None:
        """Attach the progress so far to an external exception, as `report` and in a note."""
        report = self._report()
        error.report = report  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
        error.add_note(f"so far {report}")

    def finish(self) -> ActionReport:
        report = self._report()
        if self.stopped_by is None:
            return report
        cause = str(self.stopped_by).removesuffix(".")
        message = f"stopped by {cause}. So far {report}."
        if self._file is not None:
            message += " The same call with this report_path continues."
        raise PartialActionError(message, report=report) from self.stopped_by

    def _report(self) -> ActionReport:
        return evolve(self.head, rows=self.rows)

    def _note(self, row: ActionRow) -> None:
        """Write a row to the report file; stop the job if that fails."""
        if self._file is None or self.dry_run:
            return
        try:
            self._file.add(row)
        except errors.InvalidArgumentError as error:
            self.stopped_by = self.stopped_by or error


def _digest(items: Sequence[object]) -> dict[str, Any]:
    """Return a fingerprint of a sequence, in the types of JSON."""
    text = encode(items)
    return {
        "count": len(items),
        "digest": blake2b(text, digest_size=16).hexdigest(),
    }
