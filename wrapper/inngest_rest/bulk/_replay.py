"""Replay runs, selected by ids, a plan or a filter, none of them twice.

Of a chain of replays, one run is replayed once. Replays have no idempotency key: two requests start
two runs. So one request is sent for a chain. If its response is lost, the outcome is unknown until
the new run is seen among the runs of the event, and the row is not tried again.
"""

from __future__ import annotations

from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from inngest_rest._core.resources.apps import list_functions
from inngest_rest._core.resources.runs import fetch as get_run
from inngest_rest._local.faults import RULED_OUT
from inngest_rest._local.functions import limit
from inngest_rest.bulk import ActionOutcome, ActionRow
from inngest_rest.bulk._job import ActionJob, Options
from inngest_rest.bulk._outcomes import (
    MAX_ERROR_LENGTH,
    BulkResult,
    failure,
    with_details,
    with_outcome,
)
from inngest_rest.errors import InngestError, InvalidArgumentError, NotFoundError
from inngest_rest.models import Run, RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.resources.filters import Selection
    from inngest_rest._core.resources.replays import Replays
    from inngest_rest.bulk import ActionReport
    from inngest_rest.models import Function, Span

_BATCH = (
    "it handled a batch of events, and a replay would carry only the first of them: "
    "send the events again, which the input of its trace has"
)
_DEBOUNCED = (
    "its function is debounced, and the server does not replay runs of such a function: "
    "send the event again"
)
_NOT_ENDED = "it has not ended: a replay would run it a second time beside the first"
_UNLISTED = (
    "the server does not list it among the runs of its event, so that replays of it cannot be "
    "seen: pass replay_again=True to replay it nevertheless"
)
_MAY_TAKE_EFFECT = (
    "a replay of it was requested, and may still take effect: the same call with the same report "
    "looks for the new run; once it is sure that there is none, replay the run by another report"
)

_MAY_BE_REPEATED = RunStatus.FAILED, RunStatus.CANCELLED
"""A replay that ended so has repaired nothing."""

_APPEARS_AFTER_SECONDS = 1.0
"""A new run appears under its event within 0.2 s; this allows for a slow server."""


@frozen(kw_only=True)
class _Attempt:
    """A replay that can be requested.

    Attributes:
        row: The row of the run.
        run: The run itself.
        others: The other runs of its chain, or None if they cannot be listed.
        step: The step to start from, or None for the beginning.
    """

    row: ActionRow
    run: Run
    others: tuple[Run, ...] | None
    step: Span | None


