"""A run's trace: get the server's spans, and build a readable tree of them.

A server records more than happened. The recordings v2-trace-all-kinds, v2-trace-step-retries and
v2-trace-steps show what is made readable here: a step is two siblings, or three; each request has
a span of its own; and the attempts at a step lie under a span that is not the step's.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import evolve

from inngest_rest._core.arguments import check_id
from inngest_rest._core.calls.route import About, Route
from inngest_rest._core.resources.fields import json_object, optional, record
from inngest_rest._core.resources.routes import ask, where_absent
from inngest_rest.models import Span
from inngest_rest_api import models as api
from inngest_rest_api.api import v2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

_ADVICE = where_absent("Get the run and its queued jobs instead: {}, {}.", "runs.get", "runs.jobs")

# The span of a request to the app, beside those of what the request did.
_INTERNAL = "executor.nonstep"
_ATTEMPT = re.compile(r"Attempt \d+")


def get_trace(session: Session, run_id: str, *, raw: bool) -> Plan[Span]:
    """Get a run's trace, the root span first: as a readable tree, or as the server has it."""
    operation = v2.get_run_trace_v2
    kwargs = operation.get_kwargs(check_id("run id", run_id, argument="id"), include_output=True)

    def root(answer: api.V2TraceEnvelope) -> Span:
        found = evolve(span(answer.data.root_span), run_id=optional(answer.data.run_id))
        return found if raw else readable(found)

    about = About(run_id, "runId")
    route = Route(operation, kwargs, api.V2TraceEnvelope, root, about=about, advice=_ADVICE)
    return ask(session, "runs.trace", route)


def span(it: api.V2Span) -> Span:
    """Convert a span and those below it, as they are."""
    op, milliseconds = optional(it.step_op), optional(it.duration_ms)
    return record(
        Span,
        it,
        name=optional(it.name) or "",
        status=str(optional(it.status) or "unknown").lower(),
        duration=None if milliseconds is None else timedelta(milliseconds=int(milliseconds)),
        step_op=None if op is None else str(op).lower(),
        input=json_object(it.input_),
        output=json_object(it.output),
        metadata={
            kind: values.to_dict()
            for each in optional(it.metadata) or ()
            if (kind := optional(each.kind)) and (values := optional(each.values))
        },
        children=tuple(map(span, optional(it.children) or ())),
    )


def readable(root: Span) -> Span:
    """Return the tree of what happened: one span per step, with the attempts at it below.

    The root of a run that was skipped has an internal name (recording v2-trace-skipped).
    """
    return evolve(_tidied(root), name="Run")


def _tidied(it: Span) -> Span:
    """Return a span with the spans below it made readable."""
    # Those of one step, in the place of the first; any other is alone.
    groups: dict[object, list[Span]] = {}
    for position, child in enumerate(it.children):
        if child.name != _INTERNAL:
            groups.setdefault(_step_of(child) or position, []).append(_tidied(child))
    duration = it.duration
    if duration is None:
        duration = _between(it.started_at, it.ended_at)
    return evolve(it, duration=duration, children=tuple(map(_merged, groups.values())))


def _step_of(it: Span) -> str | None:
    """Return the id of the step that a span belongs to.

    A step that was tried again has its attempts under a span of no step, of which only the attempt
    that succeeded names the step (recording v2-trace-step-retries).
    """
    if _is_attempt(it):
        return None
    named = {it.step_id, *(child.step_id for child in it.children if _is_attempt(child))} - {None}
    return named.pop() if len(named) == 1 else None


def _merged(spans: Sequence[Span]) -> Span:
    # The app's own time, which has measurements, rather than the server's around it.
    best = max(spans, key=lambda it: (it.ended_at is not None, bool(it.metadata)))
    of_step = next((it for it in spans if it.step_id), best)
    children = [child for it in spans for child in it.children]
    attempts = [child for child in children if _is_attempt(child)]
    has_failed = any(attempt.status == "failed" for attempt in attempts)
    is_idle = of_step.step_op not in (None, "run")
    if not has_failed and (len(attempts) == 1 or is_idle):
        # The only attempt is the step itself. Older releases count the request that begins a sleep
        # as one attempt, and the sleep as another.
        children = [child for child in children if not _is_attempt(child)]
        spans = [*spans, *attempts]
    elif attempts and len(spans) > 1:
        # It begins with the first attempt at the step.
        queued = min((it.queued_at for it in spans if it.queued_at), default=None)
        started = min((it.started_at for it in spans if it.started_at), default=None)
        duration = _between(started, best.ended_at)
        best = evolve(best, queued_at=queued, started_at=started, duration=duration)
    return evolve(
        best,
        name=of_step.name,
        step_id=of_step.step_id,
        step_op=of_step.step_op,
        output=next((it.output for it in (best, *spans) if it.output is not None), None),
        metadata=next((it.metadata for it in (best, *spans) if it.metadata), best.metadata),
        children=tuple(children),
    )


def _is_attempt(it: Span) -> bool:
    return _ATTEMPT.fullmatch(it.name) is not None


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    return None if start is None or end is None else end - start
