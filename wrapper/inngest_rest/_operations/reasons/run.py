"""Why a run is as it is: the evidence, and one rule per kind of reason.

A reason is certain only if the evidence proves it. The queue, the trace and the event of a run
state what is certain; why a run that is due is not executed, or was cancelled, is told by the same
rules for a run and for those of an event.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from inngest_rest._core.resources import apps, trace
from inngest_rest._core.resources.events import INVOKED
from inngest_rest._ulid import is_ulid
from inngest_rest._visible import and_more
from inngest_rest.explanation import Reason, ReasonKind
from inngest_rest.models import (
    Function,
    Job,
    Page,
    Run,
    RunError,
    RunStatus,
    Span,
    StoredEvent,
    run_error,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

K = ReasonKind

# Without a job and without any change for so long, a run is lost: between two steps, a server needs
# a fraction of a second.
_LOST_AFTER = timedelta(seconds=30)

# From the end of a run that another one cancelled: v2 lists state it 10 s too late.
_NEAR = timedelta(seconds=15)

# The latest time that a datetime can hold.
_LAST_MS = datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1_000


@frozen
class _Wait:
    """How a step waits: its reason, and the words for it."""

    kind: ReasonKind
    does: str
    did: str


_WAITS = {
    "wait_for_event": _Wait(K.WAITS_FOR_EVENT, "waits for an event", "waited for an event"),
    "wait_for_signal": _Wait(K.WAITS_FOR_SIGNAL, "waits for a signal", "waited for a signal"),
    "invoke": _Wait(K.WAITS_FOR_FUNCTION, "waits for a function", "waited for a function"),
    "sleep": _Wait(K.SLEEPS, "sleeps", "slept"),
}


@frozen(kw_only=True)
class Failure:
    """A failed attempt at a step, or at the code of the function."""

    step: Span  # what it is an attempt at; not a step of the function, if it has no id
    attempt: Span | None  # None for the only one at its step
    after: str | None  # the last step that had ended before
    is_latest: bool  # no step has ended since

    @property
    def number(self) -> int | None:
        """Its number, from 1, if it is known."""
        return int(self.attempt.name.split()[1]) + 1 if self.attempt else None

    @property
    def error(self) -> RunError | None:
        return _error(self.attempt or self.step)

    def __str__(self) -> str:
        step = f"step {self.step.name!r}" if self.step.step_id else ""
        after = f" after step {self.after!r}" if self.after else ""
        if self.number is None:
            return step or f"its code{after}"
        return f"attempt {self.number}" + (f" at {step}" if step else after)


@define
class RunEvidence:
    """What is known of a run."""

    run: Run
    now: datetime  # of the server, when the queue was read
    unchecked: list[str]
    jobs: list[Job] = field(factory=list[Job])  # in the queue
    steps: tuple[Span, ...] = ()
    event: StoredEvent | None = None
    same_event: tuple[Run, ...] = ()  # the runs of its event, as v1 lists them
    # The runs of the functions that it invoked and waits for, by event.
    invoked: dict[str, tuple[Run, ...]] = field(factory=dict[str, "tuple[Run, ...]"])
    catalogue: apps.Catalogue | None = None
    function: Function | None = None  # as it is now
    others: Page[Run] | None = None  # of its function, newest first
    timeouts: apps.Limit = field(factory=dict[str, Any])
    executing: list[tuple[str, Job]] = field(factory=list[Any])  # by other runs of its function
    is_traced: bool = False  # the trace was read: it has these steps, and no other
    # For how long nothing has happened to it, if the queue has repeatedly had no job for it.
    idle: timedelta | None = None

    @property
    def is_lost(self) -> bool:
        """Whether it certainly does not go on."""
        return self.idle is not None and self.idle >= _LOST_AFTER

    @property
    def due(self) -> list[Job]:
        """The jobs that could be executed now, and are not."""
        past = (it for it in self.jobs if it.kind != "pause" and it.at and it.at <= self.now)
        return [job for job in past if not self.executes(job)]

    def executes(self, job: Job) -> bool:
        """Return whether a job is being executed: the server renews its lease meanwhile."""
        return job.leased_until is not None and job.leased_until > self.now

    def max_attempts(self, job: Job) -> int | None:
        """Return how often a job is tried at most; a first one, as its function is now."""
        retries = apps.limit(self.function, "retries") if self.function else None
        if job.kind != "start" or retries is None:
            return job.max_attempts
        most: int = retries.get("value") or 0  # proto3 omits 0
        return most + 1 if (job.attempt or 0) <= most else None

    @property
    def last_failure(self) -> Failure | None:
        """The last failed attempt.

        It may be of no step: servers do not name the one that the official SDK for Python tries
        again (recording v2-trace-step-waits).
        """
        found = [
            (attempt.ended_at or self.now, step, attempt)
            for step in self.steps
            for attempt in _attempts_at(step) or [step]
            if attempt.status == "failed"
        ]
        if not found:
            return None
        ended, step, attempt = max(found, key=lambda it: it[0])
        ends = sorted((it.ended_at, it.name) for it in self.steps if it.step_id and it.ended_at)
        before = [name for end, name in ends if end <= (attempt.started_at or ended)]
        return Failure(
            step=step,
            attempt=None if attempt is step else attempt,
            after=before[-1] if before else None,
            is_latest=all(end <= ended for end, _ in ends),
        )

    @property
    def failed_step(self) -> Span | None:
        """The step whose error became that of the run; None if the server names none."""
        failed = [it for it in self.steps if it.step_id and it.status == "failed"]
        same = [it for it in failed if _is_same(_error(it), self.run.error)]
        return max(same, key=lambda it: it.ended_at or self.now, default=None)

    def reason(
        self,
        kind: ReasonKind,
        message: str,
        evidence: Mapping[str, Any],
        *,
        is_certain: bool = True,
    ) -> Reason:
        """Return a reason about the run."""
        return Reason(
            kind=kind,
            message=message,
            is_certain=is_certain,
            app_id=self.run.app_id,
            function_id=self.run.function_id,
            run_id=self.run.id,
            evidence=evidence,
        )


def reasons_of_run(it: RunEvidence) -> Iterator[Reason]:
    """Yield what a run waits for, in which attempt it is, how it ended, and what holds it back."""
    yield from _lost(it)
    if not it.is_lost:
        yield from _waits(it)
        yield from _waits_without_job(it)
        yield from _attempts(it)
    yield from _failed(it)
    yield from _cancelled(it)
    yield from _invoked_by(it)
    yield from _replays(it)
    if not it.is_lost:
        yield from held_back(it, "it")


def _lost(it: RunEvidence) -> Iterator[Reason]:
    if it.idle is None:
        return
    text = (
        "it may be lost, as the queue has no job for it: if that is still so in half a minute, it "
        "will not go on; cancel it then and replay it"
    )
    if it.is_lost:
        text = (
            "it is lost: the queue has no job for it, as after a server that kept its queue in "
            "memory was killed. It will not go on; cancel it and replay it"
        )
    evidence = {"idle_s": round(it.idle.total_seconds(), 3)}
    yield it.reason(K.LOST, text, evidence, is_certain=it.is_lost)


def _waits(it: RunEvidence) -> Iterator[Reason]:
    """Yield what each job in the queue waits for, and until when."""
    names = {step.step_id: step.name for step in it.steps}
    for job in it.jobs:
        what = job.event or job.signal or job.function
        if not what and (job.kind != "sleep" or job in it.due):
            continue
        op = "wait_for_event" if job.event else "wait_for_signal" if job.signal else "invoke"
        wait = _WAITS[op if what else "sleep"]
        invoked = it.invoked.get(job.event_id or "", ())
        name = job.step or (job.step_id and names.get(job.step_id))
        text = f"{f'step {name!r}' if name else 'it'} {wait.does}" + (f" {what!r}" if what else "")
        text += f" that matches `{job.condition}`" if job.condition else ""
        text += "".join(f", whose run {run.id} is {run.status}" for run in invoked)
        text += f"{',' if what else ''} until {_time(job.at)}"
        evidence = {
            "for": what,
            "condition": job.condition,
            "until": job.at,
            "runs": [run.id for run in invoked],
        }
        yield it.reason(wait.kind, text, evidence)


def _waits_without_job(it: RunEvidence) -> Iterator[Reason]:
    """Yield the steps that wait and whose job does not say so, as those of Inngest Cloud."""
    if it.run.is_ended or it.idle is not None:
        return
    in_queue = {job.step_id for job in it.jobs}
    for step in it.steps:
        wait = _WAITS.get(step.step_op or "")
        if wait and not step.ended_at and step.step_id not in in_queue:
            text = f"step {step.name!r} {wait.does}, and the server does not say for what or how "
            yield it.reason(wait.kind, f"{text}long", {"step_id": step.step_id})


def _attempts(it: RunEvidence) -> Iterator[Reason]:
    """Yield which attempt is executed, due, or next."""
    for job in it.jobs:
        if job.kind != "pause" and (job.kind != "sleep" or job in it.due):
            yield from _attempt(it, job)


def _attempt(it: RunEvidence, job: Job) -> Iterator[Reason]:
    number, most, at = (job.attempt or 0) + 1, it.max_attempts(job), _time(job.at)
    evidence = {"attempt": number, "max_attempts": most, "at": job.at, "position": job.position}
    text = f"attempt {number}" + (f" of {most}" if most else "")
    text += " (as its function is now)" if most and job.max_attempts is None else ""
    if it.executes(job):
        yield it.reason(K.EXECUTING, f"{text} is being executed", evidence)
    elif job in it.due:
        who = text if job.attempt else "it"
        behind = f", behind {job.position} of its function's jobs" if job.position else ""
        text = f"{who} has been due since {at}{behind}{_failed_before(it, job)}"
        yield it.reason(K.QUEUED, text, evidence)
    elif job.attempt:
        yield it.reason(K.RETRIES, f"{text} is due at {at}{_failed_before(it, job)}", evidence)
    elif it.run.status != RunStatus.QUEUED:
        yield it.reason(K.QUEUED, f"its next job is due at {at}", evidence)


def _failed_before(it: RunEvidence, job: Job) -> str:
    """Return the failure that led to this attempt, in words; empty if it may be of another."""
    last, retried = it.last_failure, [each for each in it.jobs if each.attempt]
    # Of several, the trace does not say which failure is whose.
    if last is None or not last.is_latest or retried != [job] or last.number != job.attempt:
        return ""
    return f", as {last} failed with {_line(last.error)}"


def _failed(it: RunEvidence) -> Iterator[Reason]:
    """Yield with which error it failed, where, and after how many attempts."""
    if it.run.status != RunStatus.FAILED:
        return
    step, last, error = it.failed_step, it.last_failure, _line(it.run.error)
    is_its_own = last is not None and _is_same(last.error, it.run.error)
    attempts, place = None, ""
    if step is not None:
        place = f" in step {step.name!r}"
        # What waits or invokes is tried once, as far as a function knows.
        attempts = len(_attempts_at(step)) or 1 if step.step_op in {"run", None} else None
    elif last is not None and is_its_own:
        attempts, place = last.number, f" past step {last.after!r}" if last.after else ""
    count = f", after {attempts} attempt{'s' if attempts > 1 else ''}" if attempts else ""
    evidence = {"error": error, "step": step and step.name, "attempts": attempts}
    yield it.reason(K.FAILED, f"it failed with {error}{place}{count}", evidence)
    if last is not None and step is None and not is_its_own:
        # A step that failed may have been caught.
        evidence = {"attempt": last.number, "error": _line(last.error)}
        yield it.reason(K.ATTEMPT_FAILED, f"{last} failed with {_line(last.error)}", evidence)


def _cancelled(it: RunEvidence) -> Iterator[Reason]:
    """Yield where a run was when it was cancelled."""
    if it.run.status != RunStatus.CANCELLED or not (it.steps or it.is_traced):
        return
    steps = [step for step in it.steps if step.step_id]
    open_steps = [step for step in steps if not step.ended_at or step.status == "cancelled"]
    ended = [(step.ended_at, step.name) for step in steps if step.ended_at]
    last = max(ended)[1] if ended else None
    text = f"past step {last!r}" if last else "before any of its steps had ended"
    if open_steps:
        text = f"while {and_more([_was_doing(step) for step in open_steps])}"
    evidence = {"steps": [step.name for step in open_steps], "after": last}
    yield it.reason(K.CANCELLED, f"it was cancelled {text}", evidence)


def _was_doing(step: Span) -> str:
    wait = _WAITS.get(step.step_op or "")
    return f"step {step.name!r} {wait.did if wait else 'was executed'}"


def _invoked_by(it: RunEvidence) -> Iterator[Reason]:
    # Nobody else can send an event of this name (recording v1-event-invoked).
    event = it.event
    match event.data if event and event.name == INVOKED else None:
        case {"_inngest": {"correlation_id": str(id), "name": str(step)}} if is_ulid(id[:26]):
            text = f"step {step!r} of run {id[:26]} invoked it"
            yield it.reason(K.INVOKED_BY, text, {"run": id[:26], "step": step})
        case _:
            pass


def _replays(it: RunEvidence) -> Iterator[Reason]:
    """Yield which run it replays, and which replay it."""
    same = {run.id: run for run in it.same_event}
    if first := same.pop(it.run.id, it.run).original_run_id:
        yield it.reason(K.REPLAYS, f"it replays run {first}", {"run": first})
    # Of a chain, each names the first one.
    if ids := sorted(id for id, run in same.items() if run.original_run_id == (first or it.run.id)):
        by = and_more([f"run {id}, which is {same[id].status}" for id in ids])
        text = f"{f'run {first}' if first else 'it'} was replayed by {by}"
        yield it.reason(K.REPLAYED, text, {"runs": ids})


def held_back(it: RunEvidence, its: str) -> Iterator[Reason]:
    """Yield why a run may wait, or was cancelled, as its function is now."""
    if it.function and it.run.status == RunStatus.CANCELLED:
        by = f"{its} may have been cancelled by"
        yield from _cancelled_by_singleton(it, it.function, by)
        yield from _cancelled_by_event(it, it.function, by)
        yield from _cancelled_by_timeout(it, it.function, by)
    if it.catalogue is None or it.run.is_ended:
        return
    if scheduled := [*_scheduled(it, its)]:
        yield from scheduled
        return
    yield from _app_unreachable(it, it.catalogue, its)
    if it.function is None:
        yield from _function_removed(it, it.catalogue, its)
    else:
        yield from _throttled(it, it.function, its)
        yield from _waits_for_its_turn(it, it.function, its)


def _scheduled(it: RunEvidence, its: str) -> Iterator[Reason]:
    ts = it.event.ts if it.event and it.run.status == RunStatus.QUEUED else None
    if ts is not None and ts > it.now.timestamp() * 1_000 and not it.due:
        time = datetime.fromtimestamp(min(ts, _LAST_MS) / 1_000, UTC)
        text = f"{its} waits for the time of the event, {_time(time)}"
        yield it.reason(K.SCHEDULED, text, {"ts": ts})


def _app_unreachable(it: RunEvidence, known: apps.Catalogue, its: str) -> Iterator[Reason]:
    for app in known.apps:
        if app.id == it.run.app_id and app.sync_error:
            text = f"{its} may wait for another attempt, as app {app.id} is {app.sync_error}"
            evidence = {"sync_error": app.sync_error, "url": app.url}
            yield it.reason(K.APP_UNREACHABLE, text, evidence, is_certain=False)


def _function_removed(it: RunEvidence, known: apps.Catalogue, its: str) -> Iterator[Reason]:
    run = it.run
    if run.function_id is not None and not known.gaps:
        text = f"{its} may never start, as its app has no function {run.function_id} any more"
        left = [each.id for each in known.functions if each.app_id == run.app_id]
        yield it.reason(K.FUNCTION_REMOVED, text, {"functions": left}, is_certain=False)


def _throttled(it: RunEvidence, function: Function, its: str) -> Iterator[Reason]:
    found = apps.limit(function, "throttle")
    if found and it.run.status == RunStatus.QUEUED:
        text = f"{its} may wait for its throttle, {found.get('limit')} per {found.get('period')}"
        yield it.reason(K.THROTTLE, text, {"throttle": found}, is_certain=False)


def _waits_for_its_turn(it: RunEvidence, function: Function, its: str) -> Iterator[Reason]:
    name, limits = apps.name_of(function), apps.concurrency(function)
    if not (limits and (it.run.status == RunStatus.QUEUED or it.due)):
        return
    text = f"{its} may wait for its turn, as the concurrency of {name} is limited"
    holders: list[str] = []
    # A job states which limits with a key it is under; others count all jobs of the function.
    applied = [(each["limit"], "") for each in limits if not each.get("key")]
    applied += [(most, key) for job in it.due[:1] for key, most in job.concurrency_keys.items()]
    for most, key in applied:
        ids = [id for id, job in it.executing if not key or key in job.concurrency_keys]
        if most and len(ids) >= most:
            holders = list(dict.fromkeys(ids))
            text = f"{its} waits for its turn, as {name} executes {most} at once"
            text += f"{' of one key' if key else ''}, at present run {and_more(holders)}"
    evidence = {"concurrency": limits, "runs": holders}
    yield it.reason(K.CONCURRENCY, text, evidence, is_certain=bool(holders))


def _cancelled_by_singleton(it: RunEvidence, function: Function, by: str) -> Iterator[Reason]:
    if not apps.cancels_earlier(function):
        return
    others, end = it.others.items if it.others else (), it.run.ended_at or it.now
    later = [each for each in others if each.id > it.run.id]
    near = [each.id for each in later if abs((each.queued_at or end) - end) < _NEAR]
    if near or it.others is None or it.others.next_cursor:
        text = ", ".join(
            [f"{by} a later run of the singleton {apps.name_of(function)}", *near[-1:]]
        )
        evidence = {"later_run": near[-1] if near else None}
        yield it.reason(K.SINGLETON, text, evidence, is_certain=False)


def _cancelled_by_event(it: RunEvidence, function: Function, by: str) -> Iterator[Reason]:
    if names := apps.cancelled_by(function):
        text = f"{by} an event {' or '.join(map(repr, names))}"
        yield it.reason(K.CANCEL_ON, text, {"events": names}, is_certain=False)


def _cancelled_by_timeout(it: RunEvidence, function: Function, by: str) -> Iterator[Reason]:
    begun, ended = it.run.queued_at, it.run.ended_at
    for which in ("start", "finish"):
        longest = apps.duration(found := it.timeouts.get(which))
        if longest is not None and not (begun and ended and ended - begun < longest):
            text = f"{by} the {which} timeout of {apps.name_of(function)}, {found}"
            evidence = {"timeout": which, "limit": found}
            yield it.reason(K.TIMEOUT, text, evidence, is_certain=False)


def _attempts_at(step: Span) -> list[Span]:
    return [each for each in step.children if trace.is_attempt(each)]


def _error(span: Span) -> RunError | None:
    return None if span.output is None else run_error(span.output)


def _is_same(one: RunError | None, other: RunError | None) -> bool:
    """Return whether two errors are one: an SDK may give it another class on its way out."""
    if one and other and one.message and other.message:
        return one.message == other.message
    return _line(one) == _line(other)


def _line(error: RunError | None) -> str:
    name, message = (error.name, error.message or "") if error else (None, "")
    first = message.strip().partition("\n")[0][:200]
    return ": ".join(filter(None, (name, first))) or "an error"


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "an unknown time"
