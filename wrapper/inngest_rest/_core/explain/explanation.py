"""Explain the outcome of an event, or foresee it, and the state of a run: evidence, and its rules.

A reason is certain only if the evidence proves it. No server reports that a rate limit, a debounce
or a singleton was the cause: each is possible for a function that has it, whatever lists show. The
queue, the trace and the event of a run state what is certain; why a run that is due is not
executed, or was cancelled, is for the rules for the runs of events.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from inngest_rest._core.arguments import check_id, check_text, invalid, is_ulid, second_of_ulid
from inngest_rest._core.calls.listing import Listing, read_all
from inngest_rest._core.calls.retry import RULED_OUT
from inngest_rest._core.expressions import holds
from inngest_rest._core.plans import FIRST_PAUSE, Plan, longer, sleep
from inngest_rest._core.resources import apps, events, runs, trace
from inngest_rest._core.resources.filters import Names, Selection, Window
from inngest_rest._core.resources.wait import APPEARS_WITHIN
from inngest_rest._core.sending.batching import DEFAULT_EVENTS, batches_of_events
from inngest_rest._core.sending.send import each_event
from inngest_rest._visible import and_more, shown
from inngest_rest.errors import Advice, NotFoundError, TransportError
from inngest_rest.explanation import (
    EventPreview,
    Explanation,
    Listener,
    Reason,
    ReasonKind,
    RunExplanation,
    SendPreview,
)
from inngest_rest.models import Function, Job, Page, Run, RunError, RunStatus, Span, StoredEvent
from inngest_rest.reports import MAX_FAILURES, SendFailure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.sending.batching import Batch
    from inngest_rest.event import EventLike
    from inngest_rest.models import Trigger

    Told = tuple[ReasonKind, str, dict[str, Any]]

K = ReasonKind

# The time within which a busy server handles events in any order, and shows their runs.
_RACE = timedelta(seconds=APPEARS_WITHIN)

AT_ONCE = timedelta(seconds=1)
"""A function that was read within this time of an event is the one that the event found."""

# From the end of a run that another one cancelled: v2 lists state it 10 s too late.
_NEAR = timedelta(seconds=15)

# The latest time that a datetime can hold.
_LAST_MS = datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1_000


@define
class Evidence:
    now: datetime
    received: datetime  # the server's `now` if unknown
    event: StoredEvent
    runs: tuple[Run, ...]
    catalogue: apps.Catalogue
    same_since: datetime  # when the functions were first read as they are now
    listeners: list[apps.Listening]  # the functions triggered by it, with the matching triggers
    is_of_v1: bool  # v1 listed the runs: that of a batch for one of its events only
    unchecked: list[str]
    # Other events with the same own id, oldest first, and their runs.
    twins: list[tuple[StoredEvent, tuple[Run, ...]]] = field(factory=list[Any])
    # Other runs at that time, newest first, by function name.
    others: dict[str, Page[Run]] = field(factory=dict[str, "Page[Run]"])
    timeouts: dict[str, apps.Limit] = field(factory=dict[str, apps.Limit])
    due: list[Job] = field(factory=list["Job"])  # of the only run, what could be executed
    executing: list[tuple[str, Job]] = field(factory=list[Any])  # by other runs of its function

    @property
    def without_run(self) -> list[apps.Listening]:
        return [it for it in self.listeners if not any(apps.is_of(run, it[0]) for run in self.runs)]

    @property
    def began(self) -> datetime:
        """The earliest time of receipt: a server stores an event anew while a condition fails."""
        by_id = second_of_ulid(self.event.internal_id)
        return datetime.fromtimestamp(min(self.received.timestamp(), by_id), UTC)

    @property
    def is_of_now(self) -> bool:
        """Whether the functions are known to have been the same when the event was received."""
        return self.same_since <= self.began + AT_ONCE

    def has_changed(self, function: Function) -> bool | None:
        """Return whether a function's app was synced after the event; None if unknown."""
        if self.is_of_now:
            return False
        synced = [app.synced_at for app in self.catalogue.apps if app.id == function.app_id]
        return synced[0] > self.began if synced and synced[0] else None

    def is_excluded(self, function: Function, triggers: list[Trigger]) -> bool:
        """Return whether the conditions of a function certainly were false for the event."""
        is_false = all(holds(each.condition, self.event) is False for each in triggers)
        return is_false and self.has_changed(function) is False


