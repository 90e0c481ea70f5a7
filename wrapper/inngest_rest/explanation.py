"""Explanations of the outcome of an event and of the state of a run, as data and as a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from attrs import Factory, field, frozen

from inngest_rest.models import Job, Run, StoredEvent, Trigger
from inngest_rest.record import Record


class ReasonKind(StrEnum):
    """Why a function did not run for an event, or why a run is as it is."""

    NO_TRIGGER = "no_trigger"
    TOO_EARLY = "too_early"
    CONDITION = "condition"
    DUPLICATE_ID = "duplicate_id"
    RATE_LIMIT = "rate_limit"
    DEBOUNCE = "debounce"
    BATCH = "batch"
    SINGLETON = "singleton"
    PAUSED = "paused"
    CANCELS_RUNS = "cancels_runs"
    SCHEDULED = "scheduled"
    THROTTLE = "throttle"
    CONCURRENCY = "concurrency"
    CANCEL_ON = "cancel_on"
    TIMEOUT = "timeout"
    APP_UNREACHABLE = "app_unreachable"
    FUNCTION_REMOVED = "function_removed"
    WAITS_FOR_EVENT = "waits_for_event"
    NOT_MATCHED = "not_matched"
    WAIT_TIMED_OUT = "wait_timed_out"
    WAITS_FOR_SIGNAL = "waits_for_signal"
    WAITS_FOR_FUNCTION = "waits_for_function"
    SLEEPS = "sleeps"
    LOST = "lost"
    EXECUTING = "executing"
    RETRIES = "retries"
    QUEUED = "queued"
    FAILED = "failed"
    ATTEMPT_FAILED = "attempt_failed"
    CANCELLED = "cancelled"
    INVOKED_BY = "invoked_by"
    REPLAYS = "replays"
    REPLAYED = "replayed"


def _sentence() -> Any:
    """Return a field with what `str` returns, for those who get the record as data."""
    return field(
        init=False, repr=False, eq=False, default=Factory(str, takes_self=True)
    )


_UNEXPLAINED = ", and nothing that the server shows explains why"


def _in_words(reasons: tuple[Reason, ...]) -> str:
    return f": {'; '.join(reason.message for reason in reasons)}" if reasons else ""


def _gaps_in_words(unchecked: tuple[str, ...]) -> str:
    return f" (not checked: {'; '.join(unchecked)})" if unchecked else ""


def _name_of(run: Run) -> str | None:
    # v1 does not name the function of a run.
    return f"{run.app_id}/{run.function_id}" if run.function_id else None


@frozen(repr=False)
class Reason(Record):
    """One reason that is consistent with the evidence.

    Attributes:
        kind: The kind of reason.
        message: The reason as a clause, with the evidence in words.
        is_certain: Whether the evidence proves it; otherwise it is possible. What follows from the
            configuration of a function is certain only if that was the same when the event was
            received.
        app_id: The app of the function it is about; None if it is about the event.
        function_id: The function it is about; None if it is about the event.
        run_id: The run it is about; None if it is about a function that has no run.
        evidence: The facts from the server that support it, by name.
    """

    kind: ReasonKind
    message: str
    is_certain: bool = False
    app_id: str | None = None
    function_id: str | None = None
    run_id: str | None = None
    evidence: Mapping[str, Any] = field(factory=dict[str, Any])


@frozen(repr=False)
class Listener(Record):
    """A function that has a trigger for the name of an event.

    Attributes:
        app_id: The function's app.
        function_id: The function's id within its app.
        trigger: The matching trigger.
        run_ids: The runs of the function that the event started.
        has_changed: Whether its app was synced after the event, and the function may have been
            another then; None if the server does not show it, as self-hosted ones.
        ignores_repeated_ids: Whether it runs again for an event that is sent again with its id, as
            functions do that debounce events or collect them in batches.
    """

    app_id: str
    function_id: str
    trigger: Trigger
    run_ids: tuple[str, ...] = ()
    has_changed: bool | None = None
    ignores_repeated_ids: bool = False

    @property
    def name(self) -> str:
        """The function's name in messages, `APP/FUNCTION`."""
        return f"{self.app_id}/{self.function_id}"


