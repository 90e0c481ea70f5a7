"""The sentence of each kind of conclusion: change the words here, the rules in their modules.

A sentence is a clause, in lower case and without a full stop, that follows a colon. It is a
template, filled with the facts of the conclusion, or a function of them if parts are optional.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from inngest_rest._local.run_errors import error_line
from inngest_rest._values.visible import and_more, counted, moment, shown
from inngest_rest.explanation import Reason
from inngest_rest.explanation import ReasonKind as Kind

if TYPE_CHECKING:
    from inngest_rest.explain._conclusion import Conclusion
    from inngest_rest.explain._evidence import Failure
    from inngest_rest.explain._run_rules import ReachedLimit

Facts = Mapping[str, Any]

# The latest time that a datetime can hold. A `ts` in microseconds, sent by mistake, is later.
_LAST_MS = datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1_000


def reason_of(conclusion: Conclusion) -> Reason:
    """Return a conclusion as a reason, in words."""
    return Reason(
        kind=conclusion.kind,
        message=_message(conclusion),
        is_certain=conclusion.is_certain,
        app_id=conclusion.app_id,
        function_id=conclusion.function_id,
        run_id=conclusion.run_id,
        evidence=conclusion.evidence,
    )


def _message(conclusion: Conclusion) -> str:
    text = TEXTS[conclusion.kind]
    facts = {
        **conclusion.evidence,
        **conclusion.details,
        "subject": conclusion.subject,
        "is_certain": conclusion.is_certain,
    }
    if isinstance(text, str):
        return text.format_map(facts)
    return text(facts)


def _no_trigger(facts: Facts) -> str:
    nearest = [
        f"{trigger!r} of {' and '.join(of)}" for trigger, of in facts["nearest"].items()
    ]
    hint = f" (nearest: {', '.join(nearest)})" if nearest else ""
    return f"no function has a trigger for its name{hint}"


def _condition(facts: Facts) -> str:
    condition = "` or `".join(facts["conditions"])
    outcome = "is false for it" if facts["is_false"] else "may be false for it, or fail"
    return f"the condition `{condition}` of {facts['subject']} {outcome}"


def _rate_limit(facts: Facts) -> str:
    limit = facts["rate_limit"]
    text = f"the rate limit or idempotency of {facts['subject']}, "
    text += f"{limit.get('limit')} per {limit.get('period')}"
    text += " spread evenly" if limit.get("limit") != 1 else ""
    text += _per_key(limit.get("key"), facts["key_value"])
    return f"{text}, may have skipped it"


def _debounce(facts: Facts) -> str:
    setting = facts["debounce"]
    per_key = _per_key(setting.get("key"), facts["key_value"])
    text = f"{facts['subject']} debounces events for {setting.get('period')}{per_key}: it may "
    return f"{text}still be waiting, or have been replaced by a later one"


def _batch(facts: Facts) -> str:
    if "events" in facts:  # of a run
        return f"it received a batch of {counted(len(facts['events']), 'event')}"
    batch, name = facts["batch"], facts["subject"]
    if facts["is_open"]:
        size, timeout = batch.get("maxSize"), batch.get("timeout")
        return (
            f"{name} collects up to {size} events for up to {timeout}, and its batch may not be "
            "full yet"
        )
    return (
        f"{name} may have run for a batch that contains it: v1 lists such a run under only one "
        "event of the batch"
    )


def _singleton(facts: Facts) -> str:
    if "function" not in facts:  # of an event
        per_key = _per_key(facts["singleton"].get("key"), facts["key_value"])
        return f"{facts['subject']} is a singleton{per_key} and may have skipped it"
    return (
        f"{facts['subject']} may have been cancelled by a later run of the singleton "
        f"{facts['function']}"
    )


def _cancel_on(facts: Facts) -> str:
    names = " or ".join(repr(name) for name in facts["events"])
    return f"{facts['subject']} may have been cancelled by an event {names}"


def _scheduled(facts: Facts) -> str:
    at = datetime.fromtimestamp(min(facts["ts"], _LAST_MS) / 1_000, UTC)
    return f"{facts['subject']} is scheduled for the `ts` of its event, {moment(at)}"


def _throttle(facts: Facts) -> str:
    throttle = facts["throttle"]
    rate = f"{throttle.get('limit')} per {throttle.get('period')}"
    rate += _per_key(throttle.get("key"), facts["key_value"])
    return f"{facts['subject']} may be delayed by the throttle of its function, {rate}"


def _concurrency(facts: Facts) -> str:
    subject, function = facts["subject"], facts["function"]
    reached: ReachedLimit | None = facts["reached"]
    if reached is None:
        return f"{subject} may be waiting for its turn, as {function} has a concurrency limit"
    per_key = " per key" if reached.has_key else ""
    if reached.key is not None:
        per_key = _per_key(reached.key, facts["key_value"])
    return (
        f"{subject} waits for its turn, as {function} executes at most {reached.most} at a time"
        f"{per_key}, currently run {and_more(reached.runs)}"
    )


def _per_key(key: str | None, value: object) -> str:
    """Return which of the counts of a limit with a key it is about."""
    if key is None:
        return ""
    text = f" for each `{key}`"
    return text if value is None else f"{text}, here {shown(value)}"


def _lost(facts: Facts) -> str:
    if facts["is_certain"]:
        return (
            "it is lost: the queue has no job for it, as happens when a server with an in-memory "
            "queue is killed. It will not continue: cancel it and replay it"
        )
    return (
        "it may be lost: the queue has no job for it. If it still has none in half a minute, the "
        "run will not continue: cancel it then and replay it"
    )


def _waits_for(article: str, noun: str) -> Callable[[Facts], str]:
    def text(facts: Facts) -> str:
        subject = f"step {facts['step']!r}" if facts["step"] else "it"
        if "until" not in facts:  # Inngest Cloud lists jobs without details
            unknown = "the server reports neither which nor until when"
            return f"{subject} waits for {article} {noun}, but {unknown}"
        text = f"{subject} waits for {noun} {facts['for']!r}"
        text += f" that matches `{facts['condition']}`" if facts["condition"] else ""
        text += "".join(f" in run {run.id} ({run.status})" for run in facts["invoked"])
        return f"{text}, until {moment(facts['until'])}"

    return text


def _not_matched(facts: Facts) -> str:
    text = f"event {facts['event']} {facts['name']!r} did not end that wait"
    if facts["unmet"]:
        parts = " and ".join(f"`{part}`" for part in facts["unmet"])
        return f"{text}: {parts} does not hold for it"
    return f"{text}: it arrived before the step started to wait"


def _sleeps(facts: Facts) -> str:
    subject = f"step {facts['step']!r}" if facts["step"] else "it"
    if "until" not in facts:
        return f"{subject} sleeps, but the server does not report until when"
    return f"{subject} sleeps until {moment(facts['until'])}"


def _attempt(facts: Facts) -> str:
    text = f"attempt {facts['attempt']}"
    if facts["max_attempts"]:
        text += f" of {facts['max_attempts']}"
    if facts["is_of_function"]:
        text += " (by the function's current settings)"
    return text


def _executing(facts: Facts) -> str:
    return f"{_attempt(facts)} is being executed"


def _retries(facts: Facts) -> str:
    return f"{_attempt(facts)} is due at {moment(facts['at'])}{_after_failure(facts)}"


def _queued(facts: Facts) -> str:
    if not facts["is_due"]:
        return f"its next job is due at {moment(facts['at'])}"
    subject = _attempt(facts) if facts["attempt"] > 1 else "it"
    position = facts["position"]
    behind = f", behind {counted(position, 'job')} of its function" if position else ""
    return f"{subject} has been due since {moment(facts['at'])}{behind}{_after_failure(facts)}"


def _wait_timed_out(facts: Facts) -> str:
    return (
        f"step {facts['step']!r} waited for an event until {moment(facts['ended_at'])}, and none "
        "matched; no server reports the event and condition of an expired wait"
    )


def _after_failure(facts: Facts) -> str:
    failure: Failure | None = facts["failure"]
    return f", as {_failed_attempt(failure)}" if failure else ""


def _failed_attempt(failure: Failure) -> str:
    if failure.number is not None:
        at_step = f" at step {failure.step_name!r}" if failure.step_name else ""
        subject = f"attempt {failure.number}{at_step}"
    elif failure.step_name:
        subject = f"step {failure.step_name!r}"
    else:
        subject = "its code"
    return f"{subject} failed with {error_line(failure.error)}"


def _failed(facts: Facts) -> str:
    text = f"it failed with {facts['error']}"
    if facts["step"]:
        text += f" in step {facts['step']!r}"
    if facts["attempts"]:
        text += f", after {counted(facts['attempts'], 'attempt')}"
    return text


def _attempt_failed(facts: Facts) -> str:
    return _failed_attempt(facts["failure"])


def _cancelled(facts: Facts) -> str:
    text = "it was cancelled"
    if facts["open_steps"]:
        steps = [
            f"step {name!r} was {_DOING[wait]}" for name, wait in facts["open_steps"]
        ]
        text += f" while {and_more(steps)}"
    completed = [repr(name) for name in facts["completed"]]
    if completed:
        plural = "s" if len(completed) > 1 else ""
        return f"{text}, after step{plural} {and_more(completed)} had completed"
    if facts["open_steps"]:
        return text
    return f"{text} before any of its steps had completed"


# The activity of a step when its run was cancelled.
_DOING = {
    Kind.WAITS_FOR_EVENT: "waiting for an event",
    Kind.WAITS_FOR_SIGNAL: "waiting for a signal",
    Kind.WAITS_FOR_FUNCTION: "waiting for a function",
    Kind.SLEEPS: "sleeping",
    None: "being executed",
}


def _replayed(facts: Facts) -> str:
    subject = f"run {facts['original']}" if facts["original"] else "it"
    by = and_more([f"run {run.id} ({run.status})" for run in facts["replays"]])
    return f"{subject} was replayed by {by}"


TEXTS: Mapping[Kind, str | Callable[[Facts], str]] = {
    # Of an event, or of a function that has no run of it: `subject` is the function.
    Kind.NO_TRIGGER: _no_trigger,
    Kind.CANCELS_RUNS: "it may cancel runs of {subject}",
    Kind.CONDITION: _condition,
    Kind.DUPLICATE_ID: (
        "event {other_event} with the same id {id!r} started run {other_run} of {subject}, which "
        "runs once per id within 24 hours"
    ),
    Kind.PAUSED: "{subject} is paused",
    Kind.RATE_LIMIT: _rate_limit,
    Kind.DEBOUNCE: _debounce,
    Kind.BATCH: _batch,
    Kind.SINGLETON: _singleton,
    Kind.TOO_EARLY: (
        "a run of {subject} may still appear, as the event was received only {seconds:.1f} s ago"
    ),
    # Of a run: `subject` is "it" or names the run.
    Kind.LOST: _lost,
    Kind.WAITS_FOR_EVENT: _waits_for("an", "event"),
    Kind.NOT_MATCHED: _not_matched,
    Kind.WAIT_TIMED_OUT: _wait_timed_out,
    Kind.WAITS_FOR_SIGNAL: _waits_for("a", "signal"),
    Kind.WAITS_FOR_FUNCTION: _waits_for("a", "function"),
    Kind.SLEEPS: _sleeps,
    Kind.EXECUTING: _executing,
    Kind.QUEUED: _queued,
    Kind.RETRIES: _retries,
    Kind.FAILED: _failed,
    Kind.ATTEMPT_FAILED: _attempt_failed,
    Kind.CANCELLED: _cancelled,
    Kind.CANCEL_ON: _cancel_on,
    Kind.TIMEOUT: (
        "{subject} may have been cancelled by the {timeout} timeout of {function}, {limit}"
    ),
    Kind.INVOKED_BY: "step {step!r} of run {run} invoked it",
    Kind.REPLAYS: "it replays run {run}",
    Kind.REPLAYED: _replayed,
    Kind.SCHEDULED: _scheduled,
    Kind.APP_UNREACHABLE: (
        "{subject} may be waiting for another attempt, as app {app} is {sync_error}"
    ),
    Kind.FUNCTION_REMOVED: (
        "{subject} may never start, as its app no longer has a function {function}"
    ),
    Kind.THROTTLE: _throttle,
    Kind.CONCURRENCY: _concurrency,
}
"""The sentence of each kind of conclusion."""
