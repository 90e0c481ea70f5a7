"""Evidence about an event, and the rules for the reasons it supports. No I/O.

A reason is certain only if the evidence proves it. No server reports that a rate limit, a debounce
or a singleton was the cause: each is possible for a function that has it, whichever runs are
listed, since lists lag, and an event counts towards a limit though it started no run.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from attrs import define, field

from inngest_rest._core.arguments import second_of_ulid
from inngest_rest._core.explain.listeners import (
    batch,
    cancelled_by,
    concurrency,
    duration,
    holds,
    is_of,
    limit,
    name_of,
    nearest,
    singleton,
)
from inngest_rest._core.resources.functions import ignores_repeated_ids
from inngest_rest._core.resources.wait import APPEARS_WITHIN
from inngest_rest.explanation import Reason, ReasonKind
from inngest_rest.models import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest._core.explain.listeners import Catalogue, Limit, Listening
    from inngest_rest.models import Function, Page, Run, StoredEvent, Trigger

K = ReasonKind

_SLACK = timedelta(seconds=APPEARS_WITHIN)

# A function that was read within this time of an event is the one that it found.
_AT_ONCE = timedelta(seconds=1)

# Servers handle events that are received within this time in any order.
RACE = timedelta(seconds=5)

# v2 lists state the end of a cancelled run 10 s too late.
_LATE_END = timedelta(seconds=10)

# The latest time that a datetime can hold.
_LAST_MS = datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1_000


@define
class Evidence:
    """The evidence about an event.

    Attributes:
        now: The server's time.
        received: The time the event was received; now if unknown.
        same_since: When the functions were first read as they are now.
        listeners: The functions triggered by the event, with the matching triggers.
        is_of_v1: Whether v1 listed the runs; it lists a batch's run for one of its events only.
        twins: Other events with the same own id, oldest first, and their runs.
        later: The id of a later event of the same name.
        others: Other runs at that time, newest first, by function name.
    """

    now: datetime
    received: datetime
    event: StoredEvent
    runs: tuple[Run, ...]
    catalogue: Catalogue
    same_since: datetime
    listeners: list[Listening]
    is_of_v1: bool
    unchecked: list[str]
    twins: list[tuple[StoredEvent, tuple[Run, ...]]] = field(factory=list[Any])
    later: str | None = None
    others: dict[str, Page[Run]] = field(factory=dict[str, "Page[Run]"])
    timeouts: dict[str, Limit] = field(factory=dict[str, "Limit"])

    @property
    def without_run(self) -> list[Listening]:
        """The listeners without a run of the event."""
        return [it for it in self.listeners if not any(is_of(run, it[0]) for run in self.runs)]

    @property
    def began(self) -> datetime:
        """The earliest time at which the event may have been received.

        A server stores an event anew, with a new time, for as long as a condition fails for it.
        """
        by_id = second_of_ulid(self.event.internal_id)
        return datetime.fromtimestamp(min(self.received.timestamp(), by_id), UTC)

    @property
    def is_of_now(self) -> bool:
        """Whether the functions are known to have been the same when the event was received."""
        return self.same_since <= self.began + _AT_ONCE

    def has_changed(self, function: Function) -> bool | None:
        """Return whether a function's app was synced after the event; None if unknown."""
        if self.is_of_now:
            return False
        app = next((each for each in self.catalogue.apps if each.id == function.app_id), None)
        synced_at = app and (app.synced_at or app.created_at)
        if synced_at and synced_at > self.began:
            return True
        return False if app and app.synced_at else None

    def is_excluded(self, function: Function, triggers: list[Trigger]) -> bool:
        """Return whether the conditions of a function certainly were false for the event."""
        is_false = all(holds(each.condition, self.event) is False for each in triggers)
        return is_false and self.has_changed(function) is False

    def precedes(self, run: Run) -> bool:
        """Return whether another run may have begun before the event was handled."""
        return (run.queued_at or self.began) <= self.began + RACE

    def is_within(self, period: object) -> bool:
        """Return whether the event may be younger than a period, with some tolerance."""
        longest = duration(period)
        return longest is None or self.now - self.received < longest + _SLACK


def is_later(internal_id: str, *, than: str) -> bool:
    """Return whether an event may be later than another, by the milliseconds in their ids.

    Of two events in one millisecond, either may be the later one.
    """
    return internal_id != than and internal_id[:10] >= than[:10]


