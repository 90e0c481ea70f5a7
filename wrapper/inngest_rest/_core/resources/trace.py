"""A run's trace: get the server's spans, and build a readable tree of them.

A server records more spans than there are steps. As the recordings v2-trace-all-kinds,
v2-trace-step-retries and v2-trace-steps show, a step is two siblings, or three; each request has a
span of its own; and the attempts at a step are below a span that is not the step's.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import evolve

from inngest_rest._core.calls.route import About
from inngest_rest._core.resources.fields import json_object, optional, record
from inngest_rest._core.resources.routes import ask_one, where_absent
from inngest_rest._local.arguments import invalid
from inngest_rest._values.span_names import attempt_number
from inngest_rest._values.visible import and_more, did_you_mean, shown
from inngest_rest.models import Span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inngest_rest._core.calls.route import AdviceByError
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest_api import models as api

_ADVICE = where_absent(
    "Get the run and its queued jobs instead: {}, {}.", "runs.get", "runs.jobs"
)

LAST_FAILED = "last-failed"
"""The value of `from_step` that means the last failed step of a run."""

# Recording 1.43-v2-trace-step-non-retriable.
_WHY_NONE_FAILED = (
    "the trace has no step that failed: the run failed outside of steps, or in one by a "
    "non-retriable error, which the Python SDK reports without the step"
)


def get_trace(
    session: Session,
    run_id: str,
    *,
    raw: bool = False,
    advice: AdviceByError = _ADVICE,
    deadline: float = math.inf,
) -> Plan[Span]:
    """Get the root span of a run's trace, as a readable tree or, if `raw`, as the server has it."""

    def root_of(trace: api.V2Trace) -> Span:
        unnamed = span(trace.root_span)
        root = evolve(unnamed, run_id=optional(trace.run_id))
        return root if raw else readable(root)

    return ask_one(
        session,
        "runs.trace",
        root_of,
        path={"id": run_id},
        query={"include_output": True},
        about=About(run_id, "runId"),
        advice=advice,
        deadline=deadline,
    )


async def step_to_start_from(
    session: Session,
    run_id: str,
    first_run_id: str,
    from_step: str,
) -> Span:
    """Return the only step of a run with a name or id, or the last failed step.

    A server looks for it in the first run of the chain of replays, whichever run is replayed, and
    keeps the results of that run's steps that began before.
    """
    if from_step != LAST_FAILED:
        steps = await _steps(session, first_run_id)
        return _only_step(steps, from_step, first_run_id, shown(from_step))
    own_steps = await _steps(session, run_id)
    steps = await _steps(session, first_run_id)
    failed_id = _last_failed(own_steps, steps)
    step = _only_step(steps, failed_id, first_run_id, shown(from_step))
    began = _began(step)
    later = [each for each in steps if _began(each) > began]
    repeated = [each.name for each in later if each.status == "completed"]
    if repeated:
        raise invalid(
            "from_step",
            f"is {step.name}, and {and_more(repeated, 5)} would run again, which completed but "
            "began later",
            how="To allow that, name the step.",
        )
    return step


def _last_failed(own_steps: Sequence[Span], steps: Sequence[Span]) -> str:
    """Return the id of the step of a run that failed last; `steps` can be started from."""
    failed = [step for step in own_steps if step.status == "failed"]
    if not failed:
        raise invalid(
            "from_step",
            f"is {LAST_FAILED}, and {_WHY_NONE_FAILED}: no replay can start there",
            how=_other_starts(own_steps, steps),
        )
    return max(failed, key=_began).step_id or ""


def _other_starts(own_steps: Sequence[Span], steps: Sequence[Span]) -> str:
    """Return what a run can be replayed from if its failed step is not on record."""
    whole = "Leave from_step out to replay the whole run"
    ids = {step.step_id for step in own_steps}
    known = [step for step in steps if step.step_id in ids]
    if not known:
        return f"{whole}."
    latest = max(known, key=_began)
    is_only = [step.name for step in steps].count(latest.name) == 1
    name = latest.name if is_only else latest.step_id
    return f"{whole}, or pass {shown(name)}, the last step on record, which would run again, too."


def _only_step(
    steps: Sequence[Span],
    wanted: str,
    run_id: str,
    named: str,
) -> Span:
    """Return the step with an id, else the only one with a name; `named` is the caller's word."""
    matching = [step for step in steps if step.step_id == wanted]
    if not matching:
        matching = [step for step in steps if step.name == wanted]
    if len(matching) > 1:
        ids = ", ".join(f"{step.step_id} ({step.status})" for step in matching)
        reason = f"{shown(wanted)} is the name of several steps"
        raise invalid("from_step", reason, how=f"Pass the id of one, {ids}.")
    if not matching:
        names = list(dict.fromkeys(step.name for step in steps))
        hint = did_you_mean(wanted, names)
        reason = f"{named} is not a step on record of run {run_id}{hint}"
        how = "Leave from_step out to replay the whole run: servers start from no other step."
        raise invalid("from_step", reason, how=how)
    return matching[0]


async def _steps(session: Session, run_id: str) -> list[Span]:
    advice = where_absent(
        "Leave from_step out: any server replays a run from its beginning."
    )
    root = await get_trace(session, run_id, advice=advice)
    return [step for step in root.children if step.step_id]


_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def _began(step: Span) -> datetime:
    """Return the latest possible start of a step, or of the last attempt at it.

    A server goes by spans that the trace does not distinguish, one for each attempt (recordings
    1.43-v2-trace-step-fails-twice, 1.43-v2-trace-parallel-fails).
    """
    times = [step.started_at or step.queued_at]
    times += [attempt.queued_at for attempt in step.children]
    stated = filter(None, times)
    return max(stated, default=_END_OF_TIME)


