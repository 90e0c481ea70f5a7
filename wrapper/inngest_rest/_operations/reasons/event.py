"""Why an event started no run: the evidence, and one rule per kind of reason.

A reason is certain only if the evidence proves it. No server reports that a rate limit, a debounce
or a singleton was the cause: each is possible for a function that has it, whatever lists show.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import define, field

from inngest_rest._core.expressions import holds
from inngest_rest._core.resources import apps
from inngest_rest._core.resources.event_runs import DAY
from inngest_rest._core.resources.polling import APPEARS_WITHIN
from inngest_rest._ulid import second_of_ulid
from inngest_rest.explanation import Reason, ReasonKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inngest_rest.models import Function, Page, Run, StoredEvent, Trigger

K = ReasonKind

AT_ONCE = timedelta(seconds=1)
"""A function that was read within this time of an event is the one that the event found."""

# The time within which a busy server handles events in any order, and shows their runs.
_RACE = timedelta(seconds=APPEARS_WITHIN)


@define
class Evidence:
    """What is known of an event."""

    event: StoredEvent
    now: datetime  # of the server
    received: datetime  # now if unknown
    runs: tuple[Run, ...]
    catalogue: apps.Catalogue
    same_since: datetime  # when the functions were first read as they are now
    is_of_v1: bool  # v1 listed the runs: that of a batch for one of its events only
    unchecked: list[str]
    # Other events with the same own id, oldest first, each with a run.
    twins: list[tuple[StoredEvent, Run]] = field(factory=list[Any])
    # Other runs at that time, newest first, by function name.
    others: dict[str, Page[Run] | None] = field(factory=dict[str, "Page[Run] | None"])

    @property
    def began(self) -> datetime:
        """The earliest time of receipt: a server stores an event anew while a condition fails."""
        by_id = second_of_ulid(self.event.internal_id)
        return datetime.fromtimestamp(min(self.received.timestamp(), by_id), UTC)

    @property
    def latest_start(self) -> datetime:
        """Until when a run may have started at the same time as one of the event."""
        return self.began + _RACE

    @property
    def without_run(self) -> list[apps.Listening]:
        found = self.catalogue.listeners(self.event.name)
        return [it for it in found if not any(apps.is_of(run, it[0]) for run in self.runs)]

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

    def runs_of(self, function: Function) -> tuple[Run, ...]:
        """Return the other runs of a function at that time, newest first."""
        page = self.others.get(apps.name_of(function))
        return tuple(page.items) if page else ()


def reasons(it: Evidence) -> Iterator[Reason]:
    """Yield why an event started no run of a function."""
    # The server's own events need no trigger.
    is_own = it.event.name.startswith("inngest/")
    if not (is_own or it.runs or it.catalogue.listeners(it.event.name)):
        yield from _no_trigger(it)
        yield from _cancels_runs(it)
    for function, triggers in it.without_run:
        yield from _why_no_run(it, function, triggers)


def _why_no_run(it: Evidence, function: Function, triggers: list[Trigger]) -> Iterator[Reason]:
    """Yield the reasons of one function, up to the first that is certain to exclude the event."""
    for excluding in (_condition(it, function, triggers), _duplicate_id(it, function)):
        for reason in excluding:
            yield reason
            if reason.is_certain:
                return
    for rule in (_paused, _rate_limit, _debounce, _batch, _singleton, _too_early):
        yield from rule(it, function)


def _about(
    function: Function,
    kind: ReasonKind,
    message: str,
    evidence: Mapping[str, Any],
    *,
    is_certain: bool = False,
) -> Reason:
    return Reason(
        kind=kind,
        message=message,
        is_certain=is_certain,
        app_id=function.app_id,
        function_id=function.id,
        evidence=evidence,
    )


def _cancelled_by_it(it: Evidence) -> list[Function]:
    return [each for each in it.catalogue.functions if it.event.name in apps.cancelled_by(each)]


def _no_trigger(it: Evidence) -> Iterator[Reason]:
    known = it.catalogue
    if known.gaps:
        return
    # A name with a listener is not a misspelling.
    nearest = {} if _cancelled_by_it(it) else apps.nearest(it.event.name, known.functions)
    nearby = ", ".join(f"{value!r} of {' and '.join(of)}" for value, of in nearest.items())
    text = "no function has a trigger for its name"
    text += f" (the nearest: {nearby})" if nearest else ""
    evidence = {
        "nearest": nearest,
        "apps": [app.id for app in known.apps],
        "functions": len(known.functions),
    }
    yield Reason(K.NO_TRIGGER, text, it.is_of_now, evidence=evidence)


def _cancels_runs(it: Evidence) -> Iterator[Reason]:
    for function in _cancelled_by_it(it):
        text = f"it may cancel runs of {apps.name_of(function)}"
        yield _about(function, K.CANCELS_RUNS, text, {"events": apps.cancelled_by(function)})


def _condition(it: Evidence, function: Function, triggers: list[Trigger]) -> Iterator[Reason]:
    verdicts = {holds(each.condition, it.event) for each in triggers}
    if True in verdicts:
        return
    conditions = [each.condition for each in triggers if each.condition]
    does = "is false" if verdicts == {False} else "may be false, or fail,"
    quoted = "` or `".join(conditions)
    text = f"the condition `{quoted}` of {apps.name_of(function)} {does} for it"
    is_certain = it.is_excluded(function, triggers)
    evidence = {"conditions": conditions}
    yield _about(function, K.CONDITION, text, evidence, is_certain=is_certain)


def _duplicate_id(it: Evidence, function: Function) -> Iterator[Reason]:
    started = [(other, run) for other, run in it.twins if apps.is_of(run, function)]
    if not started or apps.ignores_repeated_ids(function):
        return
    other, run = started[0]
    text = f"event {other.internal_id} with the same id {other.id!r} started run {run.id} "
    text += f"of {apps.name_of(function)}, which runs once for an id in 24 hours"
    is_earlier = other.received_at is not None and it.began - other.received_at > _RACE
    is_certain = is_earlier and it.has_changed(function) is False
    evidence = {"id": other.id, "other_event": other.internal_id, "other_run": run.id}
    yield _about(function, K.DUPLICATE_ID, text, evidence, is_certain=is_certain)


def _paused(it: Evidence, function: Function) -> Iterator[Reason]:
    del it
    if function.is_paused:
        text = f"{apps.name_of(function)} is paused"
        yield _about(function, K.PAUSED, text, {"is_paused": True})


def _rate_limit(it: Evidence, function: Function) -> Iterator[Reason]:
    found = apps.limit(function, "rateLimit")
    if not found:
        return
    limit, period, key = found.get("limit"), found.get("period"), found.get("key")
    since = it.received - (apps.duration(period) or DAY) - _RACE
    near = [
        run.id
        for run in it.runs_of(function)
        if since <= (run.queued_at or since) <= it.latest_start
    ]
    spread = " spread evenly" if limit != 1 else ""
    each = f" for each `{key}`" if key else ""
    text = f"the rate limit or idempotency of {apps.name_of(function)}, {limit} per {period}"
    text += f"{spread}{each}, may have excluded it"
    if near:
        text += f": {len(near)} of its runs{', of any key,' if key else ''} began within that "
        text += "time before it, or seconds after it"
    yield _about(function, K.RATE_LIMIT, text, {"rate_limit": found, "earlier_runs": near})


def _debounce(it: Evidence, function: Function) -> Iterator[Reason]:
    found = apps.limit(function, "debounce")
    if not found:
        return
    name = apps.name_of(function)
    text = f"{name} debounces events for {found.get('period')}: it may still wait, or have been "
    text += "replaced by a later one"
    # Of two events in one millisecond, either may be the later one.
    own, page = it.event.internal_id[:10], it.others.get(name)
    after = [run for run in it.runs_of(function) if run.event_ids and run.event_ids[0][:10] >= own]
    later_event = later_run = None
    if after and page and page.next_cursor is None:
        later_event, later_run = after[-1].event_ids[0], after[-1].id
        text += f", such as {later_event}, which started run {later_run}"
    evidence = {"debounce": found, "later_event": later_event, "later_run": later_run}
    yield _about(function, K.DEBOUNCE, text, evidence)


def _batch(it: Evidence, function: Function) -> Iterator[Reason]:
    found, name = apps.limit(function, *apps.BATCH), apps.name_of(function)
    if not found:
        return
    longest = apps.duration(found.get("timeout"))
    if longest is None or it.now - it.received < longest + _RACE:
        text = f"{name} collects {found.get('maxSize')} events or for {found.get('timeout')}, "
        text += "and its batch may not be full yet"
        yield _about(function, K.BATCH, text, {"batch": found})
    elif it.is_of_v1:
        text = f"{name} may have run for a batch that contains it, which v1 lists under one "
        text += "event of the batch alone"
        yield _about(function, K.BATCH, text, {"batch": found})


def _singleton(it: Evidence, function: Function) -> Iterator[Reason]:
    # One that cancels skips, too, if another event is quicker.
    found, until = apps.limit(function, "singleton"), it.latest_start
    if not found:
        return
    began = [run for run in it.runs_of(function) if (run.queued_at or until) <= until]
    other_run = next((run.id for run in began if (run.ended_at or it.now) >= it.received), None)
    text = f"{apps.name_of(function)} is a singleton and may have skipped it"
    text += f", as run {other_run} had not ended" if other_run else ""
    yield _about(function, K.SINGLETON, text, {"singleton": found, "other_run": other_run})


def _too_early(it: Evidence, function: Function) -> Iterator[Reason]:
    seconds = max((it.now - it.began).total_seconds(), 0.0)
    if seconds < 2 * APPEARS_WITHIN:
        text = f"a run of {apps.name_of(function)} may soon appear, as it was received only "
        yield _about(function, K.TOO_EARLY, f"{text}{seconds:.1f} s ago", {"seconds": seconds})
