"""Rules for why a run is as it is, one function each.

A conclusion is certain only if the evidence proves it. The queue, the trace and the event of a run
state certain facts; the same rules explain why a due run is not executed, or was cancelled, for a
run and for the runs of an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest._local.functions import limit, name_of, parse_duration
from inngest_rest._local.run_errors import error_line
from inngest_rest._values.ulid import is_ulid
from inngest_rest.explain._evidence import (
    attempts_at,
    is_same_error,
)
from inngest_rest.explain._limits import (
    cancelling_events,
    cancels_earlier_run,
    concurrency_limits,
    unmet_parts,
)
from inngest_rest.explanation import ReasonKind as Kind
from inngest_rest.models import Job, RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from inngest_rest.explain._conclusion import Conclusion
    from inngest_rest.explain._evidence import Failure, RunEvidence
    from inngest_rest.models import StoredEvent

    Rule = Callable[[RunEvidence], Iterator[Conclusion]]

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


def conclusions_of_run(evidence: RunEvidence) -> Iterator[Conclusion]:
    """Yield the conclusions about a run: its wait, attempt, or end, and the limits that hold it."""
    rules = LOST_RULES if evidence.is_lost else RUN_RULES
    for rule in rules:
        yield from rule(evidence)
    if not evidence.is_lost:
        yield from conclusions_of_limits(evidence)


def conclusions_of_limits(evidence: RunEvidence) -> Iterator[Conclusion]:
    """Yield the reasons for a wait or a cancellation that its function, as it is now, explains."""
    if evidence.run.status == RunStatus.CANCELLED:
        rules = CANCELLING_RULES
    elif evidence.catalogue is None or evidence.run.is_ended:
        return
    elif evidence.scheduled_for is not None:
        rules = SCHEDULE_RULES
    else:
        rules = HOLDING_RULES
    for rule in rules:
        yield from rule(evidence)


def lost(evidence: RunEvidence) -> Iterator[Conclusion]:
    """The queue has no job for the run, which has not ended."""
    if evidence.idle is not None:
        seconds = round(evidence.idle.total_seconds(), 3)
        yield evidence.conclude(
            Kind.LOST, {"idle_s": seconds}, is_certain=evidence.is_lost
        )


def waits(evidence: RunEvidence) -> Iterator[Conclusion]:
    """A job in the queue is a step that waits or sleeps."""
    step_names = {step.step_id: step.name for step in evidence.steps}
    for job in evidence.jobs:
        kind = _wait_of(job)
        # A sleep that is over is a job that is due.
        if kind is None or (kind is Kind.SLEEPS and job in evidence.due_jobs):
            continue
        invoked = evidence.invoked.get(job.event_id or "", ())
        yield evidence.conclude(
            kind,
            {
                "for": job.event or job.signal or job.function,
                "condition": job.condition,
                "until": job.at,
                "runs": [run.id for run in invoked],
            },
            details={
                "step": job.step or (job.step_id and step_names.get(job.step_id)),
                "invoked": invoked,
            },
        )


def not_matched(evidence: RunEvidence) -> Iterator[Conclusion]:
    """Events of the awaited name came, and did not end the wait: those that nearly match."""
    began = {step.step_id: step.queued_at or step.started_at for step in evidence.steps}
    for job in evidence.jobs:
        if not job.event or not job.condition:
            continue
        for event, unmet in _nearest(evidence, job.event, job.condition):
            is_early = _is_before(event.received_at, began.get(job.step_id))
            if not unmet and not is_early:
                continue
            yield evidence.conclude(
                Kind.NOT_MATCHED,
                {"event": event.internal_id, "unmet": unmet, "is_early": is_early},
                is_certain=False,
                details={"name": event.name},
            )


def timed_out(evidence: RunEvidence) -> Iterator[Conclusion]:
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
        yield evidence.conclude(
            Kind.WAIT_TIMED_OUT,
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


def waits_by_trace(evidence: RunEvidence) -> Iterator[Conclusion]:
    """A step waits by the trace, and no job says so, as Inngest Cloud lists them."""
    if evidence.run.is_ended or evidence.idle is not None:
        return
    in_queue = {job.step_id for job in evidence.jobs}
    for step in evidence.steps:
        kind = _WAITS.get(step.step_op or "")
        if kind and not step.ended_at and step.step_id not in in_queue:
            yield evidence.conclude(
                kind, {"step_id": step.step_id}, details={"step": step.name}
            )


def attempts(evidence: RunEvidence) -> Iterator[Conclusion]:
    """A job in the queue is an attempt that is executed, due, or next."""
    for job in evidence.jobs:
        is_sleeping = job.kind == "sleep" and job not in evidence.due_jobs
        if job.kind == "pause" or is_sleeping:
            continue
        state = _state_of(evidence, job)
        if state is None:
            continue
        max_attempts = evidence.max_attempts(job)
        yield evidence.conclude(
            state,
            {
                "attempt": (job.attempt or 0) + 1,
                "max_attempts": max_attempts,
                "at": job.at,
                "position": job.position,
            },
            details={
                "is_due": job in evidence.due_jobs,
                "is_of_function": max_attempts is not None and job.max_attempts is None,
                "failure": _failure_before(evidence, job),
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


def _failure_before(evidence: RunEvidence, job: Job) -> Failure | None:
    """Return the failure that led to an attempt; None if it may be of another."""
    failure = evidence.last_failure
    # Of several attempts, the trace does not say which failure is whose.
    retried = [other for other in evidence.jobs if other.attempt]
    if failure is None or not failure.is_latest or retried != [job]:
        return None
    return failure if failure.number == job.attempt else None


def failed(evidence: RunEvidence) -> Iterator[Conclusion]:
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
    yield evidence.conclude(
        Kind.FAILED,
        {
            "error": error_line(run.error),
            "step": step.name if step else None,
            "attempts": attempts_made,
        },
    )


def attempt_failed(evidence: RunEvidence) -> Iterator[Conclusion]:
    """The run failed, and the last failed attempt with another error, which was perhaps caught."""
    failure = evidence.last_failure
    if evidence.run.status != RunStatus.FAILED or failure is None:
        return
    if evidence.failed_step is not None:
        return
    if is_same_error(failure.error, evidence.run.error):
        return
    yield evidence.conclude(
        Kind.ATTEMPT_FAILED,
        {"attempt": failure.number, "error": error_line(failure.error)},
        details={"failure": failure},
    )


def cancelled(evidence: RunEvidence) -> Iterator[Conclusion]:
    """The run was cancelled: while which steps were open, or after which one."""
    is_known = evidence.steps or evidence.is_traced
    if evidence.run.status != RunStatus.CANCELLED or not is_known:
        return
    open_steps = [
        step
        for step in evidence.steps
        if step.step_id and (not step.ended_at or step.status == "cancelled")
    ]
    yield evidence.conclude(
        Kind.CANCELLED,
        {
            "steps": [step.name for step in open_steps],
            "completed": evidence.completed_steps,
        },
        details={
            "open_steps": [
                (step.name, _WAITS.get(step.step_op or "")) for step in open_steps
            ],
        },
    )


def batch(evidence: RunEvidence) -> Iterator[Conclusion]:
    """The run got several events at once."""
    if len(evidence.events) > 1:
        yield evidence.conclude(
            Kind.BATCH, {"events": [event.get("id") for event in evidence.events]}
        )


def invoked_by(evidence: RunEvidence) -> Iterator[Conclusion]:
    """A step of another run invoked it."""
    event = evidence.event
    # Nobody else can send an event of this name (recording v1-event-invoked).
    if event is None or event.name != _INVOKED:
        return
    match event.data:
        case {"_inngest": {"correlation_id": str(id), "name": str(step)}}:
            run_id = id[:26]
            if is_ulid(run_id):
                yield evidence.conclude(Kind.INVOKED_BY, {"run": run_id, "step": step})


def replays(evidence: RunEvidence) -> Iterator[Conclusion]:
    """The run is a replay of another."""
    original = _original_of(evidence)
    if original:
        yield evidence.conclude(Kind.REPLAYS, {"run": original})


def replayed(evidence: RunEvidence) -> Iterator[Conclusion]:
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
        yield evidence.conclude(
            Kind.REPLAYED,
            {"runs": ids},
            details={"original": original, "replays": [replaying[id] for id in ids]},
        )


def _original_of(evidence: RunEvidence) -> str | None:
    for run in evidence.same_event:
        if run.id == evidence.run.id:
            return run.original_run_id
    return evidence.run.original_run_id


def cancelled_by_singleton(evidence: RunEvidence) -> Iterator[Conclusion]:
    """The function is a singleton whose new run cancels the earlier one."""
    function = evidence.function
    if function is not None and cancels_earlier_run(function):
        yield evidence.conclude(
            Kind.SINGLETON,
            {"singleton": limit(function, "singleton")},
            is_certain=False,
            details={"function": name_of(function)},
        )


def cancelled_by_event(evidence: RunEvidence) -> Iterator[Conclusion]:
    """The function has events that cancel its runs."""
    if evidence.function is None:
        return
    names = cancelling_events(evidence.function)
    if names:
        yield evidence.conclude(Kind.CANCEL_ON, {"events": names}, is_certain=False)


def cancelled_by_timeout(evidence: RunEvidence) -> Iterator[Conclusion]:
    """The function has a timeout that the run may have exceeded."""
    if evidence.function is None:
        return
    began = evidence.run.queued_at
    ended = evidence.run.ended_at
    took = ended - began if began and ended else None
    for which in ("start", "finish"):
        timeout = evidence.timeouts.get(which)
        longest = parse_duration(timeout)
        if longest is not None and (took is None or took >= longest):
            yield evidence.conclude(
                Kind.TIMEOUT,
                {"timeout": which, "limit": timeout},
                is_certain=False,
                details={"function": name_of(evidence.function)},
            )


def scheduled(evidence: RunEvidence) -> Iterator[Conclusion]:
    """The event of the run asks for a later time."""
    if evidence.scheduled_for is not None:
        yield evidence.conclude(Kind.SCHEDULED, {"ts": evidence.scheduled_for})


def app_unreachable(evidence: RunEvidence) -> Iterator[Conclusion]:
    """The server could not reach the app of the run when it last tried to sync it."""
    if evidence.catalogue is None:
        return
    for app in evidence.catalogue.apps:
        if app.id == evidence.run.app_id and app.sync_error:
            yield evidence.conclude(
                Kind.APP_UNREACHABLE,
                {"sync_error": app.sync_error, "url": app.url},
                is_certain=False,
                details={"app": app.id},
            )


def function_removed(evidence: RunEvidence) -> Iterator[Conclusion]:
    """The app of the run has no such function any more."""
    run = evidence.run
    catalogue = evidence.catalogue
    if catalogue is None or catalogue.gaps:
        return
    if evidence.function is None and run.function_id is not None:
        left = [
            function.id
            for function in catalogue.functions
            if function.app_id == run.app_id
        ]
        yield evidence.conclude(
            Kind.FUNCTION_REMOVED,
            {"functions": left},
            is_certain=False,
            details={"function": run.function_id},
        )


def throttled(evidence: RunEvidence) -> Iterator[Conclusion]:
    """The function has a throttle, and the run has not started."""
    if evidence.function is None or evidence.run.status != RunStatus.QUEUED:
        return
    throttle = limit(evidence.function, "throttle")
    if throttle:
        value = evidence.value_of_key(throttle.get("key"))
        yield evidence.conclude(
            Kind.THROTTLE,
            {"throttle": throttle, "key_value": value},
            is_certain=False,
        )


def concurrency(evidence: RunEvidence) -> Iterator[Conclusion]:
    """The concurrency of the function is limited; certain if a limit is seen to be reached."""
    is_waiting = evidence.run.status == RunStatus.QUEUED or evidence.due_jobs
    if evidence.function is None or not is_waiting:
        return
    limits = concurrency_limits(evidence.function)
    if not limits:
        return
    reached = _reached_limit(evidence, limits)
    yield evidence.conclude(
        Kind.CONCURRENCY,
        {
            "concurrency": limits,
            "runs": reached.runs if reached else [],
            "key": reached.key if reached else None,
            "key_value": evidence.value_of_key(reached.key) if reached else None,
        },
        is_certain=reached is not None,
        details={"function": name_of(evidence.function), "reached": reached},
    )


@frozen(kw_only=True)
class ReachedLimit:
    """A limit of concurrency, and the runs that use it up."""

    most: int
    has_key: bool
    key: str | None  # its expression, if it is known which one it is
    runs: list[str]


def _reached_limit(
    evidence: RunEvidence, limits: list[Mapping[str, Any]]
) -> ReachedLimit | None:
    """Return the last limit of a run that others use up."""
    reached = None
    for entry in limits:
        if not entry.get("key"):  # it counts all jobs of the function
            run_ids = [run_id for run_id, _ in evidence.executing]
            reached = _if_reached(entry["limit"], run_ids) or reached
    for job in evidence.due_jobs[:1]:  # a job states its limits with a key
        for key, most in job.concurrency_keys.items():
            run_ids = [
                run_id
                for run_id, other in evidence.executing
                if key in other.concurrency_keys
            ]
            expressions = [
                entry["key"]
                for entry in limits
                if entry.get("key") and entry["limit"] == most
            ]
            expression = expressions[0] if len(expressions) == 1 else None
            reached = (
                _if_reached(most, run_ids, has_key=True, key=expression) or reached
            )
    return reached


def _if_reached(
    most: int, run_ids: list[str], *, has_key: bool = False, key: str | None = None
) -> ReachedLimit | None:
    if not most or len(run_ids) < most:
        return None
    runs = list(dict.fromkeys(run_ids))
    return ReachedLimit(most=most, has_key=has_key, key=key, runs=runs)


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

CANCELLING_RULES: tuple[Rule, ...] = (
    cancelled_by_singleton,
    cancelled_by_event,
    cancelled_by_timeout,
)

"""About a cancelled run, by its function as it is now."""

SCHEDULE_RULES: tuple[Rule, ...] = (scheduled,)
"""About a run that is to start at a later time: nothing else holds it back before."""

HOLDING_RULES: tuple[Rule, ...] = (
    app_unreachable,
    function_removed,
    throttled,
    concurrency,
)
"""About an open run that may be held back, by its app and function as they are now."""