class ReplayJob(ActionJob):
    name = "runs.replay"
    default_statuses = (RunStatus.FAILED,)
    bound = ("from_step", "input")
    shows_errors = True

    def __init__(
        self,
        session: Session,
        ids: Iterable[str] | ActionReport | None,
        selection: Selection,
        options: Options,
        *,
        limit: int | None,
        replay_again: bool,
        replays: Replays,
    ) -> None:
        super().__init__(
            session,
            ids,
            selection,
            options,
            limit=limit,
            replay_again=replay_again or None,
            from_step=replays.from_step,
            input=replays.input,
        )
        self._replay_again = replay_again
        self._replays = replays
        # The rows to act on, by the ids of their runs.
        self._rows_by_id: dict[str, ActionRow] = {}
        # The listed runs that are not replayed yet, without large fields.
        self._listed_runs: dict[str, Run] = {}
        # The rows that another row of the same chain replaces.
        self._followers: dict[int, int] = {}
        # The ids of debounced functions, by app.
        self._debounced: dict[str, set[str]] = {}

    def keep(self, run: Run) -> None:
        super().keep(run)
        error = run.error
        if error is not None:
            message = error.message and error.message[:MAX_ERROR_LENGTH]
            error = evolve(error, message=message, stack=None)
        without_output = evolve(run, output=None, error=error)
        self._listed_runs[run.id] = without_output

    async def collect(self) -> Iterable[ActionRow]:
        collected = await super().collect()
        rows = list(collected)
        for row in rows:
            self._rows_by_id.setdefault(row.id.upper(), row)
        return rows

    async def act(self, target: ActionRow) -> BulkResult:
        row = target
        if self.dry_run and _was_requested(row):
            return BulkResult(row)
        try:
            run = await self._run_of(row)
            if self.dry_run:
                row = with_details(row, run)
            prepared = await self._prepare(row, run)
        except InngestError as error:
            return _failed_before_request(row, error)
        if isinstance(prepared, BulkResult):
            return prepared
        if self.dry_run:
            return with_outcome(prepared.row, ActionOutcome.PLANNED)
        replays_before = _sorted_ids(prepared.others)
        row = evolve(prepared.row, replays_before=replays_before)
        started = await self.mark_started(row)
        attempt = evolve(prepared, row=started)
        return await self._request(attempt)

    async def _run_of(self, row: ActionRow) -> Run:
        """Return the run of a row: the listed one if it had ended.

        Lists show a run as running once it has a score (operation listRunsV2).
        """
        listed = self._listed_runs.pop(row.id, None)
        if listed is not None and listed.is_ended:
            return listed
        return await get_run(self.session, row.id)

    async def _prepare(self, row: ActionRow, run: Run) -> _Attempt | BulkResult:
        """Check a run and its chain; return the row's result if it must not be replayed."""
        if not _was_requested(row):
            refusal = await self._why_refused(run)
            if refusal is not None:
                return with_outcome(row, ActionOutcome.REFUSED, refusal)
        others = await self._replays.others_of_chain(run)
        if _was_requested(row):
            return _result_of_earlier_request(row, others)
        held_back = self._held_back(row, run, others)
        if held_back is not None:
            return held_back
        step = await self._replays.step(run, others)
        step_name = None if step is None else step.name
        return _Attempt(
            row=evolve(row, from_step=step_name),
            run=run,
            others=others,
            step=step,
        )

    async def _why_refused(self, run: Run) -> str | None:
        """Return why a replay would not have the intended effect, or None."""
        if run.batch_id is not None:
            return _BATCH
        if not run.is_ended:
            return _NOT_ENDED
        is_debounced = await self._is_debounced(run)
        return _DEBOUNCED if is_debounced else None

    async def _is_debounced(self, run: Run) -> bool:
        if run.app_id is None:
            return False
        if run.app_id not in self._debounced:
            functions: list[Function] = []
            # If they cannot be read, the server's response to the replay decides.
            with suppress(NotFoundError, *RULED_OUT):
                functions = await list_functions(self.session, run.app_id).read_all()
            debounced = {each.id for each in functions if limit(each, "debounce")}
            self._debounced[run.app_id] = debounced
        return run.function_id in self._debounced[run.app_id]

    def _held_back(
        self, row: ActionRow, run: Run, others: tuple[Run, ...] | None
    ) -> BulkResult | None:
        """Return the row's result if the other runs of its chain forbid a replay, else None."""
        if others is None and not self._replay_again:
            return with_outcome(row, ActionOutcome.REFUSED, _UNLISTED)
        listed = others or ()
        ids = [run.id]
        ids += [other.id for other in listed]
        chain = list(dict.fromkeys(ids))
        replay_id = _effective_replay(listed)
        if replay_id is not None and not self._replay_again:
            return _replayed(row, ActionOutcome.ALREADY_REPLAYED, replay_id)
        first = self._first_row_of_chain(chain)
        if first.position != row.position:
            self._followers[row.position] = first.position
            reason = (
                f"row {first.position}, run {first.id}, is of the same chain of replays"
            )
            return with_outcome(row, ActionOutcome.NOT_TRIED, reason)
        return None

    def _first_row_of_chain(self, run_ids: Iterable[str]) -> ActionRow:
        """Return the row to replay of a chain: one that was requested already, else the first."""
        rows: list[ActionRow] = []
        for run_id in run_ids:
            row = self._rows_by_id.get(run_id.upper())
            if row is not None:
                rows.append(row)
        requested = [row for row in rows if _was_requested(row)]
        return min(requested or rows, key=attrgetter("position"))

    def record_result(
        self, target: ActionRow, result: BulkResult | None
    ) -> InngestError | None:
        """Update a row with its result, or with that of the first row of its chain."""
        position = self._followers.pop(target.position, None)
        if position is not None and result is not None:
            first = self.rows[position]
            if first.new_run_id is not None or first.outcome == ActionOutcome.PLANNED:
                row = evolve(
                    result.row, new_run_id=first.new_run_id, replays_before=None
                )
                result = with_outcome(
                    row, ActionOutcome.ALREADY_REPLAYED, result.row.reason
                )
        return super().record_result(target, result)

    async def _request(self, attempt: _Attempt) -> BulkResult:
        """Request the replay once; if the response is lost, check whether it took effect."""
        row = attempt.row
        try:
            new_run_id = await self._replays.request(row.id, step=attempt.step)
        except InngestError as error:
            if self._replays.was_refused(error):
                row = evolve(row, replays_before=None)
                return failure(row, error, is_sent=False)
            lost = error
        else:
            return _replayed(row, ActionOutcome.DONE, new_run_id)
        if row.replays_before is not None:
            await self.session.driver.sleep(_APPEARS_AFTER_SECONDS)
            with suppress(InngestError):
                others = await self._replays.others_of_chain(attempt.run)
                result = _new_run_of_chain(row, others or ())
                if result is not None:
                    return result
        reason = f"{lost} ({_MAY_TAKE_EFFECT})"
        return with_outcome(row, ActionOutcome.UNKNOWN, reason, lost)