def reasons(it: Evidence) -> Iterator[Reason]:
    """Yield every reason that the evidence supports."""
    # The server's own events need no trigger.
    if not (it.listeners or it.runs or it.event.name.startswith("inngest/")):
        yield from _why_unheard(it)
    for function, triggers in it.without_run:
        yield from _why_no_run(it, function, triggers)
    for run in it.runs:
        own = next((each for each in it.catalogue.functions if is_of(run, each)), None)
        if run.status == RunStatus.CANCELLED:
            yield from _why_cancelled(it, own, run) if own else ()
        elif not run.is_ended:
            yield from _why_unfinished(it, own, run)


def _why_unheard(it: Evidence) -> Iterator[Reason]:
    known, event_name = it.catalogue, it.event.name
    cancelling = [each for each in known.functions if event_name in cancelled_by(each)]
    if not known.gaps:
        # A name with a listener is not a misspelling.
        close = {} if cancelling else nearest(event_name, known.functions)
        nearby = ", ".join(f"{value!r} of {' and '.join(names)}" for value, names in close.items())
        text = "no function has a trigger for its name"
        text += f" (the nearest: {nearby})" if close else ""
        apps = [app.id for app in known.apps]
        facts = {"nearest": close, "apps": apps, "functions": len(known.functions)}
        yield Reason(K.NO_TRIGGER, text, is_certain=it.is_of_now, evidence=facts)
    for each in cancelling:
        text, events = f"it may cancel runs of {name_of(each)}", cancelled_by(each)
        ids = each.app_id, each.id, None
        yield Reason(K.CANCELS_RUNS, text, False, *ids, {"events": events})


def _why_no_run(it: Evidence, function: Function, triggers: list[Trigger]) -> Iterator[Reason]:
    reason = partial(Reason, app_id=function.app_id, function_id=function.id)
    name = name_of(function)
    facts: dict[str, Any]
    others = it.others.get(name)
    runs = others.items if others else ()
    own = it.event.internal_id
    is_current = it.has_changed(function) is False

    verdicts = {holds(each.condition, it.event) for each in triggers}
    conditions = [each.condition for each in triggers if each.condition]
    condition = f"the condition `{'` or `'.join(conditions)}` of {name}"
    if True not in verdicts:
        text = f"{condition} may be false for it or fail: servers do not show how they evaluate it"
        if verdicts == {False}:
            text = f"{condition} is false for it"
        is_excluded, facts = it.is_excluded(function, triggers), {"conditions": conditions}
        yield reason(K.CONDITION, text, is_excluded, evidence=facts)
        if is_excluded:
            return
    if it.twins and not ignores_repeated_ids(function):
        started = ((it, run) for it, of_it in it.twins for run in of_it if is_of(run, function))
        other, run = next(started, (it.twins[0][0], None))
        same = f"event {other.internal_id} with the same id {other.id!r}"
        facts = {"id": other.id, "other_event": other.internal_id}
        if run is not None:
            text = f"{same} started run {run.id} of {name}, which runs once for an id in 24 hours"
            facts["other_run"] = run.id
            is_first = other.received_at is not None and it.began - other.received_at > RACE
            yield reason(K.DUPLICATE_ID, text, is_first and is_current, evidence=facts)
            if is_first and is_current:
                return
        else:
            text = f"{name} may have taken it for {same}, of which it has no run either"
            yield reason(K.DUPLICATE_ID, text, evidence=facts)
    if function.is_paused:
        yield reason(K.PAUSED, f"{name} is paused", evidence={"is_paused": True})
    if found := limit(function, "rateLimit"):
        period, key = found.get("period"), found.get("key")
        since = it.received - (duration(period) or timedelta(days=1)) - _SLACK
        near = [
            each.id for each in runs if it.precedes(each) and (each.queued_at or since) >= since
        ]
        text = f"the rate limit or idempotency of {name}, {found.get('limit')} per {period} spread "
        text += f"evenly{f' for each `{key}`' if key else ''}, may have excluded it"
        if near:
            text += f": {len(near)} of its runs{', of any key,' if key else ''} began within that "
            text += "time before it, or seconds after it"
        facts = {"rate_limit": found, "earlier_runs": near}
        yield reason(K.RATE_LIMIT, text, evidence=facts)
    if found := limit(function, "debounce"):
        text = f"{name} debounces events for {found.get('period')}, and "
        after = [run for run in runs if run.event_ids and is_later(run.event_ids[0], than=own)]
        facts = {"debounce": found, "later_event": it.later}
        if after and others and others.next_cursor is None:
            (later, *_), run_id = after[-1].event_ids, after[-1].id
            text += f"the later event {later}, which started run {run_id}, may have replaced it"
            facts |= {"later_event": later, "later_run": run_id}
        elif it.later or it.is_within(found.get("period")):
            text += "may wait for later ones" + (f", such as {it.later}" if it.later else "")
        else:
            text += "a later one may have replaced it"
        yield reason(K.DEBOUNCE, text, evidence=facts)
    if found := batch(function):
        if it.is_within(found.get("timeout")):
            text = f"{name} collects {found.get('maxSize')} events or for {found.get('timeout')}, "
            text += "and its batch may not be full yet"
            yield reason(K.BATCH, text, evidence={"batch": found})
        elif it.is_of_v1:
            text = f"{name} may have run for a batch that contains it, which v1 lists under one "
            text += "event of the batch alone"
            yield reason(K.BATCH, text, evidence={"batch": found})
    # One that cancels skips, too, if another event is quicker.
    if found := limit(function, "singleton"):
        text, facts = f"{name} is a singleton and may have skipped it", {"singleton": found}
        going = (
            run.id
            for run in runs
            if it.precedes(run) and (run.ended_at is None or run.ended_at >= it.received)
        )
        for run_id in islice(going, 1):
            text += f", as run {run_id} had not ended"
            facts["other_run"] = run_id
        yield reason(K.SINGLETON, text, evidence=facts)
    if it.is_within("0s"):
        seconds = max((it.now - it.received).total_seconds(), 0.0)
        text = f"a run of {name} may soon appear, as it was received only {seconds:.1f} s ago"
        yield reason(K.TOO_EARLY, text, evidence={"seconds": seconds})


