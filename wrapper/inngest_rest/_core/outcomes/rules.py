"""The rules by which evidence allows a reason: why there is no run, or why one has not completed.

A rule is certain only if the evidence proves its reason: no server shows that a rate limit, a
debounce or a singleton was the cause. No I/O.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from inngest_rest._core.outcomes.evidence import EventEvidence, OtherRuns, is_later
from inngest_rest._core.outcomes.listeners import (
    BATCH,
    cancelled_by,
    concurrency,
    duration,
    is_of,
    limit,
    name_of,
    nearest,
    singleton,
    starts,
)
from inngest_rest._core.resources.wait import APPEARS_WITHIN
from inngest_rest.explanation import Reason, ReasonKind
from inngest_rest.models import Function, Run, RunStatus, Trigger

K = ReasonKind
PROVEN = True

# What the server shows that allows a reason, by name; a name with `_` is for the text alone.
Facts = Mapping[str, Any] | None

_SLACK = timedelta(seconds=APPEARS_WITHIN)

# Events that the server makes itself; no trigger need match them.
_OF_THE_SERVER = "inngest/"


@frozen
class _Subject:
    """What a reason is about: the event, or a function, with its triggers if it has no run."""

    evidence: EventEvidence
    function: Function | None = None
    triggers: Sequence[Trigger] = ()

    @property
    def ids(self) -> tuple[str | None, str | None, str | None]:
        if self.function is None:
            return None, None, None
        return self.function.app_id, self.function.id, None

    @property
    def name(self) -> str:
        return name_of(self.function) if self.function else ""

    @property
    def others(self) -> OtherRuns | None:
        return self.evidence.others.get(self.name)

    @property
    def age(self) -> timedelta:
        return max(self.evidence.now - self.evidence.received, timedelta(0))

    def is_within(self, period: object) -> bool:
        longest = duration(period)
        return longest is None or self.age < longest + _SLACK


@frozen
class _OfRun(_Subject):
    """A run that has not ended or was cancelled; its function is None if it was removed."""

    run: Run = field(kw_only=True)

    @property
    def ids(self) -> tuple[str | None, str | None, str | None]:
        return self.run.app_id, self.run.function_id, self.run.id


S = TypeVar("S", bound=_Subject)


@frozen
class Rule(Generic[S]):
    """When the evidence allows a reason, and how it reads.

    Attributes:
        kind: The kind of the reason.
        applies: Returns the facts that allow the reason; None if it is not allowed.
        text: The reason as a clause, a template of its facts and the parts of them, of `name`, the
            function, and of `run`.
        is_certain: Whether the evidence proves it; then no later rule is asked.
    """

    kind: ReasonKind
    applies: Callable[[S], Facts]
    text: str
    is_certain: bool = False


def reasons(evidence: EventEvidence) -> list[Reason]:
    """Return each reason that the evidence allows."""
    found = [*_allowed([_UNHEARD], _Subject(evidence))]
    for function in evidence.catalogue.functions:
        found += _allowed([_CANCELLING], _Subject(evidence, function))
    for function, triggers in evidence.without_run:
        found += _allowed(_NO_RUN, _Subject(evidence, function, triggers))
    for run in evidence.runs:
        own = next((it for it in evidence.catalogue.functions if is_of(run, it)), None)
        if run.status == RunStatus.CANCELLED:
            found += _allowed(_CANCELLED, _OfRun(evidence, own, run=run))
        elif not run.is_ended:
            found += _allowed(_UNFINISHED, _OfRun(evidence, own, run=run))
    return found


def _allowed(rules: Sequence[Rule[S]], subject: S) -> Iterator[Reason]:
    for rule in rules:
        facts = rule.applies(subject)
        if facts is None:
            continue
        words = defaultdict[str, Any](str)
        parts: list[Mapping[str, Any]] = [it for it in facts.values() if isinstance(it, Mapping)]
        for part in (*parts, facts, {"name": subject.name, "run": subject.ids[2]}):
            words.update(part)
        shown = {name: fact for name, fact in facts.items() if not name.startswith("_")}
        text = rule.text.format_map(words)
        yield Reason(rule.kind, text, rule.is_certain, *subject.ids, shown)
        if rule.is_certain:
            return


def _no_trigger(it: _Subject) -> Facts:
    name, known = it.evidence.event.name, it.evidence.catalogue
    if not _is_unheard(it.evidence) or known.gaps:
        return None
    # The name is no misspelling of another if a function knows it.
    is_known = any(name in cancelled_by(each) for each in known.functions)
    close = {} if is_known else nearest(name, known.functions)
    nearby = ", ".join(f"{value!r} of {' and '.join(names)}" for value, names in close.items())
    return {
        "nearest": close,
        "apps": [app.id for app in known.apps],
        "functions": len(known.functions),
        "_nearby": f" (the nearest: {nearby})" if nearby else "",
    }


def _cancels_runs(it: _Subject) -> Facts:
    is_one = it.evidence.event.name in cancelled_by(it.function) and _is_unheard(it.evidence)
    return {"events": cancelled_by(it.function)} if is_one else None


def _is_unheard(evidence: EventEvidence) -> bool:
    is_own = evidence.event.name.startswith(_OF_THE_SERVER)
    return not (evidence.listeners or evidence.runs or is_own)


def _condition(it: _Subject, *, is_false: bool) -> Facts:
    verdicts = {starts(each, it.evidence.event) for each in it.triggers}
    conditions = [each.condition for each in it.triggers if each.condition]
    if True in verdicts or (is_false and None in verdicts):
        return None
    return {"conditions": conditions, "_all": "` or `".join(conditions)}


def _duplicate(it: _Subject, *, ran: bool) -> Facts:
    found = it.evidence.duplicate
    if found is None:
        return None
    facts = {"id": found.event.id, "other_event": found.event.internal_id}
    own = [run.id for run in found.runs if it.function and is_of(run, it.function)]
    return facts if not ran else {**facts, "other_run": own[0]} if own else None


def _paused(it: _Subject) -> Facts:
    return {"is_paused": True} if it.function and it.function.is_paused else None


def _rate_limit(it: _Subject) -> Facts:
    found, others = limit(it.function, "rateLimit"), it.others
    if found is None:
        return None
    period, most = duration(found.get("period")), found.get("limit")
    if others is None or period is None or not isinstance(most, int):
        return {"rate_limit": found}
    first = it.evidence.received - period - timedelta(seconds=1)
    last = it.evidence.received + _SLACK
    earlier = [run.id for run in others.runs if run.queued_at and first <= run.queued_at <= last]
    # A limit of n excludes no event before n runs within its period, whatever its key.
    if len(earlier) < most and others.is_all:
        return None
    runs = "was 1 run" if len(earlier) == 1 else f"were {len(earlier)} runs"
    also = ", or its idempotency" if most == 1 and period == timedelta(days=1) else ""
    text = f": there {runs} within that time before{also}"
    return {"rate_limit": found, "earlier_runs": earlier, "_earlier": text}


def _replaced(it: _Subject) -> Facts:
    found, own = limit(it.function, "debounce"), it.evidence.event.internal_id
    for run in reversed(it.others.runs if found and it.others else ()):
        if run.event_ids and is_later(run.event_ids[0], than=own):
            return {"debounce": found, "later_event": run.event_ids[0], "later_run": run.id}
    return None


def _debounced(it: _Subject) -> Facts:
    found, later = limit(it.function, "debounce"), it.evidence.later
    if found is None or _replaced(it) or not (later or it.is_within(found.get("period"))):
        return None
    such = f", such as {later}" if later else ""
    return {"debounce": found, "later_event": later, "_such": such}


def _batch(it: _Subject, *, is_full: bool) -> Facts:
    found = limit(it.function, *BATCH)
    if found is None or it.is_within(found.get("timeout")) is is_full:
        return None
    return {"batch": found} if it.evidence.is_of_v1 or not is_full else None


def _skipped(it: _Subject) -> Facts:
    found, received = singleton(it.function, "skip"), it.evidence.received
    if found is None:
        return None
    for run in it.others.runs if it.others else ():
        is_earlier = run.queued_at and run.queued_at <= received + _SLACK
        if is_earlier and (run.ended_at is None or run.ended_at >= received):
            why = f", as run {run.id} had not ended"
            return {"singleton": found, "other_run": run.id, "_as": why}
    return None if it.others and it.others.is_all else {"singleton": found}


def _too_early(it: _Subject) -> Facts:
    return {"seconds": it.age.total_seconds()} if it.age < _SLACK else None


def _scheduled(it: _OfRun) -> Facts:
    ts = it.evidence.event.ts
    is_later = ts is not None and ts > it.evidence.now.timestamp() * 1_000
    if ts is None or not is_later or it.run.status != RunStatus.QUEUED:
        return None
    try:
        time = f"{datetime.fromtimestamp(ts / 1_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError):
        time = f"{ts} ms after 1970"
    return {"ts": ts, "_time": time}


def _throttle(it: _OfRun) -> Facts:
    found = limit(it.function, "throttle")
    return {"throttle": found} if found and it.run.status == RunStatus.QUEUED else None


def _concurrency(it: _OfRun) -> Facts:
    found = concurrency(it.function)
    return {"concurrency": found} if found and it.run.status == RunStatus.QUEUED else None


def _app_unreachable(it: _OfRun) -> Facts:
    for app in it.evidence.catalogue.apps:
        if app.id == it.run.app_id and app.sync_error:
            return {"sync_error": app.sync_error, "url": app.url, "_app": app.id}
    return None


def _function_removed(it: _OfRun) -> Facts:
    known, function = it.evidence.catalogue, it.run.function_id
    if it.function or function is None or known.gaps:
        return None
    left = [each.id for each in known.functions if each.app_id == it.run.app_id]
    return {"functions": left, "_function": function}


def _cancelled_by_singleton(it: _OfRun) -> Facts:
    if singleton(it.function, "cancel") is None:
        return None
    ended = it.run.ended_at
    for run in reversed(it.others.runs if it.others else ()):
        is_near = run.queued_at and (ended is None or abs(run.queued_at - ended) < _SLACK)
        if is_near and run.id > it.run.id:
            return {"later_run": run.id, "_by": f", {run.id}"}
    return None if it.others else {"later_run": None}


def _cancelled_by_event(it: _OfRun) -> Facts:
    events = cancelled_by(it.function)
    return {"events": events, "_any": " or ".join(map(repr, events))} if events else None


def _timed_out(it: _OfRun, which: str) -> Facts:
    found = it.evidence.timeouts.get(it.name, {}).get(which)
    longest = duration(found)
    begun, ended = it.run.queued_at, it.run.ended_at
    if longest is None or (begun and ended and ended - begun < longest):
        return None
    return {"timeout": which, "limit": found}


_UNHEARD = Rule(
    K.NO_TRIGGER, _no_trigger, "no function has a trigger for its name{_nearby}", PROVEN
)
_CANCELLING = Rule(
    K.CANCELS_RUNS, _cancels_runs, "it cancels runs of {name}, and starts none", PROVEN
)
_NO_RUN = (
    Rule(
        K.CONDITION,
        partial(_condition, is_false=True),
        "the condition `{_all}` of {name} is false for it",
        PROVEN,
    ),
    Rule(
        K.DUPLICATE_ID,
        partial(_duplicate, ran=True),
        "event {other_event} with the same id {id!r} started run {other_run} of {name}, which runs "
        "once for an id within 24 hours",
        PROVEN,
    ),
    Rule(
        K.DUPLICATE_ID,
        partial(_duplicate, ran=False),
        "{name} may have taken it for event {other_event} with the same id {id!r}, of which it has "
        "no run either",
    ),
    Rule(
        K.CONDITION,
        partial(_condition, is_false=False),
        "the condition `{_all}` of {name} may be false for it or fail: servers do not show how "
        "they evaluate it",
    ),
    Rule(K.PAUSED, _paused, "{name} is paused"),
    Rule(
        K.RATE_LIMIT,
        _rate_limit,
        "the rate limit of {name} ({limit} per {period}) may have excluded it{_earlier}",
    ),
    Rule(
        K.DEBOUNCE,
        _replaced,
        "{name} debounces events for {period}, and the later event {later_event}, which started "
        "run {later_run}, may have replaced it",
    ),
    Rule(
        K.DEBOUNCE,
        _debounced,
        "{name} debounces events for {period} and may wait for later ones{_such}",
    ),
    Rule(
        K.BATCH,
        partial(_batch, is_full=False),
        "{name} collects {maxSize} events or for {timeout}, and its batch may not be full yet",
    ),
    Rule(
        K.BATCH,
        partial(_batch, is_full=True),
        "{name} may have run for a batch that contains it, which v1 lists under one event of the "
        "batch alone",
    ),
    Rule(K.SINGLETON, _skipped, "{name} is a singleton and may have skipped it{_as}"),
    Rule(
        K.TOO_EARLY,
        _too_early,
        "a run of {name} may be about to appear, as it was received only {seconds:.1f} s ago",
    ),
)
_UNFINISHED = (
    Rule(K.SCHEDULED, _scheduled, "run {run} waits for the time of the event, {_time}", PROVEN),
    Rule(
        K.THROTTLE, _throttle, "run {run} may wait for the throttle of {name}, {limit} per {period}"
    ),
    Rule(
        K.CONCURRENCY,
        _concurrency,
        "run {run} may wait for its turn, as the concurrency of {name} is limited",
    ),
    Rule(
        K.APP_UNREACHABLE,
        _app_unreachable,
        "run {run} may wait for another attempt, as app {_app} is {sync_error}",
    ),
    Rule(
        K.FUNCTION_REMOVED,
        _function_removed,
        "run {run} may never start, as its app no longer has the function {_function}",
    ),
)
_CANCELLED = (
    Rule(
        K.SINGLETON,
        _cancelled_by_singleton,
        "run {run} may have been cancelled by a later run of the singleton {name}{_by}",
    ),
    Rule(K.CANCEL_ON, _cancelled_by_event, "run {run} may have been cancelled by an event {_any}"),
    *(
        Rule(
            K.TIMEOUT,
            partial(_timed_out, which=which),
            "run {run} may have been cancelled by the {timeout} timeout of {name}, {limit}",
        )
        for which in ("start", "finish")
    ),
)
