"""Bulk jobs on runs selected by ids, a filter or a report: cancel them, or replay them.

Of a chain of replays, one run is replayed once, and none while an earlier replay of it may still
take effect. Replays have no idempotency key: two requests start two runs. So each call sends one
request for a chain. If its response is lost, the outcome is unknown until the new run is seen among
the runs of the event, or until so much time has passed that it takes effect no more.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import evolve

from inngest_rest._core.arguments import invalid
from inngest_rest._core.calls.retry import RULED_OUT
from inngest_rest._core.plans import Plan, sleep
from inngest_rest._core.resources import apps, replays, runs
from inngest_rest._core.resources.filters import ENDED
from inngest_rest._operations.bulk import reported
from inngest_rest._operations.bulk.reported import BulkResult, failure, settled
from inngest_rest.action_reports import ActionOutcome, ActionRow
from inngest_rest.errors import InngestError, InvalidArgumentError, NotFoundError
from inngest_rest.models import UNFINISHED, Run, RunStatus
from inngest_rest.typing import RunSelection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.resources.filters import Selection
    from inngest_rest.models import Span

_BATCH = (
    "it handled a batch of events, and a replay would carry only the first of them: "
    "send the events again, which the input of its trace has"
)
_DEBOUNCED = (
    "its function is debounced, and the server does not replay runs of such a function: "
    "send the event again"
)
_MOST_SHOWN = 200  # of an error
_UNREPAIRED = RunStatus.FAILED, RunStatus.CANCELLED  # a replay that ended so may be done again
_LOST = "The server shows it as {}, but has lost what it needs to cancel it, and cannot."
_NOT_ENDED = "it has not ended: a replay would run it a second time beside the first"
_UNLISTED = (
    "the server does not list it among the runs of its event, so that replays of it cannot be "
    "seen: pass replay_again=True to replay it nevertheless"
)
_MAY_COME = (
    "a replay of it was requested, and may still take effect: resume looks for the new run, and "
    "requests another from 5 minutes after that on"
)


class RunsJob(reported.ReportedJob):
    """A bulk job on runs, selected by their ids, a filter, or a report to resume from."""

    name: ClassVar[str]
    default_statuses: ClassVar[tuple[RunStatus, ...]]  # if only other filters are given
    shows_errors: ClassVar[bool] = False  # in a dry run

    filters = tuple(RunSelection.__annotations__)

    def __init__(
        self,
        session: Session,
        ids: Iterable[str] | None,
        selection: Selection,
        options: reported.Options,
        *,
        limit: int | None,
        **others: Any,
    ) -> None:
        super().__init__(session, self.name, options, limit=limit)
        acts_on_ended = self.default_statuses is not UNFINISHED
        for each in selection.statuses:
            # Of a status of a newer server it is not known; each run is looked at before it is
            # replayed, and one that has ended is not cancelled.
            if each in ((*UNFINISHED, "paused") if acts_on_ended else (*ENDED, "skipped")):
                have = "have not" if acts_on_ended else "have"
                raise invalid("status", f"{each.value!r} selects runs that {have} ended")
        if self.choose(ids, selection.to_json(), others):
            self.asked_window = selection.ended or selection.window
            shown_errors = self.dry_run and self.shows_errors
            selection = selection.narrowed(self.default_statuses)
            self.listing = runs.list_runs(
                session, selection, include_output=shown_errors, limit=limit
            )

    def row_of(self, item: Run) -> ActionRow:
        row = super().row_of(item)
        return about(row, item) if self.dry_run else row


class CancelJob(RunsJob):
    name = "runs.cancel"
    default_statuses = UNFINISHED

    def act(self, target: ActionRow) -> Plan[BulkResult]:
        assert target.id is not None
        row, was_running = target, True
        if not self.dry_run:
            yield from self.begin(target)
        try:
            if not self.dry_run:
                was_running = yield from runs.cancel(self.session, target.id)
            elif self.listing is None:
                run = yield from runs.fetch(self.session, target.id)
                row, was_running = about(target, run), not run.is_ended
        except NotFoundError as error:
            status = None if self.dry_run else (yield from self._status_of(target.id))
            reason = str(error) if status is None else f"{error} {_LOST.format(status)}"
            return settled(row, ActionOutcome.NOT_FOUND, reason, error)
        except InngestError as error:
            return failure(row, error, is_sent=not self.dry_run)
        done = ActionOutcome.PLANNED if self.dry_run else ActionOutcome.DONE
        outcome = done if was_running else ActionOutcome.ALREADY_ENDED
        return settled(row, outcome)

    def _status_of(self, id: str) -> Plan[RunStatus | None]:
        """Return the status of a run that has not ended and that the server nevertheless shows."""
        with suppress(InngestError):
            run = yield from runs.fetch(self.session, id)
            return None if run.is_ended else run.status
        return None


class ReplayJob(RunsJob):
    name = "runs.replay"
    default_statuses = (RunStatus.FAILED,)
    bound = ("from_step", "input")
    shows_errors = True

    def __init__(
        self,
        session: Session,
        ids: Iterable[str] | None,
        selection: Selection,
        options: reported.Options,
        *,
        limit: int | None,
        replay_again: bool,
        start: replays.Start,
    ) -> None:
        others = {"replay_again": replay_again or None, **start._asdict()}
        super().__init__(session, ids, selection, options, limit=limit, **others)
        self._replay_again, self._start = replay_again, start
        self._requests = replays.requests_of(session)
        # The rows to do, by the ids of their runs; and the rows for whose chain another row stands.
        self._rows_by_id: dict[str, ActionRow] = {}
        self._listed_runs: dict[str, Run] = {}  # without what may be large, until they are done
        self._followers: dict[int, int] = {}
        self._debounced: dict[tuple[str, str], bool] = {}

    def keep(self, item: Run) -> None:
        super().keep(item)
        error = item.error
        if error is not None:
            error = evolve(error, message=error.message and error.message[:_MOST_SHOWN], stack=None)
        self._listed_runs[item.id] = evolve(item, output=None, error=error)

    def collect(self) -> Plan[Iterable[ActionRow]]:
        rows = list((yield from super().collect()))
        self._rows_by_id = {str(row.id).upper(): row for row in reversed(rows)}
        return rows

    def act(self, target: ActionRow) -> Plan[BulkResult]:
        row, is_new = target, target.outcome != ActionOutcome.UNKNOWN
        assert row.id is not None
        if self.dry_run and not is_new:
            return BulkResult(row)
        try:
            run = self._listed_runs.pop(row.id, None)
            if run is None or not run.is_ended:
                # Lists show a run as running once it has a score (operation listRunsV2).
                run = yield from runs.fetch(self.session, row.id)
            if self.dry_run:
                row = about(row, run)
            refusal = (yield from self._why_refused(run)) if is_new else None
            if refusal:
                return settled(row, ActionOutcome.REFUSED, refusal)
            known = self._requests.number
            others = yield from replays.others_of_chain(self.session, run)
            if (kept := self._not_now(row, run, others)) is not None:
                return kept
            step = yield from self._start.step(self.session, run, others)
        except InngestError as error:
            if is_new and isinstance(error, InvalidArgumentError):
                return settled(row, ActionOutcome.REFUSED, error)
            # Not requested now; if an earlier call did so, the outcome remains unknown.
            if is_new or isinstance(error, NotFoundError):
                return failure(row, error, is_sent=False)
            return settled(row, ActionOutcome.UNKNOWN, error, error)
        row = evolve(row, from_step=None if step is None else step.name)
        if self.dry_run:
            return settled(row, ActionOutcome.PLANNED)
        row = yield from self.begin(evolve(row, replays_before=_ids(others)))
        return (yield from self._request(row, run, known, step))

    def _not_now(
        self, row: ActionRow, run: Run, others: tuple[Run, ...] | None
    ) -> BulkResult | None:
        """Return the row as it stays if the run must not be replayed now."""
        if row.outcome == ActionOutcome.UNKNOWN:
            earlier = self._result_of_earlier_request(row, others)
            if earlier is not None:
                return earlier
        if others is None and not self._replay_again:
            return settled(row, ActionOutcome.REFUSED, _UNLISTED)
        ids = list(dict.fromkeys(each.id for each in (run, *(others or ()))))
        requested = self._requests.latest(ids, self.session.clock.monotonic())
        if not self._replay_again:
            effective = [each.id for each in others or () if each.status not in _UNREPAIRED]
            if requested is not None and requested.new_run_id and requested.new_run_id not in ids:
                effective.append(requested.new_run_id)  # too new to be listed
            if effective:
                return _replayed(row, ActionOutcome.ALREADY_REPLAYED, max(effective))
        first = self._first_row_of_chain(ids)
        if first.position != row.position:
            self._followers[row.position] = first.position
            reason = f"row {first.position}, run {first.id}, is of the same chain of replays"
            return settled(row, ActionOutcome.NOT_TRIED, reason)
        if requested is not None and requested.new_run_id is None:
            row = evolve(self.dated(row), replays_before=_ids(others))
            return settled(row, ActionOutcome.UNKNOWN, _MAY_COME)
        return None

    def _result_of_earlier_request(
        self, row: ActionRow, others: tuple[Run, ...] | None
    ) -> BulkResult | None:
        """Return what became of a request whose response was lost, or None if it can be repeated.

        If the earlier request cannot be looked up, another may replay the run twice.
        """
        if others is None or row.replays_before is None:
            return BulkResult(row)
        if result := _new_run_of_chain(row, others):
            return result
        if row.requested_at is not None:
            clock = self.session.server_clocks["api"]
            elapsed, _ = clock.elapsed(row.requested_at, row.requested_at_here)
            if elapsed >= replays.SETTLED_AFTER:
                return None
        return settled(row, ActionOutcome.UNKNOWN, _MAY_COME)

    def _first_row_of_chain(self, ids: Iterable[str]) -> ActionRow:
        """Return the row that stands for a chain of runs: one already requested, else the first."""
        by_id = self._rows_by_id
        rows = [by_id[id.upper()] for id in ids if id.upper() in by_id]
        return min(rows, key=lambda row: (row.outcome != ActionOutcome.UNKNOWN, row.position))

    def tally(self, target: ActionRow, result: BulkResult | None) -> InngestError | None:
        """Update the row with the result, or with that of the row that stands for its chain."""
        first = self._followers.pop(target.position, None)
        if first is not None and result is not None:
            new_run_id, outcome = self.rows[first].new_run_id, self.rows[first].outcome
            if new_run_id is not None or outcome == ActionOutcome.PLANNED:
                row = evolve(result.row, new_run_id=new_run_id, replays_before=None)
                result = settled(row, ActionOutcome.ALREADY_REPLAYED, result.row.reason)
        return super().tally(target, result)

    def _request(self, row: ActionRow, run: Run, known: int, step: Span | None) -> Plan[BulkResult]:
        """Request the replay, once; after a lost response, look whether it took effect at once."""
        assert row.id is not None
        others = row.replays_before or ()
        try:
            new_run_id = yield from replays.replay(
                self.session, row.id, others, known, step=step, input=self._start.input
            )
            return _replayed(row, ActionOutcome.DONE, new_run_id)
        except InngestError as error:
            if replays.was_refused(error):
                row = evolve(row, replays_before=None, requested_at=None, requested_at_here=None)
                return failure(row, error, is_sent=False)
            lost = error
        if row.replays_before is not None:
            # A new run appears under its event within 0.2 s; allow for a slow server.
            yield from sleep(1.0)
            with suppress(InngestError):
                others_now = yield from replays.others_of_chain(self.session, run)
                if result := _new_run_of_chain(row, others_now or ()):
                    return result
        return settled(self.dated(row), ActionOutcome.UNKNOWN, f"{lost} ({_MAY_COME})", lost)

    def _why_refused(self, run: Run) -> Plan[str | None]:
        """Return why a replay would not have the intended effect, or None."""
        if run.batch_id is not None:
            return _BATCH
        if not run.is_ended:
            return _NOT_ENDED
        if run.app_id is None or run.function_id is None:
            return None
        key = run.app_id, run.function_id
        if key not in self._debounced:
            debounce = None
            # Removed, or not readable: then the server's response to the replay decides.
            with suppress(NotFoundError, *RULED_OUT):
                function = yield from apps.get_function(self.session, *key)
                debounce = (function.configuration or {}).get("debounce")
            self._debounced[key] = bool(debounce)
        return _DEBOUNCED if self._debounced[key] else None


def _new_run_of_chain(row: ActionRow, others: Iterable[Run]) -> BulkResult | None:
    """Return the row as done if its chain has a run that it had not before the request."""
    new = {each.id for each in others}.difference(row.replays_before or ())
    return _replayed(row, ActionOutcome.DONE, min(new)) if new else None


def _ids(others: Iterable[Run] | None) -> tuple[str, ...] | None:
    return None if others is None else tuple(sorted(each.id for each in others))


def _replayed(row: ActionRow, outcome: ActionOutcome, new_run_id: str | None) -> BulkResult:
    return settled(evolve(row, new_run_id=new_run_id, replays_before=None), outcome)


def about(row: ActionRow, run: Run) -> ActionRow:
    """Return a row with what a person judges its run by."""
    error = (run.error.message or run.error.name) if run.error else None
    return evolve(
        row,
        function=runs.function_of(run) or None,
        status=str(run.status),
        queued_at=run.queued_at,
        ended_at=run.ended_at,
        error=error and error.partition("\n")[0][:_MOST_SHOWN],
    )
