"""What each trial of the matrix has to be: the result, and how many requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.faults.verdicts import ERRORS, HOPELESS, MAY_BE_DONE, Fault, Verdict
from tests.support.capabilities import rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.operations import TriedCall

V = Verdict

_LOOK = "bulk after a look"

# The requests of a single route, where one retry is allowed, within a minute.
_TRIES = {V.LOST: 2, V.LATE: 2, V.FAILED: 2, V.TIMED_OUT: 2, V.LIMITED: 2, V.TOLD_TO_WAIT: 3}
_TRIES_ONCE = {**_TRIES, V.LOST: 1, V.LATE: 1, V.FAILED: 1, V.TIMED_OUT: 1}


class Expected(NamedTuple):
    """What a trial has to be.

    Attributes:
        result: The class of the error, or what was returned.
        requests: How many requests the server has to have read.
        least: How many it may be instead, where time is short or the operation polls.
        unsent: What the result may be where none of them got out in time.
    """

    result: str
    requests: int
    least: int
    unsent: str = ""


def expected(fault: Fault, operation: TriedCall) -> Expected:
    """Return what the trial of a fault and an operation has to be."""
    result = _RESULTS[operation.kind](fault.verdict)
    result = _EXCEPTIONS.get((operation.name, fault.verdict), result)
    if operation.name == "runs.cancel" and fault.name == "receipt with an error":
        result = "InvalidResponseError"  # of v2, a success never states an error
    if operation.kind == "buffer" and fault.name == "400":
        # An error without a receipt; a page, or a receipt that is wrong, says nothing of the event.
        result = "1 rejected"
    requests = _requests(fault.verdict, operation)
    if operation.kind == "buffer" and not result.endswith("rejected"):
        # It tries again until its time is up.
        return Expected(result, 9, 0)
    if result == "WaitTimeoutError":
        # The last requests have next to no time.
        return Expected(result, 20 if operation.kind == "wait many" else requests, 0)
    # A machine that is slow may not get to send in time, which is the same result.
    least = 0 if fault.verdict is V.LATE or fault.is_unread else requests
    unsent = ""
    if fault.verdict is V.LATE:
        unsent = _RESULTS[operation.kind](V.NOT_SENT).replace("Transport", "RequestTimeout")
    return Expected(result, requests, least, unsent)


def _read(verdict: Verdict) -> str:
    return ERRORS[verdict]


def _without_result(verdict: Verdict) -> str:
    """Any success will do, but for a web page."""
    return "ok" if verdict in {V.NOTHING, V.MALFORMED, V.NULL} else ERRORS[verdict]


def _send(verdict: Verdict) -> str:
    # A 400 without a receipt does not say what was stored before the event it is about.
    is_unknown = verdict in MAY_BE_DONE or verdict is V.BAD
    error = "InvalidResponseError" if verdict is V.BAD else ERRORS[verdict]
    return f"{error}: 1 unknown" if is_unknown else error


def _send_many(verdict: Verdict) -> str:
    return ERRORS[verdict] if verdict in HOPELESS else "1 unknown"


def _wait(verdict: Verdict) -> str:
    return "WaitTimeoutError" if verdict is V.UNKNOWN else ERRORS[verdict]


def _wait_many(verdict: Verdict) -> str:
    """One of many runs does not end the wait for the others, until the time is up."""
    passes = {V.NOT_SENT, V.UNKNOWN, V.LOST, V.LATE, V.FAILED, V.TIMED_OUT, V.NO_ROUTE}
    passes |= {V.LIMITED, V.TOLD_TO_WAIT, V.BARRED}
    return "WaitTimeoutError" if verdict in passes else ERRORS[verdict]


_RESULTS: dict[str, Callable[[Verdict], str]] = {
    "read": _read,
    "once": _read,
    "watch": _read,
    "without result": _without_result,
    "health": _without_result,
    "send": _send,
    "send_many": _send_many,
    "wait": _wait,
    "wait many": _wait_many,
    **rows("FAULT_RESULTS"),
}

_EXCEPTIONS = {
    # A server that has no events yet answers so.
    ("events.list", V.NULL): "ok",
}

# Further requests after a 404 about the resource: of the other family, of whether the id is one
# of an event, or of whether it is there by now.
_LOOKS_AFTER_404: dict[str, int] = {
    "events.wait": 10,
    "events.runs": 2,
    "runs.get": 3,
    "runs.wait": 13,
    **dict.fromkeys(("runs.cancel", "runs.replay", "runs.jobs", "runs.trace"), 2),
    **rows("FAULT_LOOKS_AFTER_404"),
}


# Routes that are asked where a server lacks them all, if not one of each family.
_ROUTES: dict[str, int] = {
    # Without the event itself, its runs are asked for; without the app, its functions.
    "events.wait": 3,
    **rows("FAULT_ROUTES"),
}


def _requests(verdict: Verdict, operation: TriedCall) -> int:
    if verdict is V.NOT_SENT:
        return 0
    if verdict is V.UNKNOWN:
        return _LOOKS_AFTER_404.get(operation.name, 1)
    if verdict is V.NO_ROUTE:
        return _ROUTES.get(operation.name, len(operation.routes.split()))
    if operation.name == "events.runs" and verdict in {V.UNAUTHORIZED, V.FORBIDDEN}:
        return 2  # v2 may take another key
    is_repeatable = operation.is_repeatable or operation.kind == _LOOK
    tries = (_TRIES if is_repeatable else _TRIES_ONCE).get(verdict, 1)
    if operation.kind in {"wait", "watch"} and verdict is V.TOLD_TO_WAIT:
        # The pause takes the time that there is.
        return 1
    if operation.kind == "watch":
        # A poll that failed is made once more.
        return {1: 1, 2: 4, 3: 3}[tries]
    return tries
