"""Explaining the outcome of an event and the state of a run: read the evidence, apply the rules."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from inngest_rest import errors
from inngest_rest._core.arguments import check_text
from inngest_rest._core.calls.listing import read_all
from inngest_rest._core.calls.retry import RULED_OUT
from inngest_rest._core.plans import Plan, sleep
from inngest_rest._core.resources import events, runs, trace
from inngest_rest._core.resources.apps import functions_of_v1
from inngest_rest._core.resources.catalogue import (
    Catalogue,
    is_run_of,
    name_of,
    or_gap,
    read_catalogue,
)
from inngest_rest._core.resources.event_runs import (
    DAY,
    name_of_all_triggers,
    read_once_stored,
    runs_of,
)
from inngest_rest._core.resources.filters import Names, Selection, Window
from inngest_rest._core.resources.flow_control import (
    cancels_earlier_run,
    concurrency_limits,
    ignores_repeated_ids,
    limit,
    parse_duration,
)
from inngest_rest._core.resources.polling import APPEARS_WITHIN
from inngest_rest._operations.reasons.event import (
    SAME_FUNCTION_WITHIN,
    EventEvidence,
    findings_of_event,
)
from inngest_rest._operations.reasons.run import (
    RunEvidence,
    findings_of_limits,
    findings_of_run,
)
from inngest_rest._operations.reasons.texts import reason_of
from inngest_rest._ulid import is_ulid, second_of_ulid
from inngest_rest._visible import shown
from inngest_rest.explanation import Explanation, Listener, Reason, ReasonKind, RunExplanation
from inngest_rest.models import Function, Job, Page, Run, RunStatus, Span
from inngest_rest.responses import is_on_cloud

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest.models import StoredEvent

# Lists of runs go by a time that is later than `queued_at`, by up to this much on a busy server.
_LISTED_LATER_BY = timedelta(minutes=1)

# Bounds of the search, and so of the number of requests.
_MAX_EVENTS_FOR_ID = 1_000  # events of a day, to find the one with an own id: 50 per request
_MAX_EVENTS_WITH_SAME_ID = 200  # events that are searched for those with the id of another
_MAX_READ_SINGLY = 10  # of events with the same id, running runs, and events that invoked

_JOB_CHECK_INTERVAL = 1.0  # seconds until a run without a job is looked at again


def explain(session: Session, event_id: str, *, name: str | None) -> Plan[Explanation]:
    """Explain the outcome of an event, by its internal id or by the id it was sent with."""
    event_id = check_text("id", event_id or "")
    name = check_text("name", name)
    not_found = _not_found(session, event_id, name)
    if is_ulid(event_id):
        now = session.server_clocks["api"].earliest().timestamp()
        within = min(second_of_ulid(event_id) + APPEARS_WITHIN - now, APPEARS_WITHIN)
        try:
            return (yield from explain_stored(session, event_id, within=within))
        except errors.NotFoundError as error:
            not_found = error
    selection = events.EventSelection(name=name, since=DAY)
    walk = events.list_events(session, selection, limit=_MAX_EVENTS_FOR_ID).walk()
    while not walk.is_done:
        page = yield from walk.next_page()
        for event in page.items:
            if event.id == event_id:
                return (yield from explain_stored(session, event.internal_id))
    raise not_found


def _not_found(session: Session, event_id: str, name: str | None) -> errors.NotFoundError:
    searched = f"events {shown(name)}" if name else "events"
    return errors.NotFoundError(
        f"no event with the id {shown(event_id)} is among the newest {_MAX_EVENTS_FOR_ID:,} "
        f"{searched} of the last 24 hours: pass the internal id, as send returns it, or a name, to "
        "search only events of that name",
        status=200,  # a list that lacks the event is a success to the server
        method="GET",
        url=f"{session.settings.api_url}/v1/events",
    )


def explain_stored(
    session: Session, event_id: str, deadline: float = math.inf, *, within: float = 0.0
) -> Plan[Explanation]:
    """Explain the outcome of an event, by its internal id, if it appears within some seconds."""
    try:
        event, server_time = yield from read_once_stored(session, event_id, within, deadline)
    except RULED_OUT as error:
        return Explanation(
            event_id=event_id,
            event=None,
            runs=(yield from runs_of(session, event_id, deadline)),
            unchecked=(f"the event itself: {error}",),
        )
    evidence = yield from _read_event_evidence(session, event, server_time, deadline)
    reasons = [reason_of(finding) for finding in findings_of_event(evidence)]
    for run in evidence.runs:
        of_run = RunEvidence(
            run=run,
            subject=f"run {run.id}",
            now=evidence.now,
            event=event,
            unchecked=evidence.unchecked,
        )
        yield from _read_limits(session, of_run, evidence.catalogue, deadline)
        reasons += [reason_of(finding) for finding in findings_of_limits(of_run)]
    listeners = _listeners(evidence)
    if _depends_on_earlier_functions(listeners, reasons):
        evidence.unchecked.append("whether the functions were the same when it was received")
    return Explanation(
        event_id=event_id,
        event=event,
        listeners=listeners,
        runs=evidence.runs,
        reasons=tuple(reasons),
        unchecked=tuple(evidence.unchecked),
    )


def _listeners(evidence: EventEvidence) -> tuple[Listener, ...]:
    return tuple(
        Listener(
            app_id=listener.function.app_id,
            function_id=listener.function.id,
            trigger=listener.triggers[0],
            run_ids=tuple(run.id for run in evidence.runs if is_run_of(run, listener.function)),
            has_changed=evidence.has_changed(listener.function),
            ignores_repeated_ids=ignores_repeated_ids(listener.function),
        )
        for listener in evidence.listeners
    )


def _depends_on_earlier_functions(listeners: tuple[Listener, ...], reasons: list[Reason]) -> bool:
    """Return whether other functions at the time of the event would explain why none ran."""
    may_have_changed = [
        listener
        for listener in listeners
        if not listener.run_ids and listener.has_changed is not False
    ]
    return bool(may_have_changed) or any(
        reason.kind == ReasonKind.NO_TRIGGER and not reason.is_certain for reason in reasons
    )


def _read_event_evidence(
    session: Session, event: StoredEvent, server_time: datetime | None, deadline: float
) -> Plan[EventEvidence]:
    """Read the runs of an event, the functions that listen, and why some may have no run."""
    read_at = session.clock.monotonic()
    found = yield from runs_of(session, event.internal_id, deadline)
    catalogue = yield from read_catalogue(session, deadline=deadline, since=read_at)
    now = server_time or session.server_clocks["api"].now()
    evidence = EventEvidence(
        event=event,
        now=now,
        received=event.received_at or now,
        runs=found,
        catalogue=catalogue,
        functions_same_since=now + timedelta(seconds=catalogue.same_since - read_at),
        is_listed_by_v1=runs.are_listed_by_v1(session),
        unchecked=list(catalogue.gaps),
    )
    unexplained = [it.function for it in evidence.without_run if not it.is_excluded]
    taking_ids_once = [it for it in unexplained if not ignores_repeated_ids(it)]
    if taking_ids_once and event.id != event.internal_id:
        yield from _read_same_id(session, evidence, taking_ids_once, deadline)
    for function in unexplained:
        if limit(function, "rateLimit", "debounce", "singleton"):
            evidence.other_runs[name_of(function)] = yield from _read_other_runs(
                session, function, evidence.received, evidence.unchecked, deadline
            )
    return evidence


def _read_same_id(
    session: Session, evidence: EventEvidence, functions: list[Function], deadline: float
) -> Plan[None]:
    """Read the other events with the id of an event, and the runs that they started."""
    event, received, unchecked = evidence.event, evidence.received, evidence.unchecked
    selection = events.EventSelection(
        name=name_of_all_triggers(functions, event.name),
        since=received - DAY,
        until=received + SAME_FUNCTION_WITHIN,
    )
    listed = events.list_events(session, selection, limit=_MAX_EVENTS_WITH_SAME_ID)
    what = "events with the same id"
    found = (yield from or_gap(read_all(listed, deadline=deadline), what, unchecked)) or []
    if len(found) >= _MAX_EVENTS_WITH_SAME_ID:
        unchecked.append(f"{what}, beyond the newest {_MAX_EVENTS_WITH_SAME_ID}")
    # The oldest first; and a server may list an event several times.
    others = {
        other.internal_id: other
        for other in reversed(found)
        if other.id == event.id and other.internal_id != event.internal_id
    }
    for other_id, other in list(others.items())[:_MAX_READ_SINGLY]:
        listed_runs = runs_of(session, other_id, deadline)
        started = yield from or_gap(listed_runs, f"the runs of event {other_id}", unchecked)
        evidence.same_id += [(other, run) for run in started or ()]


def _read_limits(
    session: Session, evidence: RunEvidence, catalogue: Catalogue, deadline: float = math.inf
) -> Plan[None]:
    """Read the limits of a run's function, and what shows whether they were reached."""
    run = evidence.run
    evidence.catalogue = catalogue
    functions = (function for function in catalogue.functions if is_run_of(run, function))
    function = evidence.function = next(functions, None)
    if function is None:
        return
    if run.status == RunStatus.CANCELLED:
        yield from _read_what_cancels(session, evidence, function, deadline)
    if evidence.due_jobs and concurrency_limits(function):
        yield from _read_executing(session, evidence, function, deadline)


