"""The evidence that rules read: the known facts of an event, its functions, and a run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from inngest_rest._local.functions import is_run_of, limit, name_of
from inngest_rest._local.run_errors import error_line
from inngest_rest._values.span_names import attempt_number
from inngest_rest._values.ulid import second_of_ulid
from inngest_rest.explain._limits import cancelling_events, value_of
from inngest_rest.explanation import Reason
from inngest_rest.models import (
    Function,
    Job,
    Run,
    RunError,
    RunStatus,
    Span,
    StoredEvent,
    run_error,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.resources.catalogue import Catalogue
    from inngest_rest._local.functions import MatchedFunction
    from inngest_rest.explanation import ReasonKind as Kind

DAY = timedelta(days=1)
"""The time for which a server remembers the id of an event."""

SAME_FUNCTION_WITHIN = timedelta(seconds=1)
"""A function that was read within this time of an event is the one that the event found."""

EVENT_ORDER_SLACK = timedelta(seconds=5)
"""The time within which a busy server handles events in any order, and shows their runs."""

# Without a job and without any change for so long, a run is lost: between two steps, a server needs
# a fraction of a second.
_LOST_AFTER = timedelta(seconds=30)


@define(kw_only=True)
class EventEvidence:
    """The evidence about an event, its runs, and the functions that listen for it."""

    event: StoredEvent
    now: datetime  # of the server
    received: datetime  # now if unknown
    runs: tuple[Run, ...]
    catalogue: Catalogue
    functions_same_since: datetime  # when they were first read as they are now
    # The run of a batch may be listed under another of its events.
    may_hide_batches: bool
    # Other events with the same id, each with a run that it started; the oldest event first.
    same_id: list[tuple[StoredEvent, Run]] = field(factory=list[Any])

    @property
    def began(self) -> datetime:
        """The earliest time of receipt: a server stores an event anew while a condition fails."""
        created = second_of_ulid(self.event.internal_id)
        return datetime.fromtimestamp(min(self.received.timestamp(), created), UTC)

    @property
    def functions_are_same(self) -> bool:
        """Whether the functions are known to have been the same when the event was received."""
        return self.functions_same_since <= self.began + SAME_FUNCTION_WITHIN

    @property
    def listeners(self) -> list[MatchedFunction]:
        return self.catalogue.listeners(self.event.name)

    @property
    def cancelled_functions(self) -> list[Function]:
        """The functions whose runs the event cancels."""
        return [
            function
            for function in self.catalogue.functions
            if self.event.name in cancelling_events(function)
        ]

    @property
    def of_unknown_functions(self) -> list[Run]:
        """The runs that cannot be attributed: v1 names a function by an id that no list has."""
        return [
            run
            for run in self.runs
            if run.function_id is None
            and not any(
                is_run_of(run, function) for function in self.catalogue.functions
            )
        ]

    @property
    def without_run(self) -> list[FunctionWithoutRun]:
        """The listening functions that have no run; none where a run may be of any of them."""
        if self.of_unknown_functions:
            return []
        return [
            FunctionWithoutRun(evidence=self, listener=listener)
            for listener in self.listeners
            if not any(is_run_of(run, listener.function) for run in self.runs)
        ]

    def has_changed(self, function: Function) -> bool | None:
        """Return whether a function's app was synced after the event; None if unknown."""
        if self.functions_are_same:
            return False
        for app in self.catalogue.apps:
            if app.id == function.app_id:
                return None if app.synced_at is None else app.synced_at > self.began
        return None


@frozen(kw_only=True)
class FunctionWithoutRun:
    """A function that has a trigger for the name of an event, and no run for it."""

    evidence: EventEvidence
    listener: MatchedFunction

    @property
    def function(self) -> Function:
        return self.listener.function

    @property
    def name(self) -> str:
        return name_of(self.function)

    @property
    def was_the_same(self) -> bool:
        """Whether it is known to have been the same function when the event was received."""
        return self.evidence.has_changed(self.function) is False

    @property
    def is_excluded(self) -> bool:
        """Whether its conditions certainly were false for the event."""
        return (
            self.was_the_same
            and self.listener.is_triggered_by(self.evidence.event) is False
        )

    def value_of_key(self, key: str | None) -> Any:
        """Return the value that the key of a limit has for the event; None if it is unknown."""
        return None if key is None else value_of(key, self.evidence.event)

    def reason(
        self,
        kind: Kind,
        message: str,
        evidence: Mapping[str, Any],
        *,
        is_certain: bool = False,
    ) -> Reason:
        """Return a reason why the function has no run."""
        return Reason(
            kind=kind,
            message=message,
            is_certain=is_certain,
            app_id=self.function.app_id,
            function_id=self.function.id,
            evidence=evidence,
        )


@frozen(kw_only=True)
class Failure:
    """A failed attempt at a step, or at the code of the function."""

    step: Span  # what it is an attempt at; not a step of the function, if it has no id
    attempt: Span | None  # None for the only one at its step
    is_latest: bool  # no step has ended since

    @property
    def step_name(self) -> str | None:
        """The name of its step; None if it is of the function's own code."""
        return self.step.name if self.step.step_id else None

    @property
    def number(self) -> int | None:
        """Its number, from 1, if it is known."""
        if self.attempt is None:
            return None
        number = attempt_number(self.attempt.name)
        return None if number is None else number + 1

    @property
    def error(self) -> RunError | None:
        return _error_of(self.attempt or self.step)