def reasons(it: Evidence) -> Iterator[Reason]:
    # The server's own events need no trigger.
    if not (it.listeners or it.runs or it.event.name.startswith("inngest/")):
        yield from _why_unheard(it)
    for function, triggers in it.without_run:
        yield from _why_no_run(it, function, triggers)
    for run in it.runs:
        own = next((each for each in it.catalogue.functions if apps.is_of(run, each)), None)
        if run.status == RunStatus.CANCELLED:
            yield from _why_cancelled(it, own, run) if own else ()
        elif not run.is_ended:
            yield from _why_unfinished(it, own, run)


def _why_unheard(it: Evidence) -> Iterator[Reason]:
    known, event_name = it.catalogue, it.event.name
    cancelling = [each for each in known.functions if event_name in apps.cancelled_by(each)]
    if not known.gaps:
        # A name with a listener is not a misspelling.
        close = {} if cancelling else apps.nearest(event_name, known.functions)
        nearby = ", ".join(f"{value!r} of {' and '.join(names)}" for value, names in close.items())
        text = "no function has a trigger for its name"
        text += f" (the nearest: {nearby})" if close else ""
        searched = {"apps": [app.id for app in known.apps], "functions": len(known.functions)}
        yield Reason(K.NO_TRIGGER, text, it.is_of_now, evidence={"nearest": close, **searched})
    for each in cancelling:
        text, ids = f"it may cancel runs of {apps.name_of(each)}", (each.app_id, each.id, None)
        facts = {"events": apps.cancelled_by(each)}
        yield Reason(K.CANCELS_RUNS, text, False, *ids, facts)


def _why_no_run(it: Evidence, function: Function, triggers: list[Trigger]) -> Iterator[Reason]:
    reason = partial(Reason, app_id=function.app_id, function_id=function.id)
    name = apps.name_of(function)
    facts: dict[str, Any]
    runs = others.items if (others := it.others.get(name)) else ()
    own, until = it.event.internal_id, it.began + _RACE
    is_current = it.has_changed(function) is False

    verdicts = {holds(each.condition, it.event) for each in triggers}
    if True not in verdicts:
        conditions = [each.condition for each in triggers if each.condition]
        text = f"the condition `{'` or `'.join(conditions)}` of {name} "
        uncertain = "may be false for it or fail: servers do not show how they evaluate it"
        text += "is false for it" if verdicts == {False} else uncertain
        is_excluded = it.is_excluded(function, triggers)
        yield reason(K.CONDITION, text, is_excluded, evidence={"conditions": conditions})
        if is_excluded:
            return
    started = [(it, run) for it, of_it in it.twins for run in of_it if apps.is_of(run, function)]
    if started and not apps.ignores_repeated_ids(function):
        other, run = started[0]
        text = f"event {other.internal_id} with the same id {other.id!r} started run {run.id} "
        text += f"of {name}, which runs once for an id in 24 hours"
        at = other.received_at
        is_certain = is_current and at is not None and it.began - at > _RACE
        facts = {"id": other.id, "other_event": other.internal_id, "other_run": run.id}
        yield reason(K.DUPLICATE_ID, text, is_certain, evidence=facts)
        if is_certain:
            return
    if function.is_paused:
        yield reason(K.PAUSED, f"{name} is paused", evidence={"is_paused": True})
    if found := apps.limit(function, "rateLimit"):
        period, key = found.get("period"), found.get("key")
        since = it.received - (apps.duration(period) or timedelta(days=1)) - _RACE
        near = [each.id for each in runs if since <= (each.queued_at or since) <= until]
        text = f"the rate limit or idempotency of {name}, {found.get('limit')} per {period}"
        text += " spread evenly" if found.get("limit") != 1 else ""
        text += f"{f' for each `{key}`' if key else ''}, may have excluded it"
        if near:
            text += f": {len(near)} of its runs{', of any key,' if key else ''} began within that "
            text += "time before it, or seconds after it"
        yield reason(K.RATE_LIMIT, text, evidence={"rate_limit": found, "earlier_runs": near})
    if found := apps.limit(function, "debounce"):
        text = f"{name} debounces events for {found.get('period')}, and "
        # Of two events in one millisecond, either may be the later one.
        after = [run for run in runs if run.event_ids and run.event_ids[0][:10] >= own[:10]]
        facts = {"debounce": found}
        if after and others and others.next_cursor is None:
            (event, *_), run_id = after[-1].event_ids, after[-1].id
            text += f"the later event {event}, which started run {run_id}, may have replaced it"
            facts |= {"later_event": event, "later_run": run_id}
        else:
            text += "may wait for later ones, or have replaced it by one"
        yield reason(K.DEBOUNCE, text, evidence=facts)
    if found := apps.limit(function, *apps.BATCH):
        longest = apps.duration(found.get("timeout"))
        if longest is None or it.now - it.received < longest + _RACE:
            text = f"{name} collects {found.get('maxSize')} events or for {found.get('timeout')}, "
            text += "and its batch may not be full yet"
            yield reason(K.BATCH, text, evidence={"batch": found})
        elif it.is_of_v1:
            text = f"{name} may have run for a batch that contains it, which v1 lists under one "
            text += "event of the batch alone"
            yield reason(K.BATCH, text, evidence={"batch": found})
    # One that cancels skips, too, if another event is quicker.
    if found := apps.limit(function, "singleton"):
        text, facts = f"{name} is a singleton and may have skipped it", {"singleton": found}
        going = [
            run.id
            for run in runs
            if (run.queued_at or until) <= until and (run.ended_at or it.now) >= it.received
        ]
        if going:
            text += f", as run {going[0]} had not ended"
            facts["other_run"] = going[0]
        yield reason(K.SINGLETON, text, evidence=facts)
    seconds = max((it.now - it.began).total_seconds(), 0.0)
    if seconds < 2 * APPEARS_WITHIN:
        text = f"a run of {name} may soon appear, as it was received only {seconds:.1f} s ago"
        yield reason(K.TOO_EARLY, text, evidence={"seconds": seconds})


