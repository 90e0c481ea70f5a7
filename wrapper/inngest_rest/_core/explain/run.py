"""Explain the state of a run: the evidence, what it says, and the plan that gathers it.

What the queue, the trace and the event of a run state is certain. Why a run that is due is not
executed, or was cancelled, is for the rules for the runs of events.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from inngest_rest._core.arguments import check_id, is_ulid
from inngest_rest._core.explain import explanation, listeners
from inngest_rest._core.explain.rules import Evidence, reasons
from inngest_rest._core.resources import events, runs, trace
from inngest_rest._core.resources.filters import Names, Selection
from inngest_rest._visible import and_more
from inngest_rest.explanation import Reason, ReasonKind, RunExplanation
from inngest_rest.models import Function, Job, Run, RunError, RunStatus, Span, StoredEvent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

    Told = tuple[ReasonKind, str, dict[str, Any]]

K = ReasonKind

# Limits of the search, which bound the number of requests.
_MOST_OTHERS = 10  # running runs of the function, newest first, whose jobs are listed
_MOST_INVOKED = 5  # events that started an invoked function, whose runs are listed

_LONGEST_LINE = 200  # characters of an error

# Steps that wait, by their kind.
_WAITS = {
    "wait_for_event": (K.WAITS_FOR_EVENT, "waits for an event"),
    "wait_for_signal": (K.WAITS_FOR_SIGNAL, "waits for a signal"),
    "invoke": (K.WAITS_FOR_FUNCTION, "waits for a function"),
    "sleep": (K.SLEEPS, "sleeps"),
}


@define
class RunEvidence:
    run: Run
    now: datetime  # of the server, when the queue was read
    unchecked: list[str]
    jobs: list[Job] = field(factory=list[Job])  # in the queue
    trace: Span | None = None
    event: StoredEvent | None = None
    same_event: tuple[Run, ...] = ()  # the runs of its event, as v1 lists them
    # The runs of the functions that it invoked and waits for, by event.
    invoked: dict[str, tuple[Run, ...]] = field(factory=dict[str, "tuple[Run, ...]"])
    function: Function | None = None  # as it is now

    @property
    def steps(self) -> tuple[Span, ...]:
        return self.trace.children if self.trace else ()

    @property
    def original_run_id(self) -> str | None:
        it = next((each for each in self.same_event if each.id == self.run.id), self.run)
        return it.original_run_id

    @property
    def replays(self) -> tuple[Run, ...]:
        """The other runs that replay the same run: each names the first of a chain."""
        first = self.original_run_id or self.run.id
        found = {it.id: it for it in self.same_event if it.original_run_id == first}
        return tuple(found[id] for id in sorted(found) if id != self.run.id)

    @property
    def invocation(self) -> tuple[str, str] | None:
        """The run whose step invoked it, and the name of the step (recording v1-event-invoked)."""
        # Nobody else can send an event of this name.
        event = self.event
        match event.data if event and event.name == "inngest/function.invoked" else None:
            case {"_inngest": {"correlation_id": str(id), "name": str(step)}}:
                parent = id.partition(".")[0]
                return (parent, step) if is_ulid(parent) else None
            case _:
                return None

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
        known = None if self.function is None else self.function.configuration
        retries = (known or {}).get("retries")
        if job.kind != "start" or not retries:
            return job.max_attempts
        most: int = retries.get("value") or 0  # proto3 omits 0
        return most + 1 if (job.attempt or 0) <= most else None

    @property
    def last_failure(self) -> tuple[int | None, str, str, bool] | None:
        """The last failed attempt: its number, in words, its error, and if no step ended since.

        It may be of no step: servers do not name the one that the official SDK for Python tries
        again (recording v2-trace-step-waits).
        """
        found = [
            (attempt.ended_at or self.now, attempt, step)
            for step in self.steps
            for attempt in [each for each in step.children if trace.is_attempt(each)] or [step]
            if attempt.status == "failed"
        ]
        if not found:
            return None
        ended, attempt, step = max(found, key=lambda it: it[0])
        ends = sorted((it.ended_at, it.name) for it in self.steps if it.step_id and it.ended_at)
        before = [name for end, name in ends if end <= (attempt.started_at or ended)]
        place = f" after step {before[-1]!r}" if before else ""
        place = f" at step {step.name!r}" if step.step_id else place
        number = None if attempt is step else int(attempt.name.split()[1]) + 1
        what = f"attempt {number}{place}" if number else place[4:]
        error = None if attempt.output is None else runs.run_error(attempt.output)
        return number, what, _line(error), all(end <= ended for end, _ in ends)


def reasons_of_run(it: RunEvidence) -> Iterator[Reason]:
    ids = it.run.app_id, it.run.function_id, it.run.id
    for kind, message, facts in (*_waits(it), *_attempts(it), *_outcome(it), *_relations(it)):
        yield Reason(kind, message, True, *ids, facts)


def _waits(it: RunEvidence) -> Iterator[Told]:
    names, told = {step.step_id: step.name for step in it.steps}, set[str | None]()
    for job in it.jobs:
        op, what = "sleep", job.event or job.signal or job.function
        if what:
            op = "wait_for_event" if job.event else "wait_for_signal" if job.signal else "invoke"
        if not what and (job.kind != "sleep" or job in it.due):
            continue
        told.add(job.step_id)
        name = job.step or (job.step_id and names.get(job.step_id))
        kind, text = _WAITS[op]
        text = f"{f'step {name!r}' if name else 'it'} {text}" + (f" {what!r}" if what else "")
        text += f" that matches `{job.condition}`" if job.condition else ""
        invoked = it.invoked.get(job.event_id or "", ())
        text += "".join(f", whose run {run.id} is {run.status}" for run in invoked)
        text += f"{',' if what else ''} until {_time(job.at)}"
        facts: dict[str, Any] = {"for": what, "condition": job.condition, "until": job.at}
        yield kind, text, facts | {"runs": [run.id for run in invoked]}
    for step in it.steps if not it.run.is_ended else ():
        if step.step_op in _WAITS and not step.ended_at and step.step_id not in told:
            kind, does = _WAITS[step.step_op]
            text = f"step {step.name!r} {does}, and the server does not say for what or how long"
            yield kind, text, {"step_id": step.step_id}


def _attempts(it: RunEvidence) -> Iterator[Told]:
    retried = [job for job in it.jobs if job.attempt]
    number, what, error, is_latest = it.last_failure or (None, "", "", False)
    for job in it.jobs:
        if job.kind == "pause" or (job.kind == "sleep" and job not in it.due):
            continue
        attempt, most, at = (job.attempt or 0) + 1, it.max_attempts(job), _time(job.at)
        facts = {"attempt": attempt, "max_attempts": most, "at": job.at, "position": job.position}
        text = f"attempt {attempt}" + (f" of {most}" if most else "")
        text += " (as its function is now)" if most and job.max_attempts is None else ""
        # Of several, the trace does not say which failure is whose.
        is_its_own = job.attempt and number == job.attempt and is_latest and retried == [job]
        failed = f", as {what} failed with {error or 'an error'}" if is_its_own else ""
        if it.executes(job):
            yield K.EXECUTING, f"{text} is being executed", facts
        elif job in it.due:
            jobs = "job" if job.position == 1 else "jobs"
            behind = f", behind {job.position} {jobs} of its function" if job.position else ""
            text = text if job.attempt else "it"
            yield K.QUEUED, f"{text} has been due since {at}{behind}{failed}", facts
        elif job.attempt:
            yield K.RETRIES, f"{text} is due at {at}{failed}", facts
        elif it.run.status != RunStatus.QUEUED:
            yield K.QUEUED, f"its next job is due at {at}", facts


def _outcome(it: RunEvidence) -> Iterator[Told]:
    if it.run.status == RunStatus.FAILED:
        error = _line(it.run.error)
        yield K.FAILED, f"it failed with {error or 'an error'}", {"error": error}
        if it.last_failure:
            number, what, line, _ = it.last_failure
            # A step that failed may have been caught.
            text = f"so did {what}" if line == error else f"{what} failed with {line or 'an error'}"
            yield K.ATTEMPT_FAILED, text, {"attempt": number, "error": line}


def _relations(it: RunEvidence) -> Iterator[Told]:
    if it.invocation:
        run_id, step = it.invocation
        text = f"step {step!r} of run {run_id} invoked it"
        yield K.INVOKED_BY, text, {"run": run_id, "step": step}
    if first := it.original_run_id:
        yield K.REPLAYS, f"it replays run {first}", {"run": first}
    if found := [f"run {run.id}, which is {run.status}" for run in it.replays]:
        text = f"{f'run {first}' if first else 'it'} was replayed by {and_more(found)}"
        yield K.REPLAYED, text, {"runs": [run.id for run in it.replays]}


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "an unknown time"


def _line(error: RunError | None) -> str:
    """Return the first line of an error, with its name."""
    if error is None:
        return ""
    first = (error.message or "").strip().partition("\n")[0][:_LONGEST_LINE]
    return ": ".join(filter(None, (error.name, first)))


def explain_run(session: Session, run_id: str) -> Plan[RunExplanation]:
    run_id = check_id("run id", run_id, argument="id")
    fetched = runs.fetch(session, run_id, cached=False)
    run = yield from runs.or_name_event(session, run_id, fetched)
    unchecked: list[str] = []
    tried = partial(listeners.tried, unchecked=unchecked)
    of_queue = runs.jobs(session, run_id, cached=False)
    jobs = [] if run.is_ended else (yield from tried(of_queue, "what it has in the queue")) or []
    it = RunEvidence(run, session.server_clocks["api"].now(), unchecked, jobs)
    if run.status not in {RunStatus.QUEUED, RunStatus.COMPLETED}:
        it.trace = yield from tried(trace.get_trace(session, run_id), "its steps")
    if not run.event_ids:
        unchecked.append("whether it was invoked or replayed, as it names no event")
    for event_id in run.event_ids[:1]:
        read = yield from tried(events.get_now(session, event_id), "whether a run invoked it")
        it.event = read and read[0]
        same = yield from tried(runs.of_event_by_v1(session, event_id), "whether it was replayed")
        it.same_event = same or ()
        if same is not None and all(each.id != run.id for each in same):
            unchecked.append("whether it was replayed, as v1 lists it under no event that it names")
    for event_id in list(filter(None, (job.event_id for job in jobs)))[:_MOST_INVOKED]:
        of_it = explanation.runs_of(session, event_id, math.inf)
        it.invoked[event_id] = (yield from tried(of_it, "the run that it waits for")) or ()
    is_held = it.due or run.status in {RunStatus.QUEUED, RunStatus.CANCELLED}
    is_retried = any(job.attempt for job in jobs)
    of_rules = (yield from _by_rules(session, it)) if is_held or is_retried else []
    return RunExplanation(run, (*reasons_of_run(it), *of_rules), tuple(jobs), tuple(unchecked))


def _by_rules(session: Session, it: RunEvidence) -> Plan[list[Reason]]:
    """Return why a run may wait, or was cancelled, by the rules for the runs of events."""
    run, tried = it.run, partial(listeners.tried, unchecked=it.unchecked)
    known = yield from listeners.read(session)
    it.unchecked += known.gaps
    it.function = next((each for each in known.functions if listeners.is_of(run, each)), None)
    event = it.event or StoredEvent(run.id, run.id, "", None)
    received = event.received_at or run.queued_at or it.now
    seen = event, (run,), known, it.now, list[Any](), False, it.unchecked
    of_event = Evidence(it.now, received, *seen, due=it.due)
    yield from explanation.gather(session, of_event, math.inf)
    if it.due and it.function and listeners.concurrency(it.function):
        names = Names(run.app_id, run.function_id)
        running = Selection(statuses=(RunStatus.RUNNING,), names=names)
        listed = runs.list_runs(session, running, page_size=100).walk().next_page()
        page = yield from tried(listed, "which runs are being executed")
        others = [each.id for each in (page.items if page else ()) if each.id != run.id]
        for id in others[:_MOST_OTHERS]:
            read = runs.jobs(session, id, cached=False)
            jobs = yield from tried(read, f"whether run {id} is being executed")
            of_event.executing += [(id, job) for job in jobs or () if it.executes(job)]
    its = f"run {run.id}"
    return [evolve(each, message=each.message.replace(its, "it")) for each in reasons(of_event)]
