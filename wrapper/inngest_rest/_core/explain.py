"""The outcome of an event, and the state of a run: gather the evidence for the rules of `reasons`.

To wait for the runs of an event is to know when they are complete. The first non-empty list may be
incomplete: on a busy server, runs appear 0.25 s apart and more. It is complete once each function
triggered by the event has a run; until then it is polled for as long as a run takes to appear.
Debounced and batched runs appear later still.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NoReturn, get_args

from attrs import define, field

from inngest_rest import errors
from inngest_rest._core.arguments import (
    check_choice,
    check_id,
    check_seconds,
    check_text,
    invalid,
    is_ulid,
    second_of_ulid,
)
from inngest_rest._core.calls.listing import read_all
from inngest_rest._core.calls.retry import FAULTS, RULED_OUT, Fault
from inngest_rest._core.calls.settings import is_on_cloud
from inngest_rest._core.expressions import holds
from inngest_rest._core.plans import FIRST_PAUSE, Plan, longer, sleep
from inngest_rest._core.reasons.event import AT_ONCE, DAY, Evidence, reasons
from inngest_rest._core.reasons.run import RunEvidence, held_back, reasons_of_run
from inngest_rest._core.resources import apps, events, runs, trace
from inngest_rest._core.resources.filters import Names, Selection, Window
from inngest_rest._core.resources.polling import APPEARS_WITHIN, asked_pause, may_appear
from inngest_rest._core.resources.wait import wait_until_ended
from inngest_rest._core.sending.batching import DEFAULT_EVENTS, batches_of_events
from inngest_rest._core.sending.event_json import wire_form
from inngest_rest._core.sending.send import each_event, send
from inngest_rest._visible import shown
from inngest_rest.event import Event, EventLike
from inngest_rest.explanation import (
    EventPreview,
    Explanation,
    Listener,
    RunExplanation,
    SendPreview,
)
from inngest_rest.models import Function, Job, Page, Run, RunStatus, Span, StoredEvent
from inngest_rest.reports import MAX_FAILURES, SendFailure
from inngest_rest.typing import RepeatedId

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.sending.batching import Batch
    from inngest_rest.models import Trigger
    from inngest_rest.typing import Seconds

# Lists of runs go by a time later than `queued_at`, by this much on a busy server.
_LATE = timedelta(minutes=1)

# Limits of the search, which bound the number of requests.
_MAX_SEARCHED = 1_000  # events of a day, to find the one with an own id: 50 per request
_MAX_EVENTS = 200  # events of one name, or of all, to find those with the same id
_MAX_EACH = 10  # of other events with its id, other runs, and events that invoked a function

# Seconds after which a run without a job is looked at again.
_BETWEEN_LOOKS = 1.0

# Of waiting for the runs of an event, in seconds:
_FIRST_POLL = 0.3  # from an event to the first poll of its runs: quick ones have ended by then
_POLL_INTERVAL = 0.1  # until the next poll: at first, or if the list may be incomplete
_QUIET = 1.0  # after the last run appeared, where it is not known which functions listen
_EXPLAIN_TIMEOUT = 5.0  # for explaining a missing run
_AFTER_TIMEOUT = 0.8  # for the same, after the timeout expired


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
            return (yield from _explain_stored(session, event_id, within=within))
        except errors.NotFoundError as error:
            missing = error
    walk = events.list_events(
        session, events.EventSelection(name=name, since=DAY), limit=_MAX_SEARCHED
    ).walk()
    while not walk.is_done:
        page = yield from walk.next_page()
        for event in page.items:
            if event.id == event_id:
                return (yield from _explain_stored(session, event.internal_id))
    raise missing


def _read_once_stored(
    session: Session, event_id: str, within: float, deadline: float
) -> Plan[tuple[StoredEvent, datetime | None]]:
    """Get an event and the server's time; one that was just sent may take seconds to appear."""
    appears_by, pause = min(session.clock.monotonic() + within, deadline), FIRST_PAUSE
    while True:
        try:
            return (yield from events.get_now(session, event_id, deadline=deadline))
        except errors.NotFoundError:
            left = appears_by - session.clock.monotonic()
            if left <= 0:
                raise
        yield from sleep(min(pause, left))
        pause = longer(pause)


def _explain_stored(
    session: Session, event_id: str, *, within: float = 0.0, deadline: float = math.inf
) -> Plan[Explanation]:
    """Explain the outcome of an event, by its internal id, if it appears within some seconds."""
    try:
        event, stated = yield from _read_once_stored(session, event_id, within, deadline)
    except RULED_OUT as error:
        unread = f"the event itself: {error}"
        found = yield from _runs_of(session, event_id, deadline)
        return Explanation(event_id, None, runs=found, unchecked=(unread,))
    read_at = session.clock.monotonic()
    found = yield from _runs_of(session, event_id, deadline)
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
        name = _name_of_all_triggers(once, it.event.name)
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
            of_other = tried(_runs_of(session, other_id, deadline), f"the runs of event {other_id}")
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


