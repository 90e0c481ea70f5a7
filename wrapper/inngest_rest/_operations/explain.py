"""The outcome of an event, and the state of a run: gather evidence for the rules of `reasons`."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from inngest_rest import errors
from inngest_rest._core.arguments import check_text
from inngest_rest._core.calls.listing import read_all
from inngest_rest._core.calls.retry import RULED_OUT
from inngest_rest._core.plans import Plan, sleep
from inngest_rest._core.resources import apps, events, runs, trace
from inngest_rest._core.resources.event_runs import (
    DAY,
    name_of_all_triggers,
    read_once_stored,
    runs_of,
)
from inngest_rest._core.resources.filters import Names, Selection, Window
from inngest_rest._core.resources.polling import APPEARS_WITHIN
from inngest_rest._operations.reasons.event import AT_ONCE, Evidence, reasons
from inngest_rest._operations.reasons.run import RunEvidence, held_back, reasons_of_run
from inngest_rest._ulid import is_ulid, second_of_ulid
from inngest_rest._visible import shown
from inngest_rest.explanation import (
    Explanation,
    Listener,
    RunExplanation,
)
from inngest_rest.models import Function, Job, Page, Run, RunStatus, Span
from inngest_rest.responses import is_on_cloud

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session

# Lists of runs go by a time later than `queued_at`, by this much on a busy server.
_LATE = timedelta(minutes=1)

# Limits of the search, which bound the number of requests.
_MAX_SEARCHED = 1_000  # events of a day, to find the one with an own id: 50 per request
_MAX_EVENTS = 200  # events of one name, or of all, to find those with the same id
_MAX_EACH = 10  # of other events with its id, other runs, and events that invoked a function

# Seconds after which a run without a job is looked at again.
_BETWEEN_LOOKS = 1.0


def explain(session: Session, event_id: str, *, name: str | None) -> Plan[Explanation]:
    event_id, name = check_text("id", event_id or ""), check_text("name", name)
    text = f"no event with the id {shown(event_id)} is among the newest {_MAX_SEARCHED:,} "
    text += f"{f'events {shown(name)}' if name else 'events'} of the last 24 hours: pass the "
    text += "internal id, as send returns it, or a name, to search only events of that name"
    url = f"{session.settings.api_url}/v1/events"
    # The list that has no such event is a success to the server.
    missing = errors.NotFoundError(text, status=200, method="GET", url=url)
    if is_ulid(event_id):
        now = session.server_clocks["api"].earliest().timestamp()
        within = min(second_of_ulid(event_id) + APPEARS_WITHIN - now, APPEARS_WITHIN)
        try:
            return (yield from explain_stored(session, event_id, within=within))
        except errors.NotFoundError as error:
            missing = error
    walk = events.list_events(
        session, events.EventSelection(name=name, since=DAY), limit=_MAX_SEARCHED
    ).walk()
    while not walk.is_done:
        page = yield from walk.next_page()
        for event in page.items:
            if event.id == event_id:
                return (yield from explain_stored(session, event.internal_id))
    raise missing


def explain_stored(
    session: Session, event_id: str, deadline: float = math.inf, *, within: float = 0.0
) -> Plan[Explanation]:
    """Explain the outcome of an event, by its internal id, if it appears within some seconds."""
    try:
        event, stated = yield from read_once_stored(session, event_id, within, deadline)
    except RULED_OUT as error:
        unread = f"the event itself: {error}"
        found = yield from runs_of(session, event_id, deadline)
        return Explanation(event_id, None, runs=found, unchecked=(unread,))
    read_at = session.clock.monotonic()
    found = yield from runs_of(session, event_id, deadline)
    known = yield from apps.read_catalogue(session, deadline=deadline, since=read_at)
    now = stated or session.server_clocks["api"].now()
    same_since, unchecked = now + timedelta(seconds=known.same_since - read_at), [*known.gaps]
    received, of_v1 = event.received_at or now, runs.are_listed_by_v1(session)
    it = Evidence(event, now, received, found, known, same_since, of_v1, unchecked)
    yield from _gather(session, it, deadline)
    why = [*reasons(it)]
    for run in found:
        of_run = RunEvidence(run, now, unchecked, event=event)
        yield from _read_limits(session, of_run, known, deadline)
        why += held_back(of_run, f"run {run.id}")
    listening: list[Listener] = []
    for each, triggers in known.listeners(event.name):
        run_ids = tuple(run.id for run in found if apps.is_of(run, each))
        state = it.has_changed(each), apps.ignores_repeated_ids(each)
        listening.append(Listener(each.app_id, each.id, triggers[0], run_ids, *state))
    is_unknown = any(not each.run_ids and each.has_changed is not False for each in listening)
    if is_unknown or any(it.kind == "no_trigger" and not it.is_certain for it in why):
        unchecked.append("whether the functions were the same when it was received")
    return Explanation(event_id, event, tuple(listening), found, tuple(why), tuple(unchecked))


def _gather(session: Session, it: Evidence, deadline: float) -> Plan[None]:
    """Gather further evidence for functions without a run."""
    id, own_id, received = it.event.internal_id, it.event.id, it.received
    tried = partial(apps.tried, unchecked=it.unchecked)
    silent = [each for each, triggers in it.without_run if not it.is_excluded(each, triggers)]
    once = [each for each in silent if not apps.ignores_repeated_ids(each)]
    if once and own_id != id:
        name = name_of_all_triggers(once, it.event.name)
        since, until = received - DAY, received + AT_ONCE
        selection = events.EventSelection(name=name, since=since, until=until)
        listed = events.list_events(session, selection, limit=_MAX_EVENTS)
        what = "events with the same id"
        found = (yield from tried(read_all(listed, deadline=deadline), what)) or []
        if len(found) >= _MAX_EVENTS:
            it.unchecked.append(f"{what}, beyond the newest {_MAX_EVENTS}")
        # A server may list an event several times.
        same = {other.internal_id: other for other in reversed(found) if other.id == own_id}
        same.pop(id, None)
        for other_id, other in [*same.items()][:_MAX_EACH]:
            of_other = tried(runs_of(session, other_id, deadline), f"the runs of event {other_id}")
            it.twins += [(other, run) for run in (yield from of_other) or ()]
    for each in silent:
        if apps.limit(each, "rateLimit", "debounce", "singleton"):
            page = yield from _other_runs(session, each, received, it.unchecked, deadline)
            it.others[apps.name_of(each)] = page


def _read_limits(
    session: Session, it: RunEvidence, known: apps.Catalogue, deadline: float = math.inf
) -> Plan[None]:
    """Read the limits of a run's function, and further evidence of what reached them."""
    run, tried = it.run, partial(apps.tried, unchecked=it.unchecked)
    function = next((each for each in known.functions if apps.is_of(run, each)), None)
    it.catalogue, it.function = known, function
    if function is None:
        return
    if run.status == RunStatus.CANCELLED:
        if apps.cancels_earlier(function):
            at = (it.event and it.event.received_at) or run.queued_at or it.now
            it.others = yield from _other_runs(session, function, at, it.unchecked, deadline)
        of_app = apps.functions_of_v1(session, function.app_id, deadline=deadline)
        what = f"the timeouts of functions of {function.app_id}"
        for each in (yield from tried(of_app, what)) or ():
            if each.id == function.id:
                it.timeouts = apps.limit(each, "timeouts") or {}
    if it.due and apps.concurrency(function):
        names = Names(function.app_id, function.id)
        running = Selection(statuses=(RunStatus.RUNNING,), names=names)
        walk = runs.list_runs(session, running, page_size=100).walk()
        listed = walk.next_page(deadline=deadline)
        page = yield from tried(listed, "which runs are being executed")
        others = [each.id for each in (page.items if page else ()) if each.id != run.id]
        for id in others[:_MAX_EACH]:
            read = runs.jobs(session, id, cached=False, deadline=deadline)
            jobs = yield from tried(read, f"whether run {id} is being executed")
            it.executing += [(id, job) for job in jobs or () if it.executes(job)]