def _why_unfinished(it: Evidence, function: Function | None, run: Run) -> Iterator[Reason]:
    reason = partial(Reason, app_id=run.app_id, function_id=run.function_id, run_id=run.id)
    if run.status == RunStatus.QUEUED:
        ts = it.event.ts
        if ts is not None and ts > it.now.timestamp() * 1_000 and not it.due:
            time = datetime.fromtimestamp(min(ts, _LAST_MS) / 1_000, UTC)
            text = f"run {run.id} waits for the time of the event, {time:%Y-%m-%d %H:%M:%S} UTC"
            yield reason(K.SCHEDULED, text, is_certain=True, evidence={"ts": ts})
            return
        if function and (found := apps.limit(function, "throttle")):
            text = f"run {run.id} may wait for the throttle of {apps.name_of(function)}, "
            text += f"{found.get('limit')} per {found.get('period')}"
            yield reason(K.THROTTLE, text, evidence={"throttle": found})
    limits = apps.concurrency(function) if function else []
    if function and limits and (run.status == RunStatus.QUEUED or it.due):
        name, facts = apps.name_of(function), dict[str, Any]({"concurrency": limits})
        text = f"run {run.id} may wait for its turn, as the concurrency of {name} is limited"
        if holders := _holders(it, limits):
            most, facts["runs"], of_key = holders
            text = f"run {run.id} waits for its turn, as {name} executes {most} at once{of_key}, "
            text += f"at present run {and_more(facts['runs'])}"
        yield reason(K.CONCURRENCY, text, holders is not None, evidence=facts)
    for app in it.catalogue.apps:
        if app.id == run.app_id and app.sync_error:
            text = f"run {run.id} may wait for another attempt, as app {app.id} is {app.sync_error}"
            facts = {"sync_error": app.sync_error, "url": app.url}
            yield reason(K.APP_UNREACHABLE, text, evidence=facts)
    if not (function or run.function_id is None or it.catalogue.gaps):
        text = f"run {run.id} may never start, as its app no longer has the function "
        left = [each.id for each in it.catalogue.functions if each.app_id == run.app_id]
        yield reason(K.FUNCTION_REMOVED, text + run.function_id, evidence={"functions": left})


