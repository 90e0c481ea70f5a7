"""Bulk jobs on runs selected by ids, a filter or a report; and bulk cancellation."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attrs import evolve

from inngest_rest._core.arguments import check_run_id, invalid
from inngest_rest._core.bulk import reported
from inngest_rest._core.resources import runs
from inngest_rest._core.resources.filters import Selection
from inngest_rest.action_reports import ActionOutcome, ActionRow
from inngest_rest.errors import InngestError
from inngest_rest.models import UNFINISHED, Run, RunStatus
from inngest_rest.typing import BulkSelection, RunSelection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

_LONGEST_ERROR = 200

_OPEN = (*UNFINISHED, RunStatus("paused"))


class RunsJob(reported.ReportedJob):
    """A bulk job on runs, selected by their ids, a filter, or a report to resume from."""

    name: ClassVar[str]
    default_statuses: ClassVar[tuple[RunStatus, ...]]  # if only other filters are given
    why_not_others: ClassVar[str]  # what is wrong with statuses that it cannot act on

    selects = "run"

    def __init__(
        self,
        session: Session,
        ids: Iterable[str] | None,
        limit: int | None,
        asked: BulkSelection,
    ) -> None:
        selection = Selection.of(session, asked, "ids", "limit", form=BulkSelection)
        names = RunSelection.__annotations__
        options = {name: it for name, it in asked.items() if name not in names}
        super().__init__(session, self.name, options, limit)
        given = [name for name, it in asked.items() if name in names and it is not None]
        acts_on_ended = self.default_statuses is not UNFINISHED
        for each in selection.statuses:
            if (each in _OPEN) is acts_on_ended:
                raise invalid("status", f"{each.value!r}{self.why_not_others}")
        self.check_selects(ids, given, names)
        if self.resumed is not None:
            self.resume()
            all_ids = sorted(row.id or "" for row in self.rows)
            self.selection = self.selection or {"ids": reported.digest(all_ids)}
        elif ids is not None:
            self.selection = self.take(ids, check_run_id)
        else:
            self.selection = selection.to_json()
            if limit is not None:
                self.selection = {**self.selection, "limit": limit}
            self.asked_window = selection.window
            shown_errors = self.dry_run and self.keeps_listed
            selection = selection.narrowed(self.default_statuses)
            self.listing = runs.list_runs(
                session, selection, include_output=shown_errors, limit=limit
            )

    def check_rows(self, rows: Sequence[ActionRow], argument: str) -> None:
        for row in (row for row in rows if row.is_open):
            check_run_id(f"{argument}: the id of row {row.position}", row.id, argument=argument)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]

    def row_of(self, position: int, item: Run) -> ActionRow:
        row = ActionRow(position, item.id)
        return about(row, item) if self.dry_run else row


class CancelJob(RunsJob):
    name = "runs.cancel"
    default_statuses = UNFINISHED
    why_not_others = " selects runs that have ended"

    def act(self, target: ActionRow) -> Plan[reported.BulkResult]:
        assert target.id is not None
        row, was_running = target, True
        if not self.dry_run:
            yield from self.begin(target)
        try:
            if not self.dry_run:
                was_running = yield from runs.cancel_if_running(self.session, target.id)
            elif self.listing is None:
                run = yield from runs.fetch(self.session, target.id)
                row, was_running = about(target, run), not run.is_ended
        except InngestError as error:
            return reported.not_done(row, error) if self.dry_run else reported.failure(row, error)
        done = ActionOutcome.PLANNED if self.dry_run else ActionOutcome.DONE
        outcome = done if was_running else ActionOutcome.ALREADY_ENDED
        return reported.settled(row, outcome)


def about(row: ActionRow, run: Run) -> ActionRow:
    """Return a row with what a person judges its run by."""
    names = filter(None, (run.app_id, run.function_id or run.internal_function_id))
    error = (run.error.message or run.error.name) if run.error else None
    return evolve(
        row,
        function="/".join(names) or None,
        status=str(run.status),
        queued_at=run.queued_at,
        ended_at=run.ended_at,
        error=error and error.partition("\n")[0][:_LONGEST_ERROR],
    )
