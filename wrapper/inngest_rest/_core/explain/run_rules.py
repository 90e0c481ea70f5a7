"""Evidence about a run, and the rules for what it says of the run's state. No I/O.

What the queue, the trace and the events of a server state is certain. Why a run that is due is not
executed is for the rules of `rules`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import define, field

from inngest_rest._core.arguments import is_ulid
from inngest_rest._core.resources.runs import run_error
from inngest_rest._core.resources.trace import is_attempt
from inngest_rest._visible import and_more
from inngest_rest.explanation import Reason, ReasonKind
from inngest_rest.models import Function, Job, Run, RunError, RunStatus, Span, StoredEvent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    Told = tuple[ReasonKind, str, dict[str, Any]]

K = ReasonKind

_MOST_NAMED = 5  # replays of a run
_LONGEST_LINE = 200  # characters of an error

# What a step does that has not ended, by the kind of the step.
_WAITS = {
    "wait_for_event": (K.WAITS_FOR_EVENT, "waits for an event"),
    "wait_for_signal": (K.WAITS_FOR_SIGNAL, "waits for a signal"),
    "invoke": (K.WAITS_FOR_FUNCTION, "waits for a function that it invoked"),
    "sleep": (K.SLEEPS, "sleeps"),
}


class Failure(NamedTuple):
    """A failed attempt: its number from 1 if it has one, where it was, and the error's line.

    It is the latest unless a step has ended since.
    """

    number: int | None
    place: str
    line: str
    is_latest: bool

    @property
    def what(self) -> str:
        """The attempt in words."""
        return f"attempt {self.number}{self.place}" if self.number else self.place[4:]

    def __str__(self) -> str:
        return f"{self.what} failed" + (f" with {self.line}" if self.line else "")


@define
class RunEvidence:
    """The evidence about a run.

    Attributes:
        now: The server's time when the queue was read.
        jobs: What it has in the queue, by time; None if that could not be read.
        same_event: The runs of its event, as v1 lists them.
        invoked: The runs of the functions that it invoked and waits for, by event.
        function: Its function as it is now.
    """

    run: Run
    now: datetime
    unchecked: list[str]
    jobs: list[Job] | None = field(factory=list[Job])
    trace: Span | None = None
    event: StoredEvent | None = None
    same_event: tuple[Run, ...] = ()
    invoked: dict[str, tuple[Run, ...]] = field(factory=dict[str, "tuple[Run, ...]"])
    function: Function | None = None

    @property
    def original_run_id(self) -> str | None:
        """The first run that it replays."""
        of_it = (it.original_run_id for it in self.same_event if it.id == self.run.id)
        return next(of_it, self.run.original_run_id)

    @property
    def replays(self) -> tuple[Run, ...]:
        """The other runs that replay the same run: each names the first of a chain."""
        first = self.original_run_id or self.run.id
        others = (it for it in self.same_event if it.original_run_id == first)
        return tuple(sorted((it for it in others if it.id != self.run.id), key=lambda it: it.id))

    @property
    def invocation(self) -> tuple[str, str] | None:
        """The run whose step invoked it, and the name of the step (recording v1-event-invoked)."""
        match self.event and self.event.name, self.event and self.event.data:
            # Nobody else can send an event of this name.
            case "inngest/function.invoked", {
                "_inngest": {"correlation_id": str(id), "name": name}
            }:
                parent = id.partition(".")[0]
                return (parent, str(name)) if is_ulid(parent) else None
            case _:
                return None

    @property
    def due(self) -> list[Job]:
        """The jobs that could be executed now, and are not."""
        return [
            job
            for job in self.jobs or ()
            if job.kind != "pause" and job.at and job.at <= self.now and not self.executes(job)
        ]

    @property
    def is_held_back(self) -> bool:
        """Whether it waits for anything but what its own code asked for."""
        is_retried = any(job.attempt for job in self.jobs or ())
        return self.run.status in {RunStatus.QUEUED, RunStatus.CANCELLED} or bool(
            not self.run.is_ended and (self.due or is_retried)
        )

    def executes(self, job: Job) -> bool:
        """Return whether a job is being executed: the server renews its lease meanwhile."""
        return job.leased_until is not None and job.leased_until > self.now

    def max_attempts(self, job: Job) -> int | None:
        """Return how often a job is tried at most; a first one, as its function is now."""
        known = None if self.function is None else self.function.configuration
        retries = (known or {}).get("retries")
        if job.kind != "start" or not retries:
            return job.max_attempts
        most: int = retries.get("value") or 0  # proto3 omits 0
        return most + 1 if (job.attempt or 0) <= most else None

    @property
    def failures(self) -> list[Failure]:
        """The failed attempts that its trace shows, in order.

        An attempt may be of no step: the official SDK for Python does not name one that is tried
        again, or that failed for good (recording v2-trace-step-waits).
        """
        steps = self.trace.children if self.trace else ()
        found: list[tuple[Span, Span]] = []
        for step in steps:
            attempts = [it for it in step.children if is_attempt(it)]
            found += [(step, it) for it in attempts or [step] if it.status == "failed"]
        ends = [(it.ended_at, it.name) for it in steps if it.step_id and it.ended_at]
        failures: list[Failure] = []
        for step, attempt in sorted(found, key=lambda it: it[1].ended_at or self.now):
            began, ended = attempt.started_at or self.now, attempt.ended_at or self.now
            before = max((it for it in ends if it[0] <= began), default=None)
            place = f" after step {before[1]!r}" if before else ""
            place = f" at step {step.name!r}" if step.step_id else place
            number = int(attempt.name.split()[1]) + 1 if attempt is not step else None
            is_latest = all(it[0] <= ended for it in ends)
            error = None if attempt.output is None else run_error(attempt.output)
            failures.append(Failure(number, place, _line(error), is_latest))
        return failures


def reasons_of_run(it: RunEvidence) -> Iterator[Reason]:
    """Yield what the evidence says of a run."""
    ids = it.run.app_id, it.run.function_id, it.run.id
    for kind, message, facts in (*_waits(it), *_attempts(it), *_outcome(it), *_relations(it)):
        yield Reason(kind, message, True, *ids, facts)


def _waits(it: RunEvidence) -> Iterator[Told]:
    steps = it.trace.children if it.trace else ()
    names = {step.step_id: step.name for step in steps if step.step_id}
    told: set[str | None] = set()
    for job in it.jobs or ():
        name = job.step or names.get(job.step_id or "")
        who, until = f"step {name!r}" if name else "it", f"until {_time(job.at)}"
        if job.kind == "sleep" and job not in it.due:
            yield K.SLEEPS, f"{who} sleeps {until}", {"job": job.id}
        elif job.event:
            matching = f" that matches `{job.condition}`" if job.condition else ""
            text = f"{who} waits for an event {job.event!r}{matching}, {until}"
            yield K.WAITS_FOR_EVENT, text, {"event": job.event, "condition": job.condition}
        elif job.signal:
            text = f"{who} waits for the signal {job.signal!r}, {until}"
            yield K.WAITS_FOR_SIGNAL, text, {"signal": job.signal}
        elif job.function:
            runs = it.invoked.get(job.event_id or "", ())
            states = "".join(f", whose run {run.id} is {run.status}" for run in runs)
            text = f"{who} waits for the function {job.function}{states}, {until}"
            facts = {"function": job.function, "runs": [run.id for run in runs]}
            yield K.WAITS_FOR_FUNCTION, text, facts
        else:
            continue
        told.add(job.step_id)
    for step in steps:
        if not it.run.is_ended and step.ended_at is None and step.step_id not in told:
            for kind, does in filter(None, [_WAITS.get(step.step_op or "")]):
                text = (
                    f"step {step.name!r} {does}, and the server does not say for what or how long"
                )
                yield kind, text, {"step_id": step.step_id}


def _attempts(it: RunEvidence) -> Iterator[Told]:
    retried = [job for job in it.jobs or () if job.attempt]
    for job in it.jobs or ():
        if job.kind == "pause" or (job.kind == "sleep" and job not in it.due):
            continue
        number, most = (job.attempt or 0) + 1, it.max_attempts(job)
        attempt = f"attempt {number}" + (f" of {most}" if most else "")
        if most and job.max_attempts is None:
            attempt += " (as its function is now)"
        # Of several, the trace does not say which failure is whose.
        failed = "".join(
            f", as {each}"
            for each in it.failures[-1:]
            if retried == [job] and each.number == job.attempt and each.is_latest
        )
        at = _time(job.at)
        facts = {"attempt": number, "max_attempts": most, "at": job.at, "position": job.position}
        if it.executes(job):
            yield K.EXECUTING, f"{attempt} is being executed", facts
        elif job in it.due:
            jobs = "job" if job.position == 1 else "jobs"
            behind = f", behind {job.position} {jobs} of its function" if job.position else ""
            what = attempt if job.attempt else "it"
            yield K.QUEUED, f"{what} has been due since {at}{behind}{failed}", facts
        elif job.attempt:
            yield K.RETRIES, f"{attempt} is due at {at}{failed}", facts
        elif it.run.status != RunStatus.QUEUED:
            yield K.QUEUED, f"its next job is due at {at}", facts


def _outcome(it: RunEvidence) -> Iterator[Told]:
    if it.run.status != RunStatus.FAILED:
        return
    error, last = _line(it.run.error), it.failures[-1:]
    yield K.FAILED, f"it failed with {error or 'an error'}", {"error": error}
    for each in last:
        # A step that failed may have been caught.
        text = f"{each}" if each.line != error else f"so did {each.what}"
        yield K.ATTEMPT_FAILED, text, each._asdict()


def _relations(it: RunEvidence) -> Iterator[Told]:
    if it.invocation:
        parent, step = it.invocation
        yield (
            K.INVOKED_BY,
            f"step {step!r} of run {parent} invoked it",
            {"run": parent, "step": step},
        )
    if first := it.original_run_id:
        yield K.REPLAYS, f"it replays run {first}", {"run": first}
    if it.replays:
        told = and_more([f"run {run.id}, which is {run.status}" for run in it.replays], _MOST_NAMED)
        what = f"run {first}" if first else "it"
        text = f"{what} was replayed by {told}"
        yield K.REPLAYED, text, {"runs": {run.id: str(run.status) for run in it.replays}}


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "an unknown time"


def _line(error: RunError | None) -> str:
    """Return the first line of an error, with its name."""
    if error is None:
        return ""
    first = (error.message or "").strip().partition("\n")[0][:_LONGEST_LINE]
    return ": ".join(filter(None, (error.name, first)))
