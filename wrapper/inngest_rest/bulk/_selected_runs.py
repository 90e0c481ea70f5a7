"""Bulk jobs on runs: select them by ids, a filter or a report, and describe them for review."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import evolve

from inngest_rest._core.interface import check_names, list_runs
from inngest_rest._local.functions import function_of
from inngest_rest.bulk._reported import Options, ReportedJob
from inngest_rest.models import UNFINISHED, Run, RunStatus
from inngest_rest.typing import RunSelection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest._core.interface import Selection, Session
    from inngest_rest.bulk import ActionReport, ActionRow

MAX_ERROR_LENGTH = 200
"""The number of characters of a run's error in a row."""


class RunsJob(ReportedJob):
    """A bulk job on runs, selected by their ids, a filter, or a report to resume from."""

    name: ClassVar[str]
    default_statuses: ClassVar[tuple[RunStatus, ...]]  # if only other filters are given
    shows_errors: ClassVar[bool] = False  # in a dry run

    filters = tuple(RunSelection.__annotations__)

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
        super().__init__(session, self.name, options, limit=limit)
        # Each run is checked before it is replayed, and an ended one is not cancelled.
        if self.default_statuses is UNFINISHED:
            selection.check_open()
        else:
            selection.check_ended()
        if self.pick_source(ids, selection.to_json(), others):
            self.asked_window = selection.ended or selection.window
            self.listing = list_runs(
                session,
                selection.narrowed(self.default_statuses),
                include_output=self.dry_run and self.shows_errors,
                limit=limit,
            )
            self.listing.if_empty = partial(check_names, session, selection.names)

    def row_of(self, item: Run) -> ActionRow:
        row = super().row_of(item)
        return with_details(row, item) if self.dry_run else row


def with_details(row: ActionRow, run: Run) -> ActionRow:
    """Return a row with the details that let a person judge its run."""
    error: str | None = None
    if run.error is not None:
        error = run.error.message or run.error.name
    if error:
        first_line, _, _ = error.partition("\n")
        error = first_line[:MAX_ERROR_LENGTH]
    return evolve(
        row,
        function=function_of(run) or None,
        status=str(run.status),
        queued_at=run.queued_at,
        ended_at=run.ended_at,
        error=error,
    )
