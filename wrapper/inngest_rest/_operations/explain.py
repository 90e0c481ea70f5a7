"""Explaining the outcome of an event and the state of a run: read the evidence, apply the rules."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from attrs import field, frozen

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
from inngest_rest._operations.reasons.event import findings_of_event
from inngest_rest._operations.reasons.evidence import (
    SAME_FUNCTION_WITHIN,
    EventEvidence,
    RunEvidence,
)
from inngest_rest._operations.reasons.run import findings_of_limits, findings_of_run
from inngest_rest._operations.reasons.texts import reason_of
from inngest_rest._ulid import is_ulid, second_of_ulid
from inngest_rest._visible import shown
from inngest_rest.explanation import Explanation, Listener, Reason, ReasonKind, RunExplanation
from inngest_rest.models import Function, Job, Page, Run, RunStatus, Span
from inngest_rest.responses import is_on_cloud

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest.models import StoredEvent

T = TypeVar("T")

# Of a run of these statuses, the steps explain nothing.
_WITHOUT_STEPS = (RunStatus.QUEUED, RunStatus.COMPLETED)

# Lists of runs go by a time that is later than `queued_at`, by up to this much on a busy server.
_LISTED_LATER_BY = timedelta(minutes=1)

# Bounds of the search, and so of the number of requests.
_MAX_EVENTS_FOR_ID = 1_000  # events of a day, to find the one with an own id: 50 per request
_MAX_EVENTS_WITH_SAME_ID = 200  # events that are searched for those with the id of another
_MAX_READ_SINGLY = 10  # of events with the same id, running runs, and events that invoked

_JOB_CHECK_INTERVAL = 1.0  # seconds until a run without a job is looked at again


@frozen(kw_only=True)
class _Reader:
    """Reads evidence until a deadline, and notes what could not be read."""

    session: Session
    deadline: float = math.inf  # by our clock
    unchecked: list[str] = field(factory=list[str])

    def read(self, plan: Plan[T], what: str) -> Plan[T | None]:
        """Return what a plan reads; None if it fails, which leaves something unchecked."""
        return or_gap(plan, what, self.unchecked)

    def read_catalogue(self, *, since: float = math.inf) -> Plan[Catalogue]:
        catalogue = yield from read_catalogue(self.session, deadline=self.deadline, since=since)
        self.unchecked.extend(catalogue.gaps)
        return catalogue


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
    reader = _Reader(session=session, deadline=deadline)
    evidence = yield from _read_event_evidence(reader, event, server_time)
    reasons = [reason_of(finding) for finding in findings_of_event(evidence)]
    for run in evidence.runs:
        of_run = RunEvidence(run=run, subject=f"run {run.id}", now=evidence.now, event=event)
        yield from _read_limits(reader, of_run, evidence.catalogue)
        reasons += [reason_of(finding) for finding in findings_of_limits(of_run)]
    listeners = _listeners(evidence)
    if _depends_on_earlier_functions(listeners, reasons):
        reader.unchecked.append("whether the functions were the same when it was received")
    return Explanation(
        event_id=event_id,
        event=event,
        listeners=listeners,
        runs=evidence.runs,
        reasons=tuple(reasons),
        unchecked=tuple(reader.unchecked),
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
    reader: _Reader, event: StoredEvent, server_time: datetime | None
) -> Plan[EventEvidence]:
    """Read the runs of an event, the functions that listen, and why some may have no run."""
    session = reader.session
    began = session.clock.monotonic()
    runs_of_event = yield from runs_of(session, event.internal_id, reader.deadline)
    catalogue = yield from reader.read_catalogue(since=began)
    now = server_time or session.server_clocks["api"].now()
    evidence = EventEvidence(
        event=event,
        now=now,
        received=event.received_at or now,
        runs=runs_of_event,
        catalogue=catalogue,
        functions_same_since=now + timedelta(seconds=catalogue.same_since - began),
        is_listed_by_v1=runs.are_listed_by_v1(session),
    )
    unexplained = [
        without_run.function for without_run in evidence.without_run if not without_run.is_excluded
    ]
    once_per_id = [function for function in unexplained if not ignores_repeated_ids(function)]
    if once_per_id and event.id != event.internal_id:
        yield from _read_same_id(reader, evidence, once_per_id)
    for function in unexplained:
        if limit(function, "rateLimit", "debounce", "singleton"):
            other_runs = yield from _read_other_runs(reader, function, evidence.received)
            evidence.other_runs[name_of(function)] = other_runs
    return evidence


def _read_same_id(
    reader: _Reader, evidence: EventEvidence, functions: list[Function]
) -> Plan[None]:
    """Read the other events with the id of an event, and the runs that they started."""
    event = evidence.event
    selection = events.EventSelection(
        name=name_of_all_triggers(functions, event.name),
        since=evidence.received - DAY,
        until=evidence.received + SAME_FUNCTION_WITHIN,
    )
    listing = events.list_events(reader.session, selection, limit=_MAX_EVENTS_WITH_SAME_ID)
    what = "events with the same id"
    listed = yield from reader.read(read_all(listing, deadline=reader.deadline), what)
    if listed is None:
        return
    if len(listed) >= _MAX_EVENTS_WITH_SAME_ID:
        reader.unchecked.append(f"{what}, beyond the newest {_MAX_EVENTS_WITH_SAME_ID}")
    # The oldest first; and a server may list an event several times.
    others = {
        other.internal_id: other
        for other in reversed(listed)
        if other.id == event.id and other.internal_id != event.internal_id
    }
    for other_id, other in list(others.items())[:_MAX_READ_SINGLY]:
        plan = runs_of(reader.session, other_id, reader.deadline)
        started = yield from reader.read(plan, f"the runs of event {other_id}")
        evidence.same_id += [(other, run) for run in started or ()]


def _read_limits(reader: _Reader, evidence: RunEvidence, catalogue: Catalogue) -> Plan[None]:
    """Read the limits of a run's function, and what shows whether they were reached."""
    evidence.catalogue = catalogue
    for function in catalogue.functions:
        if is_run_of(evidence.run, function):
            break
    else:
        return
    evidence.function = function
    if evidence.run.status == RunStatus.CANCELLED:
        yield from _read_what_cancels(reader, evidence, function)
    if evidence.due_jobs and concurrency_limits(function):
        yield from _read_executing(reader, evidence, function)