def _read_what_cancels(
    session: Session, evidence: RunEvidence, function: Function, deadline: float
) -> Plan[None]:
    if cancels_earlier_run(function):
        received_at = evidence.event.received_at if evidence.event else None
        evidence.other_runs = yield from _read_other_runs(
            session,
            function,
            received_at or evidence.run.queued_at or evidence.now,
            evidence.unchecked,
            deadline,
        )
    # v1 alone has timeouts.
    listed = functions_of_v1(session, function.app_id, deadline=deadline)
    what = f"the timeouts of functions of {function.app_id}"
    for same_app in (yield from or_gap(listed, what, evidence.unchecked)) or ():
        if same_app.id == function.id:
            evidence.timeouts = limit(same_app, "timeouts") or {}


def _read_executing(
    session: Session, evidence: RunEvidence, function: Function, deadline: float
) -> Plan[None]:
    """Read what other runs of the function of a run are executing."""
    unchecked = evidence.unchecked
    running = Selection(statuses=(RunStatus.RUNNING,), names=Names(function.app_id, function.id))
    walk = runs.list_runs(session, running, page_size=100).walk()
    page = yield from or_gap(
        walk.next_page(deadline=deadline), "which runs are being executed", unchecked
    )
    others = [run.id for run in (page.items if page else ()) if run.id != evidence.run.id]
    for run_id in others[:_MAX_READ_SINGLY]:
        listed = runs.jobs(session, run_id, cached=False, deadline=deadline)
        jobs = yield from or_gap(listed, f"whether run {run_id} is being executed", unchecked)
        evidence.executing += [(run_id, job) for job in jobs or () if evidence.executes(job)]


