"""Rules for why an event started no run, one function each.

A rule says its own sentence: a clause, in lower case and without a full stop, that follows a colon.
A reason is certain only if the evidence proves it. No server reports that a rate limit, a
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
    name_of,
    parse_duration,
)
from inngest_rest.explain._evidence import EVENT_ORDER_SLACK
from inngest_rest.explain._limits import cancelling_events, per_key
from inngest_rest.explain._triggers import nearest_triggers
from inngest_rest.explanation import Reason
from inngest_rest.explanation import ReasonKind as Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.explain._evidence import (
        EventEvidence,
        FunctionWithoutRun,
    )

# For so long after an event, a run of it may still appear.
_RUN_EXPECTED_FOR = 2 * EVENT_ORDER_SLACK


def reasons_of_event(evidence: EventEvidence) -> Iterator[Reason]:
    """Yield the reasons why an event started no run, in general or of each listening function."""
    for rule in EVENT_RULES:
        yield from rule(evidence)
    for without_run in evidence.without_run:
        for reason in _reasons_of_function(without_run):
            yield reason
            if reason.is_certain:
                break  # no other reason is needed


def _reasons_of_function(without_run: FunctionWithoutRun) -> Iterator[Reason]:
    for rule in FUNCTION_RULES:
        yield from rule(without_run)


def _nobody_listens(evidence: EventEvidence) -> bool:
    # The server's own events need no trigger.
    is_of_server = evidence.event.name.startswith("inngest/")
    return not (is_of_server or evidence.runs or evidence.listeners)


def no_trigger(evidence: EventEvidence) -> Iterator[Reason]:
    """No function has a trigger for the name of the event."""
    catalogue = evidence.catalogue
    if catalogue.gaps or not _nobody_listens(evidence):
        return
    nearest: dict[str, list[str]] = {}
    if not evidence.cancelled_functions:  # otherwise the name is not misspelled
        nearest = nearest_triggers(evidence.event.name, catalogue.functions)
    triggers = [
        f"{trigger!r} of {' and '.join(names)}" for trigger, names in nearest.items()
    ]
    hint = f" (nearest: {', '.join(triggers)})" if triggers else ""
    yield Reason(
        kind=Kind.NO_TRIGGER,
        message=f"no function has a trigger for its name{hint}",
        is_certain=evidence.functions_are_same,
        evidence={
            "nearest": nearest,
            "apps": [app.id for app in catalogue.apps],
            "functions": len(catalogue.functions),
        },
    )


def cancels_runs(evidence: EventEvidence) -> Iterator[Reason]:
    """The event is one that cancels runs instead of starting them."""
    if not _nobody_listens(evidence):
        return
    for function in evidence.cancelled_functions:
        yield Reason(
            kind=Kind.CANCELS_RUNS,
            message=f"it may cancel runs of {name_of(function)}",
            app_id=function.app_id,
            function_id=function.id,
            evidence={"events": cancelling_events(function)},
        )


def condition(without_run: FunctionWithoutRun) -> Iterator[Reason]:
    """The condition of each trigger is false for the event, or may be."""
    outcome = without_run.listener.is_triggered_by(without_run.evidence.event)
    if outcome is True:
        return
    triggers = without_run.listener.triggers
    conditions = [trigger.condition for trigger in triggers if trigger.condition]
    any_of = "` or `".join(conditions)
    says = "is false for it" if outcome is False else "may be false for it, or fail"
    yield without_run.reason(
        Kind.CONDITION,
        f"the condition `{any_of}` of {without_run.name} {says}",
        {"conditions": conditions},
        is_certain=without_run.is_excluded,
    )


def duplicate_id(without_run: FunctionWithoutRun) -> Iterator[Reason]:
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
    yield without_run.reason(
        Kind.DUPLICATE_ID,
        f"event {other.internal_id} with the same id {other.id!r} started run {run.id} of "
        f"{without_run.name}, which runs once per id within 24 hours",
        {"id": other.id, "other_event": other.internal_id, "other_run": run.id},
        is_certain=is_earlier and without_run.was_the_same,
    )


def paused(without_run: FunctionWithoutRun) -> Iterator[Reason]:
    """The function is paused."""
    if without_run.function.is_paused:
        message = f"{without_run.name} is paused"
        yield without_run.reason(Kind.PAUSED, message, {"is_paused": True})


def rate_limit(without_run: FunctionWithoutRun) -> Iterator[Reason]:
    """The function has a rate limit, or idempotency, which is one."""
    rate = limit(without_run.function, "rateLimit")
    if rate is None:
        return
    spread = " spread evenly" if rate.get("limit") != 1 else ""
    value = without_run.value_of_key(rate.get("key"))
    yield without_run.reason(
        Kind.RATE_LIMIT,
        f"the rate limit or idempotency of {without_run.name}, {rate.get('limit')} per "
        f"{rate.get('period')}{spread}{per_key(rate, value)}, may have skipped it",
        {"rate_limit": rate, "key_value": value},
    )


def debounce(without_run: FunctionWithoutRun) -> Iterator[Reason]:
    """The function debounces events: a later one may have replaced this one."""
    setting = limit(without_run.function, "debounce")
    if setting is None:
        return
    value = without_run.value_of_key(setting.get("key"))
    yield without_run.reason(
        Kind.DEBOUNCE,
        f"{without_run.name} debounces events for {setting.get('period')}"
        f"{per_key(setting, value)}: it may still be waiting, or have been replaced by a later one",
        {"debounce": setting, "key_value": value},
    )


def batch(without_run: FunctionWithoutRun) -> Iterator[Reason]:
    """The function collects events in batches: that of the event may still be open, or hidden."""
    setting = limit(without_run.function, "eventsBatch")
    if setting is None:
        return
    evidence = without_run.evidence
    timeout = parse_duration(setting.get("timeout"))
    age = evidence.now - evidence.received
    is_open = timeout is None or age < timeout + EVENT_ORDER_SLACK
    name = without_run.name
    if is_open:
        yield without_run.reason(
            Kind.BATCH,
            f"{name} collects up to {setting.get('maxSize')} events for up to "
            f"{setting.get('timeout')}, and its batch may not be full yet",
            {"batch": setting},
        )
    elif evidence.may_hide_batches:
        yield without_run.reason(
            Kind.BATCH,
            f"{name} may have run for a batch that contains it: v1 lists such a run under only one "
            "event of the batch",
            {"batch": setting},
        )


def singleton(without_run: FunctionWithoutRun) -> Iterator[Reason]:
    """The function is a singleton: one that cancels skips, too, if another event is quicker."""
    setting = limit(without_run.function, "singleton")
    if setting is None:
        return
    value = without_run.value_of_key(setting.get("key"))
    yield without_run.reason(
        Kind.SINGLETON,
        f"{without_run.name} is a singleton{per_key(setting, value)} and may have skipped it",
        {"singleton": setting, "key_value": value},
    )


def too_early(without_run: FunctionWithoutRun) -> Iterator[Reason]:
    """The event was received so recently that a run may still appear."""
    evidence = without_run.evidence
    age = max(evidence.now - evidence.began, timedelta(0))
    if age < _RUN_EXPECTED_FOR:
        seconds = age.total_seconds()
        yield without_run.reason(
            Kind.TOO_EARLY,
            f"a run of {without_run.name} may still appear, as the event was received only "
            f"{seconds:.1f} s ago",
            {"seconds": seconds},
        )


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
"""About each function without a run, in order, up to the first reason that is certain."""