def _was_requested(row: ActionRow) -> bool:
    """Return whether an earlier request for a row may have arrived."""
    return row.outcome == ActionOutcome.UNKNOWN


def _result_of_earlier_request(
    row: ActionRow, others: tuple[Run, ...] | None
) -> BulkResult:
    """Return the outcome of a request whose response was lost: done once its run is listed."""
    if others is None or row.replays_before is None:
        return BulkResult(row)
    result = _new_run_of_chain(row, others)
    return result or with_outcome(row, ActionOutcome.UNKNOWN, _MAY_TAKE_EFFECT)


def _failed_before_request(row: ActionRow, error: InngestError) -> BulkResult:
    """Return the row of a run that could not be read, or must not be replayed."""
    if not _was_requested(row) and isinstance(error, InvalidArgumentError):
        return with_outcome(row, ActionOutcome.REFUSED, error)
    # Not requested now; if an earlier call did so, the outcome remains unknown.
    if not _was_requested(row) or isinstance(error, NotFoundError):
        return failure(row, error, is_sent=False)
    return with_outcome(row, ActionOutcome.UNKNOWN, error, error)


def _effective_replay(others: Iterable[Run]) -> str | None:
    """Return the newest replay in a chain that is open or completed, if there is one."""
    effective = [run.id for run in others if run.status not in _MAY_BE_REPEATED]
    return max(effective, default=None)


def _new_run_of_chain(row: ActionRow, others: Iterable[Run]) -> BulkResult | None:
    """Return the row as done if its chain has a new run since the request, else None."""
    ids = {run.id for run in others}
    new_ids = ids.difference(row.replays_before or ())
    if not new_ids:
        return None
    return _replayed(row, ActionOutcome.DONE, min(new_ids))


def _sorted_ids(runs: Iterable[Run] | None) -> tuple[str, ...] | None:
    if runs is None:
        return None
    ids = sorted(run.id for run in runs)
    return tuple(ids)


def _replayed(
    row: ActionRow, outcome: ActionOutcome, new_run_id: str | None
) -> BulkResult:
    replayed = evolve(row, new_run_id=new_run_id, replays_before=None)
    return with_outcome(replayed, outcome)
