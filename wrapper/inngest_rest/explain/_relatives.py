"""Read the relatives of a run: the runs it invoked, the run that invoked it, and its replays."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from inngest_rest._core.interface import (
    Replays,
    Selection,
    Window,
    get_stored_event,
    list_runs,
    runs_of_event,
)
from inngest_rest._values.visible import shown
from inngest_rest.explain._evidence import SAME_FUNCTION_WITHIN
from inngest_rest.explain._run_evidence import MAX_READ_SINGLY, Reader
from inngest_rest.explain._run_rules import Invocation, invocation_of

if TYPE_CHECKING:
    from inngest_rest.explain._evidence import RunEvidence
    from inngest_rest.models import Run, Span

# Within this time of a step that invokes a function, the run of the function is queued.
_INVOKED_WITHIN = timedelta(seconds=5)

_MAX_CANDIDATES = 100  # of which one may be the run that a step invoked: one request


async def read_relatives(reader: Reader, evidence: RunEvidence) -> None:
    """Read which runs invoked or replay a run, and which it waits for."""
    event_ids = evidence.run.event_ids
    if event_ids:
        await _read_first_event(reader, evidence, event_ids[0])
    else:
        reader.unchecked.append(
            "whether it was invoked or replayed, as it names no event"
        )
    invoking = [job.event_id for job in evidence.jobs if job.event_id]
    for event_id in invoking[:MAX_READ_SINGLY]:
        plan = runs_of_event(reader.session, event_id, reader.deadline)
        invoked = await reader.read(plan, "the run that it waits for")
        evidence.invoked[event_id] = invoked or ()
    invoking_steps = [step for step in evidence.steps if _has_invoked(step)]
    if invoking_steps:
        await _read_children(reader, evidence, invoking_steps)


def _has_invoked(step: Span) -> bool:
    """Return whether a step was the run of another function, which has ended."""
    return step.step_op == "invoke" and step.ended_at is not None


async def _read_children(
    reader: Reader, evidence: RunEvidence, steps: list[Span]
) -> None:
    """Find the ended runs of functions that steps invoked.

    No server names them in the trace, but the event of an invoked run has the ids of the step and
    its run: those of the runs that were queued at that time are read.
    """
    looked_at: set[str] = {evidence.run.id}
    for step in steps:
        candidates = await _runs_queued_at(reader, step)
        for run in candidates:
            if run.id in looked_at:
                continue
            if len(looked_at) > MAX_READ_SINGLY:
                gap = f"which run step {shown(step.name)} invoked, of many"
                reader.unchecked.append(gap)
                return
            looked_at.add(run.id)
            invocation = await _read_invocation(reader, run)
            if invocation is None or invocation.run_id != evidence.run.id:
                continue
            for each in steps:
                if each.step_id == invocation.step_id:
                    evidence.children.append((each, run))
            if invocation.step_id == step.step_id:
                break


async def _read_invocation(reader: Reader, run: Run) -> Invocation | None:
    """Read the invocation that started a run; None if it was not invoked."""
    plan = get_stored_event(reader.session, run.event_ids[0])
    stored = await reader.read(plan, f"whether run {run.id} was invoked by it")
    if stored is None:
        return None
    event, _ = stored
    return invocation_of(event)


async def _runs_queued_at(reader: Reader, step: Span) -> list[Run]:
    """List the runs that were queued when a step began, each with an event, the nearest first."""
    began = step.queued_at or step.started_at
    if began is None:
        return []
    window = Window(
        since=began - SAME_FUNCTION_WITHIN,
        until=began + _INVOKED_WITHIN,
    )
    listing = list_runs(
        reader.session,
        Selection(window=window),
        order="oldest",
        limit=_MAX_CANDIDATES,
    )
    plan = listing.read_all(deadline=reader.deadline)
    subject = f"which run step {shown(step.name)} invoked"
    listed = await reader.read(plan, subject)
    without_cron = [run for run in listed or () if not run.cron]
    with_event = [run for run in without_cron if run.event_ids]

    def distance(run: Run) -> timedelta:
        queued_at = run.queued_at or began
        return abs(queued_at - began)

    return sorted(with_event, key=distance)


async def _read_first_event(
    reader: Reader, evidence: RunEvidence, event_id: str
) -> None:
    """Read the event that started a run, and its other runs: those that replay it."""
    get_event = get_stored_event(reader.session, event_id)
    stored = await reader.read(get_event, "whether a run invoked it")
    if stored is not None:
        evidence.event, _ = stored
    with_chains = Replays(reader.session).runs_of_event(event_id)
    listed = await reader.read(with_chains, "whether it was replayed")
    if listed is None:
        return
    evidence.same_event = listed
    if all(run.id != evidence.run.id for run in listed):
        reader.unchecked.append(
            "whether it was replayed, as v1 lists it under no event that it names"
        )
