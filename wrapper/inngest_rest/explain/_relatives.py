"""Read the relatives of a run: the run it waits for, the run that invoked it, and its replays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.resources.event_runs import runs_of as runs_of_event
from inngest_rest._core.resources.events import get_stored as get_stored_event
from inngest_rest._core.resources.replays import Replays
from inngest_rest.explain._run_evidence import MAX_READ_SINGLY, Reader

if TYPE_CHECKING:
    from inngest_rest.explain._evidence import RunEvidence


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
