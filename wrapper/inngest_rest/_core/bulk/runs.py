"""Bulk jobs on runs selected by ids, a filter or a report; and bulk cancellation."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import evolve

from inngest_rest._core.arguments import check_count_or_none, check_each, check_run_id, invalid
from inngest_rest._core.bulk import reported
from inngest_rest._core.resources import runs
from inngest_rest._core.resources.filters import NAMES, Selection, instant
from inngest_rest.action_reports import ActionOutcome, ActionRow
from inngest_rest.errors import Advice, InngestError, InvalidArgumentError, RouteNotFoundError
from inngest_rest.models import UNFINISHED, Run, RunStatus
from inngest_rest.typing import BulkSelection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inngest_rest._core.calls.listing import Listing
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

_LONGEST_ERROR = 200

_OPEN = (*UNFINISHED, RunStatus("paused"))


class RunsJob(reported.ReportedJob):
    """A bulk job on runs, selected by their ids, a filter, or a report to resume from."""

    name: ClassVar[str]
    default_statuses: ClassVar[tuple[RunStatus, ...]]  # if only other filters are given
    why_not_others: ClassVar[str]  # what is wrong with statuses that it cannot act on
    keeps_runs: ClassVar[bool] = False  # those of a filter, in a dry run with their errors

    def __init__(
        self,
        session: Session,
        ids: Iterable[str] | None,
        limit: int | None,
        asked: BulkSelection,
    ) -> None:
        selection = Selection.of(session, asked, "ids", "limit", form=BulkSelection)
        options = {name: it for name, it in asked.items() if name not in NAMES}
        super().__init__(session, self.name, options)
        given = [name for name, it in asked.items() if name in NAMES and it is not None]
        acts_on_ended = self.default_statuses is not UNFINISHED
        for each in selection.statuses:
            if (each in _OPEN) is acts_on_ended:
                raise invalid("status", f"{each.value!r}{self.why_not_others}")
        self._limit = check_count_or_none("limit", limit)
        self._listing: Listing[Run] | None = None
        self.listed: dict[str, Run] = {}
        passed = {"ids": ids, "resume": self.resumed, "/".join(given): given or None}
        ways = [name for name, value in passed.items() if value is not None]
        if len(ways) > 1:
            raise InvalidArgumentError(
                f"{' and '.join(ways)} exclude each other: pass one of them", argument=ways[0]
            )
        if self.resumed is not None:
            self.resume()
            self.selection = self.selection or _selected(self.rows)
        elif ids is not None:
            unique = list(dict.fromkeys(check_each("ids", ids, "run ids", check_run_id)))
            self.rows = [ActionRow(at, run_id) for at, run_id in enumerate(unique[: self._limit])]
            self.selection = _selected(self.rows)
        elif given:
            shown_errors = self.dry_run and self.keeps_runs
            self.selection = selection.to_json()
            if self._limit is not None:
                self.selection = {**self.selection, "limit": self._limit}
            window = selection.window
            selection = selection.narrowed(self.default_statuses)
            self._listing = runs.list_runs(
                session, selection, include_output=shown_errors, limit=self._limit
            )
            self._window = window.since, window.until or timedelta()
            # The end of the window is an instant of the server's clock.
            self._listing.is_relative |= window.until is None
        else:
            raise InvalidArgumentError(
                f"nothing selects runs: pass ids, or a filter ({', '.join(NAMES)}); there is no "
                "way to act on every run of a server by accident"
            )

    def check_rows(self, rows: Sequence[ActionRow], argument: str) -> None:
        for row in (row for row in rows if row.is_open):
            check_run_id(f"{argument}: the id of row {row.position}", row.id, argument=argument)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]

    def collect(self) -> Plan[Iterable[ActionRow]]:
        """Return the rows to act on, all of which are known, so that the set cannot grow."""
        return list((yield from super().collect()))[: self._limit]

    def select(self) -> Plan[None]:
        """Add a row for each run that the filter selects."""
        if self._listing is None:
            return
        seen: set[str] = set()
        walk = self._listing.walk()
        while not walk.is_done:
            try:
                page = yield from walk.next_page()
            except RouteNotFoundError as error:
                then = Advice("Ids of runs can be passed without a filter.")
                error.advice = error.advice.then(then)
                raise
            for run in page.items:
                if run.id not in seen:
                    seen.add(run.id)
                    row = ActionRow(len(self.rows), run.id)
                    self.rows.append(about(row, run) if self.dry_run else row)
                    if self.keeps_runs:
                        self.listed[run.id] = run
        if self._listing.last_sieve is not None or not self.rows:
            self.searched = yield from self._listing.searched()
        assert walk.now is not None
        since, until = self._window
        begin = None if since is None else instant(since, walk.now)
        self.window = begin, instant(until, walk.now)


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
            elif self._listing is None:
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


def _selected(rows: Iterable[ActionRow]) -> dict[str, Any]:
    return {"ids": reported.digest(sorted(row.id or "" for row in rows))}