@frozen(repr=False)
class Explanation(Record):
    """The outcome of an event; `str` returns it as one sentence.

    Attributes:
        event_id: The event's internal id.
        event: The event as stored; None if it could not be read.
        listeners: The functions that have a trigger for its name.
        runs: The runs that it started.
        reasons: Why a function has no run, or why a run has not completed: each reason consistent
            with the evidence. Empty if every listener has a run, or if nothing explains it.
        unchecked: Checks that were not possible, and why: for example, an older server lacks a
            route.
        sentence: The whole as one sentence.
    """

    event_id: str
    event: StoredEvent | None
    listeners: tuple[Listener, ...] = ()
    runs: tuple[Run, ...] = ()
    reasons: tuple[Reason, ...] = ()
    unchecked: tuple[str, ...] = ()
    sentence: str = _sentence()

    @property
    def received_at(self) -> datetime | None:
        """When the server received the event; None if the event could not be read."""
        return None if self.event is None else self.event.received_at

    def __str__(self) -> str:
        return "".join(
            (
                f"{self._event_in_words()} started {self._runs_in_words()}",
                _in_words(self.reasons) or self._unexplained(),
                _gaps_in_words(self.unchecked),
                self._repeatable_in_words(),
                ".",
            )
        )

    def _event_in_words(self) -> str:
        if self.event is None:
            return f"Event {self.event_id}"
        text = f"Event {self.event.name!r} ({self.event_id})"
        at = self.received_at
        return f"{text}, received {at:%Y-%m-%d %H:%M:%S} UTC," if at else text

    def _runs_in_words(self) -> str:
        if not self.runs:
            return "no run"
        states = [
            f"{_name_of(run) or f'run {run.id}'} {run.status}" for run in self.runs
        ]
        count = "1 run" if len(self.runs) == 1 else f"{len(self.runs)} runs"
        return f"{count} ({', '.join(states)})"

    def _unexplained(self) -> str:
        """Return that nothing explains why a run is missing, if one is for certain."""
        attributed = {id for each in self.listeners for id in each.run_ids}
        if any(run.id not in attributed and not run.function_id for run in self.runs):
            return ""
        without_run = [
            listener.name for listener in self.listeners if not listener.run_ids
        ]
        if without_run:
            return f"{_UNEXPLAINED} {' and '.join(without_run)} did not run"
        return "" if self.runs or self.unchecked else _UNEXPLAINED

    def _repeatable_in_words(self) -> str:
        """Return which functions run again for the id that the event was sent with."""
        has_own_id = self.event is not None and self.event.id != self.event_id
        names = [
            listener.name
            for listener in self.listeners
            if listener.ignores_repeated_ids
        ]
        if not (names and has_own_id):
            return ""
        return (
            f"; if it is sent again with its id, it runs again in {' and '.join(names)}"
        )


@frozen(repr=False)
class RunExplanation(Record):
    """What a run waits for, or how it ended; `str` returns it as one sentence.

    Attributes:
        run: The run.
        reasons: What it waits for, in which attempt it is, what holds it back, how it ended, and
            which runs it belongs to: each with the evidence, where `run` is the one that invoked
            it or that it replays, and `runs` are those that replay it, that it waits for, or that
            use up a limit. Empty if nothing was found out.
        jobs: What it has in the queue.
        events: The events that started it, all of a batch, as its code got them: `id`, which is the
            own one if there is one, `name`, `data`, `ts`. Empty if the trace could not be read.
        unchecked: Checks that were not possible, and why.
        sentence: The whole as one sentence.
    """

    run: Run
    reasons: tuple[Reason, ...] = ()
    jobs: tuple[Job, ...] = ()
    events: tuple[Mapping[str, Any], ...] = ()
    unchecked: tuple[str, ...] = ()
    sentence: str = _sentence()

    def __str__(self) -> str:
        run = self.run
        name = _name_of(run)
        text = (
            f"Run {run.id} of {name} is {run.status}"
            if name
            else f"Run {run.id} is {run.status}"
        )
        if run.ended_at:
            text += f", ended {run.ended_at:%Y-%m-%d %H:%M:%S} UTC"
        is_expected = run.is_ended or self.unchecked
        unexplained = "" if is_expected else _UNEXPLAINED
        return f"{text}{_in_words(self.reasons) or unexplained}{_gaps_in_words(self.unchecked)}."
