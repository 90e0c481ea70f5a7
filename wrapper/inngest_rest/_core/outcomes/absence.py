"""Why a function that listens for an event has no run of it; no I/O."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from inngest_rest._core.outcomes import limits
from inngest_rest._core.outcomes.catalogue import is_of, name_of
from inngest_rest._core.outcomes.conditions import verdict
from inngest_rest._core.outcomes.evidence import is_later, key
from inngest_rest._core.resources.wait import APPEARS_WITHIN
from inngest_rest.explanation import Reason, ReasonKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inngest_rest._core.outcomes.evidence import Evidence
    from inngest_rest.models import Function, Trigger

_SLACK = timedelta(seconds=APPEARS_WITHIN)


def reasons(
    evidence: Evidence, function: Function, triggers: Sequence[Trigger]
) -> Iterator[Reason]:
    """Yield the reasons why a function has no run; a proven one excludes all others."""
    name = name_of(function)
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
                f"event {twin.event.internal_id} with the same id {twin.event.id!r} "
                f"started run {run.id} of {name}, which runs once for an id within 24 hours",
                function,
                is_certain=True,
                id=twin.event.id,
                other_event=twin.event.internal_id,
                other_run=run.id,
            )
            return
        yield _reason(
            ReasonKind.DUPLICATE_ID,
            f"{name} may have taken it for event {twin.event.internal_id} with the same id "
            f"{twin.event.id!r}, of which it has no run either",
            function,
            id=twin.event.id,
            other_event=twin.event.internal_id,
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
    text = f"the rate limit of {name_of(function)} ({most} per {limit.get('period')})"
    text += " may have excluded it"
    if others is None or period is None or not isinstance(most, int):
        yield _reason(ReasonKind.RATE_LIMIT, text, function, rate_limit=dict(limit))
        return
    received = evidence.received
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
            f"{text}: {_runs(len(earlier))} within that time before"
            + (", or its idempotency" if most == 1 and period == timedelta(days=1) else ""),
            function,
            rate_limit=dict(limit),
            earlier_runs=[run.id for run in earlier],
        )


def _debounce(evidence: Evidence, function: Function) -> Iterator[Reason]:
    debounce = limits.debounce(function)
    if debounce is None:
        return
    name, period = name_of(function), limits.duration(debounce.get("period"))
    others = evidence.others.get(key(function))
    later = [
        run
        for run in reversed(others.runs if others is not None else ())
        if run.event_ids and is_later(run.event_ids[0], than=evidence.event.internal_id)
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
    name, timeout = name_of(function), limits.duration(batch.get("timeout"))
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
    name, received = name_of(function), evidence.received
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


def _reason(
    kind: ReasonKind,
    message: str,
    function: Function,
    *,
    is_certain: bool = False,
    **evidence: object,
) -> Reason:
    return Reason(kind, message, is_certain, function.app_id, function.id, None, evidence)


def _condition(conditions: Sequence[str]) -> str:
    return f"the condition `{'` or `'.join(conditions)}`"


def _runs(count: int) -> str:
    return "there was 1 run" if count == 1 else f"there were {count} runs"


def _age(evidence: Evidence) -> timedelta:
    return max(evidence.now - evidence.received, timedelta(0))
