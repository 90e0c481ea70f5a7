"""Wait for the runs of an event: a new one, sent first, or a stored one, by its id.

The difficulty is to determine when the runs are complete. The first non-empty list may not be: on a
busy server, runs appear 0.25 s apart and more. The list is complete once each function that the
event triggers has a run; until then it is polled for as long as a run takes to appear. Debounced
and batched runs appear later still.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NoReturn

from attrs import define, field

from inngest_rest import errors
from inngest_rest._core.calls.retry import FAULTS, Fault
from inngest_rest._core.plans import Plan, longer
from inngest_rest._core.resources import events
from inngest_rest._core.resources.catalogue import Catalogue
from inngest_rest._core.resources.event_runs import runs_of
from inngest_rest._core.resources.polling import APPEARS_WITHIN, asked_pause, may_appear
from inngest_rest._core.resources.wait import check_completed, wait_until_ended
from inngest_rest._core.sending.send import send
from inngest_rest._local.arguments import check_id, check_seconds, invalid
from inngest_rest._local.event_json import wire_form
from inngest_rest._local.expressions import as_stored
from inngest_rest._local.faults import RULED_OUT, after
from inngest_rest._local.functions import (
    MatchedFunction,
    is_run_of,
    limit,
    name_of,
    parse_duration,
)
from inngest_rest.event import Event, EventLike

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest._core.calls.session import Session
    from inngest_rest.explanation import Explanation
    from inngest_rest.models import Function, Run, StoredEvent
    from inngest_rest.typing import Seconds

    # Explains the outcome of a stored event, by its internal id, until a time of our clock.
    Explain = Callable[[Session, str, float], Plan[Explanation]]

# In seconds:
_FIRST_POLL = 0.3  # from an event to the first poll: quick runs have ended by then
_POLL_INTERVAL = 0.1  # until the next poll: at first, or if the list may be incomplete
_QUIET = 1.0  # after the last run appeared, if the event's functions are unknown
_EXPLAIN_TIMEOUT = 5.0  # for explaining a missing run
_EXPLAIN_AFTER_DEADLINE = 0.8  # for the same, once the wait has timed out


@define(kw_only=True)
class _Wait:
    """A wait for the runs of one event; times are by our clock."""

    session: Session
    event_id: str
    received: float  # by the server
    deadline: float
    explain: Explain
    # Once the event is known to be stored, transient errors do not end the wait.
    event: StoredEvent | None = None
    runs: dict[str, Run] = field(factory=dict[str, "Run"])
    # Why the function of a run is unknown, by the id of the run.
    unnamed: dict[str, errors.InngestError] = field(
        factory=dict[str, errors.InngestError]
    )
    first_look: float = 0.0
    was_listed: bool = False  # the server has listed the runs, perhaps none
    newest_run_seen: float | None = None  # for the first time
    # The next run may appear until then: a busy server may take as long for it as for the last.
    next_run_by: float = -math.inf
    waits_for: str | None = None  # a function without a run that may still get one

    @property
    def now(self) -> float:
        return self.session.clock.monotonic()

    @property
    def is_late(self) -> bool:
        return self.now >= self.deadline

    def has_run_of(self, function: Function) -> bool:
        return any(is_run_of(run, function) for run in self.runs.values())

    def add(self, runs: Iterable[Run], seen_at: float) -> None:
        count_before = len(self.runs)
        for run in runs:
            self.runs[run.id] = run
        if len(self.runs) > count_before:
            self.newest_run_seen = seen_at
            self.next_run_by = seen_at + (seen_at - self.first_look)

    async def pause(self, seconds: float) -> None:
        left = min(seconds, self.deadline - self.now)
        if left > 0:
            await self.session.driver.sleep(left)


async def send_and_wait(
    session: Session,
    event: EventLike,
    timeout: Seconds,
    raise_on_failure: bool,
    explain: Explain,
) -> list[Run]:
    seconds = check_seconds("timeout", timeout)
    if not isinstance(event, Event | Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        reason = f"must be an Event or a mapping, not {type(event).__name__}"
        raise invalid("event", reason)
    (event_id,) = await send(session, event)
    stored = as_stored(wire_form(event), event_id)
    sent = session.clock.monotonic()
    wait = _Wait(
        session=session,
        event_id=event_id,
        received=sent,
        deadline=sent + seconds,
        explain=explain,
        event=stored,
    )
    with after(f"The event was sent; its internal id is {event_id}."):
        return await _follow_all(wait, raise_on_failure=raise_on_failure)


async def wait_for_runs(
    session: Session,
    event_id: str,
    timeout: Seconds,
    raise_on_failure: bool,
    explain: Explain,
) -> list[Run]:
    event_id = check_id("event id", event_id, argument="id")
    seconds = check_seconds("timeout", timeout)
    began = session.clock.monotonic()
    wait = _Wait(
        session=session,
        event_id=event_id,
        received=began,
        deadline=began + seconds,
        explain=explain,
    )
    await _read_event(wait)
    return await _follow_all(wait, raise_on_failure=raise_on_failure)


async def _read_event(wait: _Wait) -> None:
    """Read the event, and how long ago the server received it."""
    appears_by = wait.now + APPEARS_WITHIN
    try:
        event, server_time = await events.get_stored(
            wait.session,
            wait.event_id,
            within=APPEARS_WITHIN,
            deadline=wait.deadline,
        )
    except (errors.NotFoundError, errors.TransportError) as error:
        if not wait.deadline <= wait.now < appears_by:
            raise
        message = f"event {wait.event_id} did not appear before the timeout expired"
        raise errors.WaitTimeoutError(
            message, run=None, event_id=wait.event_id
        ) from error
    except RULED_OUT:
        return  # without v1, the event stays unknown
    wait.event = event
    wait.received = wait.now
    if event.received_at is not None and server_time is not None:
        age = server_time - event.received_at
        wait.received -= max(age.total_seconds(), 0.0)


async def _follow_all(wait: _Wait, *, raise_on_failure: bool) -> list[Run]:
    """Find all runs of the event, and wait until each has ended."""
    await _find_all(wait)
    for run_id, run in wait.runs.items():
        if run.is_ended:
            continue
        try:
            wait.runs[run_id] = await wait_until_ended(
                wait.session, run_id, wait.deadline, seen=run
            )
        except errors.WaitTimeoutError as error:
            wait.runs[run_id] = error.run or run
            _time_out(wait, error)
    runs = list(wait.runs.values())
    if raise_on_failure:
        check_completed(runs)
    return runs


async def _find_all(wait: _Wait) -> None:
    """Poll the runs of the event until no further one is expected."""
    catalogue = await _read_functions(wait, since=0.0)
    await wait.pause(wait.received + _FIRST_POLL - wait.now)
    wait.first_look = wait.now
    pause = _POLL_INTERVAL
    while True:
        looked_at = wait.now
        fault = await _look(wait, catalogue)
        complete_at = _complete_at(wait, catalogue)
        is_complete = fault is None and looked_at >= complete_at
        if not is_complete and _is_older(catalogue, wait.received):
            # Functions may have been added or removed since.
            catalogue = await _read_functions(wait, since=wait.received)
        if wait.runs:
            if is_complete:
                return
        elif is_complete or wait.is_late:
            appeared = await _explain_absence(wait)
            wait.add(appeared, wait.now)
        if wait.is_late:
            _time_out(wait)
        seconds = _next_look(wait, complete_at, pause)
        await wait.pause(max(seconds, asked_pause(fault)))
        pause = longer(pause)


def _is_older(catalogue: Catalogue | None, time: float) -> bool:
    return catalogue is not None and catalogue.read_at < time


def _next_look(wait: _Wait, complete_at: float, pause: float) -> float:
    """Return the seconds until the next poll: a pause, or less if the runs are complete sooner."""
    left = complete_at - wait.now
    return min(pause, left) if left > 0 else pause


async def _read_functions(wait: _Wait, *, since: float) -> Catalogue | None:
    """Read the functions that the event may trigger; None if the event is unknown."""
    if wait.event is None:
        return None
    left = max(wait.deadline - wait.now, 0.0)
    seconds = min(APPEARS_WITHIN, left / 2)  # the other half is for the runs
    deadline = wait.now + seconds
    return await Catalogue.read(wait.session, deadline=deadline, since=since)


async def _look(wait: _Wait, catalogue: Catalogue | None) -> Fault | None:
    """List the runs of the event, or return a transient fault."""
    looked_at = wait.now
    try:
        listed = await runs_of(
            wait.session,
            wait.event_id,
            wait.deadline,
            may_be_batched=_may_be_batched(wait, catalogue),
            unnamed=wait.unnamed,
        )
        wait.add(listed, looked_at)
        wait.was_listed = True
    except FAULTS as error:
        timed_out = isinstance(error, errors.TransportError) and wait.is_late
        is_transient = wait.event is not None and may_appear(error)
        if not timed_out and not is_transient:
            raise
        return error
    return None


def _may_be_batched(wait: _Wait, catalogue: Catalogue | None) -> bool:
    """Return whether a function may batch the event, so that v1 may list the run elsewhere."""
    if catalogue is None or catalogue.gaps or wait.event is None:
        return True
    listeners = catalogue.listeners(wait.event.name)
    return any(limit(listener.function, "eventsBatch") for listener in listeners)


def _complete_at(wait: _Wait, catalogue: Catalogue | None) -> float:
    """Return the time at which the runs are complete; record a function that may start one."""
    wait.waits_for = None
    soon = _next_run_expected_by(wait)
    if catalogue is None or catalogue.gaps or wait.event is None:
        return math.inf if wait.newest_run_seen is None else soon
    complete_at = -math.inf
    listeners = catalogue.listeners(wait.event.name)
    if _can_start_nothing(wait, catalogue, wait.event):
        return complete_at
    if not listeners or wait.newest_run_seen is None:
        complete_at = soon
    for listener in listeners:
        if not _may_start_run(wait, listener, wait.event):
            continue
        function = listener.function
        starts_by = wait.received + _longest_delay(function) + APPEARS_WITHIN
        if starts_by > complete_at:
            complete_at = max(starts_by, wait.next_run_by)
            wait.waits_for = name_of(function)
    return complete_at


def _can_start_nothing(wait: _Wait, catalogue: Catalogue, event: StoredEvent) -> bool:
    """Return whether no function, of those read since the event arrived, has a trigger for it."""
    if wait.newest_run_seen is not None or _is_older(catalogue, wait.received):
        return False
    # An invocation needs no trigger.
    is_internal = event.name.startswith("inngest/")
    return not is_internal and not catalogue.listeners(event.name)


def _may_start_run(wait: _Wait, listener: MatchedFunction, event: StoredEvent) -> bool:
    """Return whether a function has no run of the event yet, and may get one."""
    if wait.has_run_of(listener.function):
        return False
    return listener.is_triggered_by(event) is not False


def _next_run_expected_by(wait: _Wait) -> float:
    """Return the time by which a run should have appeared, if the functions are unknown."""
    first_run_by = wait.received + APPEARS_WITHIN
    if wait.newest_run_seen is None:
        return first_run_by
    quiet_at = min(first_run_by, wait.newest_run_seen + _QUIET)
    return max(quiet_at, wait.next_run_by)


def _longest_delay(function: Function) -> float:
    """Return the seconds for which a function may delay an event; inf if that is unknown."""
    debounce = limit(function, "debounce") or {}
    batch = limit(function, "eventsBatch") or {}
    longest = 0.0
    period = debounce.get("period", "0s")
    timeout = batch.get("timeout", "0s")
    for text in (period, timeout):
        delay = parse_duration(text)
        if delay is None:
            return math.inf
        longest = max(longest, delay.total_seconds())
    return longest


async def _explain_absence(wait: _Wait) -> Iterable[Run]:
    """Raise an error that explains the missing run; return runs that appeared meanwhile."""
    waited = wait.now - wait.received
    message = f"no run of event {wait.event_id} appeared within {waited:.1f} s"
    latest = max(wait.deadline, wait.now) + _EXPLAIN_AFTER_DEADLINE
    deadline = min(wait.now + _EXPLAIN_TIMEOUT, latest)
    explanation: Explanation | None = None
    try:
        explanation = await wait.explain(wait.session, wait.event_id, deadline)
    except errors.InngestError as error:
        if not wait.was_listed and isinstance(error, errors.TransportError):
            _time_out(wait, error)  # there may be runs
        message += f"; the reason is unknown: {error}"
    else:
        if explanation.runs:
            return explanation.runs
        message += f". {explanation}"
    raise errors.NoRunError(message, event_id=wait.event_id, explanation=explanation)


def _time_out(wait: _Wait, cause: errors.InngestError | None = None) -> NoReturn:
    open_runs = [run for run in wait.runs.values() if not run.is_ended]
    states = [f"run {run.id} was still {run.status}" for run in open_runs]
    if not wait.was_listed:
        states.append("its runs could not be listed")
    elif wait.unnamed:
        # It may be a run of the function that the wait is for.
        run_id, reason = next(iter(wait.unnamed.items()))
        states.append(f"the function of run {run_id} could not be read ({reason})")
        cause = cause or reason
    elif wait.waits_for is not None:
        states.append(f"a run of {wait.waits_for} may still start")
    elif not states:
        states.append("further runs may still appear")
    first_open = open_runs[0] if open_runs else None
    raise errors.WaitTimeoutError(
        f"event {wait.event_id}: {' and '.join(states)} when the timeout expired",
        run=first_open,
        runs=list(wait.runs.values()),
        event_id=wait.event_id,
    ) from cause