def span(raw: api.V2Span) -> Span:
    """Convert a span and those below it, without changes to the tree."""
    step_op: str | None = optional(raw.step_op)
    if step_op is not None:
        step_op = str(step_op).lower()
    milliseconds = optional(raw.duration_ms)
    duration: timedelta | None = None
    if milliseconds is not None:
        duration = timedelta(milliseconds=int(milliseconds))
    status = str(optional(raw.status) or "unknown")
    children = [span(child) for child in optional(raw.children) or ()]
    return record(
        Span,
        raw,
        name=optional(raw.name) or "",
        status=status.lower(),
        duration=duration,
        step_op=step_op,
        input=json_object(raw.input_),
        output=json_object(raw.output),
        metadata=_metadata(raw),
        children=tuple(children),
    )


def _metadata(raw: api.V2Span) -> dict[str, dict[str, Any]]:
    """Return the metadata of a span by kind."""
    metadata: dict[str, dict[str, Any]] = {}
    for entry in optional(raw.metadata) or ():
        kind = optional(entry.kind)
        values = optional(entry.values) if kind else None
        if kind and values:
            metadata[kind] = values.to_dict()
    return metadata


def readable(root: Span) -> Span:
    """Return the tree of the steps: one span per step, with the attempts at it below.

    The root of a run that was skipped has an internal name (recording v2-trace-skipped).
    """
    tidied = _tidied(root)
    if root.ended_at is not None:
        # Servers do not update waiting steps at the end: unless cancelled, they may have ended or
        # not.
        status = "cancelled" if root.status == "cancelled" else "unknown"
        tidied = _no_longer_waiting(tidied, status)
    return evolve(tidied, name="Run")


def _no_longer_waiting(parent: Span, status: str) -> Span:
    """Return a tree of spans in which waiting ones have another status."""
    children = [_no_longer_waiting(child, status) for child in parent.children]
    new_status = status if parent.status == "waiting" else parent.status
    return evolve(parent, status=new_status, children=tuple(children))


def _tidied(parent: Span) -> Span:
    """Return a span with the spans below it made readable."""
    # The spans of a step are merged in the place of the first one; any other span is alone.
    groups: dict[object, list[Span]] = {}
    for position, child in enumerate(parent.children):
        # The span of a request to the app is a sibling of the spans of its steps.
        if child.name != "executor.nonstep":
            key = _step_of(child) or position
            groups.setdefault(key, []).append(_tidied(child))
    duration = parent.duration
    if duration is None:
        duration = _between(parent.started_at, parent.ended_at)
    children = [_merged(spans) for spans in groups.values()]
    return evolve(parent, duration=duration, children=tuple(children))


def _step_of(step: Span) -> str | None:
    """Return the id of the step that a span belongs to.

    The attempts at a step that was retried are below a span without a step, and only the successful
    attempt names the step (recording v2-trace-step-retries).
    """
    if _is_attempt(step):
        return None
    spans = [step, *filter(_is_attempt, step.children)]
    step_ids = {span.step_id for span in spans if span.step_id is not None}
    return step_ids.pop() if len(step_ids) == 1 else None


def _merged(spans: Sequence[Span]) -> Span:
    """Return the spans of one step as one span, with the attempts at it below."""
    best = max(spans, key=_worth)
    of_step = _first_with_step(spans) or best
    children: list[Span] = []
    for each in spans:
        children += each.children
    attempts = list(filter(_is_attempt, children))
    sources = [best, *spans]
    if _are_the_step_itself(attempts, of_step):
        children = [child for child in children if not _is_attempt(child)]
        sources += attempts
    elif attempts and len(spans) > 1:
        best = _since_first_attempt(best, spans)
    return evolve(
        best,
        name=of_step.name,
        step_id=of_step.step_id,
        step_op=of_step.step_op,
        output=_first_output(sources),
        metadata=_first_metadata(sources),
        children=tuple(children),
    )


def _worth(step: Span) -> tuple[bool, bool]:
    """Rank the spans of a step: the app's own, which has measurements, above the server's."""
    has_ended = step.ended_at is not None
    has_measurements = bool(step.metadata)
    return has_ended, has_measurements


def _first_with_step(spans: Sequence[Span]) -> Span | None:
    for span in spans:
        if span.step_id:
            return span
    return None


def _first_output(spans: Sequence[Span]) -> dict[str, Any] | None:
    for span in spans:
        output: dict[str, Any] | None = span.output
        if output is not None:
            return output
    return None


def _first_metadata(spans: Sequence[Span]) -> Mapping[str, Mapping[str, Any]]:
    for span in spans:
        if span.metadata:
            return span.metadata
    return {}


def _are_the_step_itself(attempts: Sequence[Span], of_step: Span) -> bool:
    """Return whether attempts must not be shown below their step.

    A single attempt is the step itself. Older releases count the request that begins a sleep as one
    attempt, and the sleep as another.
    """
    if any(attempt.status == "failed" for attempt in attempts):
        return False
    return len(attempts) == 1 or of_step.step_op not in (None, "run")


def _since_first_attempt(best: Span, spans: Sequence[Span]) -> Span:
    """Return a span whose times begin with the first attempt at its step."""
    queued = [span.queued_at for span in spans if span.queued_at]
    started = [span.started_at for span in spans if span.started_at]
    started_at = min(started, default=None)
    return evolve(
        best,
        queued_at=min(queued, default=None),
        started_at=started_at,
        duration=_between(started_at, best.ended_at),
    )


def _is_attempt(step: Span) -> bool:
    """Return whether a span is an attempt at a step, or at the function's code."""
    return attempt_number(step.name) is not None


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    if start is None or end is None:
        return None
    return end - start
