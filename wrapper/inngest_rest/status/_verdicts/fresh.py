"""Whether anything arrives, starts runs and is recorded, and whether the clocks agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from inngest_rest._core.resources.names import Names
from inngest_rest._local.functions import limit, matching_triggers, name_of
from inngest_rest._values.visible import and_more, counted
from inngest_rest.findings import Finding, Severity
from inngest_rest.status._evidence import LOOKED_BACK, SETTLED_AFTER
from inngest_rest.status._verdicts.words import in_words, last, not_read, shows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from inngest_rest.models import Function, StoredEvent
    from inngest_rest.status._evidence import StatusEvidence
    from inngest_rest.status._verdicts.words import Figures

_CLOCKS_DIFFER_BY = 30.0  # seconds

# Events that should have started a run: with fewer, nothing can be concluded.
_FEWEST_DUE = 3

# Limits by which an event may start no run, or a later one.
_MAY_START_NONE = ("debounce", "rateLimit", "singleton", "throttle", "eventsBatch")


def judge_fresh(evidence: StatusEvidence) -> Finding:
    unread = evidence.unread.get("events")
    if unread is not None and evidence.recent is None:
        return not_read("fresh", evidence, "events")
    ages = _ages(evidence)
    figures: Figures = {
        f"{name}_s": round(age.total_seconds()) for name, age in ages.items()
    }
    newest = [f"newest {name} {in_words(age)} ago" for name, age in ages.items()]
    message = ", ".join(newest) or f"no event and no run in {LOOKED_BACK.days} days"
    ahead = evidence.clock_ahead_s
    if abs(ahead) > _CLOCKS_DIFFER_BY:
        return Finding(
            kind="fresh",
            severity=Severity.WARNING,
            message=f"{message}; the server's clock is {ahead:+.0f} s off this machine's",
            evidence={**figures, "clock_s": round(ahead)},
            remedy=shows("diagnose", "which clock is off"),
        )
    finding = Finding(
        kind="fresh",
        severity=Severity.OK,
        message=message,
        evidence=figures,
        limits=None if unread is None else f"events are not read: {unread}",
    )
    window = evidence.rules.window
    if "run" in ages and ages["run"] <= window:
        return finding
    unstarted = _unstarted(evidence)
    if unstarted:
        return _nothing_starts(evidence, unstarted, finding)
    if "event" in ages and ages["event"] <= window:
        return finding
    return evolve(finding, severity=Severity.UNKNOWN, message=f"quiet: {message}")


def _unstarted(evidence: StatusEvidence) -> list[StoredEvent]:
    """Return the events of the window that should have started runs, if none has been queued."""
    if evidence.recent is None:
        return []
    unstarted = [
        event
        for event in evidence.events or ()
        if event.received_at is not None
        and not event.name.startswith("inngest/")
        and SETTLED_AFTER < evidence.now - event.received_at <= evidence.rules.window
    ]
    if evidence.rules.names == Names():
        return unstarted
    # The runs of other functions were not read.
    selected = evidence.functions or ()
    return [
        event
        for event in unstarted
        if any(matching_triggers(each, event.name) for each in selected)
    ]


def _nothing_starts(
    evidence: StatusEvidence, unstarted: Sequence[StoredEvent], finding: Finding
) -> Finding:
    """Judge events of the window beside which no run was queued in it."""
    functions = evidence.functions or ()
    listening: dict[str, None] = {}
    due = 0
    for event in unstarted:
        listeners = [each for each in functions if matching_triggers(each, event.name)]
        listening |= dict.fromkeys(map(name_of, listeners))
        due += any(_starts_at_once(each, event.name) for each in listeners)
    window = last(evidence.rules.window)
    arrived = f"{counted(len(unstarted), 'event')} of {window}, and no run"
    severity = Severity.WARNING
    limits = None
    if due >= _FEWEST_DUE:
        severity = Severity.BROKEN
        message = f"nothing reads the event stream: {arrived}: {counted(due, 'event')} had to "
        message += f"start {and_more([*listening])}"
    elif listening:
        message = f"{arrived}: {and_more([*listening])} has a trigger for them"
        limits = "a condition or a limit of the function may hold them back"
    elif evidence.functions is None:
        message = f"{arrived}: whether any function has a trigger is not known"
    else:
        names = and_more(sorted({event.name for event in unstarted}))
        message = f"{arrived}: no function has a trigger for {names}"
    return evolve(
        finding,
        severity=severity,
        message=message,
        limits=limits,
        remedy=shows("events.explain", "why one started nothing"),
    )


def _starts_at_once(function: Function, event_name: str) -> bool:
    """Return whether an event starts the function for certain, and without delay."""
    if function.is_paused or limit(function, *_MAY_START_NONE):
        return False
    triggers = matching_triggers(function, event_name)
    return any(not trigger.condition for trigger in triggers)


def _ages(evidence: StatusEvidence) -> dict[str, timedelta]:
    """Return the ages of the newest event and the newest run, as far as they are known."""
    event = evidence.events[0] if evidence.events else None
    run = evidence.newest_run
    ages: dict[str, timedelta] = {}
    if event is not None and event.received_at is not None:
        ages["event"] = evidence.now - event.received_at
    if run is not None and run.queued_at is not None:
        ages["run"] = evidence.now - run.queued_at
    return ages
