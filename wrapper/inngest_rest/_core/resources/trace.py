"""A run's trace: get the server's spans, and build a readable tree of them.

A server records more than happened. The recordings v2-trace-all-kinds, v2-trace-step-retries and
v2-trace-steps show what is made readable here: a step is two siblings, or three; each request has
a span of its own; and the attempts at a step lie under a span that is not the step's.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import evolve

from inngest_rest._arguments import invalid
from inngest_rest._core.calls.route import About
from inngest_rest._core.resources.fields import json_object, optional, record
from inngest_rest._core.resources.routes import fetch_one, where_absent
from inngest_rest._visible import and_more, did_you_mean, shown
from inngest_rest.models import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest._core.calls.route import AdviceByError
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest_api import models as api

_ADVICE = where_absent(
    "Get the run and its queued jobs instead: {}, {}.", "runs.get", "runs.jobs"
)

LAST_FAILED = "last-failed"
"""Stands for the last step of a run that failed."""


def get_trace(
    session: Session,
    run_id: str,
    *,
    raw: bool = False,
    advice: AdviceByError = _ADVICE,
    deadline: float = math.inf,
) -> Plan[Span]:
    """Get a run's trace, the root span first: as a readable tree, or as the server has it."""

    def root(answer: api.V2Trace) -> Span:
        found = evolve(span(answer.root_span), run_id=optional(answer.run_id))
        return found if raw else readable(found)

    return fetch_one(
        session,
        "runs.trace",
        root,
        path={"id": run_id},
        query={"include_output": True},
        about=About(run_id, "runId"),
        advice=advice,
        deadline=deadline,
    )


def step_to_start_from(
    session: Session, run_id: str, first_run_id: str, from_step: str
) -> Plan[Span]:
    """Return the only step of a run of this name or id, or the last that failed; or refuse.

    A server looks for it in the first run of the chain of replays, whichever run is replayed, and
    keeps the results that this one has of the steps that began before.
    """
    if from_step != LAST_FAILED:
        steps = yield from _steps(session, first_run_id)
        return _only_step(steps, from_step, first_run_id, shown(from_step))
    failed_id = _last_failed((yield from _steps(session, run_id)))
    steps = yield from _steps(session, first_run_id)
    step = _only_step(steps, failed_id, first_run_id, shown(from_step))
    repeated = [
        each.name
        for each in steps
        if each.status == "completed" and _began(each) > _began(step)
    ]
    if repeated:
        raise invalid(
            "from_step",
            f"is {step.name}, and {and_more(repeated, 5)} would run again, which completed but "
            "began later",
            how="To allow that, name the step.",
        )
    return step


def _last_failed(steps: Sequence[Span]) -> str:
    """Return the id of the step that failed last."""
    failed = [step for step in steps if step.status == "failed"]
    if not failed:
        raise invalid(
            "from_step",
            f"is {LAST_FAILED}, and the trace has no step that failed: the run failed outside "
            "of steps, or with a non-retriable error, which SDKs report without the step",
            how="Name the step to start from, which runs again with all after it, or replay the "
            "whole run.",
        )
    return max(failed, key=_began).step_id or ""


def _only_step(steps: Sequence[Span], wanted: str, run_id: str, named: str) -> Span:
    """Return the step of an id, or else the only one of a name; `named` is how callers named it."""
    found = [step for step in steps if step.step_id == wanted]
    found = found or [step for step in steps if step.name == wanted]
    if len(found) > 1:
        ids = ", ".join(f"{step.step_id} ({step.status})" for step in found)
        reason = f"{shown(wanted)} is the name of several steps"
        raise invalid("from_step", reason, how=f"Pass the id of one, {ids}.")
    if not found:
        names = list(dict.fromkeys(step.name for step in steps))
        reason = f"{named} is not a step on record of run {run_id}{did_you_mean(wanted, names)}"
        raise invalid("from_step", reason)
    return found[0]


def _steps(session: Session, run_id: str) -> Plan[list[Span]]:
    advice = where_absent(
        "Leave from_step out: any server replays a run from its beginning."
    )
    root = yield from get_trace(session, run_id, advice=advice)
    return [step for step in root.children if step.step_id]


def _began(step: Span) -> datetime:
    """Return when a step, or the last attempt at it, began at the earliest.

    A server goes by spans that the trace does not tell apart, one of each attempt (recordings
    1.43-v2-trace-step-fails-twice, 1.43-v2-trace-parallel-fails).
    """
    times = [
        step.started_at or step.queued_at,
        *(each.queued_at for each in step.children),
    ]
    return max(filter(None, times), default=datetime.max.replace(tzinfo=UTC))


