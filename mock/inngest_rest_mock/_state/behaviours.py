"""Behaviours of the mock's functions: complete, fail, retry, sleep, work, wait, or invoke."""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

from inngest_rest_mock._state.arguments import as_text, check_timedelta
from inngest_rest_mock._state.records import MockEvent

if TYPE_CHECKING:
    from datetime import timedelta

    from inngest_rest_mock._state.flow import Condition


@attrs.frozen
class Completes:
    """Ends the run as completed, with `output`."""

    output: object = None


@attrs.frozen
class Fails:
    """Ends the run as failed; the fields are the keys of its output."""

    message: str
    name: str
    code: str
    stack: str


WaitKind: TypeAlias = Literal["start", "sleep", "pause", "request"]


@attrs.frozen(eq=False)
class Waits:
    """Suspends the run, then goes on with `then`.

    Attributes:
        kind: The kind of its job in the queue.
        then: What follows.
        duration: How long it waits at most; None if that is not limited.
        step: The name of the step that waits, and its operation; None if no step does.
        signal: The signal that ends the wait.
        event: The name of an event that ends it, or the id of one that invoked a function.
        condition: The condition of that event.
        function: The slug of the function whose end ends it.
        failure: How the attempt before failed.
    """

    kind: WaitKind
    then: AnyRunner
    duration: timedelta | None = None
    step: tuple[str, str] | None = None
    signal: str | None = None
    event: str | None = None
    condition: Condition | None = None
    function: str | None = None
    failure: Fails | None = None


@attrs.frozen
class Invokes:
    """Suspends the run until the run of another function has ended, then goes on with its end."""

    app: str
    function: str
    data: dict[str, Any]
    then: AnyRunner


@attrs.frozen
class Steps:
    """Takes named steps, one after the other; the output of the last is that of the run."""

    steps: tuple[tuple[str, Runner], ...]


Behaviour: TypeAlias = Completes | Fails | Invokes | Steps | Waits
"""The result of `completes`, `fails` and the other functions that make one."""

Runner: TypeAlias = Behaviour | Callable[[MockEvent], object]
"""A behaviour, or a callable that takes the event and returns an output or a behaviour."""

Value: TypeAlias = MockEvent | dict[str, Any] | None
"""The argument of a callable: the event, or what a run has waited for."""

AnyRunner: TypeAlias = Behaviour | Callable[[Any], object]


def completes(output: object = None) -> Behaviour:
    """Complete the run at once.

    Args:
        output: The run's output, any JSON value. Default: null.
    """
    return Completes(output)


def fails(message: str, *, name: str = "NonRetriableError") -> Behaviour:
    """Fail the run at once, without another attempt.

    Args:
        message: The error's message.
        name: The error's name. Default: the Python SDK's name for an error it does not retry.
    """
    return Fails(message, name, "non_retriable_error", f"{name}: {message}\n")


def sleeps(duration: timedelta, then: Runner | None = None) -> Behaviour:
    """Keep the run running for a time, then continue.

    Args:
        duration: How long, by the mock's clock (see `MockServer.advance`).
        then: What follows: a behaviour, or a callable that takes the event. Default: complete
            with null.

    Raises:
        TypeError: `duration` is not a timedelta, or `then` can follow nothing.
        ValueError: `duration` is negative.
    """
    span = check_timedelta(duration, "duration")
    return Waits("sleep", as_runner("then", then), span, step=("sleep", "SLEEP"))


def retries(
    message: str,
    *,
    after: timedelta,
    then: Runner | None = None,
    name: str = "RetryAfterError",
) -> Behaviour:
    """Fail one attempt, then retry.

    Until the retry, some routes report the run as failed and others as running: it has not ended.

    Args:
        message: The error's message.
        after: How long after this attempt the next one starts, by the mock's clock.
        then: The next attempt: a behaviour, or a callable that takes the event. Default: complete
            with null.
        name: The error's name. Default: the Python SDK's name for an error with a time to retry.

    Raises:
        TypeError: `after` is not a timedelta, or `then` can follow nothing.
        ValueError: `after` is negative.
    """
    failure = Fails(message, name, "retry_after_error", f"{name}: {message}\n")
    span = check_timedelta(after, "after")
    return Waits("start", as_runner("then", then), span, failure=failure)


