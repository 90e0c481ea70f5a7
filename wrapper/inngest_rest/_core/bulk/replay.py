"""Replay many runs, none of them twice.

Replays have no idempotency key: two requests start two runs. So after a lost response, the new run
is looked up among the runs of the same event before the replay is retried: v1 reports the original
of each (schema V1Run).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from attrs import evolve

from inngest_rest._core.bulk.reported import BulkResult, failure, settled
from inngest_rest._core.bulk.runs import RunsJob
from inngest_rest._core.calls.retry import had_no_effect
from inngest_rest._core.plans import sleep
from inngest_rest._core.resources import functions, runs
from inngest_rest.action_reports import ActionOutcome, ActionRow
from inngest_rest.errors import (
    ConfigurationError,
    InngestError,
    InvalidArgumentError,
    NotFoundError,
    RouteNotFoundError,
    TransportError,
)
from inngest_rest.models import UNFINISHED, RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Unpack

    from inngest_rest._core.bulk.runs import RunArguments
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Run

# A new run appears under its event within 0.2 s; allow for a slow server.
_LISTED_WITHIN = 1.0

# Attempts per run, if each response is lost and no new run is found.
_TRIES = 3

_BATCH = (
    "it handled a batch of events, and a replay would carry only the first of them: "
    "send the events again"
)
_DEBOUNCED = (
    "its function is debounced, and the server does not replay runs of such a function: "
    "send the event again"
)
_NOT_ENDED = "it has not ended: a replay would run it a second time beside the first"


class _Before(NamedTuple):
    """The state of a run's event before the replay is requested.

    Attributes:
        event_id: The event.
        originals: The runs that a replay of this one may name as its original: recorded servers
            name the very first run, which may differ from this one.
        replays: The ids of the runs that already name one of these.
    """

    event_id: str
    originals: frozenset[str]
    replays: frozenset[str]


class ReplayJob(RunsJob):
    """Replays runs that have ended."""

    name = "runs.replay"
    default_status = RunStatus.FAILED

    def __init__(
        self, session: Session, ids: Iterable[str] | None, **arguments: Unpack[RunArguments]
    ) -> None:
        super().__init__(session, ids, **arguments)
        self._listed: dict[str, Run] = {}
        self._debounced: dict[tuple[str, str], bool] = {}

    def check_status(self, statuses: Iterable[RunStatus]) -> None:
        """Reject the statuses of runs that have not ended."""
        running = [each for each in statuses if each in UNFINISHED]
        if running:
            raise InvalidArgumentError(
                f"status {running[0].value!r}: {_NOT_ENDED}", argument="status"
            )

    def keep(self, run: Run) -> None:
        """Keep a listed run to save fetching it."""
        self._listed[run.id] = run

    def act(self, target: ActionRow) -> Plan[BulkResult]:
        """Replay a run, unless that would not have the intended effect."""
        row = target
        assert row.id is not None
        is_new = row.outcome != ActionOutcome.UNKNOWN
        try:
            run = self._listed.pop(row.id, None)
            if run is None or not run.is_ended:
                # Lists show a run as running once it has a score (operation listRunsV2).
                run = yield from runs.fetch(self.session, row.id)
            refusal = (yield from self._why_refused(run)) if is_new else None
            if refusal:
                return BulkResult(settled(row, ActionOutcome.REFUSED, refusal))
            if self.dry_run:
                return BulkResult(settled(row, ActionOutcome.PLANNED) if is_new else row)
            before = yield from _before(self.session, run)
        except InngestError as error:
            # Not requested now; if an earlier call did so, the outcome remains unknown.
            outcome = ActionOutcome.FAILED if is_new else ActionOutcome.UNKNOWN
            if isinstance(error, NotFoundError):
                outcome = ActionOutcome.NOT_FOUND
            return BulkResult(settled(row, outcome, str(error)), error)
        if not is_new:
            # If the earlier request cannot be looked up, another may replay the run twice.
            if before is None or row.replays_before is None:
                return BulkResult(row)
            new = before.replays.difference(row.replays_before)
            if new:
                return BulkResult(_done(row, min(new)))
        if before is not None:
            row = evolve(row, replays_before=tuple(sorted(before.replays)))
        yield from self.begin(row)
        return (yield from _request(self.session, row, before))

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
            self._debounced[key] = yield from _is_debounced(self.session, *key)
        return _DEBOUNCED if self._debounced[key] else None


def _request(session: Session, row: ActionRow, before: _Before | None) -> Plan[BulkResult]:
    """Request the replay; after a lost response, retry only if no new run appeared."""
    assert row.id is not None
    lost: InngestError | None = None
    for _ in range(_TRIES):
        try:
            return BulkResult(_done(row, (yield from runs.replay(session, row.id))))
        except InngestError as error:
            if had_no_effect(error) and lost is None:
                return failure(evolve(row, replays_before=None), error)
            lost = error
        if before is None:
            break
        yield from sleep(_LISTED_WITHIN)
        try:
            known = yield from runs.of_event_by_v1(session, before.event_id)
        except InngestError:
            break
        if new := _replays(before.originals, known) - before.replays:
            return BulkResult(_done(row, min(new)))
        if not isinstance(lost, TransportError):
            # The server responded without starting a run: a retry would fail again.
            untried = evolve(row, replays_before=None)
            return BulkResult(settled(untried, ActionOutcome.FAILED, str(lost)), lost)
    assert lost is not None
    return BulkResult(settled(row, ActionOutcome.UNKNOWN, str(lost)), lost)


def _is_debounced(session: Session, app_id: str, function_id: str) -> Plan[bool]:
    """Return whether the function is known to be debounced."""
    try:
        function = yield from functions.get(session, app_id, function_id)
    except (ConfigurationError, NotFoundError, RouteNotFoundError):
        # Removed, or not readable: then the server's response to the replay decides.
        return False
    return bool((function.configuration or {}).get("debounce"))


def _before(session: Session, run: Run) -> Plan[_Before | None]:
    """Return the existing replays of a run; None if this server does not list them."""
    if not run.event_ids:
        return None
    event_id = run.event_ids[0]
    try:
        known = yield from runs.of_event_by_v1(session, event_id)
    except (ConfigurationError, NotFoundError, RouteNotFoundError):
        return None
    first = next((it.original_run_id for it in known if it.id == run.id), None)
    originals = frozenset({run.id, first or run.id})
    return _Before(event_id, originals, _replays(originals, known))


def _replays(originals: frozenset[str], runs: Iterable[Run]) -> frozenset[str]:
    return frozenset(run.id for run in runs if run.original_run_id in originals)


def _done(row: ActionRow, new_run_id: str) -> ActionRow:
    return ActionRow(row.position, row.id, ActionOutcome.DONE, new_run_id=new_run_id)