def _holders(it: Evidence, limits: list[apps.Limit]) -> tuple[int, list[str], str] | None:
    """Return a limit of concurrency that is reached, the runs executed under it, and of what key.

    Limits with a key state in a job which one it is; others count all jobs of the function.
    """
    found: list[tuple[Any, str]] = [
        (of.get("value") if apps.is_limit(of := each.get("limit")) else of, "")
        for each in limits
        if not each.get("key")
    ]
    found += [(most, key) for job in it.due[:1] for key, most in job.concurrency_keys.items()]
    for most, key in found:
        runs = [id for id, job in it.executing if not key or key in job.concurrency_keys]
        if most and len(runs) >= most:
            return most, list(dict.fromkeys(runs)), " of one key" if key else ""
    return None


def _why_cancelled(it: Evidence, function: Function, run: Run) -> Iterator[Reason]:
    reason = partial(Reason, app_id=run.app_id, function_id=run.function_id, run_id=run.id)
    name, text = apps.name_of(function), f"run {run.id} may have been cancelled by "
    if apps.cancels_earlier(function):
        others = it.others.get(name)
        near = [
            each.id
            for each in (others.items if others else ())
            if each.id > run.id
            and each.queued_at
            and (run.ended_at is None or abs(each.queued_at - run.ended_at) < _NEAR)
        ]
        if near or others is None or others.next_cursor:
            by = ", ".join([f"a later run of the singleton {name}", *near[-1:]])
            yield reason(K.SINGLETON, text + by, evidence={"later_run": near[-1] if near else None})
    if events := apps.cancelled_by(function):
        by = f"an event {' or '.join(map(repr, events))}"
        yield reason(K.CANCEL_ON, text + by, evidence={"events": events})
    for which in ("start", "finish"):
        longest = apps.duration(found := it.timeouts.get(name, {}).get(which))
        begun, ended = run.queued_at, run.ended_at
        if longest is not None and not (begun and ended and ended - begun < longest):
            by = f"the {which} timeout of {name}, {found}"
            yield reason(K.TIMEOUT, text + by, evidence={"timeout": which, "limit": found})


_DAY = timedelta(days=1)

# Lists of runs go by a time later than `queued_at`, by this much on a busy server.
_LISTED_WITHIN = timedelta(minutes=1)

# Limits of the search, which bound the number of requests.
_MAX_SEARCHED = 1_000  # events of a day, to find the one with an own id: 50 per request
_MAX_EVENTS = 200  # events of one name, or of all, to find those with the same id
_MAX_DUPLICATES = 5  # events with the same id, oldest first, whose runs are listed
_MAX_FUNCTIONS = 10  # functions whose other runs are listed


def explain(session: Session, event_id: str, *, name: str | None) -> Plan[Explanation]:
    event_id = check_text("id", event_id)
    name = check_text("name", name)
    if not event_id:
        raise invalid("id", "must be text, not None")
    missing: NotFoundError | None = None
    if is_ulid(event_id):
        is_new = abs(session.clock.now() - second_of_ulid(event_id)) < APPEARS_WITHIN
        within = APPEARS_WITHIN if is_new else 0.0
        try:
            return (yield from explain_stored(session, event_id, within=within))
        except NotFoundError as error:
            missing = error
    walk = events.list_events(session, name=name, since=_DAY, limit=_MAX_SEARCHED).walk()
    while not walk.is_done:
        page = yield from walk.next_page()
        for event in page.items:
            if event.id == event_id:
                return (yield from explain_stored(session, event.internal_id))
    if missing is None:
        events_of = f"events {shown(name)}" if name else "events"
        missing = NotFoundError(
            f"no event with the id {shown(event_id)} is among the newest {_MAX_SEARCHED:,} "
            f"{events_of} of the last 24 hours",
            status=404,
            method="GET",
            url=f"{session.settings.api_url}/v1/events",
        )
        missing.advice = Advice(
            "Pass the internal id, as send returns it, or a name, to search only events of that "
            "name."
        )
    raise missing


def read_once_stored(
    session: Session, event_id: str, *, within: float = APPEARS_WITHIN, deadline: float
) -> Plan[tuple[StoredEvent, datetime | None]]:
    """Get an event and the server's time; one that was just sent may take seconds to appear."""
    appears_by, pause = session.clock.monotonic() + within, FIRST_PAUSE
    missing: NotFoundError | None = None
    while True:
        try:
            return (yield from events.get_now(session, event_id, deadline=deadline))
        except NotFoundError as error:
            missing = error
        except TransportError:
            if missing is None or session.clock.monotonic() < deadline:
                raise
            # The time cut off the last request.
        left = min(appears_by, deadline) - session.clock.monotonic()
        if left <= 0:
            raise missing
        yield from sleep(min(pause, left))
        pause = longer(pause)


