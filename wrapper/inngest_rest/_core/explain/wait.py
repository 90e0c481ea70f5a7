"""Wait until every run that an event starts has ended.

The first non-empty list of runs may be incomplete: on a busy server, runs appear 0.25 s apart and
more. It is complete once each function triggered by the event has a run; until then it is polled
for as long as a run takes to appear. Debounced and batched runs appear later still.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NoReturn

from attrs import define, field

from inngest_rest import errors
from inngest_rest._core.arguments import check_id, check_seconds, invalid
from inngest_rest._core.calls.retry import FAULTS, RULED_OUT, Fault
from inngest_rest._core.explain.explanation import explain_stored, read_once_stored, runs_of
from inngest_rest._core.expressions import holds
from inngest_rest._core.plans import Plan, longer, sleep
from inngest_rest._core.resources import apps
from inngest_rest._core.resources.events import as_stored
from inngest_rest._core.resources.runs import UNKNOWN
from inngest_rest._core.resources.wait import APPEARS_WITHIN, asked_pause, follow, may_appear
from inngest_rest._core.sending import send
from inngest_rest._core.sending.event_json import wire_form
from inngest_rest.event import Event, EventLike

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest.models import Function, Run, StoredEvent, Trigger
    from inngest_rest.typing import Seconds

# In seconds:
_FIRST_POLL = 0.3  # from an event to the first poll of its runs: quick ones have ended by then
_POLL_INTERVAL = 0.1  # until the next poll: at first, or if the list may be incomplete
_QUIET = 1.0  # after the last run appeared, where it is not known which functions listen
_EXPLAIN_TIMEOUT = 5.0  # for explaining a missing run, after the timeout expired


@define
class _Wait:
    """A wait for the runs of one event; times are by the session's clock."""

    session: Session
    event_id: str
    received: float  # by the server
    deadline: float
    event: StoredEvent | None = None  # once it is stored, transient errors do not end the wait
    runs: dict[str, Run] = field(factory=dict[str, "Run"])
    looked_at: float = 0.0  # for the first time
    seen_at: float | None = None  # when the newest run was first seen
    again: float = -math.inf  # until then, a busy server may take for the next run, as for that one
    waits_for: str | None = None  # a function without a run that may still get one

    @property
    def now(self) -> float:
        return self.session.clock.monotonic()

    def add(self, runs: Iterable[Run], now: float) -> None:
        known = len(self.runs)
        self.runs.update((run.id, run) for run in runs)
        if len(self.runs) > known:
            self.seen_at, self.again = now, 2 * now - self.looked_at

    def pause(self, seconds: float) -> Plan[None]:
        left = min(seconds, self.deadline - self.now)
        if left > 0:
            yield from sleep(left)

    def catalogue(self, *, since: float) -> Plan[apps.Catalogue]:
        """Read the functions of the server, unless that takes too long to be useful."""
        deadline = min(self.deadline, self.now + APPEARS_WITHIN)
        return apps.read_catalogue(self.session, deadline=deadline, since=since)


