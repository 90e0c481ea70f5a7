"""Rules for why a run is as it is, one function each.

A rule says its own sentence: a clause, in lower case and without a full stop, that follows a colon.
A reason is certain only if the evidence proves it. The queue, the trace and the event of a run
state certain facts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._local.run_errors import error_line
from inngest_rest._values.ulid import is_ulid
from inngest_rest._values.visible import and_more, counted, moment
from inngest_rest.explain._evidence import attempts_at, is_same_error
from inngest_rest.explain._limit_rules import reasons_of_limits
from inngest_rest.explain._limits import unmet_parts
from inngest_rest.explanation import ReasonKind as Kind
from inngest_rest.models import Job, RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from inngest_rest.explain._evidence import Failure, RunEvidence
    from inngest_rest.explanation import Reason
    from inngest_rest.models import Run, Span, StoredEvent

    Rule = Callable[[RunEvidence], Iterator[Reason]]

_MAX_NEAREST = 3  # events of an awaited name that are told, and waits that timed out

# The output of a wait that timed out; of one that did not, it is the event.
_NOTHING = (None, {"data": None})

_INVOKED = "inngest/function.invoked"  # the name of the event that invokes a function

# The kind of wait of a step, by what the SDK calls it.
_WAITS = {
    "wait_for_event": Kind.WAITS_FOR_EVENT,
    "wait_for_signal": Kind.WAITS_FOR_SIGNAL,
    "invoke": Kind.WAITS_FOR_FUNCTION,
    "sleep": Kind.SLEEPS,
}

_NOUNS = {
    Kind.WAITS_FOR_EVENT: "event",
    Kind.WAITS_FOR_SIGNAL: "signal",
    Kind.WAITS_FOR_FUNCTION: "function",
}

_UNKNOWN = "but the server reports neither which nor until when"

# A wait of which the server reports no more.
_UNKNOWN_WAITS = {
    Kind.WAITS_FOR_EVENT: f"waits for an event, {_UNKNOWN}",
    Kind.WAITS_FOR_SIGNAL: f"waits for a signal, {_UNKNOWN}",
    Kind.WAITS_FOR_FUNCTION: f"waits for a function, {_UNKNOWN}",
    Kind.SLEEPS: "sleeps, but the server does not report until when",
}

# The activity of a step when its run was cancelled, by its wait.
_DOING = {
    Kind.WAITS_FOR_EVENT: "waiting for an event",
    Kind.WAITS_FOR_SIGNAL: "waiting for a signal",
    Kind.WAITS_FOR_FUNCTION: "waiting for a function",
    Kind.SLEEPS: "sleeping",
    None: "being executed",
}


def reasons_of_run(evidence: RunEvidence) -> Iterator[Reason]:
    """Yield the reasons of a run: its wait, attempt, or end, and the limits that hold it."""
    rules = LOST_RULES if evidence.is_lost else RUN_RULES
    for rule in rules:
        yield from rule(evidence)
    if not evidence.is_lost:
        yield from reasons_of_limits(evidence)


def lost(evidence: RunEvidence) -> Iterator[Reason]:
    """The queue has no job for the run, which has not ended."""
    if evidence.idle is None:
        return
    message = (
        "it may be lost: the queue has no job for it. If it still has none in half a minute, the "
        "run will not continue: cancel it then and replay it"
    )
    if evidence.is_lost:
        message = (
            "it is lost: the queue has no job for it, as happens when a server with an in-memory "
            "queue is killed. It will not continue: cancel it and replay it"
        )
    seconds = round(evidence.idle.total_seconds(), 3)
    yield evidence.reason(
        Kind.LOST, message, {"idle_s": seconds}, is_certain=evidence.is_lost
    )


def waits(evidence: RunEvidence) -> Iterator[Reason]:
    """A job in the queue is a step that waits or sleeps."""
    step_names = {step.step_id: step.name for step in evidence.steps}
    for job in evidence.jobs:
        kind = _wait_of(job)
        # A sleep that is over is a job that is due.
        if kind is None or (kind is Kind.SLEEPS and job in evidence.due_jobs):
            continue
        step = job.step or (job.step_id and step_names.get(job.step_id))
        invoked = evidence.invoked.get(job.event_id or "", ())
        yield evidence.reason(
            kind,
            f"{_step_or_it(step)} {_wait_in_words(kind, job, invoked)}",
            {
                "for": job.event or job.signal or job.function,
                "condition": job.condition,
                "until": job.at,
                "runs": [run.id for run in invoked],
            },
        )


def _step_or_it(name: str | None) -> str:
    return f"step {name!r}" if name else "it"


def _wait_in_words(kind: Kind, job: Job, invoked: tuple[Run, ...]) -> str:
    if kind is Kind.SLEEPS:
        return f"sleeps until {moment(job.at)}"
    awaited = job.event or job.signal or job.function
    text = f"waits for {_NOUNS[kind]} {awaited!r}"
    if job.condition:
        text += f" that matches `{job.condition}`"
    text += "".join(f" in run {run.id} ({run.status})" for run in invoked)
    return f"{text}, until {moment(job.at)}"


def not_matched(evidence: RunEvidence) -> Iterator[Reason]:
    """Events of the awaited name came, and did not end the wait: those that nearly match."""
    began = {step.step_id: step.queued_at or step.started_at for step in evidence.steps}
    for job in evidence.jobs:
        if not job.event or not job.condition:
            continue
        for event, unmet in _nearest(evidence, job.event, job.condition):
            is_early = _is_before(event.received_at, began.get(job.step_id))
            if not unmet and not is_early:
                continue
            why = "it arrived before the step started to wait"
            if unmet:
                parts = " and ".join(f"`{part}`" for part in unmet)
                why = f"{parts} does not hold for it"
            yield evidence.reason(
                Kind.NOT_MATCHED,
                f"event {event.internal_id} {event.name!r} did not end that wait: {why}",
                {"event": event.internal_id, "unmet": unmet, "is_early": is_early},
                is_certain=False,
            )


def timed_out(evidence: RunEvidence) -> Iterator[Reason]:
    """A wait for an event has ended without one; no server says which event it waited for."""
    missed = [
        step
        for step in evidence.steps
        if step.step_op == "wait_for_event"
        and step.status == RunStatus.COMPLETED
        and step.ended_at
        and step.output in _NOTHING
    ]
    for step in missed[-_MAX_NEAREST:]:
        yield evidence.reason(
            Kind.WAIT_TIMED_OUT,
            f"step {step.name!r} waited for an event until {moment(step.ended_at)}, and none "
            "matched; no server reports the event and condition of an expired wait",
            {"step": step.name, "began_at": step.started_at, "ended_at": step.ended_at},
        )


def _nearest(
    evidence: RunEvidence, name: str, condition: str
) -> list[tuple[StoredEvent, list[str]]]:
    """Return the events for which the fewest parts of a condition do not hold, with these parts."""
    start = evidence.event
    if start is None:
        return []
    judged = [
        (event, unmet_parts(condition, event, start))
        for event in evidence.awaited
        if event.name == name
    ]
    judged.sort(key=_number_of_unmet_parts)
    return judged[:_MAX_NEAREST]


def _number_of_unmet_parts(judged: tuple[StoredEvent, list[str]]) -> int:
    _event, unmet = judged
    return len(unmet)


def _is_before(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one < other


def _wait_of(job: Job) -> Kind | None:
    if job.event:
        return Kind.WAITS_FOR_EVENT
    if job.signal:
        return Kind.WAITS_FOR_SIGNAL
    if job.function:
        return Kind.WAITS_FOR_FUNCTION
    return Kind.SLEEPS if job.kind == "sleep" else None


def waits_by_trace(evidence: RunEvidence) -> Iterator[Reason]:
    """A step waits by the trace, and no job says so, as Inngest Cloud lists them."""
    if evidence.run.is_ended or evidence.idle is not None:
        return
    in_queue = {job.step_id for job in evidence.jobs}
    for step in evidence.steps:
        kind = _WAITS.get(step.step_op or "")
        if kind and not step.ended_at and step.step_id not in in_queue:
            message = f"{_step_or_it(step.name)} {_UNKNOWN_WAITS[kind]}"
            yield evidence.reason(kind, message, {"step_id": step.step_id})


def attempts(evidence: RunEvidence) -> Iterator[Reason]:
    """A job in the queue is an attempt that is executed, due, or next."""
    for job in evidence.jobs:
        is_sleeping = job.kind == "sleep" and job not in evidence.due_jobs
        if job.kind == "pause" or is_sleeping:
            continue
        state = _state_of(evidence, job)
        if state is None:
            continue
        yield evidence.reason(
            state,
            _state_in_words(evidence, job, state),
            {
                "attempt": (job.attempt or 0) + 1,
                "max_attempts": evidence.max_attempts(job),
                "at": job.at,
                "position": job.position,
            },
        )


def _state_of(evidence: RunEvidence, job: Job) -> Kind | None:
    if evidence.executes(job):
        return Kind.EXECUTING
    if job in evidence.due_jobs:
        return Kind.QUEUED
    if job.attempt:
        return Kind.RETRIES
    # The first job of a run that is queued is no news.
    return None if evidence.run.status == RunStatus.QUEUED else Kind.QUEUED


def _state_in_words(evidence: RunEvidence, job: Job, state: Kind) -> str:
    attempt = _attempt(job, evidence.max_attempts(job))
    if state is Kind.EXECUTING:
        return f"{attempt} is being executed"
    at = moment(job.at)
    failure = _failure_before(evidence, job)
    cause = f", as {_failed_attempt(failure)}" if failure else ""
    if state is Kind.RETRIES:
        return f"{attempt} is due at {at}{cause}"
    if job not in evidence.due_jobs:
        return f"its next job is due at {at}"
    subject = attempt if job.attempt else "it"
    behind = ""
    if job.position:
        behind = f", behind {counted(job.position, 'job')} of its function"
    return f"{subject} has been due since {at}{behind}{cause}"


def _attempt(job: Job, max_attempts: int | None) -> str:
    text = f"attempt {(job.attempt or 0) + 1}"
    if max_attempts:
        text += f" of {max_attempts}"
    if max_attempts is not None and job.max_attempts is None:
        text += " (by the function's current settings)"
    return text


def _failure_before(evidence: RunEvidence, job: Job) -> Failure | None:
    """Return the failure that led to an attempt; None if it may be of another."""
    failure = evidence.last_failure
    # Of several attempts, the trace does not say which failure is whose.
    retried = [other for other in evidence.jobs if other.attempt]
    if failure is None or not failure.is_latest or retried != [job]:
        return None
    return failure if failure.number == job.attempt else None


def failed(evidence: RunEvidence) -> Iterator[Reason]:
    """The run failed: with which error, in which step, and after how many attempts."""
    run = evidence.run
    if run.status != RunStatus.FAILED:
        return
    step = evidence.failed_step
    failure = evidence.last_failure
    attempts_made: int | None = None
    if step is not None:
        # A step that waits or invokes is tried once, as far as a function knows.
        if step.step_op in {"run", None}:
            attempts_made = max(len(attempts_at(step)), 1)
    elif failure is not None and is_same_error(failure.error, run.error):
        attempts_made = failure.number  # at the function's own code
    error = error_line(run.error)
    message = f"it failed with {error}"
    if step is not None:
        message += f" in step {step.name!r}"
    if attempts_made:
        message += f", after {counted(attempts_made, 'attempt')}"
    yield evidence.reason(
        Kind.FAILED,
        message,
        {
            "error": error,
            "step": step.name if step else None,
            "attempts": attempts_made,
        },
    )


def attempt_failed(evidence: RunEvidence) -> Iterator[Reason]:
    """The run failed, and the last failed attempt with another error, which was perhaps caught."""
    failure = evidence.last_failure
    if evidence.run.status != RunStatus.FAILED or failure is None:
        return
    if evidence.failed_step is not None:
        return
    if is_same_error(failure.error, evidence.run.error):
        return
    yield evidence.reason(
        Kind.ATTEMPT_FAILED,
        _failed_attempt(failure),
        {"attempt": failure.number, "error": error_line(failure.error)},
    )


def _failed_attempt(failure: Failure) -> str:
    if failure.number is not None:
        at_step = f" at step {failure.step_name!r}" if failure.step_name else ""
        subject = f"attempt {failure.number}{at_step}"
    elif failure.step_name:
        subject = f"step {failure.step_name!r}"
    else:
        subject = "its code"
    return f"{subject} failed with {error_line(failure.error)}"


def cancelled(evidence: RunEvidence) -> Iterator[Reason]:
    """The run was cancelled: while which steps were open, or after which one."""
    is_known = evidence.steps or evidence.is_traced
    if evidence.run.status != RunStatus.CANCELLED or not is_known:
        return
    open_steps = [
        step
        for step in evidence.steps
        if step.step_id and (not step.ended_at or step.status == "cancelled")
    ]
    completed = evidence.completed_steps
    yield evidence.reason(
        Kind.CANCELLED,
        _cancelled_in_words(open_steps, completed),
        {"steps": [step.name for step in open_steps], "completed": completed},
    )


def _cancelled_in_words(open_steps: list[Span], completed: list[str]) -> str:
    text = "it was cancelled"
    if open_steps:
        doing = [
            f"step {step.name!r} was {_DOING[_WAITS.get(step.step_op or '')]}"
            for step in open_steps
        ]
        text += f" while {and_more(doing)}"
    if completed:
        plural = "s" if len(completed) > 1 else ""
        names = and_more([repr(name) for name in completed])
        return f"{text}, after step{plural} {names} had completed"
    if open_steps:
        return text
    return f"{text} before any of its steps had completed"


def batch(evidence: RunEvidence) -> Iterator[Reason]:
    """The run got several events at once."""
    number = len(evidence.events)
    if number > 1:
        yield evidence.reason(
            Kind.BATCH,
            f"it received a batch of {counted(number, 'event')}",
            {"events": [event.get("id") for event in evidence.events]},
        )


def invoked_by(evidence: RunEvidence) -> Iterator[Reason]:
    """A step of another run invoked it."""
    event = evidence.event
    # Nobody else can send an event of this name (recording v1-event-invoked).
    if event is None or event.name != _INVOKED:
        return
    match event.data:
        case {"_inngest": {"correlation_id": str(id), "name": str(step)}}:
            run_id = id[:26]
            if is_ulid(run_id):
                yield evidence.reason(
                    Kind.INVOKED_BY,
                    f"step {step!r} of run {run_id} invoked it",
                    {"run": run_id, "step": step},
                )
        case _:
            pass  # invoked by a client


def replays(evidence: RunEvidence) -> Iterator[Reason]:
    """The run is a replay of another."""
    original = _original_of(evidence)
    if original:
        message = f"it replays run {original}"
        yield evidence.reason(Kind.REPLAYS, message, {"run": original})


def replayed(evidence: RunEvidence) -> Iterator[Reason]:
    """Other runs replay it, or the run that it replays itself."""
    original = _original_of(evidence)
    # Every replay names the first run of its chain.
    first_id = original or evidence.run.id
    replaying = {
        run.id: run
        for run in evidence.same_event
        if run.id != evidence.run.id and run.original_run_id == first_id
    }
    if replaying:
        ids = sorted(replaying)
        subject = f"run {original}" if original else "it"
        by = and_more([f"run {id} ({replaying[id].status})" for id in ids])
        yield evidence.reason(
            Kind.REPLAYED, f"{subject} was replayed by {by}", {"runs": ids}
        )


def _original_of(evidence: RunEvidence) -> str | None:
    for run in evidence.same_event:
        if run.id == evidence.run.id:
            return run.original_run_id
    return evidence.run.original_run_id


LOST_RULES: tuple[Rule, ...] = (lost, batch, invoked_by, replays, replayed)
"""About a run that is lost: it waits for nothing, whatever its trace says."""

RUN_RULES: tuple[Rule, ...] = (
    lost,
    waits,
    not_matched,
    timed_out,
    waits_by_trace,
    attempts,
    failed,
    attempt_failed,
    cancelled,
    batch,
    invoked_by,
    replays,
    replayed,
)
"""About any other run, in the order in which they are told."""
