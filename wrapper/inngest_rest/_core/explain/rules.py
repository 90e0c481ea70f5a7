"""Evidence about an event, and the rules for the reasons it supports. No I/O.

A reason is certain only if the evidence proves it: no server reports that a rate limit, a debounce
or a singleton was the cause.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import define, field

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
from inngest_rest._core.resources.wait import APPEARS_WITHIN
from inngest_rest.explanation import Reason, ReasonKind
from inngest_rest.models import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest._core.explain.listeners import Catalogue, Limit, Listening
    from inngest_rest.models import Function, Page, Run, StoredEvent, Trigger

K = ReasonKind

_SLACK = timedelta(seconds=APPEARS_WITHIN)

# The latest time that a datetime can hold.
_LAST_MS = datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1_000


@define
class Evidence:
    """The evidence about an event.

    Attributes:
        now: The server's time.
        received: The time the event was received; now if unknown.
        listeners: The functions triggered by the event, with the matching triggers.
        is_of_v1: Whether v1 listed the runs; it lists a batch's run for one of its events only.
        duplicate: Another event with the same own id, and its runs.
        later: The id of a later event of the same name.
        others: Other runs at that time, newest first, by function name.
    """

    now: datetime
    received: datetime
    event: StoredEvent
    runs: tuple[Run, ...]
    catalogue: Catalogue
    listeners: list[Listening]
    is_of_v1: bool
    unchecked: list[str]
    duplicate: tuple[StoredEvent, tuple[Run, ...]] | None = None
    later: str | None = None
    others: dict[str, Page[Run]] = field(factory=dict[str, "Page[Run]"])
    timeouts: dict[str, Limit] = field(factory=dict[str, "Limit"])

    @property
    def without_run(self) -> list[Listening]:
        """The listeners without a run of the event."""
        return [it for it in self.listeners if not any(is_of(run, it[0]) for run in self.runs)]

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
        yield Reason(K.NO_TRIGGER, text, is_certain=True, evidence=facts)
    for each in cancelling:
        text, events = f"it cancels runs of {name_of(each)}, and starts none", cancelled_by(each)
        ids = each.app_id, each.id, None
        yield Reason(K.CANCELS_RUNS, text, True, *ids, {"events": events})


def _why_no_run(it: Evidence, function: Function, triggers: list[Trigger]) -> Iterator[Reason]:
    reason = partial(Reason, app_id=function.app_id, function_id=function.id)
    name = name_of(function)
    facts: dict[str, Any]
    others = it.others.get(name)
    runs, is_all = (others.items, others.next_cursor is None) if others else ((), False)

    verdicts = {holds(each.condition, it.event) for each in triggers}
    conditions = [each.condition for each in triggers if each.condition]
    condition = f"the condition `{'` or `'.join(conditions)}` of {name}"
    if verdicts == {False}:
        text, facts = f"{condition} is false for it", {"conditions": conditions}
        yield reason(K.CONDITION, text, is_certain=True, evidence=facts)
        return
    if it.duplicate:
        other, runs_of_other = it.duplicate
        same = f"event {other.internal_id} with the same id {other.id!r}"
        facts = {"id": other.id, "other_event": other.internal_id}
        if ran := [run.id for run in runs_of_other if is_of(run, function)]:
            text = f"{same} started run {ran[0]} of {name}, which runs once for an id in 24 hours"
            facts["other_run"] = ran[0]
            yield reason(K.DUPLICATE_ID, text, is_certain=True, evidence=facts)
            return
        text = f"{name} may have taken it for {same}, of which it has no run either"
        yield reason(K.DUPLICATE_ID, text, evidence=facts)
    if True not in verdicts:
        text = f"{condition} may be false for it or fail: servers do not show how they evaluate it"
        yield reason(K.CONDITION, text, evidence={"conditions": conditions})
    if function.is_paused:
        yield reason(K.PAUSED, f"{name} is paused", evidence={"is_paused": True})
    if found := limit(function, "rateLimit"):
        most, period = found.get("limit"), duration(found.get("period"))
        since = it.received - (period or timedelta(days=1)) - timedelta(seconds=1)
        until = it.received + _SLACK
        earlier = [run.id for run in runs if run.queued_at and since <= run.queued_at <= until]
        # A limit of n skips no event before n runs within its period, whatever the key.
        if not (is_all and period and isinstance(most, int) and len(earlier) < most):
            text = f"the rate limit or idempotency of {name}, {most} per {found.get('period')}, "
            text += "may have excluded it"
            if earlier:
                text += f": {len(earlier)} of its runs began within that time before it"
            facts = {"rate_limit": found, "earlier_runs": earlier}
            yield reason(K.RATE_LIMIT, text, evidence=facts)
    if found := limit(function, "debounce"):
        text = f"{name} debounces events for {found.get('period')}, and "
        own = it.event.internal_id
        after = [run for run in runs if run.event_ids and is_later(run.event_ids[0], than=own)]
        if after:
            (later, *_), run_id = after[-1].event_ids, after[-1].id
            text += f"the later event {later}, which started run {run_id}, may have replaced it"
            facts = {"debounce": found, "later_event": later, "later_run": run_id}
            yield reason(K.DEBOUNCE, text, evidence=facts)
        elif it.later or it.is_within(found.get("period")):
            text += "may wait for later ones" + (f", such as {it.later}" if it.later else "")
            facts = {"debounce": found, "later_event": it.later}
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
    if found := singleton(function, "skip"):
        going = [
            run.id
            for run in runs
            if run.queued_at
            and run.queued_at <= it.received + _SLACK
            and (run.ended_at is None or run.ended_at >= it.received)
        ]
        if going or not is_all:
            text = f"{name} is a singleton and may have skipped it"
            facts = {"singleton": found}
            if going:
                text += f", as run {going[0]} had not ended"
                facts["other_run"] = going[0]
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
            and (run.ended_at is None or abs(each.queued_at - run.ended_at) < _SLACK)
        ]
        if near or others is None:
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