def _runs_of(
    session: Session, event_id: str, deadline: float, *, may_be_batched: bool | None = None
) -> Plan[tuple[Run, ...]]:
    """List the runs of an event."""
    listing = runs.list_of_event(session, event_id, may_be_batched=may_be_batched)
    return tuple((yield from read_all(listing, deadline=deadline)))


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
        of_it = _runs_of(session, event_id, math.inf)
        it.invoked[event_id] = (yield from tried(of_it, "the run that it waits for")) or ()


def preview(session: Session, events: EventLike | Iterable[EventLike]) -> Plan[SendPreview]:
    source, convention = each_event(events), session.name_convention
    return of_batches(session, batches_of_events(source, DEFAULT_EVENTS, convention, lenient=True))


def of_batches(session: Session, batches: Iterable[Batch]) -> Plan[SendPreview]:
    """Check the events of batches, which are drawn once, and find what they would start."""
    session.check_can_send()
    known = yield from apps.read_catalogue(session)
    listening: dict[str, list[tuple[str | None, list[Trigger]]]] = {}
    tallies = defaultdict[tuple[str, str | None], Counter[str]](Counter)
    totals, failures = Counter[str](), list[SendFailure]()
    for batch in batches:
        totals["rejected"] += len(batch.invalid)
        failures += batch.invalid[: MAX_FAILURES - len(failures)]
        for text, event in zip(batch.texts(), batch.events(), strict=True):
            totals.update(events=1, bytes=len(text))
            name, stored = event["name"], events.as_stored(event)
            if name not in listening:
                found = [(apps.name_of(each), its) for each, its in known.listeners(name)]
                listening[name] = [*found] or [(None, [])]
            for function, triggers in listening[name]:
                verdicts = {holds(each.condition, stored) for each in triggers}
                verdict = "runs" if True in verdicts else "undecided" if None in verdicts else "not"
                tallies[name, function].update({"events": 1, "bytes": len(text), verdict: 1})
    rows: list[EventPreview] = []
    for (name, function), it in tallies.items():
        near = () if function else tuple(apps.nearest(name, known.functions))
        counts = it["events"], it["bytes"], it["runs"], it["undecided"]
        rows.append(EventPreview(name, function, *counts, near))
    parts = tuple(rows), tuple(failures), tuple(known.gaps)
    return SendPreview(totals["events"], totals["bytes"], totals["rejected"], *parts)


@define
class _Wait:
    """A wait for the runs of one event; times are by the session's clock."""

    session: Session
    event_id: str
    received: float  # by the server
    deadline: float
    follows_first: bool  # to the runs of an earlier event with its id
    event: StoredEvent | None = None  # once it is stored, transient errors do not end the wait
    runs: dict[str, Run] = field(factory=dict[str, "Run"])
    looked_at: float = 0.0  # for the first time
    was_listed: bool = False  # the server has said which runs there are, perhaps none
    seen_at: float | None = None  # when the newest run was first seen
    again: float = -math.inf  # until then, a busy server may take for the next run, as for that one
    waits_for: str | None = None  # a function without a run that may still get one

    @property
    def now(self) -> float:
        return self.session.clock.monotonic()

    def has_run_of(self, function: Function) -> bool:
        return any(apps.is_of(run, function) for run in self.runs.values())

    def add(self, runs: Iterable[Run], now: float) -> None:
        known = len(self.runs)
        self.runs.update((run.id, run) for run in runs)
        if len(self.runs) > known:
            self.seen_at, self.again = now, 2 * now - self.looked_at

    def pause(self, seconds: float) -> Plan[None]:
        left = min(seconds, self.deadline - self.now)
        if left > 0:
            yield from sleep(left)