def explain_stored(
    session: Session, event_id: str, *, within: float = 0.0, deadline: float = math.inf
) -> Plan[Explanation]:
    """Explain the outcome of an event, by its internal id, if it appears within some seconds."""
    event_read = read_once_stored(session, event_id, within=within, deadline=deadline)
    try:
        event, stated = yield from event_read
    except RULED_OUT as error:
        unread = f"the event itself: {apps.why(error)}"
        found = yield from runs_of(session, event_id, deadline)
        return Explanation(event_id, None, runs=found, unchecked=(unread,))
    read_at = session.clock.monotonic()
    found = yield from runs_of(session, event_id, deadline)
    known = yield from apps.read_catalogue(session, deadline=deadline, since=read_at)
    now = stated or session.server_clocks["api"].now()
    same_since = now + timedelta(seconds=known.same_since - read_at)
    received, of_v1 = event.received_at or now, runs.are_listed_by_v1(session)
    triggered = known.listeners(event.name)
    it = Evidence(now, received, event, found, known, same_since, triggered, of_v1, [*known.gaps])
    yield from gather(session, it, deadline)
    listening = tuple(
        Listener(
            each.app_id,
            each.id,
            triggers[0],
            tuple(run.id for run in found if apps.is_of(run, each)),
            it.has_changed(each),
            apps.ignores_repeated_ids(each),
        )
        for each, triggers in triggered
    )
    why_not = tuple(reasons(it))
    is_unknown = any(not each.run_ids and each.has_changed is not False for each in listening)
    if is_unknown or any(it.kind == "no_trigger" and not it.is_certain for it in why_not):
        it.unchecked.append("whether the functions were the same when it was received")
    return Explanation(event_id, event, listening, found, why_not, tuple(it.unchecked))


def gather(session: Session, it: Evidence, deadline: float) -> Plan[None]:
    """Gather further evidence for functions without a run and for cancelled runs."""
    id, own_id, received = it.event.internal_id, it.event.id, it.received
    tried = partial(apps.tried, unchecked=it.unchecked)
    silent = [f for f, triggers in it.without_run if not it.is_excluded(f, triggers)]
    once = [each for each in silent if not apps.ignores_repeated_ids(each)]
    if once and own_id != id:
        # A function takes one event for an id, whichever of its triggers the events match.
        names = {t.value for each in once for t in each.triggers if t.kind == "event"}
        name = it.event.name if names == {it.event.name} else None
        since, until = received - _DAY, received + AT_ONCE
        listed = events.list_events(session, name=name, since=since, until=until, limit=_MAX_EVENTS)
        what = "events with the same id"
        found = (yield from tried(read_all(listed, deadline=deadline), what)) or []
        if len(found) >= _MAX_EVENTS:
            it.unchecked.append(f"{what}, beyond the newest {_MAX_EVENTS}")
        # A server may list an event several times.
        same = {other.internal_id: other for other in reversed(found) if other.id == own_id}
        same.pop(id, None)
        for other_id, other in [*same.items()][:_MAX_DUPLICATES]:
            of_other = tried(runs_of(session, other_id, deadline), f"the runs of event {other_id}")
            it.twins.append((other, (yield from of_other) or ()))
    known = it.catalogue.functions
    ended = [run for run in it.runs if run.status == RunStatus.CANCELLED]
    cancelled = [each for each in known if any(apps.is_of(run, each) for run in ended)]
    limited = [f for f in silent if apps.limit(f, "rateLimit", "debounce", "singleton")]
    limited += [f for f in cancelled if apps.cancels_earlier(f)]
    if len(limited) > _MAX_FUNCTIONS:
        rest = len(limited) - _MAX_FUNCTIONS
        it.unchecked.append(f"other runs of {rest} of {len(limited)} functions")
    for each in limited[:_MAX_FUNCTIONS]:
        first = _other_runs(session, each, received).walk().next_page(deadline=deadline)
        if page := (yield from tried(first, f"other runs of {apps.name_of(each)}")):
            it.others[apps.name_of(each)] = page
    for app_id in dict.fromkeys(each.app_id for each in cancelled):
        of_app = apps.functions_of_v1(session, app_id, deadline=deadline)
        for each in (yield from tried(of_app, f"the timeouts of functions of {app_id}")) or ():
            it.timeouts[apps.name_of(each)] = apps.limit(each, "timeouts") or {}


