"""Explain the outcome of an event and the state of a run: read the evidence, apply the rules."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from inngest_rest import errors
from inngest_rest._core.resources.event_runs import may_hide_batches
from inngest_rest._core.resources.event_runs import runs_of as runs_of_event
from inngest_rest._core.resources.events import EventSelection, list_events
from inngest_rest._core.resources.events import get_stored as get_stored_event
from inngest_rest._local.arguments import check_text
from inngest_rest._local.faults import RULED_OUT
from inngest_rest._local.functions import (
    ignores_repeated_ids,
    is_run_of,
    name_of_all_triggers,
)
from inngest_rest._values.ulid import is_ulid, second_of_ulid
from inngest_rest._values.visible import shown
from inngest_rest.explain._event_rules import reasons_of_event
from inngest_rest.explain._evidence import (
    DAY,
    EVENT_ORDER_SLACK,
    SAME_FUNCTION_WITHIN,
    EventEvidence,
    RunEvidence,
)
from inngest_rest.explain._limit_rules import reasons_of_limits
from inngest_rest.explain._relatives import read_relatives
from inngest_rest.explain._run_evidence import (
    MAX_READ_SINGLY,
    Reader,
    depends_on_limits,
    read_limits,
    read_queue,
    read_steps,
)
from inngest_rest.explain._run_rules import reasons_of_run
from inngest_rest.explanation import (
    Explanation,
    Listener,
    Reason,
    ReasonKind,
    RunExplanation,
)
from inngest_rest.models import Function, RunStatus
from inngest_rest.responses import is_on_cloud

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest._core.calls.session import Session
    from inngest_rest.models import StoredEvent

T = TypeVar("T")


# Bounds of the search, and so of the number of requests.
_MAX_EVENTS_FOR_ID = 1_000  # of a day, searched for the sender's id, 50 per request
_MAX_AWAITED_NAMES = 3  # of events that a run waits for, one request for each
_MAX_AWAITED = 50  # events of such a name, the newest
_MAX_EVENTS_WITH_SAME_ID = 200  # searched for events with the same id


async def explain(session: Session, event_id: str, *, name: str | None) -> Explanation:
    """Explain the outcome of an event, by its internal id or by the id it was sent with."""
    event_id = check_text("id", event_id or "")
    name = check_text("name", name)
    not_found = _not_found(session, event_id, name)
    if is_ulid(event_id):
        now = session.server_clocks["api"].now().timestamp()
        longest = EVENT_ORDER_SLACK.total_seconds()
        within = min(second_of_ulid(event_id) + longest - now, longest)
        try:
            return await explain_stored(session, event_id, within=within)
        except errors.NotFoundError as error:
            not_found = error
    selection = EventSelection(name=name, since=DAY)
    walk = list_events(session, selection, limit=_MAX_EVENTS_FOR_ID).walk()
    while not walk.is_done:
        page = await walk.next_page()
        for event in page.items:
            if event.id == event_id:
                return await explain_stored(session, event.internal_id)
    raise not_found


def _not_found(
    session: Session, event_id: str, name: str | None
) -> errors.NotFoundError:
    searched = f"events {shown(name)}" if name else "events"
    return errors.NotFoundError(
        f"no event with the id {shown(event_id)} is among the newest {_MAX_EVENTS_FOR_ID:,} "
        f"{searched} of the last 24 hours: pass the internal id, as send returns it, or a name, to "
        "search only events of that name",
        status=200,  # a list that lacks the event is a success to the server
        method="GET",
        url=f"{session.settings.api_url}/v1/events",
    )


async def explain_stored(
    session: Session,
    event_id: str,
    deadline: float = math.inf,
    *,
    within: float = 0.0,
) -> Explanation:
    """Explain the outcome of an event by its internal id; it may appear `within` some seconds."""
    try:
        event, server_time = await get_stored_event(
            session, event_id, within=within, deadline=deadline
        )
    except RULED_OUT as error:
        runs = await runs_of_event(session, event_id, deadline)
        return Explanation(
            event_id=event_id,
            event=None,
            runs=runs,
            unchecked=(f"the event itself: {error}",),
        )
    reader = Reader(session=session, deadline=deadline)
    evidence = await _read_event_evidence(reader, event, server_time)
    reasons = list(reasons_of_event(evidence))
    for run in evidence.runs:
        of_run = RunEvidence(
            run=run,
            subject=f"run {run.id}",
            now=evidence.now,
            event=event,
        )
        await read_limits(reader, of_run, evidence.catalogue)
        reasons += reasons_of_limits(of_run)
    listeners = tuple(_listeners(evidence))
    unchecked = reader.unchecked
    unchecked += [
        f"which function run {run.id} is of" for run in evidence.of_unknown_functions
    ]
    if _depends_on_earlier_functions(listeners, reasons):
        unchecked.append("whether the functions were the same when it was received")
    if is_on_cloud(session.settings.api_url) and _has_unexplained(evidence):
        # Operation listEventRunsV1.
        unchecked.append("whether the environment was draining when it was received")
    return Explanation(
        event_id=event_id,
        event=event,
        listeners=listeners,
        runs=evidence.runs,
        reasons=tuple(reasons),
        unchecked=tuple(unchecked),
    )


def _has_unexplained(evidence: EventEvidence) -> bool:
    return any(not without_run.is_excluded for without_run in evidence.without_run)


def _listeners(evidence: EventEvidence) -> Iterator[Listener]:
    for listener in evidence.listeners:
        function = listener.function
        run_ids = [run.id for run in evidence.runs if is_run_of(run, function)]
        yield Listener(
            app_id=function.app_id,
            function_id=function.id,
            trigger=listener.triggers[0],
            run_ids=tuple(run_ids),
            has_changed=evidence.has_changed(function),
            ignores_repeated_ids=ignores_repeated_ids(function),
        )


def _depends_on_earlier_functions(
    listeners: tuple[Listener, ...], reasons: list[Reason]
) -> bool:
    """Return whether other functions at the time of the event would explain why none ran."""
    for listener in listeners:
        if not listener.run_ids and listener.has_changed is not False:
            return True
    uncertain = [reason.kind for reason in reasons if not reason.is_certain]
    return ReasonKind.NO_TRIGGER in uncertain


async def _read_event_evidence(
    reader: Reader, event: StoredEvent, server_time: datetime | None
) -> EventEvidence:
    """Read the runs of an event, the functions that listen, and why some may have no run."""
    session = reader.session
    began = session.clock.monotonic()
    listed_runs = await runs_of_event(session, event.internal_id, reader.deadline)
    catalogue = await reader.read_catalogue(since=began)
    now = server_time or session.server_clocks["api"].now()
    evidence = EventEvidence(
        event=event,
        now=now,
        received=event.received_at or now,
        runs=listed_runs,
        catalogue=catalogue,
        functions_same_since=now + timedelta(seconds=catalogue.same_since - began),
        may_hide_batches=may_hide_batches(session),
    )
    await _read_causes(reader, evidence)
    return evidence


async def _read_causes(reader: Reader, evidence: EventEvidence) -> None:
    """Read what may explain a function without a run: other events with the same id."""
    event = evidence.event
    unexplained = [
        without_run
        for without_run in evidence.without_run
        if not without_run.is_excluded
    ]
    functions = [without_run.function for without_run in unexplained]
    once_per_id = [
        function for function in functions if not ignores_repeated_ids(function)
    ]
    if once_per_id and event.id != event.internal_id:
        await _read_same_id(reader, evidence, once_per_id)


async def _read_same_id(
    reader: Reader, evidence: EventEvidence, functions: list[Function]
) -> None:
    """Read the other events with the id of an event, and the runs that they started."""
    event = evidence.event
    selection = EventSelection(
        name=name_of_all_triggers(functions, event.name),
        since=evidence.received - DAY,
        until=evidence.received + SAME_FUNCTION_WITHIN,
    )
    listing = list_events(reader.session, selection, limit=_MAX_EVENTS_WITH_SAME_ID)
    subject = "events with the same id"
    plan = listing.read_all(deadline=reader.deadline)
    listed = await reader.read(plan, subject)
    if listed is None:
        return
    if len(listed) >= _MAX_EVENTS_WITH_SAME_ID:
        beyond = f"beyond the newest {_MAX_EVENTS_WITH_SAME_ID}"
        reader.unchecked.append(f"{subject}, {beyond}")
    # By id, since a server may list an event several times; the oldest first.
    others: dict[str, StoredEvent] = {}
    for other in reversed(listed):
        if other.id == event.id and other.internal_id != event.internal_id:
            others[other.internal_id] = other
    for other in list(others.values())[:MAX_READ_SINGLY]:
        other_id = other.internal_id
        runs_plan = runs_of_event(reader.session, other_id, reader.deadline)
        started = await reader.read(runs_plan, f"the runs of event {other_id}")
        evidence.same_id += [(other, run) for run in started or ()]


async def explain_run(session: Session, run_id: str) -> RunExplanation:
    """Explain the state of a run."""
    reader = Reader(session=session)
    queue = await read_queue(reader, run_id)
    now = session.server_clocks["api"].now()
    evidence = RunEvidence(run=queue.run, now=now, jobs=queue.jobs)
    # A run that has yet to start has no steps.
    if queue.is_open_without_job or queue.run.status != RunStatus.QUEUED:
        await read_steps(
            reader, evidence, is_open_without_job=queue.is_open_without_job
        )
    await read_relatives(reader, evidence)
    await _read_awaited(reader, evidence)
    if depends_on_limits(evidence):
        catalogue = await reader.read_catalogue()
        await read_limits(reader, evidence, catalogue)
    return RunExplanation(
        run=queue.run,
        reasons=tuple(reasons_of_run(evidence)),
        jobs=tuple(queue.jobs),
        events=evidence.events,
        unchecked=tuple(reader.unchecked),
    )


async def _read_awaited(reader: Reader, evidence: RunEvidence) -> None:
    """Read the events with the names that a run waits for by a condition, since it was queued."""
    since = evidence.run.queued_at or DAY
    names = {job.event for job in evidence.jobs if job.event and job.condition}
    for name in sorted(names)[:_MAX_AWAITED_NAMES]:
        selection = EventSelection(name=name, since=since)
        listing = list_events(reader.session, selection, limit=_MAX_AWAITED)
        subject = f"which events {shown(name)} did not match"
        listed = await reader.read(listing.read_all(), subject)
        evidence.awaited += listed or []
