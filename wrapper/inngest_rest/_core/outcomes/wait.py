"""Wait until every run that an event starts has ended.

The first list of an event's runs that is not empty may lack some: runs appear up to 30 ms apart. It
is complete if each function with a trigger for the event has a run, and else it is read again; a
debounced or batched run comes later still.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

from attrs import asdict, define, field, frozen

from inngest_rest._core.arguments import check_id, check_seconds, invalid
from inngest_rest._core.outcomes import listeners
from inngest_rest._core.outcomes.evidence import runs_of
from inngest_rest._core.outcomes.explain import explain_stored
from inngest_rest._core.outcomes.listeners import (
    BATCH,
    duration,
    is_of,
    limit,
    name_of,
    singleton,
    starts,
)
from inngest_rest._core.plans import sleep
from inngest_rest._core.resources import events
from inngest_rest._core.resources.wait import (
    APPEARS_WITHIN,
    GROWTH,
    LONGEST_PAUSE,
    follow,
    may_appear,
)
from inngest_rest._core.sending import send
from inngest_rest.errors import (
    ApiError,
    ConfigurationError,
    InngestError,
    NoRunError,
    NotFoundError,
    RouteNotFoundError,
    TransportError,
    WaitTimeoutError,
)
from inngest_rest.event import Event
from inngest_rest.models import Run, RunStatus, StoredEvent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.outcomes.listeners import Catalogue
    from inngest_rest._core.plans import Plan
    from inngest_rest.event import EventLike
    from inngest_rest.models import Function, Trigger
    from inngest_rest.typing import Seconds

# Seconds from an event to the first look at its runs: those of a quick function have ended then.
_FIRST_LOOK = 0.3

# Seconds after which a list of runs is read again: at first, or if it may lack some.
_AGAIN_AFTER = 0.1

# How a run ended that an old release lists as unfinished; by itself, it reports that.
_UNKNOWN = RunStatus("unknown")

# Seconds for finding out why there is no run, after the timeout expired.
_EXPLAINED_WITHIN = 5.0


@define
class _Wait:
    """A wait for the runs of one event, by the session's clock."""

    event_id: str
    received: float
    deadline: float
    event: StoredEvent | None = None
    is_stored: bool = False
    """Whether the event is known to be there: then no passing fault ends the wait."""
    runs: dict[str, Run] = field(factory=dict[str, Run])
    seen: float | None = None
    """When the first run was seen."""
    waits_for: str | None = None