def _other_runs(session: Session, function: Function, received: datetime) -> Listing[Run]:
    """List the runs of a function that count towards its limits."""
    second = timedelta(seconds=1)
    back = _DAY if apps.limit(function, "singleton") else second
    if rate_limit := apps.limit(function, "rateLimit"):
        back = max(back, (apps.duration(rate_limit.get("period")) or _DAY) + second)
    needs_later = apps.limit(function, "debounce") or apps.cancels_earlier(function)
    until = None if needs_later else received + _LISTED_WITHIN
    window = Window(received - back, until)
    names = Names(function.app_id, function.id)
    return runs.list_runs(session, Selection(names=names, window=window), page_size=100)


def runs_of(session: Session, event_id: str, deadline: float) -> Plan[tuple[Run, ...]]:
    """List the runs of an event, bypassing any cache."""
    listing = runs.list_of_event(session, event_id, cached=False)
    return tuple((yield from read_all(listing, deadline=deadline)))


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


# Limits of the search.
_MOST_OTHERS = 10  # running runs of the function, newest first, whose jobs are listed
_MOST_INVOKED = 5  # events that started an invoked function, whose runs are listed

_LONGEST_LINE = 200  # characters of an error

# Steps that wait, by their kind.
_WAITS = {
    "wait_for_event": (K.WAITS_FOR_EVENT, "waits for an event"),
    "wait_for_signal": (K.WAITS_FOR_SIGNAL, "waits for a signal"),
    "invoke": (K.WAITS_FOR_FUNCTION, "waits for a function"),
    "sleep": (K.SLEEPS, "sleeps"),
}


@define
class RunEvidence:
    run: Run
    now: datetime  # of the server, when the queue was read
    unchecked: list[str]
    jobs: list[Job] = field(factory=list[Job])  # in the queue
    trace: Span | None = None
    event: StoredEvent | None = None
    same_event: tuple[Run, ...] = ()  # the runs of its event, as v1 lists them
    # The runs of the functions that it invoked and waits for, by event.
    invoked: dict[str, tuple[Run, ...]] = field(factory=dict[str, "tuple[Run, ...]"])
    function: Function | None = None  # as it is now

    @property
    def steps(self) -> tuple[Span, ...]:
        return self.trace.children if self.trace else ()

    @property
    def invocation(self) -> tuple[str, str] | None:
        """The run whose step invoked it, and the name of the step (recording v1-event-invoked)."""
        # Nobody else can send an event of this name.
        event = self.event
        match event.data if event and event.name == "inngest/function.invoked" else None:
            case {"_inngest": {"correlation_id": str(id), "name": str(step)}}:
                parent = id.partition(".")[0]
                return (parent, step) if is_ulid(parent) else None
            case _:
                return None

    @property
    def due(self) -> list[Job]:
        """The jobs that could be executed now, and are not."""
        past = (it for it in self.jobs if it.kind != "pause" and it.at and it.at <= self.now)
        return [job for job in past if not self.executes(job)]

    def executes(self, job: Job) -> bool:
        """Return whether a job is being executed: the server renews its lease meanwhile."""
        return job.leased_until is not None and job.leased_until > self.now

    def max_attempts(self, job: Job) -> int | None:
        """Return how often a job is tried at most; a first one, as its function is now."""
        known = None if self.function is None else self.function.configuration
        retries = (known or {}).get("retries")
        if job.kind != "start" or not retries:
            return job.max_attempts
        most: int = retries.get("value") or 0  # proto3 omits 0
        return most + 1 if (job.attempt or 0) <= most else None

    @property
    def last_failure(self) -> tuple[int | None, str, str, bool] | None:
        """The last failed attempt: its number, in words, its error, and if no step ended since.

        It may be of no step: servers do not name the one that the official SDK for Python tries
        again (recording v2-trace-step-waits).
        """
        found = [
            (attempt.ended_at or self.now, attempt, step)
            for step in self.steps
            for attempt in [each for each in step.children if trace.is_attempt(each)] or [step]
            if attempt.status == "failed"
        ]
        if not found:
            return None
        ended, attempt, step = max(found, key=lambda it: it[0])
        ends = sorted((it.ended_at, it.name) for it in self.steps if it.step_id and it.ended_at)
        before = [name for end, name in ends if end <= (attempt.started_at or ended)]
        place = f" after step {before[-1]!r}" if before else ""
        place = f" at step {step.name!r}" if step.step_id else place
        number = None if attempt is step else int(attempt.name.split()[1]) + 1
        what = f"attempt {number}{place}" if number else place[4:]
        error = None if attempt.output is None else runs.run_error(attempt.output)
        return number, what, _line(error), all(end <= ended for end, _ in ends)


