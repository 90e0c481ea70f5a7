"""Find the reasons why a function did not run, or a run has not completed; no I/O.

A reason is given only if the evidence allows it, and called certain only if the evidence proves it:
no server shows that a rate limit, a debounce or a singleton was the cause.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from inngest_rest._core.outcomes import limits
from inngest_rest._core.outcomes.catalogue import is_of
from inngest_rest._core.outcomes.conditions import verdict
from inngest_rest._core.outcomes.evidence import key
from inngest_rest._core.outcomes.triggers import nearest, patterns
from inngest_rest._core.resources.wait import APPEARS_WITHIN
from inngest_rest.explanation import Reason, ReasonKind
from inngest_rest.models import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inngest_rest._core.outcomes.evidence import Evidence
    from inngest_rest.models import Function, Run, Trigger

# Events that the server makes itself; no trigger need match them.
_OF_THE_SERVER = "inngest/"

_SLACK = timedelta(seconds=APPEARS_WITHIN)


def reasons(evidence: Evidence) -> list[Reason]:
    """Return each reason that the evidence allows."""
    return [
        *_of_event(evidence),
        *(
            reason
            for function, triggers in evidence.listeners
            if not any(is_of(run, function) for run in evidence.runs)
            for reason in _of_listener(evidence, function, triggers)
        ),
        *(reason for run in evidence.runs for reason in _of_run(evidence, run)),
    ]


def _of_event(evidence: Evidence) -> Iterator[Reason]:
    name = evidence.event.name
    if not evidence.listeners and not evidence.runs and not name.startswith(_OF_THE_SERVER):
        yield from _no_trigger(evidence, name)
    wanted = set(patterns(name))
    for function in evidence.catalogue.functions:
        if wanted & set(limits.cancelled_by(function)) and not evidence.runs:
            yield _reason(
                ReasonKind.CANCELS_RUNS,
                f"it cancels runs of {_name(function)}, and starts none of it",
                function,
                is_certain=not evidence.listeners,
                cancellations=limits.cancelled_by(function),
            )


def _no_trigger(evidence: Evidence, name: str) -> Iterator[Reason]:
    if evidence.catalogue.gaps:
        return
    close = nearest(name, evidence.catalogue.functions)
    message = "no function has a trigger for its name"
    if close:
        nearby = [f"{value!r} of {' and '.join(names)}" for value, names in close.items()]
        message += f" (the nearest: {', '.join(nearby)})"
    yield Reason(
        ReasonKind.NO_TRIGGER,
        message,
        is_certain=True,
        evidence={
            "nearest": {value: list(names) for value, names in close.items()},
            "apps": [app.id for app in evidence.catalogue.apps],
            "functions": len(evidence.catalogue.functions),
        },
    )


def _of_listener(
    evidence: Evidence, function: Function, triggers: Sequence[Trigger]
) -> Iterator[Reason]:
    """Yield the reasons why a function has no run; a proven one excludes all others."""
    name = _name(function)
    conditions = [it.condition for it in triggers if it.condition]
    verdicts = [verdict(trigger, evidence.event) for trigger in triggers]
    if all(it is False for it in verdicts):
        yield _reason(
            ReasonKind.CONDITION,
            f"{_condition(conditions)} of {name} is false for it",
            function,
            is_certain=True,
            conditions=conditions,
        )
        return
    if (twin := evidence.twin) is not None:
        run = next((it for it in twin.runs if is_of(it, function)), None)
        if run is not None:
            yield _reason(
                ReasonKind.DUPLICATE_ID,
                f"the earlier event {twin.event.internal_id} with the same id {twin.event.id!r} "
                f"started run {run.id} of {name}, which runs once for an id within 24 hours",
                function,
                is_certain=True,
                id=twin.event.id,
                earlier_event=twin.event.internal_id,
                earlier_run=run.id,
            )
            return
        yield _reason(
            ReasonKind.DUPLICATE_ID,
            f"{name} may have taken it for the earlier event {twin.event.internal_id} with the "
            f"same id {twin.event.id!r}, of which it has no run either",
            function,
            id=twin.event.id,
            earlier_event=twin.event.internal_id,
        )
    if True not in verdicts:
        yield _reason(
            ReasonKind.CONDITION,
            f"{_condition(conditions)} of {name} may be false for it or fail: servers do not show "
            "how they evaluate it",
            function,
            conditions=conditions,
        )
    if function.is_paused:
        yield _reason(ReasonKind.PAUSED, f"{name} is paused", function, is_paused=True)
    yield from _rate_limit(evidence, function)
    yield from _debounce(evidence, function)
    yield from _batch(evidence, function)
    yield from _singleton(evidence, function)
    if _age(evidence) < _SLACK:
        yield _reason(
            ReasonKind.TOO_EARLY,
            f"a run of {name} may be about to appear, as it was received only "
            f"{_age(evidence).total_seconds():.1f} s ago",
            function,
            seconds=_age(evidence).total_seconds(),
        )


def _rate_limit(evidence: Evidence, function: Function) -> Iterator[Reason]:
    limit = limits.rate_limit(function)
    if limit is None:
        return
    period, most = limits.duration(limit.get("period")), limit.get("limit")
    others = evidence.others.get(key(function))
    text = f"the rate limit of {_name(function)}, {most} per {limit.get('period')}, may exclude it"
    if others is None or period is None or not isinstance(most, int):
        yield _reason(ReasonKind.RATE_LIMIT, text, function, rate_limit=dict(limit))
        return
    received = _received(evidence)
    earlier = [
        run
        for run in others.runs
        if run.queued_at is not None
        and received - period - timedelta(seconds=1) <= run.queued_at <= received + _SLACK
    ]
    # A limit of n excludes no event before n runs within its period, whatever its key.
    if len(earlier) >= most or not others.is_all:
        yield _reason(
            ReasonKind.RATE_LIMIT,
            f"{text}: {_runs(len(earlier))} within that time"
            + (", or its idempotency" if most == 1 and period == timedelta(days=1) else ""),
            function,
            rate_limit=dict(limit),
            earlier_runs=[run.id for run in earlier],
        )


def _debounce(evidence: Evidence, function: Function) -> Iterator[Reason]:
    debounce = limits.debounce(function)
    if debounce is None:
        return
    name, period = _name(function), limits.duration(debounce.get("period"))
    others = evidence.others.get(key(function))
    later = [
        run
        for run in reversed(others.runs if others is not None else ())
        if run.event_ids and run.event_ids[0] > evidence.event.internal_id
    ]
    if later:
        run = later[0]
        yield _reason(
            ReasonKind.DEBOUNCE,
            f"{name} debounces events for {debounce.get('period')}, and the later event "
            f"{run.event_ids[0]}, which started run {run.id}, may have replaced it",
            function,
            debounce=dict(debounce),
            later_event=run.event_ids[0],
            later_run=run.id,
        )
    elif period is None or _age(evidence) < period + _SLACK or evidence.later is not None:
        text = f"{name} debounces events for {debounce.get('period')} and may wait for later ones"
        then = "" if evidence.later is None else f", such as {evidence.later}"
        yield _reason(
            ReasonKind.DEBOUNCE,
            text + then,
            function,
            debounce=dict(debounce),
            later_event=evidence.later,
        )


def _batch(evidence: Evidence, function: Function) -> Iterator[Reason]:
    batch = limits.batch(function)
    if batch is None:
        return
    name, timeout = _name(function), limits.duration(batch.get("timeout"))
    if timeout is None or _age(evidence) < timeout + _SLACK:
        yield _reason(
            ReasonKind.BATCH,
            f"{name} collects {batch.get('maxSize')} events or for {batch.get('timeout')}, and "
            "its batch may not be full yet",
            function,
            batch=dict(batch),
        )
    elif evidence.is_of_v1:
        yield _reason(
            ReasonKind.BATCH,
            f"{name} may have run for a batch that contains it, which v1 lists under one event of "
            "the batch alone",
            function,
            batch=dict(batch),
        )


def _singleton(evidence: Evidence, function: Function) -> Iterator[Reason]:
    singleton = limits.singleton(function, "skip")
    if singleton is None:
        return
    name, received = _name(function), _received(evidence)
    others = evidence.others.get(key(function))
    text = f"{name} is a singleton and may have skipped it"
    if others is None:
        yield _reason(ReasonKind.SINGLETON, text, function, singleton=dict(singleton))
        return
    running = [
        run
        for run in others.runs
        if run.queued_at is not None
        and run.queued_at <= received + _SLACK
        and (run.ended_at is None or run.ended_at >= received)
    ]
    if running:
        yield _reason(
            ReasonKind.SINGLETON,
            f"{text}, as run {running[0].id} had not ended",
            function,
            singleton=dict(singleton),
            other_run=running[0].id,
        )
    elif not others.is_all:
        yield _reason(ReasonKind.SINGLETON, text, function, singleton=dict(singleton))


def _of_run(evidence: Evidence, run: Run) -> Iterator[Reason]:
    """Yield the reasons why a run waits, or was cancelled."""
    function = next((it for it in evidence.catalogue.functions if is_of(run, it)), None)
    if run.status == RunStatus.CANCELLED:
        if function is not None:
            yield from _cancelled(evidence, run, function)
    elif not run.is_ended:
        yield from _waiting(evidence, run, function)


def _waiting(evidence: Evidence, run: Run, function: Function | None) -> Iterator[Reason]:
    ts = evidence.event.ts
    if run.status == RunStatus.QUEUED:
        now = evidence.now.timestamp() * 1_000
        if ts is not None and ts > now:
            at = datetime.fromtimestamp(ts / 1_000, UTC)
            yield _of(
                run,
                ReasonKind.SCHEDULED,
                f"run {run.id} waits for the time of the event, {at:%Y-%m-%d %H:%M:%S} UTC",
                is_certain=True,
                ts=ts,
            )
            return
        if function is not None and (throttle := limits.throttle(function)):
            yield _of(
                run,
                ReasonKind.THROTTLE,
                f"run {run.id} may wait for the throttle of {_name(function)}, "
                f"{throttle.get('limit')} per {throttle.get('period')}",
                throttle=dict(throttle),
            )
        if function is not None and (concurrency := limits.concurrency(function)):
            yield _of(
                run,
                ReasonKind.CONCURRENCY,
                f"run {run.id} may wait for its turn, as the concurrency of {_name(function)} is "
                "limited",
                concurrency=concurrency,
            )
    app = next((it for it in evidence.catalogue.apps if it.id == run.app_id), None)
    if app is not None and app.sync_error:
        yield _of(
            run,
            ReasonKind.APP_UNREACHABLE,
            f"run {run.id} may wait for another attempt, as app {app.id} is {app.sync_error}",
            sync_error=app.sync_error,
            url=app.url,
        )
    if function is None and run.function_id is not None and not evidence.catalogue.gaps:
        yield _of(
            run,
            ReasonKind.FUNCTION_REMOVED,
            f"run {run.id} may wait in vain, as its app no longer has the function "
            f"{run.function_id}",
            functions=[it.id for it in evidence.catalogue.functions if it.app_id == run.app_id],
        )


def _cancelled(evidence: Evidence, run: Run, function: Function) -> Iterator[Reason]:
    name = _name(function)
    others = evidence.others.get(key(function))
    if limits.singleton(function, "cancel"):
        later = [
            it
            for it in reversed(others.runs if others is not None else ())
            if it.id > run.id
            and it.queued_at is not None
            and (run.ended_at is None or abs(it.queued_at - run.ended_at) < _SLACK)
        ]
        if later or others is None:
            by = f", {later[0].id}" if later else ""
            yield _of(
                run,
                ReasonKind.SINGLETON,
                f"run {run.id} may have been cancelled by a later run of the singleton {name}{by}",
                later_run=later[0].id if later else None,
            )
    if events := limits.cancelled_by(function):
        yield _of(
            run,
            ReasonKind.CANCEL_ON,
            f"run {run.id} may have been cancelled by an event {' or '.join(map(repr, events))}",
            events=events,
        )
    for what, text in (evidence.timeouts.get(key(function)) or {}).items():
        longest = limits.duration(text)
        if longest is not None and _lasted(run) >= longest:
            yield _of(
                run,
                ReasonKind.TIMEOUT,
                f"run {run.id} may have been cancelled by the {what} timeout of {name}, {text}",
                timeout=what,
                limit=text,
            )


def _lasted(run: Run) -> timedelta:
    if run.queued_at is None or run.ended_at is None:
        return timedelta.max
    return run.ended_at - run.queued_at


def _of(
    run: Run, kind: ReasonKind, message: str, *, is_certain: bool = False, **evidence: object
) -> Reason:
    return Reason(kind, message, is_certain, run.app_id, run.function_id, run.id, evidence)


def _reason(
    kind: ReasonKind,
    message: str,
    function: Function,
    *,
    is_certain: bool = False,
    **evidence: object,
) -> Reason:
    return Reason(kind, message, is_certain, function.app_id, function.id, None, evidence)


def _name(function: Function) -> str:
    return f"{function.app_id}/{function.id}"


def _condition(conditions: Sequence[str]) -> str:
    return f"the condition `{'` or `'.join(conditions)}`"


def _runs(count: int) -> str:
    return "it had 1 run" if count == 1 else f"it had {count} runs"


def _received(evidence: Evidence) -> datetime:
    return evidence.event.received_at or evidence.now


def _age(evidence: Evidence) -> timedelta:
    return max(evidence.now - _received(evidence), timedelta(0))