def send_and_wait(session: Session, event: EventLike, timeout: Seconds) -> Plan[list[Run]]:
    """Send one event and wait until every run that it starts has ended."""
    seconds = check_seconds("timeout", timeout)
    if not isinstance(event, Event | Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise invalid(
            "event",
            f"must be an Event or a mapping, not {type(event).__name__}: one event at a time",
        )
    (event_id,) = yield from send.send(session, event)
    sent = session.clock.monotonic()
    stored = _as_stored(event_id, event)
    wait = _Wait(event_id, sent, sent + seconds, stored, is_stored=True)
    try:
        return (yield from _follow_all(session, wait))
    except WaitTimeoutError:
        raise
    except InngestError as error:
        error.add_note(f"The event was sent; its internal id is {event_id}.")
        raise


def wait_for_runs(session: Session, event_id: str, timeout: Seconds) -> Plan[list[Run]]:
    """Wait until every run that a stored event starts has ended."""
    event_id = check_id("event id", event_id, argument="id")
    begun = session.clock.monotonic()
    wait = _Wait(event_id, begun, begun + check_seconds("timeout", timeout))
    yield from _look_up(session, wait)
    return (yield from _follow_all(session, wait))


def _look_up(session: Session, wait: _Wait) -> Plan[None]:
    """Read the event, as soon as it can be read; without v1, its name stays unknown."""
    pause = _AGAIN_AFTER
    appears_by = wait.received + APPEARS_WITHIN
    missing: NotFoundError | None = None
    while True:
        try:
            event, at = yield from events.get_now(session, wait.event_id, deadline=wait.deadline)
        except (NotFoundError, TransportError) as error:
            now = session.clock.monotonic()
            if now >= appears_by or (isinstance(error, TransportError) and now < wait.deadline):
                raise
            missing = error if isinstance(error, NotFoundError) else missing
            if now >= wait.deadline:
                raise WaitTimeoutError(
                    f"event {wait.event_id} did not appear before the timeout expired",
                    run=None,
                    event_id=wait.event_id,
                ) from missing or error
            yield from _pause(session, wait, pause)
            pause = min(pause * GROWTH, LONGEST_PAUSE)
        except (ConfigurationError, RouteNotFoundError):
            return
        else:
            wait.event, wait.is_stored = event, True
            wait.received = session.clock.monotonic() - _age(event, at)
            return


def _age(event: StoredEvent, at: datetime | None) -> float:
    """Return the seconds since the event was received, by the server's clock."""
    if event.received_at is None or at is None:
        return 0.0
    return max((at - event.received_at).total_seconds(), 0.0)


def _follow_all(session: Session, wait: _Wait) -> Plan[list[Run]]:
    yield from _find_all(session, wait)
    for run_id, run in wait.runs.items():
        if run.is_ended and run.status != _UNKNOWN:
            continue
        try:
            ended = yield from follow(session, run_id, wait.deadline, seen=run)
        except WaitTimeoutError as error:
            wait.runs[run_id] = error.run or run
            _time_out(wait, error)
        wait.runs[run_id] = ended
    return list(wait.runs.values())


def _find_all(session: Session, wait: _Wait) -> Plan[None]:
    """Ask for the runs of the event until no further one is to appear."""
    clock = session.clock
    known = listeners.recent(session)
    if known is None and wait.event is not None:
        known = yield from _read_catalogue(session, wait)
    yield from _pause(session, wait, wait.received + _FIRST_LOOK - clock.monotonic())
    pause = _AGAIN_AFTER
    while True:
        looked = clock.monotonic()
        fault = yield from _look(session, wait)
        asked_pause = getattr(fault, "retry_after", None) or 0.0
        if wait.seen is None and wait.runs:
            wait.seen = looked
        pending = _pending(known, wait)
        wait.waits_for = pending.function
        now = clock.monotonic()
        is_complete = fault is None and looked >= pending.until
        if not is_complete and known is not None and known.read_at < wait.received and wait.event:
            # A function may have been added or removed since.
            known = yield from _read_catalogue(session, wait)
            now = clock.monotonic()
        if not wait.runs and (is_complete or now >= wait.deadline):
            yield from _explain_absence(session, wait)
        if is_complete:
            if any(not run.is_ended for run in wait.runs.values()):
                # The first look after this one is at a single run.
                yield from _pause(session, wait, max(pause, asked_pause))
            return
        if now >= wait.deadline:
            _time_out(wait)
        until = pending.until - now if pending.until > now else pause
        yield from _pause(session, wait, max(min(pause, until), asked_pause))
        pause = min(pause * GROWTH, LONGEST_PAUSE)


@frozen
class PendingRuns:
    """How long further runs may appear.

    Attributes:
        until: The time after which none does, by the session's clock; already past if the runs
            are complete.
        function: A function that has no run yet and may still get one, as `APP/FUNCTION`.
    """

    until: float
    function: str | None = None


def _pending(catalogue: Catalogue | None, wait: _Wait) -> PendingRuns:
    """Return how long further runs of an event may appear."""
    soon = wait.received + APPEARS_WITHIN if wait.seen is None else wait.seen + _AGAIN_AFTER
    if catalogue is None or catalogue.gaps or wait.event is None:
        return PendingRuns(math.inf if wait.seen is None else soon)
    listening = catalogue.listeners(wait.event.name)
    latest = PendingRuns(soon if not listening or wait.seen is None else -math.inf)
    for function, triggers in listening:
        if any(is_of(run, function) for run in wait.runs.values()):
            continue
        after = _appears_after(function, triggers, wait.event)
        until = soon if after is None else wait.received + after
        if until > latest.until:
            latest = PendingRuns(until, name_of(function))
    return latest


def _appears_after(
    function: Function, triggers: Sequence[Trigger], event: StoredEvent
) -> float | None:
    """Return the seconds after which the run of a function has appeared, if there is to be one.

    None if it need not start one: then it has appeared with the first run.
    """
    verdicts = {starts(trigger, event) for trigger in triggers}
    if verdicts == {False}:
        return -math.inf
    delays = [
        duration(found.get(name))
        for found, name in (
            (limit(function, "debounce"), "period"),
            (limit(function, *BATCH), "timeout"),
        )
        if found is not None
    ]
    if delays:
        known = (math.inf if delay is None else delay.total_seconds() for delay in delays)
        return max(known) + APPEARS_WITHIN
    # A condition that was evaluated and is undecided fails on servers, too, as far as is known.
    is_doubtful = True not in verdicts and listeners.can_evaluate()
    is_limited = limit(function, "rateLimit") or singleton(function, "skip") or function.is_paused
    return None if is_limited or is_doubtful else APPEARS_WITHIN


def _read_catalogue(session: Session, wait: _Wait) -> Plan[Catalogue]:
    """Read the functions of the server, unless it takes longer than they are of use."""
    deadline = min(wait.deadline, session.clock.monotonic() + APPEARS_WITHIN)
    return (yield from listeners.read(session, deadline=deadline))


def _pause(session: Session, wait: _Wait, seconds: float) -> Plan[None]:
    left = min(seconds, wait.deadline - session.clock.monotonic())
    if left > 0:
        yield from sleep(left)


def _look(session: Session, wait: _Wait) -> Plan[InngestError | None]:
    """Read the runs once; return an error that may pass."""
    try:
        listed = yield from runs_of(session, wait.event_id, wait.deadline)
    except (ApiError, TransportError) as fault:
        is_passing = (wait.is_stored and may_appear(fault)) or (
            isinstance(fault, TransportError) and session.clock.monotonic() >= wait.deadline
        )
        if not is_passing:
            raise
        return fault
    wait.runs.update((run.id, run) for run in listed)
    return None


def _explain_absence(session: Session, wait: _Wait) -> Plan[NoReturn]:
    within = f"within {session.clock.monotonic() - wait.received:.1f} s"
    explanation = None
    try:
        explanation = yield from explain_stored(
            session, wait.event_id, deadline=session.clock.monotonic() + _EXPLAINED_WITHIN
        )
    except InngestError as error:
        message = f"no run of event {wait.event_id} appeared {within}; why is not known: {error}"
    else:
        message = f"no run appeared {within}. {explanation}"
    raise NoRunError(message, event_id=wait.event_id, explanation=explanation)


def _time_out(wait: _Wait, cause: InngestError | None = None) -> NoReturn:
    unended = [run for run in wait.runs.values() if not run.is_ended]
    states = [f"run {run.id} was still {run.status}" for run in unended]
    if wait.waits_for is not None:
        states.append(f"a run of {wait.waits_for} may still start")
    elif not states:
        states.append("further runs may still appear")
    raise WaitTimeoutError(
        f"event {wait.event_id}: {' and '.join(states)} when the timeout expired",
        run=unended[0] if unended else None,
        runs=list(wait.runs.values()),
        event_id=wait.event_id,
    ) from cause


def _as_stored(event_id: str, event: EventLike) -> StoredEvent:
    """Return an event that was sent as the server will show it."""
    fields = event if isinstance(event, Mapping) else asdict(event, recurse=False)
    ts = fields.get("ts")
    return StoredEvent(
        internal_id=event_id,
        id=fields.get("id") or event_id,
        name=fields["name"],
        data=fields.get("data"),
        ts=ts if isinstance(ts, int) else None,
        user=fields.get("user"),
        v=fields.get("v"),
    )