def reasons_of_run(it: RunEvidence) -> Iterator[Reason]:
    ids = it.run.app_id, it.run.function_id, it.run.id
    for kind, message, facts in (*_waits(it), *_attempts(it), *_outcome(it)):
        yield Reason(kind, message, True, *ids, facts)


def _waits(it: RunEvidence) -> Iterator[Told]:
    names, told = {step.step_id: step.name for step in it.steps}, set[str | None]()
    for job in it.jobs:
        op, what = "sleep", job.event or job.signal or job.function
        if what:
            op = "wait_for_event" if job.event else "wait_for_signal" if job.signal else "invoke"
        if not what and (job.kind != "sleep" or job in it.due):
            continue
        told.add(job.step_id)
        name = job.step or (job.step_id and names.get(job.step_id))
        kind, text = _WAITS[op]
        text = f"{f'step {name!r}' if name else 'it'} {text}" + (f" {what!r}" if what else "")
        text += f" that matches `{job.condition}`" if job.condition else ""
        invoked = it.invoked.get(job.event_id or "", ())
        text += "".join(f", whose run {run.id} is {run.status}" for run in invoked)
        text += f"{',' if what else ''} until {_time(job.at)}"
        facts: dict[str, Any] = {"for": what, "condition": job.condition, "until": job.at}
        yield kind, text, facts | {"runs": [run.id for run in invoked]}
    for step in it.steps if not it.run.is_ended else ():
        if step.step_op in _WAITS and not step.ended_at and step.step_id not in told:
            kind, does = _WAITS[step.step_op]
            text = f"step {step.name!r} {does}, and the server does not say for what or how long"
            yield kind, text, {"step_id": step.step_id}


def _attempts(it: RunEvidence) -> Iterator[Told]:
    retried = [job for job in it.jobs if job.attempt]
    number, what, error, is_latest = it.last_failure or (None, "", "", False)
    for job in it.jobs:
        if job.kind == "pause" or (job.kind == "sleep" and job not in it.due):
            continue
        attempt, most, at = (job.attempt or 0) + 1, it.max_attempts(job), _time(job.at)
        facts = {"attempt": attempt, "max_attempts": most, "at": job.at, "position": job.position}
        text = f"attempt {attempt}" + (f" of {most}" if most else "")
        text += " (as its function is now)" if most and job.max_attempts is None else ""
        # Of several, the trace does not say which failure is whose.
        is_its_own = job.attempt and number == job.attempt and is_latest and retried == [job]
        failed = f", as {what} failed with {error or 'an error'}" if is_its_own else ""
        if it.executes(job):
            yield K.EXECUTING, f"{text} is being executed", facts
        elif job in it.due:
            jobs = "job" if job.position == 1 else "jobs"
            behind = f", behind {job.position} {jobs} of its function" if job.position else ""
            text = text if job.attempt else "it"
            yield K.QUEUED, f"{text} has been due since {at}{behind}{failed}", facts
        elif job.attempt:
            yield K.RETRIES, f"{text} is due at {at}{failed}", facts
        elif it.run.status != RunStatus.QUEUED:
            yield K.QUEUED, f"its next job is due at {at}", facts


