"""Evidence about an event, and the rules for the reasons it supports. No I/O.

A reason is certain only if the evidence proves it. No server reports that a rate limit, a debounce
or a singleton was the cause: each is possible for a function that has it, whatever lists show.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from attrs import define, field

from inngest_rest._core.arguments import second_of_ulid
from inngest_rest._core.explain import listeners
from inngest_rest._core.expressions import holds
from inngest_rest._core.resources.apps import ignores_repeated_ids
from inngest_rest._core.resources.wait import APPEARS_WITHIN
from inngest_rest._visible import and_more
from inngest_rest.explanation import Reason, ReasonKind
from inngest_rest.models import Function, Job, Page, Run, RunStatus, StoredEvent, Trigger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest._core.explain.listeners import Catalogue, Limit, Listening

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
    catalogue: Catalogue
    same_since: datetime  # when the functions were first read as they are now
    listeners: list[Listening]  # the functions triggered by it, with the matching triggers
    is_of_v1: bool  # v1 listed the runs: that of a batch for one of its events only
    unchecked: list[str]
    # Other events with the same own id, oldest first, and their runs.
    twins: list[tuple[StoredEvent, tuple[Run, ...]]] = field(factory=list[Any])
    # Other runs at that time, newest first, by function name.
    others: dict[str, Page[Run]] = field(factory=dict[str, "Page[Run]"])
    timeouts: dict[str, Limit] = field(factory=dict[str, "Limit"])
    due: list[Job] = field(factory=list["Job"])  # of the only run, what could be executed
    executing: list[tuple[str, Job]] = field(factory=list[Any])  # by other runs of its function

    @property
    def without_run(self) -> list[Listening]:
        return [
            it for it in self.listeners if not any(listeners.is_of(run, it[0]) for run in self.runs)
        ]

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

    def is_within(self, period: object) -> bool:
        """Return whether the event may be younger than a period, with some tolerance."""
        longest = listeners.duration(period)
        return longest is None or self.now - self.received < longest + _RACE


def reasons(it: Evidence) -> Iterator[Reason]:
    # The server's own events need no trigger.
    if not (it.listeners or it.runs or it.event.name.startswith("inngest/")):
        yield from _why_unheard(it)
    for function, triggers in it.without_run:
        yield from _why_no_run(it, function, triggers)
    for run in it.runs:
        own = next((each for each in it.catalogue.functions if listeners.is_of(run, each)), None)
        if run.status == RunStatus.CANCELLED:
            yield from _why_cancelled(it, own, run) if own else ()
        elif not run.is_ended:
            yield from _why_unfinished(it, own, run)


def _why_unheard(it: Evidence) -> Iterator[Reason]:
    known, event_name = it.catalogue, it.event.name
    cancelling = [each for each in known.functions if event_name in listeners.cancelled_by(each)]
    if not known.gaps:
        # A name with a listener is not a misspelling.
        close = {} if cancelling else listeners.nearest(event_name, known.functions)
        nearby = ", ".join(f"{value!r} of {' and '.join(names)}" for value, names in close.items())
        text = "no function has a trigger for its name"
        text += f" (the nearest: {nearby})" if close else ""
        searched = {"apps": [app.id for app in known.apps], "functions": len(known.functions)}
        yield Reason(K.NO_TRIGGER, text, it.is_of_now, evidence={"nearest": close, **searched})
    for each in cancelling:
        text, ids = f"it may cancel runs of {listeners.name_of(each)}", (each.app_id, each.id, None)
        facts = {"events": listeners.cancelled_by(each)}
        yield Reason(K.CANCELS_RUNS, text, False, *ids, facts)


def _why_no_run(it: Evidence, function: Function, triggers: list[Trigger]) -> Iterator[Reason]:
    reason = partial(Reason, app_id=function.app_id, function_id=function.id)
    name = listeners.name_of(function)
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
        is_excluded, facts = it.is_excluded(function, triggers), {"conditions": conditions}
        yield reason(K.CONDITION, text, is_excluded, evidence=facts)
        if is_excluded:
            return
    if it.twins and not ignores_repeated_ids(function):
        started = (
            (it, run) for it, of_it in it.twins for run in of_it if listeners.is_of(run, function)
        )
        for other, run in islice(started, 1):
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
    if found := listeners.limit(function, "rateLimit"):
        period, key = found.get("period"), found.get("key")
        since = it.received - (listeners.duration(period) or timedelta(days=1)) - _RACE
        near = [each.id for each in runs if since <= (each.queued_at or since) <= until]
        text = f"the rate limit or idempotency of {name}, {found.get('limit')} per {period}"
        text += " spread evenly" if found.get("limit") != 1 else ""
        text += f"{f' for each `{key}`' if key else ''}, may have excluded it"
        if near:
            text += f": {len(near)} of its runs{', of any key,' if key else ''} began within that "
            text += "time before it, or seconds after it"
        facts = {"rate_limit": found, "earlier_runs": near}
        yield reason(K.RATE_LIMIT, text, evidence=facts)
    if found := listeners.limit(function, "debounce"):
        text = f"{name} debounces events for {found.get('period')}, and "
        # Of two events in one millisecond, either may be the later one.
        after = [run for run in runs if run.event_ids and run.event_ids[0][:10] >= own[:10]]
        facts = {"debounce": found}
        if after and others and others.next_cursor is None:
            (later, *_), run_id = after[-1].event_ids, after[-1].id
            text += f"the later event {later}, which started run {run_id}, may have replaced it"
            facts |= {"later_event": later, "later_run": run_id}
        else:
            text += "may wait for later ones, or have replaced it by one"
        yield reason(K.DEBOUNCE, text, evidence=facts)
    if found := listeners.batch(function):
        if it.is_within(found.get("timeout")):
            text = f"{name} collects {found.get('maxSize')} events or for {found.get('timeout')}, "
            text += "and its batch may not be full yet"
            yield reason(K.BATCH, text, evidence={"batch": found})
        elif it.is_of_v1:
            text = f"{name} may have run for a batch that contains it, which v1 lists under one "
            text += "event of the batch alone"
            yield reason(K.BATCH, text, evidence={"batch": found})
    # One that cancels skips, too, if another event is quicker.
    if found := listeners.limit(function, "singleton"):
        text, facts = f"{name} is a singleton and may have skipped it", {"singleton": found}
        going = (
            run.id
            for run in runs
            if (run.queued_at or until) <= until and (run.ended_at or it.now) >= it.received
        )
        for run_id in islice(going, 1):
            text += f", as run {run_id} had not ended"
            facts["other_run"] = run_id
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
        if function and (found := listeners.limit(function, "throttle")):
            text = f"run {run.id} may wait for the throttle of {listeners.name_of(function)}, "
            text += f"{found.get('limit')} per {found.get('period')}"
            yield reason(K.THROTTLE, text, evidence={"throttle": found})
    limits = listeners.concurrency(function) if function else []
    if function and limits and (run.status == RunStatus.QUEUED or it.due):
        name, facts = listeners.name_of(function), dict[str, Any]({"concurrency": limits})
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


def _holders(it: Evidence, limits: list[Limit]) -> tuple[int, list[str], str] | None:
    """Return a limit of concurrency that is reached, the runs executed under it, and of what key.

    Limits with a key state in a job which one it is; others count all jobs of the function.
    """
    found: list[tuple[Any, str]] = [
        (of.get("value") if listeners.is_limit(of := each.get("limit")) else of, "")
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
    name, text = listeners.name_of(function), f"run {run.id} may have been cancelled by "
    if listeners.singleton(function, "cancel"):
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
            facts = {"later_run": near[-1] if near else None}
            yield reason(K.SINGLETON, text + by, evidence=facts)
    if events := listeners.cancelled_by(function):
        by = f"an event {' or '.join(map(repr, events))}"
        yield reason(K.CANCEL_ON, text + by, evidence={"events": events})
    for which in ("start", "finish"):
        longest = listeners.duration(found := it.timeouts.get(name, {}).get(which))
        begun, ended = run.queued_at, run.ended_at
        if longest is not None and not (begun and ended and ended - begun < longest):
            facts = {"timeout": which, "limit": found}
            yield reason(K.TIMEOUT, f"{text}the {which} timeout of {name}, {found}", evidence=facts)