def span(raw: api.V2Span) -> Span:
    """Convert a span and those below it, as they are."""
    op, milliseconds = optional(raw.step_op), optional(raw.duration_ms)
    return record(
        Span,
        raw,
        name=optional(raw.name) or "",
        status=str(optional(raw.status) or "unknown").lower(),
        duration=None
        if milliseconds is None
        else timedelta(milliseconds=int(milliseconds)),
        step_op=None if op is None else str(op).lower(),
        input=json_object(raw.input_),
        output=json_object(raw.output),
        metadata={
            kind: values.to_dict()
            for each in optional(raw.metadata) or ()
            if (kind := optional(each.kind)) and (values := optional(each.values))
        },
        children=tuple(map(span, optional(raw.children) or ())),
    )


def readable(root: Span) -> Span:
    """Return the tree of what happened: one span per step, with the attempts at it below.

    The root of a run that was skipped has an internal name (recording v2-trace-skipped).
    """
    tidied = _tidied(root)
    if root.ended_at is not None:
        # Servers leave what waited as it was: in a run that went on, it may have ended or not.
        tidied = _no_longer_waiting(
            tidied, "cancelled" if root.status == "cancelled" else "unknown"
        )
    return evolve(tidied, name="Run")


def _no_longer_waiting(parent: Span, status: str) -> Span:
    """Return a span in which, and below which, what waits has another status."""
    children = tuple(_no_longer_waiting(child, status) for child in parent.children)
    status_now = status if parent.status == "waiting" else parent.status
    return evolve(parent, status=status_now, children=children)


def _tidied(parent: Span) -> Span:
    """Return a span with the spans below it made readable."""
    # Those of one step, in the place of the first; any other is alone.
    groups: dict[object, list[Span]] = {}
    for position, child in enumerate(parent.children):
        # That of a request to the app is beside those of what the request did.
        if child.name != "executor.nonstep":
            groups.setdefault(_step_of(child) or position, []).append(_tidied(child))
    duration = parent.duration
    if duration is None:
        duration = _between(parent.started_at, parent.ended_at)
    return evolve(
        parent, duration=duration, children=tuple(map(_merged, groups.values()))
    )


def _step_of(step: Span) -> str | None:
    """Return the id of the step that a span belongs to.

    A step that was tried again has its attempts under a span of no step, of which only the attempt
    that succeeded names the step (recording v2-trace-step-retries).
    """
    if is_attempt(step):
        return None
    named = {
        step.step_id,
        *(child.step_id for child in step.children if is_attempt(child)),
    } - {None}
    return named.pop() if len(named) == 1 else None


def _merged(spans: Sequence[Span]) -> Span:
    """Return the spans of one step as one span, with the attempts at it below."""
    # The app's own time, which has measurements, rather than the server's around it.
    best = max(spans, key=lambda span: (span.ended_at is not None, bool(span.metadata)))
    of_step = next((span for span in spans if span.step_id), best)
    children = [child for span in spans for child in span.children]
    attempts = [child for child in children if is_attempt(child)]
    if _are_the_step_itself(attempts, of_step):
        children = [child for child in children if not is_attempt(child)]
        spans = [*spans, *attempts]
    elif attempts and len(spans) > 1:
        best = _since_first_attempt(best, spans)
    return evolve(
        best,
        name=of_step.name,
        step_id=of_step.step_id,
        step_op=of_step.step_op,
        output=_first_output([best, *spans]),
        metadata=next(
            (span.metadata for span in (best, *spans) if span.metadata), best.metadata
        ),
        children=tuple(children),
    )


def _first_output(spans: Sequence[Span]) -> dict[str, Any] | None:
    return next((span.output for span in spans if span.output is not None), None)


def _are_the_step_itself(attempts: Sequence[Span], of_step: Span) -> bool:
    """Return whether attempts are not to be shown below their step.

    The only attempt is the step itself. Older releases count the request that begins a sleep as one
    attempt, and the sleep as another.
    """
    if any(attempt.status == "failed" for attempt in attempts):
        return False
    return len(attempts) == 1 or of_step.step_op not in (None, "run")


def _since_first_attempt(best: Span, spans: Sequence[Span]) -> Span:
    """Return a span with the times from the first attempt at its step on."""
    queued_at = min((span.queued_at for span in spans if span.queued_at), default=None)
    started_at = min(
        (span.started_at for span in spans if span.started_at), default=None
    )
    duration = _between(started_at, best.ended_at)
    return evolve(best, queued_at=queued_at, started_at=started_at, duration=duration)


def is_attempt(step: Span) -> bool:
    """Return whether a span is an attempt at a step, or at the function's code."""
    return re.fullmatch(r"Attempt \d+", step.name) is not None


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    return None if start is None or end is None else end - start