def _outcome(it: RunEvidence) -> Iterator[Told]:
    """Yield how it ended, and which runs it belongs to."""
    if it.run.status == RunStatus.FAILED:
        error = _line(it.run.error)
        yield K.FAILED, f"it failed with {error or 'an error'}", {"error": error}
        if it.last_failure:
            number, what, line, _ = it.last_failure
            # A step that failed may have been caught.
            text = f"so did {what}" if line == error else f"{what} failed with {line or 'an error'}"
            yield K.ATTEMPT_FAILED, text, {"attempt": number, "error": line}
    if it.invocation:
        run_id, step = it.invocation
        text = f"step {step!r} of run {run_id} invoked it"
        yield K.INVOKED_BY, text, {"run": run_id, "step": step}
    same = {run.id: run for run in it.same_event}
    if first := same.pop(it.run.id, it.run).original_run_id:
        yield K.REPLAYS, f"it replays run {first}", {"run": first}
    # Of a chain, each names the first one.
    if ids := sorted(id for id, run in same.items() if run.original_run_id == (first or it.run.id)):
        text = and_more([f"run {id}, which is {same[id].status}" for id in ids])
        text = f"{f'run {first}' if first else 'it'} was replayed by {text}"
        yield K.REPLAYED, text, {"runs": ids}


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "an unknown time"


def _line(error: RunError | None) -> str:
    if error is None:
        return ""
    first = (error.message or "").strip().partition("\n")[0][:_LONGEST_LINE]
    return ": ".join(filter(None, (error.name, first)))


def explain_run(session: Session, run_id: str) -> Plan[RunExplanation]:
    run_id = check_id("run id", run_id, argument="id")
    fetched = runs.fetch(session, run_id, cached=False)
    run = yield from runs.or_name_event(session, run_id, fetched)
    unchecked: list[str] = []
    tried = partial(apps.tried, unchecked=unchecked)
    of_queue = runs.jobs(session, run_id, cached=False)
    jobs = [] if run.is_ended else (yield from tried(of_queue, "what it has in the queue")) or []
    it = RunEvidence(run, session.server_clocks["api"].now(), unchecked, jobs)
    if run.status not in {RunStatus.QUEUED, RunStatus.COMPLETED}:
        it.trace = yield from tried(trace.get_trace(session, run_id), "its steps")
    if not run.event_ids:
        unchecked.append("whether it was invoked or replayed, as it names no event")
    for event_id in run.event_ids[:1]:
        read = yield from tried(events.get_now(session, event_id), "whether a run invoked it")
        it.event = read and read[0]
        same = yield from tried(runs.of_event_by_v1(session, event_id), "whether it was replayed")
        it.same_event = same or ()
        if same is not None and all(each.id != run.id for each in same):
            unchecked.append("whether it was replayed, as v1 lists it under no event that it names")
    for event_id in list(filter(None, (job.event_id for job in jobs)))[:_MOST_INVOKED]:
        of_it = runs_of(session, event_id, math.inf)
        it.invoked[event_id] = (yield from tried(of_it, "the run that it waits for")) or ()
    is_held = it.due or run.status in {RunStatus.QUEUED, RunStatus.CANCELLED}
    is_retried = any(job.attempt for job in jobs)
    of_rules = (yield from _by_rules(session, it)) if is_held or is_retried else []
    return RunExplanation(run, (*reasons_of_run(it), *of_rules), tuple(jobs), tuple(unchecked))


def _by_rules(session: Session, it: RunEvidence) -> Plan[list[Reason]]:
    """Return why a run may wait, or was cancelled, by the rules for the runs of events."""
    run, tried = it.run, partial(apps.tried, unchecked=it.unchecked)
    known = yield from apps.read_catalogue(session)
    it.unchecked += known.gaps
    it.function = next((each for each in known.functions if apps.is_of(run, each)), None)
    event = it.event or StoredEvent(run.id, run.id, "", None)
    received = event.received_at or run.queued_at or it.now
    seen = event, (run,), known, it.now, list[Any](), False, it.unchecked
    of_event = Evidence(it.now, received, *seen, due=it.due)
    yield from gather(session, of_event, math.inf)
    if it.due and it.function and apps.concurrency(it.function):
        names = Names(run.app_id, run.function_id)
        running = Selection(statuses=(RunStatus.RUNNING,), names=names)
        listed = runs.list_runs(session, running, page_size=100).walk().next_page()
        page = yield from tried(listed, "which runs are being executed")
        others = [each.id for each in (page.items if page else ()) if each.id != run.id]
        for id in others[:_MOST_OTHERS]:
            read = runs.jobs(session, id, cached=False)
            jobs = yield from tried(read, f"whether run {id} is being executed")
            of_event.executing += [(id, job) for job in jobs or () if it.executes(job)]
    its = f"run {run.id}"
    return [evolve(each, message=each.message.replace(its, "it")) for each in reasons(of_event)]