@define(kw_only=True)
class RunEvidence:
    """The evidence about a run."""

    run: Run
    now: datetime  # of the server, when the queue was read
    subject: str = "it"  # what sentences call the run
    jobs: list[Job] = field(factory=list[Job])  # in the queue
    # The spans below the root: a step of the function has a `step_id`, an attempt at its code none.
    steps: tuple[Span, ...] = ()
    is_traced: bool = False  # the trace was read: it has these steps, and no other
    # For how long nothing has happened to it, if the queue has repeatedly had no job for it.
    idle: timedelta | None = None
    event: StoredEvent | None = None
    same_event: tuple[Run, ...] = ()  # the runs of its event, with their chains
    # The runs of the functions that it invoked and waits for, by event.
    invoked: dict[str, tuple[Run, ...]] = field(factory=dict[str, "tuple[Run, ...]"])
    events: tuple[dict[str, Any], ...] = ()  # all that it got, as its code got them
    # Events of the names that it waits for, which did not end its wait; the newest first.
    awaited: list[StoredEvent] = field(factory=list[Any])
    catalogue: Catalogue | None = None
    function: Function | None = None  # as it is now
    timeouts: Mapping[str, Any] = field(factory=dict[str, Any])  # of its function
    # What other runs of its function are executing, each with the id of the run.
    executing: list[tuple[str, Job]] = field(factory=list[Any])

    @property
    def is_lost(self) -> bool:
        """Whether it certainly does not go on."""
        return self.idle is not None and self.idle >= _LOST_AFTER

    @property
    def due_jobs(self) -> list[Job]:
        """The jobs that could be executed now, and are not."""
        return [job for job in self.jobs if self._is_due(job)]

    def _is_due(self, job: Job) -> bool:
        if job.kind == "pause" or self.executes(job):
            return False
        return job.at is not None and job.at <= self.now

    @property
    def scheduled_for(self) -> int | None:
        """The `ts` of its event, in milliseconds, if the run has yet to start at that time."""
        if self.run.status != RunStatus.QUEUED or self.due_jobs:
            return None
        if self.event is None or self.event.ts is None:
            return None
        now_ms = self.now.timestamp() * 1_000
        return self.event.ts if self.event.ts > now_ms else None

    def executes(self, job: Job) -> bool:
        """Return whether a job is being executed: the server renews its lease meanwhile."""
        return job.leased_until is not None and job.leased_until > self.now

    def max_attempts(self, job: Job) -> int | None:
        """Return the maximum number of attempts; of the first job, by the function as it is now."""
        retries = limit(self.function, "retries") if self.function else None
        if job.kind != "start" or retries is None:
            return job.max_attempts
        most_retries: int = retries.get("value") or 0  # proto3 omits 0
        if (job.attempt or 0) > most_retries:
            return None  # the function has changed since
        return most_retries + 1

    @property
    def last_failure(self) -> Failure | None:
        """The last failed attempt.

        It may be of no step: servers do not name the one that the official SDK for Python tries
        again (recording v2-trace-step-waits).
        """
        failed = [
            (span.ended_at or self.now, step, span)
            for step in self.steps
            for span in attempts_at(step) or [step]
            if span.status == "failed"
        ]
        if not failed:
            return None
        failed_at, step, span = max(failed, key=lambda failure: failure[0])
        later = [name for ended_at, name in self._ended_steps if ended_at > failed_at]
        return Failure(
            step=step,
            attempt=None if span is step else span,
            is_latest=not later,
        )

    @property
    def completed_steps(self) -> list[str]:
        """The names of the steps that have completed, in the order of their ends."""
        completed = {
            step.name for step in self.steps if step.status == RunStatus.COMPLETED
        }
        return [name for _, name in self._ended_steps if name in completed]

    def value_of_key(self, key: str | None) -> Any:
        """Return the value that the key of a limit has for its event; None if it is unknown."""
        if key is None or self.event is None:
            return None
        return value_of(key, self.event)

    @property
    def _ended_steps(self) -> list[tuple[datetime, str]]:
        return sorted(
            (step.ended_at, step.name)
            for step in self.steps
            if step.step_id and step.ended_at
        )

    @property
    def failed_step(self) -> Span | None:
        """The step whose error became that of the run; None if the server names none."""
        failed = [
            step for step in self.steps if step.step_id and step.status == "failed"
        ]
        causes = [
            step for step in failed if is_same_error(_error_of(step), self.run.error)
        ]
        return max(causes, key=lambda step: step.ended_at or self.now, default=None)

    def reason(
        self,
        kind: Kind,
        message: str,
        evidence: Mapping[str, Any],
        *,
        is_certain: bool = True,
    ) -> Reason:
        """Return a reason why the run is as it is."""
        return Reason(
            kind=kind,
            message=message,
            is_certain=is_certain,
            app_id=self.run.app_id,
            function_id=self.run.function_id,
            run_id=self.run.id,
            evidence=evidence,
        )


def attempts_at(step: Span) -> list[Span]:
    return [span for span in step.children if attempt_number(span.name) is not None]


def is_same_error(one: RunError | None, other: RunError | None) -> bool:
    """Return whether two errors are one: an SDK may give it another class on its way out."""
    if one and other and one.message and other.message:
        return one.message == other.message
    return error_line(one) == error_line(other)


def _error_of(span: Span) -> RunError | None:
    return None if span.output is None else run_error(span.output)
