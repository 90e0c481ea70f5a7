"""Executes function runs: starts, suspends, resumes and ends them."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import msgspec

from inngest_rest_mock._json import encode
from inngest_rest_mock._state.behaviours import (
    AnyRunner,
    Behaviour,
    Completes,
    Fails,
    Invokes,
    Runner,
    Steps,
    Value,
    Waits,
    decide,
)
from inngest_rest_mock._state.clock import nanoseconds
from inngest_rest_mock._state.ids import step_hash
from inngest_rest_mock._state.log import Log
from inngest_rest_mock._state.records import (
    MockEvent,
    MockRun,
    MockRunStatus,
    Step,
)
from inngest_rest_mock._times import NS_PER_MILLISECOND, at_millisecond

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inngest_rest_mock._state.catalogue import Function
    from inngest_rest_mock._state.ids import UlidFactory


@attrs.frozen(eq=False)
class Waiting:
    """A suspended run's wait; `due_ns` is None if it is only for a signal or for a function."""

    what: Waits
    due_ns: int | None
    value: Value


Invoke: TypeAlias = Callable[[Invokes, str, int], tuple[str, Callable[[], object]]]
"""Stores the event that invokes a function for a run; returns its id, and what starts the run."""


class Execution:
    """The runs and their waits. `at` is the time of an action, in nanoseconds."""

    def __init__(self, ids: UlidFactory, invoke: Invoke) -> None:
        self.runs: Log[MockRun] = Log()
        self._invoke = invoke
        self._ids = ids
        self._by_event: dict[str, list[str]] = {}
        self._waiting: dict[str, Waiting] = {}
        self._timers: list[tuple[int, int, str, Waiting]] = []
        self._timer_number = 0
        self._signals: dict[str, str] = {}
        self.holds = 0  # while there is one, no run starts or goes on
        self.released_ns = 0

    def clear(self) -> None:
        """Forget all runs."""
        self.runs.clear()
        self._timers.clear()
        for each in (self._by_event, self._waiting, self._signals):
            each.clear()

    def lose_jobs(self) -> None:
        """Forget what runs wait for: none that is open goes on."""
        self._timers.clear()
        self._waiting.clear()
        self._signals.clear()

    def due(self) -> Iterator[int]:
        """Return when each run that waits for a time goes on."""
        return (it.due_ns for it in self._waiting.values() if it.due_ns is not None)

    def start(
        self,
        function: Function,
        events: Sequence[MockEvent],
        at: int,
        visible: int,
        *,
        original_run_id: str | None = None,
        batch_id: str | None = None,
        cron: str | None = None,
        kept: tuple[Step, ...] = (),
        step_input: tuple[str, Any] | None = None,
    ) -> str:
        """Start a run, now or at the event's `ts` if that is in the future; return its id.

        It takes none of the steps that are kept, nor the one that is given an input.
        """
        event = events[0]
        run_id = self._ids.next(at)
        self.runs.add(
            run_id,
            MockRun(
                id=run_id,
                app_id=function.app_id,
                function_id=function.id,
                event_id=event.internal_id,
                original_run_id=original_run_id,
                cron=cron,
                event_ids=tuple(each.internal_id for each in events),
                batch_id=batch_id,
                kept=kept,
                step_input=step_input,
                queued_ns=at_millisecond(at),
                visible_ns=visible,
            ),
        )
        for each in events:
            self._by_event.setdefault(each.internal_id, []).append(run_id)
        due = event.ts * NS_PER_MILLISECOND
        value = event if batch_id is None else attrs.evolve(event, batch=tuple(events))
        # A rerun ignores its event's scheduled time.
        if due > at and original_run_id is None and batch_id is None:
            self._wait(run_id, Waiting(Waits("start", function.runner), due, value))
        else:
            self._continue(run_id, function.runner, value, at)
        return run_id

    def of_event(self, event_id: str) -> list[MockRun]:
        """Return the runs of an event, its batches and their reruns, oldest first."""
        return [self.runs[run_id] for run_id in self._by_event.get(event_id, ())]

    def of_function(self, app_id: str, function_id: str) -> list[MockRun]:
        """Return the runs of a function, newest first."""
        wanted = (app_id, function_id)
        return [
            it
            for it in self.runs.newest_first()
            if (it.app_id, it.function_id) == wanted
        ]

    def waiting(self, run_id: str) -> Waiting | None:
        """Return what a run waits for, or None."""
        return self._waiting.get(run_id)

    def settle(self, now: int) -> None:
        """Resume every run that was due by `now`, each at its own time."""
        while self._timers and self._timers[0][0] <= now and not self.holds:
            due, _, run_id, waiting = heapq.heappop(self._timers)
            if self._waiting.get(run_id) is waiting:
                del self._waiting[run_id]
                at = max(due, self.released_ns)
                self._continue(run_id, waiting.what.then, waiting.value, at)

    def signal(self, name: str, data: Any, at: int) -> str | None:
        """Resume the run waiting for a signal; return its id, or None if there is none."""
        run_id = self._signals.pop(name, None)
        if run_id is None:
            return None
        waiting = self._waiting.pop(run_id)
        self._continue(run_id, waiting.what.then, {"signal": name, "data": data}, at)
        return run_id

    def receive(self, event: MockEvent, at: int) -> None:
        """Resume the runs that wait for an event."""
        for run_id, waiting in list(self._waiting.items()):
            what = waiting.what
            is_named = what.function is None and what.event == event.name
            if is_named and (what.condition is None or what.condition.is_true(event)):
                del self._waiting[run_id]
                self._continue(run_id, what.then, event, at)

    def cancel(self, run_id: str, at: int) -> bool:
        """Cancel a run; return False if it had already ended."""
        run = self.runs.get(run_id)
        if run is None or run.ended_ns is not None:
            return False
        waiting = self._waiting.get(run_id)
        if waiting is not None:
            del self._waiting[run_id]
            if waiting.what.signal is not None:
                del self._signals[waiting.what.signal]
        self._end(run_id, "cancelled", {}, at)
        return True

    def _continue(self, run_id: str, runner: AnyRunner, value: Value, at: int) -> None:
        at = at_millisecond(at)  # a duration may have less
        if self.holds:
            self._wait(run_id, Waiting(Waits("start", runner), at, value))
            return
        run = self.runs[run_id]
        behaviour = decide(runner, value)
        started = at if run.started_ns is None else run.started_ns
        self._note(run_id, status="running", started_ns=started, attempt_error=None)
        self._apply(run_id, behaviour, value, at)

    def _apply(self, run_id: str, behaviour: Behaviour, value: Value, at: int) -> None:
        match behaviour:
            case Completes(output):
                self._complete(run_id, output, at)
            case Fails():
                self._end(run_id, "failed", attrs.asdict(behaviour), at)
            case Steps(steps):
                self._take(run_id, steps, value, at)
            case Invokes(app, function, _, then):
                event_id, start = self._invoke(behaviour, run_id, at)
                wait = Waits(
                    "pause",
                    then,
                    step=(function, "INVOKE"),
                    event=event_id,
                    function=f"{app}-{function}",
                )
                self._suspend(run_id, wait, None, at)
                start()
            case Waits():  # pragma: no branch - the last behaviour
                self._suspend(run_id, behaviour, value, at)

    def _suspend(self, run_id: str, what: Waits, value: Value, at: int) -> None:
        if what.failure is not None:
            self._note_failed_attempt(run_id, what.failure)
        if what.step is not None:
            self._note(run_id, step=what.step[0], step_op=what.step[1])
        signal = what.signal
        if signal and self._signals.setdefault(signal, run_id) != run_id:
            # The server allows one waiting run per signal and fails a second one.
            message = f"another run is already waiting for the signal {signal!r}"
            error = Fails(message, "SignalConflict", "signal_conflict", message)
            self._end(run_id, "failed", attrs.asdict(error), at)
            return
        # What waits for an event goes on with none, if its time is over.
        value = None if what.event is not None else value
        due = None if what.duration is None else at + nanoseconds(what.duration)
        self._wait(run_id, Waiting(what, due, value))

    def _take(
        self, run_id: str, steps: Sequence[tuple[str, Runner]], value: Value, at: int
    ) -> None:
        """Take the steps that the run does not have yet, each in one millisecond."""
        run, counts, output = self.runs[run_id], Counter[str](), None
        kept = {each.id: each for each in run.kept}
        for name, runner in steps:
            id = step_hash(f"{name}:{counts[name]}" if counts[name] else name)
            counts[name] += 1
            if id in kept:
                output = kept[id].output
                continue
            if run.step_input is not None and run.step_input[0] == id:
                output = {"input": run.step_input[1]}
                continue
            behaviour, end = decide(runner, value), at + NS_PER_MILLISECOND
            output = behaviour.output if isinstance(behaviour, Completes) else None
            error = behaviour if isinstance(behaviour, Fails) else None
            is_recorded = error is None or error.name != "NonRetriableError"
            step = Step(id, name, output, error is not None, is_recorded, at, end)
            self._note(run_id, steps=(*self.runs[run_id].steps, step))
            at = end
            if error is not None:
                self._end(run_id, "failed", attrs.asdict(error), at)
                return
        self._complete(run_id, output, at)

    def _note_failed_attempt(self, run_id: str, failure: Fails) -> None:
        attempt = self.runs[run_id].attempt + 1
        self._note(run_id, attempt=attempt, attempt_error=attrs.asdict(failure))

    def _complete(self, run_id: str, output: object, at: int) -> None:
        try:
            copy = msgspec.json.decode(encode(output))
        except (TypeError, ValueError) as error:
            message = f"the output is not JSON: {error}"
            failure = Fails(
                message, type(error).__name__, "output_unserializable", message
            )
            self._end(run_id, "failed", attrs.asdict(failure), at)
        else:
            self._end(run_id, "completed", copy, at)

    def _wait(self, run_id: str, waiting: Waiting) -> None:
        self._waiting[run_id] = waiting
        if waiting.due_ns is not None:
            self._timer_number += 1
            heapq.heappush(
                self._timers, (waiting.due_ns, self._timer_number, run_id, waiting)
            )

    def _note(self, run_id: str, **changes: Any) -> None:
        self.runs.replace(run_id, attrs.evolve(self.runs[run_id], **changes))

    def _end(self, run_id: str, status: MockRunStatus, output: Any, at: int) -> None:
        self._note(
            run_id, status=status, output=output, ended_ns=at, attempt_error=None
        )
        value: Value = {"data" if status == "completed" else "error": output}
        for parent, waiting in list(self._waiting.items()):
            what = waiting.what
            if what.function and what.event == self.runs[run_id].event_id:
                del self._waiting[parent]
                self._continue(parent, what.then, value, at)
