"""Waiting for the runs of an event, for one that was just sent or by its id.

To wait for the runs of an event is to know when they are complete. The first non-empty list may be
incomplete: on a busy server, runs appear 0.25 s apart and more. It is complete once each function
triggered by the event has a run; until then it is polled for as long as a run takes to appear.
Debounced and batched runs appear later still.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NoReturn, get_args

from attrs import define, field

from inngest_rest import errors
from inngest_rest._arguments import check_choice, invalid
from inngest_rest._core.arguments import check_id, check_seconds
from inngest_rest._core.calls.listing import read_all
from inngest_rest._core.calls.retry import FAULTS, RULED_OUT, Fault
from inngest_rest._core.expressions import holds
from inngest_rest._core.plans import FIRST_PAUSE, Plan, longer, sleep
from inngest_rest._core.resources import apps, events, runs
from inngest_rest._core.resources.polling import APPEARS_WITHIN, asked_pause, may_appear
from inngest_rest._core.resources.wait import wait_until_ended
from inngest_rest._core.sending.event_json import wire_form
from inngest_rest._core.sending.send import send
from inngest_rest.event import Event, EventLike
from inngest_rest.models import Function, Run, StoredEvent
from inngest_rest.typing import RepeatedId

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest._core.calls.session import Session
    from inngest_rest.explanation import Explanation
    from inngest_rest.typing import Seconds

    # Explains the outcome of a stored event, by its internal id, until a time of the clock.
    Explain = Callable[[Session, str, float], Plan[Explanation]]

DAY = timedelta(days=1)
"""For how long a server remembers the id of an event."""

# Limits of the search for the first event with an id, which bound the number of requests.
_MAX_EVENTS = 200  # at each look
_MAX_SEARCHED = 1_000  # before the wait ends without a run: 50 per request

# In seconds:
_FIRST_POLL = 0.3  # from an event to the first poll of its runs: quick ones have ended by then
_POLL_INTERVAL = 0.1  # until the next poll: at first, or if the list may be incomplete
_QUIET = 1.0  # after the last run appeared, where it is not known which functions listen
_EXPLAIN_TIMEOUT = 5.0  # for explaining a missing run
_AFTER_TIMEOUT = 0.8  # for the same, after the timeout expired


def read_once_stored(
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


def runs_of(
    session: Session, event_id: str, deadline: float, *, may_be_batched: bool | None = None
) -> Plan[tuple[Run, ...]]:
    """List the runs of an event."""
    listing = runs.list_of_event(session, event_id, may_be_batched=may_be_batched)
    return tuple((yield from read_all(listing, deadline=deadline)))


@define
class _Wait:
    """A wait for the runs of one event; times are by the session's clock."""

    session: Session
    event_id: str
    received: float  # by the server
    deadline: float
    follows_first: bool  # to the runs of an earlier event with its id
    explain: Explain
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
    session: Session,
    event: EventLike,
    timeout: Seconds,
    repeated: str | None,
    explain: Explain,
) -> Plan[list[Run]]:
    seconds = check_seconds("timeout", timeout)
    _check_repeated(repeated)
    if not isinstance(event, Event | Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise invalid("event", f"must be an Event or a mapping, not {type(event).__name__}")
    (event_id,) = yield from send(session, event)
    stored = events.as_stored(wire_form(event), event_id)
    sent = session.clock.monotonic()
    wait = _Wait(
        session=session,
        event_id=event_id,
        received=sent,
        deadline=sent + seconds,
        follows_first=repeated == "first",
        explain=explain,
        event=stored,
    )
    try:
        return (yield from _follow_all(wait))
    except errors.InngestError as error:
        error.add_note(f"The event was sent; its internal id is {event_id}.")
        raise


def _check_repeated(repeated: str | None) -> None:
    if repeated is not None:
        check_choice("repeated", repeated, get_args(RepeatedId))


def wait_for_runs(
    session: Session,
    event_id: str,
    timeout: Seconds,
    repeated: str | None,
    explain: Explain,
) -> Plan[list[Run]]:
    event_id = check_id("event id", event_id, argument="id")
    seconds = check_seconds("timeout", timeout)
    _check_repeated(repeated)
    begun = session.clock.monotonic()
    wait = _Wait(
        session=session,
        event_id=event_id,
        received=begun,
        deadline=begun + seconds,
        follows_first=repeated == "first",
        explain=explain,
    )
    try:
        read = read_once_stored(session, event_id, APPEARS_WITHIN, wait.deadline)
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
        listed = runs_of(wait.session, wait.event_id, wait.deadline, may_be_batched=is_batched)
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
    name = name_of_all_triggers(missing, event.name)
    since = (event.received_at or wait.session.server_clocks["api"].now()) - DAY
    selection = events.EventSelection(name=name, since=since)
    walk = events.list_events(wait.session, selection, limit=limit).walk()
    while (missing or catalogue.gaps) and not walk.is_done:
        page = yield from walk.next_page(deadline=deadline)
        same = {other.internal_id for other in page.items if other.id == event.id}
        for other_id in same - {event.internal_id}:
            runs_of_other = yield from runs_of(wait.session, other_id, deadline)
            started += [run for run in runs_of_other if not _is_of_any(run, ignoring)]
        missing = [each for each in missing if not any(apps.is_of(run, each) for run in started)]
    return started


def name_of_all_triggers(functions: Iterable[Function], name: str) -> str | None:
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
        found = yield from wait.explain(wait.session, wait.event_id, deadline)
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
