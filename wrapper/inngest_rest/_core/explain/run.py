"""Explain the state of a run: gather evidence, and apply its rules and those of events."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve

from inngest_rest._core.arguments import check_id
from inngest_rest._core.explain import explanation, listeners
from inngest_rest._core.explain.rules import Evidence, reasons
from inngest_rest._core.explain.run_rules import RunEvidence, reasons_of_run
from inngest_rest._core.resources import events, runs, trace
from inngest_rest._core.resources.filters import Names, Selection
from inngest_rest.explanation import Reason, RunExplanation
from inngest_rest.models import RunStatus, StoredEvent

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

# Limits of the search, which bound the number of requests.
_MOST_OTHERS = 10  # running runs of the function, newest first, whose jobs are listed
_MOST_INVOKED = 5  # events that started an invoked function, whose runs are listed


def explain_run(session: Session, run_id: str) -> Plan[RunExplanation]:
    """Explain what a run waits for, or how it ended."""
    run_id = check_id("run id", run_id, argument="id")
    fetched = runs.fetch(session, run_id, cached=False)
    run = yield from runs.or_name_event(session, run_id, fetched)
    unchecked: list[str] = []
    it = RunEvidence(run, session.server_clocks["api"].now(), unchecked)
    tried = partial(listeners.tried, unchecked=unchecked)
    if not run.is_ended:
        of_queue = runs.jobs(session, run_id, cached=False)
        it.jobs = yield from tried(of_queue, "what it has in the queue")
        it.now = session.server_clocks["api"].now()
        if it.jobs == []:
            unchecked.append("what it does, as it has nothing in the queue at the moment")
    if run.status not in {RunStatus.QUEUED, RunStatus.COMPLETED}:
        it.trace = yield from tried(trace.get_trace(session, run_id, raw=False), "its steps")
    if not run.event_ids:
        unchecked.append("whether it was invoked or replayed, as it names no event")
    for event_id in run.event_ids[:1]:
        read = yield from tried(events.get_now(session, event_id), "whether a run invoked it")
        it.event = read and read[0]
        same = yield from tried(runs.of_event_by_v1(session, event_id), "whether it was replayed")
        it.same_event = same or ()
        if same is not None and all(each.id != run.id for each in same):
            unchecked.append("whether it was replayed, as v1 lists it under no event that it names")
    for job in [each for each in it.jobs or () if each.event_id][:_MOST_INVOKED]:
        of_it = explanation.runs_of(session, job.event_id or "", math.inf)
        found = yield from tried(of_it, f"the run that step {job.step!r} waits for")
        it.invoked[job.event_id or ""] = found or ()
    shared = (yield from _hold_ups(session, it)) if it.is_held_back else []
    return RunExplanation(
        run,
        (*reasons_of_run(it), *shared),
        tuple(it.jobs or ()),
        it.invocation and it.invocation[0],
        tuple(each.id for found in it.invoked.values() for each in found),
        it.original_run_id,
        it.replays,
        tuple(unchecked),
    )


def _hold_ups(session: Session, it: RunEvidence) -> Plan[list[Reason]]:
    """Return why a run may wait, or was cancelled, by the rules for the runs of events."""
    run = it.run
    known = yield from listeners.read(session)
    it.unchecked += known.gaps
    it.function = next((each for each in known.functions if listeners.is_of(run, each)), None)
    event = it.event or StoredEvent(run.id, run.id, "", None)
    received = event.received_at or run.queued_at or it.now
    of_event = Evidence(
        it.now, received, event, (run,), known, it.now, [], False, it.unchecked, due=it.due
    )
    yield from explanation.gather(session, of_event, math.inf)
    if it.due and it.function and listeners.concurrency(it.function):
        tried = partial(listeners.tried, unchecked=it.unchecked)
        names = Names(run.app_id, run.function_id)
        running = Selection(statuses=(RunStatus.RUNNING,), names=names)
        listed = runs.list_runs(session, running, page_size=100).walk().next_page()
        page = yield from tried(listed, "which runs are being executed")
        others = [each.id for each in (page.items if page else ()) if each.id != run.id]
        for id in others[:_MOST_OTHERS]:
            read = runs.jobs(session, id, cached=False)
            jobs = yield from tried(read, f"whether run {id} is being executed")
            of_event.executing += [(id, job) for job in jobs or () if it.executes(job)]
    return [
        evolve(each, message=each.message.replace(f"run {run.id}", "it"))
        for each in reasons(of_event)
    ]