def _read_other_runs(
    session: Session, function: Function, at: datetime, unchecked: list[str], deadline: float
) -> Plan[Page[Run] | None]:
    """Read the newest runs of a function that count towards its limits."""
    reach = DAY if limit(function, "singleton") else SAME_FUNCTION_WITHIN
    if rate := limit(function, "rateLimit"):
        period = parse_duration(rate.get("period")) or DAY
        reach = max(reach, period + SAME_FUNCTION_WITHIN)
    needs_later = limit(function, "debounce") or cancels_earlier_run(function)
    window = Window(at - reach, None if needs_later else at + _LISTED_LATER_BY)
    selection = Selection(names=Names(function.app_id, function.id), window=window)
    page = runs.list_runs(session, selection, page_size=100).walk().next_page(deadline=deadline)
    return or_gap(page, f"other runs of {name_of(function)}", unchecked)


def explain_run(session: Session, run_id: str) -> Plan[RunExplanation]:
    """Explain the state of a run."""
    unchecked: list[str] = []
    queue = yield from _read_queue(session, run_id, unchecked)
    run = queue.run
    evidence = RunEvidence(
        run=run,
        now=session.server_clocks["api"].now(),
        unchecked=unchecked,
        jobs=queue.jobs,
    )
    if queue.is_open_without_job or run.status not in {RunStatus.QUEUED, RunStatus.COMPLETED}:
        yield from _read_steps(session, evidence, is_open_without_job=queue.is_open_without_job)
    yield from _read_relatives(session, evidence)
    is_held_back = evidence.due_jobs or run.status in {RunStatus.QUEUED, RunStatus.CANCELLED}
    is_retried = any(job.attempt for job in queue.jobs)
    if not evidence.is_lost and (is_held_back or is_retried):
        catalogue = yield from read_catalogue(session)
        unchecked += catalogue.gaps
        yield from _read_limits(session, evidence, catalogue)
    return RunExplanation(
        run=run,
        reasons=tuple(reason_of(finding) for finding in findings_of_run(evidence)),
        jobs=tuple(queue.jobs),
        unchecked=tuple(unchecked),
    )