def _why_unfinished(it: Evidence, function: Function | None, run: Run) -> Iterator[Reason]:
    reason = partial(Reason, app_id=run.app_id, function_id=run.function_id, run_id=run.id)
    if run.status == RunStatus.QUEUED:
        ts = it.event.ts
        if ts is not None and ts > it.now.timestamp() * 1_000:
            time = datetime.fromtimestamp(min(ts, _LAST_MS) / 1_000, UTC)
            text = f"run {run.id} waits for the time of the event, {time:%Y-%m-%d %H:%M:%S} UTC"
            yield reason(K.SCHEDULED, text, is_certain=True, evidence={"ts": ts})
            return
        if function and (found := limit(function, "throttle")):
            text = f"run {run.id} may wait for the throttle of {name_of(function)}, "
            text += f"{found.get('limit')} per {found.get('period')}"
            yield reason(K.THROTTLE, text, evidence={"throttle": found})
        if function and (limits := concurrency(function)):
            text = f"run {run.id} may wait for its turn, as the concurrency of {name_of(function)} "
            yield reason(K.CONCURRENCY, text + "is limited", evidence={"concurrency": limits})
    for app in it.catalogue.apps:
        if app.id == run.app_id and app.sync_error:
            text = f"run {run.id} may wait for another attempt, as app {app.id} is {app.sync_error}"
            facts = {"sync_error": app.sync_error, "url": app.url}
            yield reason(K.APP_UNREACHABLE, text, evidence=facts)
    if not (function or run.function_id is None or it.catalogue.gaps):
        text = f"run {run.id} may never start, as its app no longer has the function "
        left = [each.id for each in it.catalogue.functions if each.app_id == run.app_id]
        yield reason(K.FUNCTION_REMOVED, text + run.function_id, evidence={"functions": left})


def _why_cancelled(it: Evidence, function: Function, run: Run) -> Iterator[Reason]:
    reason = partial(Reason, app_id=run.app_id, function_id=run.function_id, run_id=run.id)
    name, text = name_of(function), f"run {run.id} may have been cancelled by "
    if singleton(function, "cancel"):
        others = it.others.get(name)
        near = [
            each.id
            for each in (others.items if others else ())
            if each.id > run.id
            and each.queued_at
            and (run.ended_at is None or abs(each.queued_at - run.ended_at) < _SLACK + _LATE_END)
        ]
        if near or others is None or others.next_cursor:
            by = ", ".join([f"a later run of the singleton {name}", *near[-1:]])
            facts = {"later_run": near[-1] if near else None}
            yield reason(K.SINGLETON, text + by, evidence=facts)
    if events := cancelled_by(function):
        by = f"an event {' or '.join(map(repr, events))}"
        yield reason(K.CANCEL_ON, text + by, evidence={"events": events})
    for which in ("start", "finish"):
        longest = duration(found := it.timeouts.get(name, {}).get(which))
        begun, ended = run.queued_at, run.ended_at
        if longest is not None and not (begun and ended and ended - begun < longest):
            facts = {"timeout": which, "limit": found}
            yield reason(K.TIMEOUT, f"{text}the {which} timeout of {name}, {found}", evidence=facts)
