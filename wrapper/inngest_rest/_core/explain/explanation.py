"""Explain the outcome of an event: gather evidence and apply the rules. Or foresee it."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import evolve

from inngest_rest._core.arguments import check_text, invalid, is_ulid, second_of_ulid
from inngest_rest._core.calls.listing import Listing, read_all
from inngest_rest._core.calls.retry import RULED_OUT
from inngest_rest._core.explain import listeners
from inngest_rest._core.explain.rules import AT_ONCE, Evidence, reasons
from inngest_rest._core.expressions import holds
from inngest_rest._core.plans import FIRST_PAUSE, Plan, longer, sleep
from inngest_rest._core.resources import apps, events, runs
from inngest_rest._core.resources.filters import Names, Selection, Window
from inngest_rest._core.resources.wait import APPEARS_WITHIN
from inngest_rest._core.sending.batching import DEFAULT_EVENTS, batches_of_events
from inngest_rest._core.sending.send import each_event
from inngest_rest._visible import shown
from inngest_rest.errors import Advice, NotFoundError, TransportError
from inngest_rest.explanation import EventPreview, Explanation, Listener, SendPreview
from inngest_rest.models import Function, Run, RunStatus, StoredEvent
from inngest_rest.reports import MAX_FAILURES, SendFailure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.sending.batching import Batch
    from inngest_rest.event import EventLike
    from inngest_rest.models import Trigger

_DAY = timedelta(days=1)

# Lists of runs go by a time later than `queued_at`, by this much on a busy server.
_LISTED_WITHIN = timedelta(minutes=1)

# Limits of the search, which bound the number of requests.
_MAX_SEARCHED = 1_000  # events of a day, to find the one with an own id: 50 per request
_MAX_EVENTS = 200  # events of one name, or of all, to find those with the same id
_MAX_DUPLICATES = 5  # events with the same id, oldest first, whose runs are listed
_MAX_FUNCTIONS = 10  # functions whose other runs are listed


def explain(session: Session, event_id: str, *, name: str | None) -> Plan[Explanation]:
    """Explain the outcome of an event, by internal id, or of the newest with this own id."""
    event_id = check_text("id", event_id) or ""
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
    raise missing or _not_found(session, event_id, name)


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
        unread = f"the event itself: {listeners.why(error)}"
        found = yield from runs_of(session, event_id, deadline)
        return Explanation(event_id, None, runs=found, unchecked=(unread,))
    read_at = session.clock.monotonic()
    found = yield from runs_of(session, event_id, deadline)
    known = yield from listeners.read(session, deadline=deadline, since=read_at)
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
            tuple(run.id for run in found if listeners.is_of(run, each)),
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
    silent = [f for f, triggers in it.without_run if not it.is_excluded(f, triggers)]
    once = [each for each in silent if not apps.ignores_repeated_ids(each)]
    if once and own_id != id:
        # A function takes one event for an id, whichever of its triggers the events match.
        names = {t.value for each in once for t in each.triggers if t.kind == "event"}
        name = it.event.name if names == {it.event.name} else None
        since, until = received - _DAY, received + AT_ONCE
        listed = events.list_events(session, name=name, since=since, until=until, limit=_MAX_EVENTS)
        what = "events with the same id"
        found = (
            yield from listeners.tried(read_all(listed, deadline=deadline), what, it.unchecked)
        ) or []
        if len(found) >= _MAX_EVENTS:
            it.unchecked.append(f"{what}, beyond the newest {_MAX_EVENTS}")
        # A server may list an event several times.
        same = {other.internal_id: other for other in reversed(found) if other.id == own_id}
        same.pop(id, None)
        for other_id, other in [*same.items()][:_MAX_DUPLICATES]:
            of_other = runs_of(session, other_id, deadline)
            found_runs = yield from listeners.tried(
                of_other, f"the runs of event {other_id}", it.unchecked
            )
            it.twins.append((other, found_runs or ()))
    known = it.catalogue.functions
    ended = [run for run in it.runs if run.status == RunStatus.CANCELLED]
    cancelled = [each for each in known if any(listeners.is_of(run, each) for run in ended)]
    limited = [f for f in silent if listeners.limit(f, "rateLimit", "debounce", "singleton")]
    limited += [f for f in cancelled if listeners.singleton(f, "cancel")]
    if len(limited) > _MAX_FUNCTIONS:
        rest = len(limited) - _MAX_FUNCTIONS
        it.unchecked.append(f"other runs of {rest} of {len(limited)} functions")
    for each in limited[:_MAX_FUNCTIONS]:
        first = _other_runs(session, each, received).walk().next_page(deadline=deadline)
        page = yield from listeners.tried(
            first, f"other runs of {listeners.name_of(each)}", it.unchecked
        )
        if page is not None:
            it.others[listeners.name_of(each)] = page
    for app_id in dict.fromkeys(each.app_id for each in cancelled):
        of_app = apps.functions_of_v1(session, app_id, deadline=deadline)
        what = f"the timeouts of functions of {app_id}"
        for each in (yield from listeners.tried(of_app, what, it.unchecked)) or ():
            it.timeouts[listeners.name_of(each)] = listeners.limit(each, "timeouts") or {}


def _other_runs(session: Session, function: Function, received: datetime) -> Listing[Run]:
    """List the runs of a function that count towards its limits."""
    second = timedelta(seconds=1)
    back = _DAY if listeners.limit(function, "singleton") else second
    if rate_limit := listeners.limit(function, "rateLimit"):
        back = max(back, (listeners.duration(rate_limit.get("period")) or _DAY) + second)
    needs_later = listeners.limit(function, "debounce") or listeners.singleton(function, "cancel")
    until = None if needs_later else received + _LISTED_WITHIN
    window = Window(received - back, until)
    names = Names(function.app_id, function.id)
    return runs.list_runs(session, Selection(names=names, window=window), page_size=100)


def runs_of(session: Session, event_id: str, deadline: float) -> Plan[tuple[Run, ...]]:
    """List the runs of an event, bypassing any cache."""
    listing = runs.list_of_event(session, event_id, cached=False)
    return tuple((yield from read_all(listing, deadline=deadline)))


def _not_found(session: Session, own_id: str, name: str | None) -> NotFoundError:
    events_of = f"events {shown(name)}" if name else "events"
    error = NotFoundError(
        f"no event with the id {shown(own_id)} is among the newest {_MAX_SEARCHED:,} {events_of} "
        "of the last 24 hours",
        status=404,
        method="GET",
        url=f"{session.settings.api_url}/v1/events",
    )
    error.advice = Advice(
        "Pass the internal id, as send returns it, or a name, to search only events of that name."
    )
    return error


def preview(session: Session, events: EventLike | Iterable[EventLike]) -> Plan[SendPreview]:
    source, convention = each_event(events), session.name_convention
    return of_batches(session, batches_of_events(source, DEFAULT_EVENTS, convention, lenient=True))


def of_batches(session: Session, batches: Iterable[Batch]) -> Plan[SendPreview]:
    """Check the events of batches, which are drawn once, and find what they would start."""
    session.check_can_send()
    known = yield from listeners.read(session)
    listening: dict[str, list[tuple[str | None, list[Trigger]]]] = {}
    rows: dict[tuple[str, str | None], EventPreview] = {}
    totals, failures = Counter[str](), list[SendFailure]()
    for batch in batches:
        totals["rejected"] += len(batch.invalid)
        failures += batch.invalid[: MAX_FAILURES - len(failures)]
        for text, event in zip(batch.texts(), batch.events(), strict=True):
            totals.update(events=1, bytes=len(text))
            name, stored = event["name"], listeners.as_stored(event)
            if name not in listening:
                found = [(listeners.name_of(each), its) for each, its in known.listeners(name)]
                listening[name] = [*found] or [(None, [])]
                near = () if found else tuple(listeners.nearest(name, known.functions))
                for function, _ in listening[name]:
                    rows[name, function] = EventPreview(name, function, nearest=near)
            for function, triggers in listening[name]:
                verdicts = {holds(each.condition, stored) for each in triggers}
                row, runs = rows[name, function], True in verdicts
                rows[name, function] = evolve(
                    row,
                    events=row.events + 1,
                    bytes=row.bytes + len(text),
                    runs=row.runs + runs,
                    undecided=row.undecided + (None in verdicts and not runs),
                )
    parts = tuple(rows.values()), tuple(failures), tuple(known.gaps)
    return SendPreview(totals["events"], totals["bytes"], totals["rejected"], *parts)