@frozen(kw_only=True)
class _Queue:
    """A run, and what the queue has for it."""

    run: Run
    jobs: list[Job]
    is_open_without_job: bool = False  # for longer than between two steps


def _read_queue(session: Session, run_id: str, unchecked: list[str]) -> Plan[_Queue]:
    """Get a run and its jobs.

    Between two steps an open run may have none for a moment, so it is looked at again. Whether
    Inngest Cloud lists all jobs is not known.
    """
    for is_last_look in (False, True):
        run = yield from runs.fetch(session, run_id, cached=False)
        if run.is_ended:
            return _Queue(run=run, jobs=[])
        listed = runs.jobs(session, run_id, cached=False)
        jobs = yield from or_gap(listed, "what it has in the queue", unchecked)
        if jobs or jobs is None or is_on_cloud(session.settings.api_url):
            return _Queue(run=run, jobs=jobs or [])
        if not is_last_look:
            yield from sleep(_JOB_CHECK_INTERVAL)
    return _Queue(run=run, jobs=[], is_open_without_job=True)


def _read_steps(
    session: Session, evidence: RunEvidence, *, is_open_without_job: bool
) -> Plan[None]:
    """Read the trace of a run, and for how long nothing has happened if it has no job."""
    read = trace.get_trace(session, evidence.run.id)
    root = yield from or_gap(read, "its steps", evidence.unchecked)
    evidence.is_traced = root is not None
    evidence.steps = root.children if root else ()
    is_over = root is not None and (root.ended_at or root.status == "skipped")
    if is_open_without_job and not is_over:
        evidence.idle = _idle_time(session, evidence.run, root)


def _idle_time(session: Session, run: Run, root: Span | None) -> timedelta:
    """Return how long ago a run changed for the last time, at least; 0 if that is unknown."""
    if root is None:
        return timedelta(0)
    times = [run.queued_at]
    spans = [root]
    while spans:
        span = spans.pop()
        times += span.queued_at, span.started_at, span.ended_at
        spans += span.children
    stated = [time for time in times if time]
    if not stated:
        return timedelta(0)
    least, _ = session.server_clocks["api"].elapsed(max(stated), max(stated))
    return max(least, timedelta(0))


def _read_relatives(session: Session, evidence: RunEvidence) -> Plan[None]:
    """Read which runs invoked or replay a run, and which it waits for."""
    run, unchecked = evidence.run, evidence.unchecked
    if run.event_ids:
        yield from _read_first_event(session, evidence, run.event_ids[0])
    else:
        unchecked.append("whether it was invoked or replayed, as it names no event")
    invoking = [job.event_id for job in evidence.jobs if job.event_id]
    for event_id in invoking[:_MAX_READ_SINGLY]:
        listed = runs_of(session, event_id, math.inf)
        invoked = yield from or_gap(listed, "the run that it waits for", unchecked)
        evidence.invoked[event_id] = invoked or ()


def _read_first_event(session: Session, evidence: RunEvidence, event_id: str) -> Plan[None]:
    """Read the event that started a run, and its other runs: those that replay it."""
    unchecked = evidence.unchecked
    read = yield from or_gap(
        events.get_now(session, event_id), "whether a run invoked it", unchecked
    )
    evidence.event = read[0] if read else None
    listed = yield from or_gap(
        runs.of_event_by_v1(session, event_id), "whether it was replayed", unchecked
    )
    evidence.same_event = listed or ()
    if listed is not None and all(run.id != evidence.run.id for run in listed):
        unchecked.append("whether it was replayed, as v1 lists it under no event that it names")