def send_and_wait(
    session: Session, event: EventLike, timeout: Seconds, repeated: str | None
) -> Plan[list[Run]]:
    seconds = check_seconds("timeout", timeout)
    _check_repeated(repeated)
    if not isinstance(event, Event | Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise invalid("event", f"must be an Event or a mapping, not {type(event).__name__}")
    (event_id,) = yield from send(session, event)
    stored = events.as_stored(wire_form(event), event_id)
    sent = session.clock.monotonic()
    wait = _Wait(session, event_id, sent, sent + seconds, repeated == "first", stored)
    try:
        return (yield from _follow_all(wait))
    except errors.InngestError as error:
        error.add_note(f"The event was sent; its internal id is {event_id}.")
        raise


def _check_repeated(repeated: str | None) -> None:
    if repeated is not None:
        check_choice("repeated", repeated, get_args(RepeatedId))


def wait_for_runs(
    session: Session, event_id: str, timeout: Seconds, repeated: str | None
) -> Plan[list[Run]]:
    event_id = check_id("event id", event_id, argument="id")
    seconds = check_seconds("timeout", timeout)
    _check_repeated(repeated)
    begun = session.clock.monotonic()
    wait = _Wait(session, event_id, begun, begun + seconds, repeated == "first")
    try:
        read = _read_once_stored(session, event_id, APPEARS_WITHIN, wait.deadline)
        event, at = yield from read
    except (errors.NotFoundError, errors.TransportError) as error:
        if not wait.deadline <= wait.now < begun + APPEARS_WITHIN:
            raise
        message = f"event {event_id} did not appear before the timeout expired"
        raise errors.WaitTimeoutError(message, run=None, event_id=event_id) from error
    except RULED_OUT:
        pass  # without v1, the event stays unknown
    else:
        wait.event, wait.received = event, wait.now
        if event.received_at is not None and at is not None:
            wait.received -= max((at - event.received_at).total_seconds(), 0.0)
    return (yield from _follow_all(wait))


def _follow_all(wait: _Wait) -> Plan[list[Run]]:
    yield from _find_all(wait)
    for run_id, run in wait.runs.items():
        # Fetched singly, a run has its outcome; an old release lists it as unfinished.
        if run.is_ended and run.status != runs.UNKNOWN:
            continue
        try:
            wait.runs[run_id] = yield from wait_until_ended(
                wait.session, run_id, wait.deadline, seen=run
            )
        except errors.WaitTimeoutError as error:
            wait.runs[run_id] = error.run or run
            _time_out(wait, error)
    return list(wait.runs.values())


def _find_all(wait: _Wait) -> Plan[None]:
    """Poll the runs of the event until no further one is expected."""

    def read(since: float) -> Plan[apps.Catalogue]:
        # To read the functions for longer is of no use; and there must be time left for the runs.
        deadline = wait.now + min(APPEARS_WITHIN, max(wait.deadline - wait.now, 0.0) / 2)
        return apps.read_catalogue(wait.session, deadline=deadline, since=since)

    known = None if wait.event is None else (yield from read(0.0))
    yield from wait.pause(wait.received + _FIRST_POLL - wait.now)
    pause, wait.looked_at = _POLL_INTERVAL, wait.now
    while True:
        looked = wait.now
        fault = yield from _look(wait, known)
        until = _complete_at(known, wait)
        is_complete = fault is None and looked >= until
        if not is_complete and known is not None and known.read_at < wait.received:
            # Functions may have been added or removed since.
            known = yield from read(wait.received)
        if not wait.runs and (is_complete or wait.now >= wait.deadline):
            wait.add((yield from _explain_absence(wait, known)), wait.now)
            is_complete = False
        if is_complete:
            return
        if wait.now >= wait.deadline:
            _time_out(wait)
        left = until - wait.now
        yield from wait.pause(max(min(pause, left if left > 0 else pause), asked_pause(fault)))
        pause = longer(pause)


def _look(wait: _Wait, catalogue: apps.Catalogue | None) -> Plan[Fault | None]:
    """List the runs of the event, or return the fault that may pass."""
    looked = wait.now
    try:
        is_batched = _may_be_batched(wait, catalogue)
        listed = _runs_of(wait.session, wait.event_id, wait.deadline, may_be_batched=is_batched)
        wait.add((yield from listed), looked)
        wait.was_listed = True
        if wait.follows_first and looked == wait.looked_at:
            first = _first_runs(wait, catalogue, limit=_MAX_EVENTS, deadline=wait.deadline)
            wait.add((yield from first), looked)
    except FAULTS as error:
        is_late = isinstance(error, errors.TransportError) and wait.now >= wait.deadline
        if not (is_late or (wait.event and may_appear(error))):
            raise
        return error
    return None


def _may_be_batched(wait: _Wait, catalogue: apps.Catalogue | None) -> bool:
    """Return whether a function may get the event in a batch, which v1 may list under another."""
    if catalogue is None or catalogue.gaps or wait.event is None:
        return True
    listening = catalogue.listeners(wait.event.name)
    return any(apps.limit(function, *apps.BATCH) for function, _ in listening)


def _complete_at(catalogue: apps.Catalogue | None, wait: _Wait) -> float:
    """Return the time at which the runs are complete; note a function that may start one."""
    soon = wait.received + APPEARS_WITHIN
    if wait.seen_at is not None:
        soon = max(min(soon, wait.seen_at + _QUIET), wait.again)
    wait.waits_for = None
    if catalogue is None or catalogue.gaps or wait.event is None:
        return math.inf if wait.seen_at is None else soon
    listening = catalogue.listeners(wait.event.name)
    latest = soon if not listening or wait.seen_at is None else -math.inf
    for function, triggers in listening:
        if wait.has_run_of(function) or all(
            holds(each.condition, wait.event) is False for each in triggers
        ):
            continue
        debounce, batch = apps.limit(function, "debounce"), apps.limit(function, *apps.BATCH)
        texts = (debounce or {}).get("period", "0s"), (batch or {}).get("timeout", "0s")
        waits = (math.inf if it is None else it.total_seconds() for it in map(apps.duration, texts))
        until = wait.received + max(waits) + APPEARS_WITHIN
        if until > latest:
            latest, wait.waits_for = max(until, wait.again), apps.name_of(function)
    return latest


def _first_runs(
    wait: _Wait, catalogue: apps.Catalogue | None, *, limit: int, deadline: float
) -> Plan[list[Run]]:
    """List what earlier events with the same id started of the functions that have no run of it."""
    event, started = wait.event, list[Run]()
    if catalogue is None or event is None or event.id == event.internal_id:
        return started
    functions = [function for function, _ in catalogue.listeners(event.name)]
    ignoring = [each for each in functions if apps.ignores_repeated_ids(each)]
    missing = [each for each in functions if each not in ignoring and not wait.has_run_of(each)]
    if not (missing or catalogue.gaps):
        return started
    name = _name_of_all_triggers(missing, event.name)
    since = (event.received_at or wait.session.server_clocks["api"].now()) - DAY
    selection = events.EventSelection(name=name, since=since)
    walk = events.list_events(wait.session, selection, limit=limit).walk()
    while (missing or catalogue.gaps) and not walk.is_done:
        page = yield from walk.next_page(deadline=deadline)
        same = {other.internal_id for other in page.items if other.id == event.id}
        for other_id in same - {event.internal_id}:
            runs_of_other = yield from _runs_of(wait.session, other_id, deadline)
            started += [run for run in runs_of_other if not _is_of_any(run, ignoring)]
        missing = [each for each in missing if not any(apps.is_of(run, each) for run in started)]
    return started


def _name_of_all_triggers(functions: Iterable[Function], name: str) -> str | None:
    """Return the name of an event if no other triggers the functions, else None.

    A function takes one event for an id, whichever of its triggers the events match.
    """
    triggers = [trigger for function in functions for trigger in function.triggers]
    names = {trigger.value for trigger in triggers if trigger.kind == "event"}
    return name if names == {name} else None


def _is_of_any(run: Run, functions: Iterable[Function]) -> bool:
    return any(apps.is_of(run, function) for function in functions)


def _explain_absence(wait: _Wait, catalogue: apps.Catalogue | None) -> Plan[Iterable[Run]]:
    """Raise an error that explains why there is no run; return those that appeared meanwhile."""
    text = f"no run of event {wait.event_id} appeared within {wait.now - wait.received:.1f} s"
    latest = max(wait.deadline, wait.now) + _AFTER_TIMEOUT
    deadline = min(wait.now + _EXPLAIN_TIMEOUT, latest)
    try:
        if wait.follows_first:
            search = _first_runs(wait, catalogue, limit=_MAX_SEARCHED, deadline=deadline)
            if first := (yield from search):
                return first
        found = yield from _explain_stored(wait.session, wait.event_id, deadline=deadline)
        if found.runs:
            return found.runs
        text += f". {found}"
    except errors.InngestError as error:
        if not wait.was_listed and isinstance(error, errors.TransportError):
            _time_out(wait, error)  # there may be runs
        found, text = None, f"{text}; the reason is unknown: {error}"
    raise errors.NoRunError(text, event_id=wait.event_id, explanation=found)


def _time_out(wait: _Wait, cause: errors.InngestError | None = None) -> NoReturn:
    unended = [run for run in wait.runs.values() if not run.is_ended]
    states = [f"run {run.id} was still {run.status}" for run in unended]
    if not wait.was_listed:
        states.append("its runs could not be listed")
    elif wait.waits_for is not None:
        states.append(f"a run of {wait.waits_for} may still start")
    elif not states:
        states.append("further runs may still appear")
    text = f"event {wait.event_id}: {' and '.join(states)} when the timeout expired"
    run, found = unended[0] if unended else None, [*wait.runs.values()]
    raise errors.WaitTimeoutError(text, run=run, runs=found, event_id=wait.event_id) from cause
