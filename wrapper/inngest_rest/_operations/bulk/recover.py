"""Invoke a function for the events that should have started it, and did not.

A function that was paused, drained or broken gets no run for the events of that time, and sending
these again would start all other listening functions, too. Events that started no run on purpose
are not recovered: those that a limit may have held back, and those that repeat an id.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING

from attrs import evolve

from inngest_rest._arguments import invalid
from inngest_rest._core.arguments import check_id
from inngest_rest._core.calls.listing import read_all
from inngest_rest._core.resources import event_runs, events
from inngest_rest._core.resources.catalogue import (
    MatchedFunction,
    event_triggers,
    is_run_of,
    matching_triggers,
)
from inngest_rest._core.resources.flow_control import BATCH, limit, parse_duration
from inngest_rest._core.resources.windows import Window
from inngest_rest._operations.bulk.invoke import invoke_once
from inngest_rest._operations.bulk.reported import (
    BulkResult,
    Options,
    ReportedJob,
    failure,
    with_outcome,
)
from inngest_rest._operations.bulk.resend import ResendJob
from inngest_rest._operations.bulk.unstarted import Past, event_name_of, find_function
from inngest_rest._ulid import second_of_ulid
from inngest_rest.action_reports import ActionOutcome, ActionRow
from inngest_rest.errors import InngestError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.resources.events import EventSelection
    from inngest_rest.models import Function, Run, StoredEvent

_MAY_STILL_START = timedelta(seconds=30)
"""The delay of a run on a busy server."""

_CLOCKS_MAY_DIFFER = timedelta(minutes=10)
"""The largest error of the time in an id."""

_EPOCH = datetime.fromtimestamp(0, UTC)


class RecoverJob(ReportedJob):
    """Invokes a function for each event of its triggers that started no run of it."""

    filters = ("since", "until")
    selects = "event"
    check_id = staticmethod(ResendJob.check_id)

    def __init__(
        self,
        session: Session,
        app: str,
        function: str,
        ids: Iterable[str] | None,
        selection: EventSelection,
        options: Options,
        *,
        limit: int | None,
    ) -> None:
        self._app_id = check_id("app", app)
        self._function_id = check_id("function", function)
        action = f"functions.recover {app}/{function}"
        super().__init__(session, action, options, limit=limit)
        self.asked_window = Window.of(session, selection.since, selection.until)
        self._selection = selection
        self._has_filter = self.pick_source(ids, selection.to_json(), {})
        self._function: Function
        self._past: Past
        self._excluded: str | None = None  # why no event can be recovered
        self._oldest: StoredEvent | None = None

    async def collect(self) -> Iterable[ActionRow]:
        function = await find_function(self.session, self._app_id, self._function_id)
        if not event_triggers(function):
            reason = "has no event trigger, so there is nothing to recover"
            raise invalid("function", reason)
        self._function = function
        self._past = Past(self.session, function)
        self._excluded = _why_on_purpose(function)
        rows = await super().collect()
        if self.listing is None:
            await self._read_past_of_rows()
        if not self._past.lists_runs:
            searched = (
                "this server does not list runs, so that an earlier recovery does not show: "
                "continue one by its report"
            )
            if self.head.searched:
                searched = f"{self.head.searched}; {searched}"
            self.head = evolve(self.head, searched=searched)
        return rows

    async def _read_past_of_rows(self) -> None:
        """Read the runs since the oldest event of ids or a report: a plan may be used again."""
        left = [str(row.id) for row in self.rows if self.is_left(row)]
        if not left:
            return
        known = {str(row.id) for row in self.rows}
        # The runs in the report were started for its other rows.
        for row in self.rows:
            if row.new_run_id is not None:
                self._past.ignored.add(row.new_run_id)
        seconds = min(map(second_of_ulid, left))
        oldest = datetime.fromtimestamp(seconds, UTC)
        await self._past.read_runs(oldest - _CLOCKS_MAY_DIFFER, known)

    async def collect_rows(self) -> None:
        if self._has_filter:
            name = event_name_of(self._function)
            selection = evolve(self._selection, name=name)
            self.listing = events.list_events(self.session, selection)
        await super().collect_rows()

    def keep(self, item: StoredEvent) -> None:
        matched = self._matched(item)
        if not matched.triggers:
            return
        self._past.add(item)
        oldest = self._oldest
        if oldest is None or _received_at(item) < _received_at(oldest):
            self._oldest = item
        if matched.is_triggered_by(item) is not False:
            super().keep(item)

    def row_of(self, item: StoredEvent) -> ActionRow:
        return ActionRow(
            0,
            item.internal_id,
            event_name=item.name,
            queued_at=_received_at(item),
        )

    def is_enough(self) -> bool:
        """Most events have started a run, which is not known yet."""
        return False

    async def selected_rows(self) -> Iterable[ActionRow]:
        """Return the rows of the newest events without a run, the oldest first."""
        if not self.listed:
            return ()
        await self._past.read_runs(self.asked_window.since, self.listed)
        started = self._past.started
        left = [row for row in self.listed.values() if row.id not in started]
        if left:
            await self._past.read_day_before(self._oldest)
        # Servers list by ids, which have the time of the sending machine.
        left.sort(key=attrgetter("queued_at"), reverse=True)
        newest = left[: self.limit]
        newest.reverse()
        return newest

    def is_left(self, row: ActionRow) -> bool:
        """Return whether to try an event; one of unknown outcome is not tried again."""
        return row.is_open and row.outcome != ActionOutcome.UNKNOWN

    async def act(self, target: ActionRow) -> BulkResult:
        assert target.id is not None
        try:
            event = await events.get(self.session, target.id, None)
            row = evolve(target, event_name=event.name, queued_at=event.received_at)
            done = await self._without_invocation(row, event)
        except InngestError as error:
            return failure(target, error, is_sent=False)
        if done is not None:
            return done
        if self.dry_run:
            return with_outcome(row, ActionOutcome.PLANNED)
        row = await self.mark_started(row)
        invocation = invoke_once(
            self.session,
            self._app_id,
            self._function_id,
            row,
            event.data,
        )
        return await invocation

    async def _without_invocation(
        self, row: ActionRow, event: StoredEvent
    ) -> BulkResult | None:
        """Return the result of an event that must not be invoked; None for the others."""
        run = await self._run_of(event)
        if run is not None:
            reason = f"the event has started run {run.id}"
            return _already_run(row, run.id, reason)
        refusal = self._refusal(event)
        if refusal is not None:
            return with_outcome(row, ActionOutcome.REFUSED, refusal)
        return await self._compared(row, event)

    async def _compared(self, row: ActionRow, event: StoredEvent) -> BulkResult | None:
        """Return the result of an event that was recovered before, or repeats an id."""
        run_id = self._past.take_invocation(event)
        if run_id is not None:
            reason = f"run {run_id} was invoked since, with the same data"
            return _already_run(row, run_id, reason)
        earlier: str | None = None
        # The events of a plan were compared with earlier ones when it was made.
        if row.outcome != ActionOutcome.PLANNED and not self._is_batched:
            earlier = await self._past.repeated_by(event)
        if earlier is not None:
            reason = f"it repeats the id of event {earlier}, within 24 hours"
            return with_outcome(row, ActionOutcome.REFUSED, reason)
        if self._past.unread:
            reason = (
                "an earlier recovery may have run it: of the runs of other events, "
                f"{self._past.unread:,} were too many to look at (pass a later since, or continue "
                "by a report)"
            )
            return with_outcome(row, ActionOutcome.REFUSED, reason)
        return None

    async def _run_of(self, event: StoredEvent) -> Run | None:
        # v1 lists the run of a batch under only one of its events.
        listing = event_runs.list_of_event(
            self.session, event.internal_id, may_be_batched=self._is_batched
        )
        listed = await read_all(listing)
        for run in listed:
            if is_run_of(run, self._function):
                return run
        return None

    @property
    def _is_batched(self) -> bool:
        return limit(self._function, *BATCH) is not None

    def _refusal(self, event: StoredEvent) -> str | None:
        """Return why an event without a run is not recovered."""
        matched = self._matched(event)
        if not matched.triggers:
            return "no trigger of the function has its name"
        is_triggered = matched.is_triggered_by(event)
        if is_triggered is False:
            return "the condition of the trigger is false for it"
        if is_triggered is None:
            return "the condition of the trigger cannot be evaluated here"
        return self._excluded or self._too_soon(event)

    def _too_soon(self, event: StoredEvent) -> str | None:
        due = _MAY_STILL_START
        batch = limit(self._function, *BATCH)
        if batch is not None:
            due += parse_duration(batch.get("timeout")) or timedelta(days=1)
        if event.received_at is None:
            return None
        age = self.session.server_clocks["api"].now() - event.received_at
        if age >= due:
            return None
        seconds = due.total_seconds()
        return f"its run may still appear, {seconds:g} s after it was received"

    def _matched(self, event: StoredEvent) -> MatchedFunction:
        triggers = matching_triggers(self._function, event.name)
        return MatchedFunction(function=self._function, triggers=triggers)


def _received_at(event: StoredEvent) -> datetime:
    return event.received_at or _EPOCH


def _already_run(row: ActionRow, run_id: str, reason: str) -> BulkResult:
    with_run = evolve(row, new_run_id=run_id)
    return with_outcome(with_run, ActionOutcome.ALREADY_RUN, reason)


def _why_on_purpose(function: Function) -> str | None:
    """Return the setting of a function that may have skipped any event on purpose, if any."""
    if function.is_paused:
        return "the function is paused, and would not run: resume it first"
    if limit(function, "debounce") is not None:
        return "the function is debounced: a later event may have taken its place"
    if limit(function, "rateLimit") is not None:
        return "the function has a rate limit, which may have skipped it on purpose"
    singleton = limit(function, "singleton")
    if singleton is None:
        return None
    mode = str(singleton.get("mode"))
    if mode.lower() == "cancel":
        return None
    return "the function is a singleton, which may have skipped it on purpose"
