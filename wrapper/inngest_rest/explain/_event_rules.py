"""Rules for why an event started no run, one function each.

A conclusion is certain only if the evidence proves it. No server reports that a rate limit, a
debounce or a singleton was the cause: each is possible for a function that has it, whatever the
lists show.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from inngest_rest._local.functions import (
    ignores_repeated_ids,
    is_run_of,
    limit,
    parse_duration,
)
from inngest_rest.explain._conclusion import Conclusion, about_function
from inngest_rest.explain._evidence import EVENT_ORDER_SLACK
from inngest_rest.explain._limits import cancelling_events
from inngest_rest.explain._triggers import nearest_triggers
from inngest_rest.explanation import ReasonKind as Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.explain._evidence import (
        EventEvidence,
        FunctionWithoutRun,
    )

# For so long after an event, a run of it may still appear.
_RUN_EXPECTED_FOR = 2 * EVENT_ORDER_SLACK


def conclusions_of_event(evidence: EventEvidence) -> Iterator[Conclusion]:
    """Yield the reasons why an event started no run, in general or of each listening function."""
    for rule in EVENT_RULES:
        yield from rule(evidence)
    for without_run in evidence.without_run:
        for conclusion in _conclusions_of_function(without_run):
            yield conclusion
            if conclusion.is_certain:
                break  # no other reason is needed


def _conclusions_of_function(without_run: FunctionWithoutRun) -> Iterator[Conclusion]:
    for rule in FUNCTION_RULES:
        yield from rule(without_run)


def _nobody_listens(evidence: EventEvidence) -> bool:
    # The server's own events need no trigger.
    is_of_server = evidence.event.name.startswith("inngest/")
    return not (is_of_server or evidence.runs or evidence.listeners)


def no_trigger(evidence: EventEvidence) -> Iterator[Conclusion]:
    """No function has a trigger for the name of the event."""
    catalogue = evidence.catalogue
    if catalogue.gaps or not _nobody_listens(evidence):
        return
    nearest: dict[str, list[str]] = {}
    if not evidence.cancelled_functions:  # otherwise the name is not misspelled
        nearest = nearest_triggers(evidence.event.name, catalogue.functions)
    yield Conclusion(
        kind=Kind.NO_TRIGGER,
        is_certain=evidence.functions_are_same,
        evidence={
            "nearest": nearest,
            "apps": [app.id for app in catalogue.apps],
            "functions": len(catalogue.functions),
        },
    )


def cancels_runs(evidence: EventEvidence) -> Iterator[Conclusion]:
    """The event is one that cancels runs instead of starting them."""
    if not _nobody_listens(evidence):
        return
    for function in evidence.cancelled_functions:
        yield about_function(
            function, Kind.CANCELS_RUNS, {"events": cancelling_events(function)}
        )


def condition(without_run: FunctionWithoutRun) -> Iterator[Conclusion]:
    """The condition of each trigger is false for the event, or may be."""
    outcome = without_run.listener.is_triggered_by(without_run.evidence.event)
    if outcome is True:
        return
    conditions = [trigger.condition for trigger in without_run.listener.triggers]
    yield without_run.conclude(
        Kind.CONDITION,
        {"conditions": [text for text in conditions if text]},
        is_certain=without_run.is_excluded,
        details={"is_false": outcome is False},
    )


def duplicate_id(without_run: FunctionWithoutRun) -> Iterator[Conclusion]:
    """An earlier event with the same id started a run of the function."""
    function = without_run.function
    evidence = without_run.evidence
    started = [
        (other, run) for other, run in evidence.same_id if is_run_of(run, function)
    ]
    if not started or ignores_repeated_ids(function):
        return
    other, run = started[0]
    is_earlier = False
    if other.received_at is not None:
        is_earlier = evidence.began - other.received_at > EVENT_ORDER_SLACK
    yield without_run.conclude(
        Kind.DUPLICATE_ID,
        {"id": other.id, "other_event": other.internal_id, "other_run": run.id},
        is_certain=is_earlier and without_run.was_the_same,
    )


def paused(without_run: FunctionWithoutRun) -> Iterator[Conclusion]:
    """The function is paused."""
    if without_run.function.is_paused:
        yield without_run.conclude(Kind.PAUSED, {"is_paused": True})


def rate_limit(without_run: FunctionWithoutRun) -> Iterator[Conclusion]:
    """The function has a rate limit, or idempotency, which is one."""
    rate = limit(without_run.function, "rateLimit")
    if rate is None:
        return
    yield without_run.conclude(
        Kind.RATE_LIMIT,
        {
            "rate_limit": rate,
            "key_value": without_run.value_of_key(rate.get("key")),
        },
    )


def debounce(without_run: FunctionWithoutRun) -> Iterator[Conclusion]:
    """The function debounces events: a later one may have replaced this one."""
    setting = limit(without_run.function, "debounce")
    if setting is None:
        return
    yield without_run.conclude(
        Kind.DEBOUNCE,
        {
            "debounce": setting,
            "key_value": without_run.value_of_key(setting.get("key")),
        },
    )


def batch(without_run: FunctionWithoutRun) -> Iterator[Conclusion]:
    """The function collects events in batches: that of the event may still be open, or hidden."""
    setting = limit(without_run.function, "eventsBatch")
    if setting is None:
        return
    evidence = without_run.evidence
    timeout = parse_duration(setting.get("timeout"))
    age = evidence.now - evidence.received
    is_open = timeout is None or age < timeout + EVENT_ORDER_SLACK
    if is_open or evidence.may_hide_batches:
        yield without_run.conclude(
            Kind.BATCH, {"batch": setting}, details={"is_open": is_open}
        )


def singleton(without_run: FunctionWithoutRun) -> Iterator[Conclusion]:
    """The function is a singleton: one that cancels skips, too, if another event is quicker."""
    setting = limit(without_run.function, "singleton")
    if setting is None:
        return
    yield without_run.conclude(
        Kind.SINGLETON,
        {
            "singleton": setting,
            "key_value": without_run.value_of_key(setting.get("key")),
        },
    )


def too_early(without_run: FunctionWithoutRun) -> Iterator[Conclusion]:
    """The event was received so recently that a run may still appear."""
    evidence = without_run.evidence
    age = max(evidence.now - evidence.began, timedelta(0))
    if age < _RUN_EXPECTED_FOR:
        yield without_run.conclude(Kind.TOO_EARLY, {"seconds": age.total_seconds()})


EVENT_RULES = (no_trigger, cancels_runs)
"""About the event itself, in the order in which they are told."""

FUNCTION_RULES = (
    condition,
    duplicate_id,
    paused,
    rate_limit,
    debounce,
    batch,
    singleton,
    too_early,
)
"""About each function without a run, in order, up to the first conclusion that is certain."""