def _other_runs(
    session: Session, function: Function, at: datetime, unchecked: list[str], deadline: float
) -> Plan[Page[Run] | None]:
    """Read the newest runs of a function that count towards its limits."""
    back = DAY if apps.limit(function, "singleton") else AT_ONCE
    if rate_limit := apps.limit(function, "rateLimit"):
        back = max(back, (apps.duration(rate_limit.get("period")) or DAY) + AT_ONCE)
    needs_later = apps.limit(function, "debounce") or apps.cancels_earlier(function)
    window = Window(at - back, None if needs_later else at + _LATE)
    selection = Selection(names=Names(function.app_id, function.id), window=window)
    page = runs.list_runs(session, selection, page_size=100).walk().next_page(deadline=deadline)
    return apps.tried(page, f"other runs of {apps.name_of(function)}", unchecked)


def explain_run(session: Session, run_id: str) -> Plan[RunExplanation]:
    unchecked: list[str] = []
    tried = partial(apps.tried, unchecked=unchecked)
    run, jobs, is_without_job = yield from _look_at_queue(session, run_id, unchecked)
    it = RunEvidence(run, session.server_clocks["api"].now(), unchecked, jobs)
    if is_without_job or run.status not in {RunStatus.QUEUED, RunStatus.COMPLETED}:
        root = yield from tried(trace.get_trace(session, run_id), "its steps")
        it.steps, it.is_traced = root.children if root else (), root is not None
        is_over = root is not None and (root.ended_at or root.status == "skipped")
        it.idle = _idle(session, run, root) if is_without_job and not is_over else None
    yield from _read_relatives(session, it)
    is_held = it.due or run.status in {RunStatus.QUEUED, RunStatus.CANCELLED}
    if not it.is_lost and (is_held or any(job.attempt for job in jobs)):
        known = yield from apps.read_catalogue(session)
        unchecked += known.gaps
        yield from _read_limits(session, it, known)
    return RunExplanation(run, tuple(reasons_of_run(it)), tuple(jobs), tuple(unchecked))