def _read_what_cancels(reader: _Reader, evidence: RunEvidence, function: Function) -> Plan[None]:
    """Read the later runs of a singleton, and the timeouts of a function, which v1 alone has."""
    if cancels_earlier_run(function):
        received_at = evidence.event.received_at if evidence.event else None
        began = received_at or evidence.run.queued_at or evidence.now
        evidence.other_runs = yield from _read_other_runs(reader, function, began)
    plan = functions_of_v1(reader.session, function.app_id, deadline=reader.deadline)
    what = f"the timeouts of functions of {function.app_id}"
    of_app = yield from reader.read(plan, what)
    for function_of_v1 in of_app or ():
        if function_of_v1.id == function.id:
            evidence.timeouts = limit(function_of_v1, "timeouts") or {}


def _read_executing(reader: _Reader, evidence: RunEvidence, function: Function) -> Plan[None]:
    """Read what other runs of the function of a run are executing."""
    session, deadline = reader.session, reader.deadline
    names = Names(function.app_id, function.id)
    running = Selection(statuses=(RunStatus.RUNNING,), names=names)
    first_page = runs.list_runs(session, running, page_size=100).walk().next_page(deadline=deadline)
    page = yield from reader.read(first_page, "which runs are being executed")
    if page is None:
        return
    others = [run.id for run in page.items if run.id != evidence.run.id]
    for run_id in others[:_MAX_READ_SINGLY]:
        plan = runs.jobs(session, run_id, cached=False, deadline=deadline)
        jobs = yield from reader.read(plan, f"whether run {run_id} is being executed")
        evidence.executing += [(run_id, job) for job in jobs or () if evidence.executes(job)]


def _read_other_runs(reader: _Reader, function: Function, at: datetime) -> Plan[Page[Run] | None]:
    """Read the newest runs of a function that count towards its limits."""
    reach = DAY if limit(function, "singleton") else SAME_FUNCTION_WITHIN
    rate_limit = limit(function, "rateLimit")
    if rate_limit:
        period = parse_duration(rate_limit.get("period")) or DAY
        reach = max(reach, period + SAME_FUNCTION_WITHIN)
    needs_later = limit(function, "debounce") or cancels_earlier_run(function)
    selection = Selection(
        names=Names(function.app_id, function.id),
        window=Window(at - reach, None if needs_later else at + _LISTED_LATER_BY),
    )
    walk = runs.list_runs(reader.session, selection, page_size=100).walk()
    first_page = walk.next_page(deadline=reader.deadline)
    return reader.read(first_page, f"other runs of {name_of(function)}")