def works(duration: timedelta, then: Runner | None = None) -> Behaviour:
    """Keep the function busy for a time, then continue.

    Args:
        duration: How long, by the mock's clock (see `MockServer.advance`).
        then: What follows: a behaviour, or a callable that takes the event. Default: complete
            with null.

    Raises:
        TypeError: `duration` is not a timedelta, or `then` can follow nothing.
        ValueError: `duration` is negative.
    """
    span = check_timedelta(duration, "duration")
    return Waits("request", as_runner("then", then), span)


def steps(*named: tuple[str, Runner]) -> Behaviour:
    """Take steps one after the other; one that fails ends the run.

    A replay from a step keeps the outputs of those before it. A step that is given an input does
    not run, as with the Python SDK: its output is `{"input": [...]}`.

    Args:
        named: The name of each step, and what it does: `completes(...)`, `fails(...)`, or a
            callable that takes the event. The trace has no step that failed by a
            NonRetriableError, as with that SDK.

    Raises:
        TypeError: A step is none of these.
    """
    return Steps(
        tuple((as_text("name", name), as_runner(name, each)) for name, each in named)
    )


def waits_for(
    signal: str, then: Behaviour | Callable[[dict[str, Any]], object] | None = None
) -> Behaviour:
    """Keep the run running until a signal arrives, then continue.

    Args:
        signal: The name of the signal (`POST /v1/signals`).
        then: What follows: a behaviour, or a callable that takes `{"signal": ..., "data": ...}`.
            Default: complete with that object as output.

    Raises:
        TypeError: `signal` is not a text, or `then` can follow nothing.
        ValueError: `signal` is empty.
    """
    following = Completes if then is None else as_runner("then", then)
    step = as_text("signal", signal), "WAIT_FOR_SIGNAL"
    return Waits("pause", following, step=step, signal=signal)


def waits_for_event(
    name: str,
    *,
    timeout: timedelta,
    condition: Condition | None = None,
    then: Behaviour | Callable[[MockEvent | None], object] | None = None,
) -> Behaviour:
    """Keep the run running until an event arrives or the time is over, then continue.

    Args:
        name: The event's name.
        timeout: How long to wait, by the mock's clock.
        condition: Only an event for which it is true counts; see `when`.
        then: What follows: a behaviour, or a callable that takes the event; None if none came.
            Default: complete with the event, or with null.

    Raises:
        TypeError: `name` is not a text, `timeout` is not a timedelta, or `then` can follow nothing.
        ValueError: `name` is empty, or `timeout` is negative.
    """
    following = _complete_with_event if then is None else as_runner("then", then)
    return Waits(
        "pause",
        following,
        check_timedelta(timeout, "timeout"),
        step=(as_text("name", name), "WAIT_FOR_EVENT"),
        event=name,
        condition=condition,
    )


def invokes(
    app: str,
    function: str,
    data: dict[str, Any] | None = None,
    *,
    then: Behaviour | Callable[[dict[str, Any]], object] | None = None,
) -> Behaviour:
    """Start another function of the mock and keep the run running until its run has ended.

    Args:
        app: The app of the other function.
        function: The function's id within its app.
        data: The data of its event. Default: `{}`.
        then: What follows: a behaviour, or a callable that takes `{"data": output}`, or `{"error":
            ...}` of a run that failed. Default: complete with that object as output.

    Raises:
        TypeError: `app` or `function` is not a text, or `then` can follow nothing.
        ValueError: `app` or `function` is empty.
    """
    following = Completes if then is None else as_runner("then", then)
    return Invokes(
        as_text("app", app), as_text("function", function), data or {}, following
    )


def _complete_with_event(event: MockEvent | None) -> Behaviour:
    return Completes(None if event is None else event.as_seen_by_function())


def as_runner(name: str, given: object) -> AnyRunner:
    """Return a behaviour or a callable; None completes. Raise TypeError for anything else."""
    if given is None:
        return Completes()
    if isinstance(given, Behaviour) or callable(given):
        return given
    raise TypeError(
        f"{name} must be completes(...), another of this module, or a callable, and is {given!r}: "
        f"for an output, completes({given!r})"
    )


def decide(runner: AnyRunner, value: Value) -> Behaviour:
    """Return the behaviour of `runner` for a value; an exception becomes a failure of the run."""
    if isinstance(runner, Behaviour):
        return runner
    try:
        result = runner(copy.deepcopy(value))  # it may change what it gets
    except Exception as error:  # noqa: BLE001 - any exception of a function fails its run
        stack = "".join(traceback.format_exception(error))
        return Fails(str(error), type(error).__name__, "unknown", stack)
    return result if isinstance(result, Behaviour) else Completes(result)