def _look_at_queue(
    session: Session, run_id: str, unchecked: list[str]
) -> Plan[tuple[Run, list[Job], bool]]:
    """Get a run and its jobs, and whether it is open without one, which is not so for long.

    Between two steps it may have none for a moment, so it is looked at again. Whether Inngest Cloud
    lists all jobs is not known.
    """
    for is_last in (False, True):
        run = yield from runs.fetch(session, run_id, cached=False)
        if run.is_ended:
            return run, [], False
        listed = runs.jobs(session, run_id, cached=False)
        jobs = yield from apps.tried(listed, "what it has in the queue", unchecked)
        if jobs or jobs is None or is_on_cloud(session.settings.api_url):
            return run, jobs or [], False
        if not is_last:
            yield from sleep(_BETWEEN_LOOKS)
    return run, [], True


def _idle(session: Session, run: Run, root: Span | None) -> timedelta:
    """Return how long ago a run changed for the last time, at least; 0 if that is unknown."""
    times: list[datetime | None] = [run.queued_at if root else None]
    left = [root] if root else []
    while left:
        span = left.pop()
        times += span.queued_at, span.started_at, span.ended_at
        left += span.children
    if not (known := [at for at in times if at]):
        return timedelta(0)
    least, _ = session.server_clocks["api"].elapsed(max(known), max(known))
    return max(least, timedelta(0))


def _read_relatives(session: Session, it: RunEvidence) -> Plan[None]:
    """Read which runs invoked or replay a run, and which it waits for."""
    tried = partial(apps.tried, unchecked=it.unchecked)
    if not it.run.event_ids:
        it.unchecked.append("whether it was invoked or replayed, as it names no event")
    for event_id in it.run.event_ids[:1]:
        read = yield from tried(events.get_now(session, event_id), "whether a run invoked it")
        it.event = read and read[0]
        same = yield from tried(runs.of_event_by_v1(session, event_id), "whether it was replayed")
        it.same_event = same or ()
        if same is not None and all(each.id != it.run.id for each in same):
            it.unchecked.append(
                "whether it was replayed, as v1 lists it under no event that it names"
            )
    for event_id in list(filter(None, (job.event_id for job in it.jobs)))[:_MAX_EACH]:
        of_it = runs_of(session, event_id, math.inf)
        it.invoked[event_id] = (yield from tried(of_it, "the run that it waits for")) or ()