def explain_run(session: Session, run_id: str) -> Plan[RunExplanation]:
    """Explain the state of a run."""
    reader = _Reader(session=session)
    queue = yield from _read_queue(reader, run_id)
    now = session.server_clocks["api"].now()
    evidence = RunEvidence(run=queue.run, now=now, jobs=queue.jobs)
    if queue.is_open_without_job or queue.run.status not in _WITHOUT_STEPS:
        yield from _read_steps(reader, evidence, is_open_without_job=queue.is_open_without_job)
    yield from _read_relatives(reader, evidence)
    if _depends_on_limits(evidence):
        catalogue = yield from reader.read_catalogue()
        yield from _read_limits(reader, evidence, catalogue)
    return RunExplanation(
        run=queue.run,
        reasons=tuple(reason_of(finding) for finding in findings_of_run(evidence)),
        jobs=tuple(queue.jobs),
        unchecked=tuple(reader.unchecked),
    )


def _depends_on_limits(evidence: RunEvidence) -> bool:
    """Return whether its function, as it is now, says more about a run."""
    if evidence.is_lost:
        return False
    may_be_held_back = evidence.run.status in {RunStatus.QUEUED, RunStatus.CANCELLED}
    is_retried = any(job.attempt for job in evidence.jobs)
    return may_be_held_back or is_retried or bool(evidence.due_jobs)


@frozen(kw_only=True)
class _Queue:
    """A run, and what the queue has for it."""

    run: Run
    jobs: list[Job]
    is_open_without_job: bool = False  # for longer than between two steps


def _read_queue(reader: _Reader, run_id: str) -> Plan[_Queue]:
    """Get a run and its jobs.

    Between two steps an open run may have none for a moment, so it is looked at again. Whether
    Inngest Cloud lists all jobs is not known.
    """
    session = reader.session
    for is_last_look in (False, True):
        run = yield from runs.fetch(session, run_id, cached=False)
        if run.is_ended:
            return _Queue(run=run, jobs=[])
        plan = runs.jobs(session, run_id, cached=False)
        jobs = yield from reader.read(plan, "what it has in the queue")
        if jobs or jobs is None or is_on_cloud(session.settings.api_url):
            return _Queue(run=run, jobs=jobs or [])
        if not is_last_look:
            yield from sleep(_JOB_CHECK_INTERVAL)
    return _Queue(run=run, jobs=[], is_open_without_job=True)


def _read_steps(reader: _Reader, evidence: RunEvidence, *, is_open_without_job: bool) -> Plan[None]:
    """Read the trace of a run, and for how long nothing has happened if it has no job."""
    plan = trace.get_trace(reader.session, evidence.run.id)
    root = yield from reader.read(plan, "its steps")
    is_over = False
    if root is not None:
        evidence.is_traced = True
        evidence.steps = root.children
        is_over = root.ended_at is not None or root.status == "skipped"
    if is_open_without_job and not is_over:
        evidence.idle = _idle_time(reader.session, evidence.run, root)


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


def _read_relatives(reader: _Reader, evidence: RunEvidence) -> Plan[None]:
    """Read which runs invoked or replay a run, and which it waits for."""
    if evidence.run.event_ids:
        yield from _read_first_event(reader, evidence, evidence.run.event_ids[0])
    else:
        reader.unchecked.append("whether it was invoked or replayed, as it names no event")
    invoking = [job.event_id for job in evidence.jobs if job.event_id]
    for event_id in invoking[:_MAX_READ_SINGLY]:
        plan = runs_of(reader.session, event_id, reader.deadline)
        invoked = yield from reader.read(plan, "the run that it waits for")
        evidence.invoked[event_id] = invoked or ()


def _read_first_event(reader: _Reader, evidence: RunEvidence, event_id: str) -> Plan[None]:
    """Read the event that started a run, and its other runs: those that replay it."""
    get_event = events.get_now(reader.session, event_id)
    stored = yield from reader.read(get_event, "whether a run invoked it")
    if stored is not None:
        evidence.event, _ = stored
    list_runs = runs.of_event_by_v1(reader.session, event_id)
    listed = yield from reader.read(list_runs, "whether it was replayed")
    if listed is None:
        return
    evidence.same_event = listed
    if all(run.id != evidence.run.id for run in listed):
        reader.unchecked.append(
            "whether it was replayed, as v1 lists it under no event that it names"
        )
