"""What a function of the mock does with its event."""

import traceback
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeAlias

import attrs

EventDict: TypeAlias = dict[str, Any]
"""An event as a function sees it: `id`, `name`, `data`, `ts` and, when sent, `user` and `v`."""


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


@attrs.frozen
class Sleeps:
    """Holds the run for `duration` of the mock's clock, then goes on with `then`."""

    duration: timedelta
    then: "Run"


@attrs.frozen
class WaitsFor:
    """Holds the run until `signal` arrives, then goes on with `then`, called with the signal."""

    signal: str
    then: "Run"


Behaviour: TypeAlias = Completes | Fails | Sleeps | WaitsFor
Run: TypeAlias = Behaviour | Callable[[EventDict], object]
"""A behaviour, or a callable that answers an event with an output or with a behaviour."""


def completes(output: object = None) -> Behaviour:
    """Complete the run at once.

    Args:
        output: Any JSON value; the run's output. Default: null.
    """
    return Completes(output)


def fails(message: str, *, name: str = "NonRetriableError") -> Behaviour:
    """Fail the run at once; the mock never retries.

    Args:
        message: The error's message.
        name: The error's name. Default: what the Python SDK calls an error not to retry.
    """
    return Fails(message, name, "non_retriable_error", f"{name}: {message}\n")


def sleeps(duration: timedelta, then: Run | None = None) -> Behaviour:
    """Keep the run running for a time, then go on.

    Args:
        duration: How long, by the mock's clock (see `MockServer.advance`).
        then: What follows, a behaviour or a callable given the event. Default: complete with null.
    """
    return Sleeps(duration, Completes() if then is None else then)


def waits_for(signal: str, then: Run | None = None) -> Behaviour:
    """Keep the run running until a signal arrives, then go on.

    Args:
        signal: The name of the signal (`POST /v1/signals`).
        then: What follows, a behaviour or a callable given `{"signal": ..., "data": ...}`.
            Default: Complete with that object as output.
    """
    return WaitsFor(signal, Completes if then is None else then)


def decide(run: Run, event: EventDict) -> Behaviour:
    """Ask `run` what to do with `event`; an exception of it is a failure of the run."""
    if isinstance(run, Behaviour):
        return run
    try:
        answer = run(event)
    except Exception as error:  # noqa: BLE001 - whatever a function raises fails its run
        return _failure(error)
    return answer if isinstance(answer, Behaviour) else Completes(answer)


def _failure(error: Exception) -> Fails:
    stack = "".join(traceback.format_exception(error))
    return Fails(str(error), type(error).__name__, "unknown", stack)
