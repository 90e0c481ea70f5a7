"""The state of the mock: events, functions, runs, and what was created besides."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from inngest_rest_mock._state.admission import Admission, Admitted, Held, Pending
from inngest_rest_mock._state.catalogue import Catalogue, Function
from inngest_rest_mock._state.clock import Clock, nanoseconds
from inngest_rest_mock._state.execution import Execution
from inngest_rest_mock._state.ids import UlidFactory, step_hash
from inngest_rest_mock._state.log import Log
from inngest_rest_mock._state.records import MockEvent, MockRun
from inngest_rest_mock._times import NS_PER_MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from inngest_rest_mock._state.behaviours import Invokes

INVOKED = "inngest/function.invoked"
SCHEDULED = "inngest/scheduled.timer"


@attrs.frozen
class Incoming:
    """A validated event to be stored; `ts` 0 and `id` "" mean not given."""

    name: str
    id: str = ""
    data: dict[str, Any] | None = None
    user: dict[str, Any] | None = None
    ts: int = 0
    v: str = ""
    sessions: Mapping[str, str] = attrs.field(factory=dict[str, str])


class Store:
    """All state of the mock, except requests and faults, on one clock."""

    def __init__(self, clock: Clock, visibility_delay: timedelta) -> None:
        self.clock = clock
        self.ids = UlidFactory()
        self.events: Log[MockEvent] = Log()
        self.catalogue = Catalogue()
        self.execution = Execution(self.ids, self._invoke_from)
        self._wait_for_others()
        self.cancellations: dict[str, dict[str, Any]] = {}
        # What was created by operations without code of their own, by path and id.
        self.kept: dict[str, dict[str, dict[str, Any]]] = {}
        self._delay = nanoseconds(visibility_delay)

    def _wait_for_others(self) -> None:
        self._pending = Pending(self.ids)
        self._admission = Admission(self.execution, self._pending)

    def clear(self) -> None:
        """Forget all but the functions."""
        self.events.clear()
        self.execution.clear()
        self._wait_for_others()
        self.cancellations.clear()
        self.kept.clear()

    def last_due(self) -> int:
        """Return the time by which all that is known to come has come, and can be read."""
        times = [
            *self.execution.due(),
            *(each.due_ns for each in self._pending.held.values()),
            *(each.visible_ns for each in self.events.arrived()),
            *(each.visible_ns for each in self.execution.runs.arrived()),
        ]
        return max(times, default=0)

    def settle(self, now: int) -> None:
        """Resume every run that is due by `now`."""
        while (held := self._pending.pop_due(now)) is not None:
            self.execution.settle(held.due_ns)
            self._start_held(held, held.due_ns)
        self.execution.settle(now)

    def _start_held(self, held: Held, at: int) -> None:
        self._admission.admit(
            held.function,
            held.events,
            # Not the event's own id, which protects no function that debounces or batches.
            held.batch_id or held.events[0].internal_id,
            at,
            at + self._delay,
            has_waited=True,
            batch_id=held.batch_id,
        )

    def receive(
        self, incoming: Incoming, now: int, internal_id: str | None = None
    ) -> MockEvent:
        """Store an event and start the functions it triggers.

        An `internal_id` that is already stored comes from a repeated seed: the first event wins.
        """
        if internal_id is not None:
            stored = self.events.get(internal_id)
            if stored is not None:
                return stored
        event = self._add_event(incoming, now, internal_id)
        self.execution.receive(event, now)
        for function in self.catalogue.triggered_by(event.name):
            if function.flow.accepts(event):
                self._trigger(function, event, now)
        return event

    def _trigger(self, function: Function, event: MockEvent, now: int) -> None:
        if function.batch_size is None:
            self._admission.admit(function, [event], event.id, now, event.visible_ns)
        elif (batch := self._pending.add(function, event, now)) is not None:
            self._start_held(batch, now)

    def fire_cron(self, function: Function, cron: str, now: int) -> MockRun:
        """Start the run of a schedule, whose event is stored like any other."""
        event = self._add_event(Incoming(SCHEDULED, data={"cron": cron}), now, None)
        run_id = self.execution.start(
            function, [event], now, event.visible_ns, cron=cron
        )
        return self.execution.runs[run_id]

    def invoke_directly(
        self, function: Function, data: dict[str, Any], key: str | None, now: int
    ) -> Admitted:
        """Run a function at once, as v2's invoke does.

        The run is readable at once, since the server schedules it before responding. The server
        also publishes the event, which triggers the function again unless both share an idempotency
        key: they do only if the caller gave none.
        """
        event = self._add_event(Incoming(INVOKED, data=data), now, None)
        direct = event.id if key is None else f"invoke:{key}"
        admitted = self._admission.admit(function, [event], direct, now, now)
        self._trigger(function, event, now)
        return admitted

    def _invoke_from(
        self, behaviour: Invokes, run_id: str, now: int
    ) -> tuple[str, Callable[[], object]]:
        """Store the event of an invocation by a run (recording v1-event-invoked)."""
        function = self.catalogue.find(behaviour.app, behaviour.function)
        if function is None:
            raise ValueError(
                f"there is no function {behaviour.app}/{behaviour.function} to invoke"
            )
        of_step = {
            "correlation_id": f"{run_id}.{step_hash(behaviour.function)}",
            "fn_id": f"{behaviour.app}-{behaviour.function}",
            "name": behaviour.function,
        }
        data = {**behaviour.data, "_inngest": of_step}
        event = self._add_event(Incoming(INVOKED, data=data), now, None)
        admit = partial(
            self._admission.admit, function, [event], event.id, now, event.visible_ns
        )
        return event.internal_id, admit

    def rerun(self, run: MockRun, now: int, **steps: Any) -> Admitted:
        """Run the function of `run` again with the same event, perhaps with some of its steps."""
        function = self.catalogue.find(run.app_id, run.function_id)
        event = self.events.get(run.event_id)
        assert function is not None, run
        assert event is not None, run
        first = run.original_run_id or run.id
        key = self.ids.next(
            now
        )  # each replay has its own, so that a run can be replayed twice
        return self._admission.admit(
            function, [event], key, now, now, original_run_id=first, **steps
        )

    def cancel_started_between(
        self, function: Function, after: int | None, before: int, now: int
    ) -> None:
        """Cancel the runs of a function that were queued between two times."""
        for run in self.execution.runs.newest_first():
            if (
                (run.app_id, run.function_id) == (function.app_id, function.id)
                and run.queued_ns < before
                and (after is None or run.queued_ns > after)
            ):
                self.execution.cancel(run.id, now)

    def visible_event(self, internal_id: str, now: int) -> MockEvent | None:
        """Return an event, once the visibility delay has passed."""
        event = self.events.get(internal_id)
        return event if event is not None and event.visible_ns <= now else None

    def visible_run(self, run_id: str, now: int) -> MockRun | None:
        """Return a run, once the visibility delay has passed."""
        run = self.execution.runs.get(run_id)
        return run if run is not None and run.visible_ns <= now else None

    def visible_runs_of_event(self, internal_id: str, now: int) -> list[MockRun]:
        """Return the runs of an event, oldest first, those of its batch included."""
        return [
            run for run in self.execution.of_event(internal_id) if run.visible_ns <= now
        ]

    def _add_event(
        self, incoming: Incoming, now: int, internal_id: str | None
    ) -> MockEvent:
        if internal_id is None:
            internal_id = self.ids.next(now)
        event = MockEvent(
            internal_id,
            incoming.id or internal_id,
            incoming.name,
            incoming.data or {},
            incoming.ts or now // NS_PER_MILLISECOND,
            incoming.user,
            incoming.v,
            now,
            now + self._delay,
            has_data=incoming.data is not None,
            sessions=incoming.sessions,
        )
        self.events.add(internal_id, event)
        return event