def send_and_wait(session: Session, event: EventLike, timeout: Seconds) -> Plan[list[Run]]:
    seconds = check_seconds("timeout", timeout)
    if not isinstance(event, Event | Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise invalid(
            "event",
            f"must be an Event or a mapping, not {type(event).__name__}: one event at a time",
        )
    (event_id,) = yield from send.send(session, event)
    stored = as_stored(wire_form(event), event_id)
    sent = session.clock.monotonic()
    try:
        return (yield from _follow_all(_Wait(session, event_id, sent, sent + seconds, stored)))
    except errors.InngestError as error:
        error.add_note(f"The event was sent; its internal id is {event_id}.")
        raise


def wait_for_runs(session: Session, event_id: str, timeout: Seconds) -> Plan[list[Run]]:
    event_id = check_id("event id", event_id, argument="id")
    begun = session.clock.monotonic()
    wait = _Wait(session, event_id, begun, begun + check_seconds("timeout", timeout))
    try:
        event, at = yield from read_once_stored(session, event_id, deadline=wait.deadline)
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
        if run.is_ended and run.status != UNKNOWN:
            continue
        try:
            wait.runs[run_id] = yield from follow(wait.session, run_id, wait.deadline, seen=run)
        except errors.WaitTimeoutError as error:
            wait.runs[run_id] = error.run or run
            _time_out(wait, error)
    return list(wait.runs.values())


def _find_all(wait: _Wait) -> Plan[None]:
    """Poll the runs of the event until no further one is expected."""
    known = None if wait.event is None else (yield from wait.catalogue(since=0.0))
    yield from wait.pause(wait.received + _FIRST_POLL - wait.now)
    pause, wait.looked_at = _POLL_INTERVAL, wait.now
    while True:
        looked = wait.now
        fault: Fault | None = None
        try:
            listed = yield from runs_of(wait.session, wait.event_id, wait.deadline)
        except FAULTS as error:
            is_late = isinstance(error, errors.TransportError) and wait.now >= wait.deadline
            if not (is_late or (wait.event and may_appear(error))):
                raise
            fault = error
        else:
            wait.add(listed, looked)
        until = _complete_at(known, wait)
        is_complete = fault is None and looked >= until
        if not is_complete and known is not None and known.read_at < wait.received:
            # Functions may have been added or removed since.
            known = yield from wait.catalogue(since=wait.received)
        if not wait.runs and (is_complete or wait.now >= wait.deadline):
            wait.add((yield from _explain_absence(wait)), wait.now)
            is_complete = False
        if is_complete:
            if any(not run.is_ended for run in wait.runs.values()):
                # The next poll is of a single run.
                yield from wait.pause(pause)
            return
        if wait.now >= wait.deadline:
            _time_out(wait)
        left = until - wait.now
        yield from wait.pause(max(min(pause, left if left > 0 else pause), asked_pause(fault)))
        pause = longer(pause)


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
        if any(apps.is_of(run, function) for run in wait.runs.values()):
            continue
        until = _due(function, triggers, wait.event, wait.received)
        if until > latest:
            latest, wait.waits_for = max(until, wait.again), apps.name_of(function)
    return latest


def _due(function: Function, triggers: list[Trigger], event: StoredEvent, received: float) -> float:
    """Return the time by which a function's run has appeared; -inf if it certainly starts none."""
    if all(holds(trigger.condition, event) is False for trigger in triggers):
        return -math.inf
    limits = (
        (apps.limit(function, "debounce"), "period"),
        (apps.limit(function, *apps.BATCH), "timeout"),
    )
    delays = [apps.duration(found.get(name)) for found, name in limits if found is not None]
    known = (math.inf if delay is None else delay.total_seconds() for delay in delays)
    return received + max(known, default=0.0) + APPEARS_WITHIN


def _explain_absence(wait: _Wait) -> Plan[tuple[Run, ...]]:
    """Raise an error that explains why there is no run; return those that appeared meanwhile."""
    within, deadline = f"within {wait.now - wait.received:.1f} s", wait.now + _EXPLAIN_TIMEOUT
    explanation = None
    try:
        explanation = yield from explain_stored(wait.session, wait.event_id, deadline=deadline)
        if explanation.runs:
            return explanation.runs
        message = f"no run appeared {within}. {explanation}"
    except errors.InngestError as error:
        unknown = f"no run of event {wait.event_id} appeared {within}; the reason is unknown"
        message = f"{unknown}: {error}"
    raise errors.NoRunError(message, event_id=wait.event_id, explanation=explanation)


def _time_out(wait: _Wait, cause: errors.InngestError | None = None) -> NoReturn:
    unended = [run for run in wait.runs.values() if not run.is_ended]
    states = [f"run {run.id} was still {run.status}" for run in unended]
    if wait.waits_for is not None:
        states.append(f"a run of {wait.waits_for} may still start")
    elif not states:
        states.append("further runs may still appear")
    raise errors.WaitTimeoutError(
        f"event {wait.event_id}: {' and '.join(states)} when the timeout expired",
        run=unended[0] if unended else None,
        runs=list(wait.runs.values()),
        event_id=wait.event_id,
    ) from cause
