"""Rules for why a due run is not executed, or was cancelled, by its function as it is now.

A rule says its own sentence, as those about a run do. They are the same for a run and for the runs
of an event. A throttle, or the cause of a cancellation, no server reports: each is possible.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest._local.functions import limit, name_of, parse_duration
from inngest_rest._values.visible import and_more, moment
from inngest_rest.explain._limits import (
    cancelling_events,
    cancels_earlier_run,
    concurrency_limits,
    per_key,
)
from inngest_rest.explanation import ReasonKind as Kind
from inngest_rest.models import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from inngest_rest.explain._evidence import RunEvidence
    from inngest_rest.explanation import Reason

    Rule = Callable[[RunEvidence], Iterator[Reason]]

# The latest time that a datetime can hold. A `ts` in microseconds, sent by mistake, is later.
_LAST_MS = datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1_000


def reasons_of_limits(evidence: RunEvidence) -> Iterator[Reason]:
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


def cancelled_by_singleton(evidence: RunEvidence) -> Iterator[Reason]:
    """The function is a singleton whose new run cancels the earlier one."""
    function = evidence.function
    if function is not None and cancels_earlier_run(function):
        yield evidence.reason(
            Kind.SINGLETON,
            f"{evidence.subject} may have been cancelled by a later run of the singleton "
            f"{name_of(function)}",
            {"singleton": limit(function, "singleton")},
            is_certain=False,
        )


def cancelled_by_event(evidence: RunEvidence) -> Iterator[Reason]:
    """The function has events that cancel its runs."""
    if evidence.function is None:
        return
    names = cancelling_events(evidence.function)
    if names:
        any_of = " or ".join(repr(name) for name in names)
        yield evidence.reason(
            Kind.CANCEL_ON,
            f"{evidence.subject} may have been cancelled by an event {any_of}",
            {"events": names},
            is_certain=False,
        )


def cancelled_by_timeout(evidence: RunEvidence) -> Iterator[Reason]:
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
            yield evidence.reason(
                Kind.TIMEOUT,
                f"{evidence.subject} may have been cancelled by the {which} timeout of "
                f"{name_of(evidence.function)}, {timeout}",
                {"timeout": which, "limit": timeout},
                is_certain=False,
            )


def scheduled(evidence: RunEvidence) -> Iterator[Reason]:
    """The event of the run asks for a later time."""
    ts = evidence.scheduled_for
    if ts is not None:
        at = datetime.fromtimestamp(min(ts, _LAST_MS) / 1_000, UTC)
        yield evidence.reason(
            Kind.SCHEDULED,
            f"{evidence.subject} is scheduled for the `ts` of its event, {moment(at)}",
            {"ts": ts},
        )


def app_unreachable(evidence: RunEvidence) -> Iterator[Reason]:
    """The server could not reach the app of the run when it last tried to sync it."""
    if evidence.catalogue is None:
        return
    for app in evidence.catalogue.apps:
        if app.id == evidence.run.app_id and app.sync_error:
            yield evidence.reason(
                Kind.APP_UNREACHABLE,
                f"{evidence.subject} may be waiting for another attempt, as app {app.id} is "
                f"{app.sync_error}",
                {"sync_error": app.sync_error, "url": app.url},
                is_certain=False,
            )


def function_removed(evidence: RunEvidence) -> Iterator[Reason]:
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
        yield evidence.reason(
            Kind.FUNCTION_REMOVED,
            f"{evidence.subject} may never start, as its app no longer has a function "
            f"{run.function_id}",
            {"functions": left},
            is_certain=False,
        )


def throttled(evidence: RunEvidence) -> Iterator[Reason]:
    """The function has a throttle, and the run has not started."""
    if evidence.function is None or evidence.run.status != RunStatus.QUEUED:
        return
    throttle = limit(evidence.function, "throttle")
    if throttle:
        value = evidence.value_of_key(throttle.get("key"))
        yield evidence.reason(
            Kind.THROTTLE,
            f"{evidence.subject} may be delayed by the throttle of its function, "
            f"{throttle.get('limit')} per {throttle.get('period')}{per_key(throttle, value)}",
            {"throttle": throttle, "key_value": value},
            is_certain=False,
        )


def concurrency(evidence: RunEvidence) -> Iterator[Reason]:
    """The concurrency of the function is limited; certain if a limit is seen to be reached."""
    is_waiting = evidence.run.status == RunStatus.QUEUED or evidence.due_jobs
    if evidence.function is None or not is_waiting:
        return
    limits = concurrency_limits(evidence.function)
    if not limits:
        return
    reached = _reached_limit(evidence, limits)
    name = name_of(evidence.function)
    message = f"{evidence.subject} may be waiting for its turn, as {name} has a concurrency limit"
    value: Any = None
    if reached:
        value = evidence.value_of_key(reached.key)
        each = " per key" if reached.has_key else ""
        if reached.key is not None:
            each = per_key({"key": reached.key}, value)
        message = (
            f"{evidence.subject} waits for its turn, as {name} executes at most {reached.most} at "
            f"a time{each}, currently run {and_more(reached.runs)}"
        )
    yield evidence.reason(
        Kind.CONCURRENCY,
        message,
        {
            "concurrency": limits,
            "runs": reached.runs if reached else [],
            "key": reached.key if reached else None,
            "key_value": value,
        },
        is_certain=reached is not None,
    )


@frozen(kw_only=True)
class _ReachedLimit:
    """A limit of concurrency, and the runs that use it up."""

    most: int
    has_key: bool
    key: str | None  # its expression, if it is known which one it is
    runs: list[str]


def _reached_limit(
    evidence: RunEvidence, limits: list[Mapping[str, Any]]
) -> _ReachedLimit | None:
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
) -> _ReachedLimit | None:
    if not most or len(run_ids) < most:
        return None
    runs = list(dict.fromkeys(run_ids))
    return _ReachedLimit(most=most, has_key=has_key, key=key, runs=runs)


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
