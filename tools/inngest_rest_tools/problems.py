"""Problems: errors described for programs, from their class and attributes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Self

from attrs import evolve, frozen

from inngest_rest import errors
from inngest_rest.bulk import (
    ActionOutcome,
    PartialActionError,
    ReportFinishedError,
)
from inngest_rest.errors import Advice, InngestError, NextCall
from inngest_rest.programs import (
    SERVER_HEADER,
    may_pass,
    refused_in_between,
)
from inngest_rest.record import Record
from inngest_rest_tools.parameters import parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest.call_row import CallRow
    from inngest_rest_tools.parameter import Values


class Code(StrEnum):
    """What went wrong, as one of a closed list."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """Return a code with its meaning in words."""
        code = str.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    UNEXPECTED = "unexpected", "an error of this program"
    USAGE = "usage", "an argument or a setting is missing, malformed or rejected"
    AUTHENTICATION = "authentication", "a key is missing, or the server rejected it"
    NOT_FOUND = (
        "not_found",
        "no such run, event, app or function, or no such route on this server",
    )
    RATE_LIMITED = "rate_limited", "the server asked for a pause"
    PARTIAL = "partial", "partly done; the data lists what was not"
    NETWORK = "network", "the server did not respond"
    SERVER = "server", "the server failed, or is not Inngest"
    CONFIRMATION_NEEDED = (
        "confirmation_needed",
        "nothing was done; the hint has the command that confirms it",
    )
    TIMED_OUT = "timed_out", "a run did not end in time"
    RUN_FAILED = "run_failed", "the run failed or was cancelled (with --exit-status)"
    FINISHED = "finished", "nothing is left to do by the file of --report"
    BROKEN = "broken", "the verdict: something is broken, or not as it has to be"
    NOT_JUDGED = "not_judged", "no verdict: the evidence could not be read"
    INTERRUPTED = "interrupted", "interrupted by Ctrl-C"


EXIT_STATUS: dict[Code, int] = {code: status for status, code in enumerate(Code, 1)}
EXIT_STATUS[Code.INTERRUPTED] = 130


@frozen(repr=False)
class Problem(Record):
    """An error, for a program that reacts to it.

    Attributes:
        code: What went wrong, as one of a closed list.
        message: The same in words.
        hint: What to do next.
        retryable: Whether trying again is safe and may succeed.
        retry_after: Seconds that the server asked to wait.
        status: The server's HTTP status.
        field: The parameter that is wrong.
    """

    code: Code
    message: str
    hint: str | Advice | None = None
    retryable: bool = False
    retry_after: float | None = None
    status: int | None = None
    field: str | None = None

    def worded(self, name_of: Callable[[NextCall], str]) -> Self:
        """Return the same with calls in the hint named as the program's reader knows them."""
        hint = self.hint
        if isinstance(hint, Advice):
            hint = hint.render(name_of)
        return evolve(self, hint=hint or None)


class ProblemError(InngestError):
    """A call ended with a problem that the client does not raise; `data` is what was done."""

    def __init__(self, problem: Problem, *, data: Record | None = None) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.data = data


def advice(text: str, *calls: str | NextCall) -> Advice:
    """Return advice on the next step; each `{}` in the text stands for a call."""
    next_calls: list[NextCall] = []
    for call in calls:
        next_call = NextCall(call) if isinstance(call, str) else call
        next_calls.append(next_call)
    return Advice(text, tuple(next_calls))


_SOON = "; one that was just {} appears after about 0.25 s."
_APPS = advice("{} shows the apps of this server and environment.", "apps.list")
_FUNCTIONS = advice("{} shows the functions of an app.", "functions.list")
_RUNS = advice("{} shows runs" + _SOON.format("started"), "runs.list")

# Advice where something does not exist, by the group of the call.
_NOT_FOUND = {
    "events": advice(
        "{} shows events with their internal ids" + _SOON.format("sent"), "events.list"
    ),
    "runs": _RUNS,
    "apps": _APPS,
    "functions": _APPS.then(_FUNCTIONS),
    "signals": advice("{} shows the runs that may be waiting for one.", "runs.list"),
    "cancellations": _FUNCTIONS.then(
        advice("{} shows bulk cancellations.", "cancellations.list")
    ),
    "webhooks": advice("{} shows the webhooks.", "webhooks.list"),
}

# Advice on an argument that is missing or malformed.
_OF_ARGUMENT = {"app": _APPS, "function": _FUNCTIONS, "ids": _RUNS}

DONE = frozenset(
    {
        ActionOutcome.PLANNED,
        ActionOutcome.DONE,
        ActionOutcome.ALREADY_ENDED,
        ActionOutcome.ALREADY_REPLAYED,
    }
)
"""Outcomes of an act after which nothing is left to do."""

_KEYS = advice("{} checks each key.", "diagnose")
_RELEASE = advice("{} shows the release of the server, and what it offers.", "diagnose")

_WRONG_SERVER = advice(
    "{} shows what answers at the base URL. Set INNGEST_BASE_URL, or INNGEST_DEV for a dev server.",
    "diagnose",
)

# The code of an error of the API, and advice beyond its own.
_OF_API: dict[type[errors.ApiError], tuple[Code, Advice]] = {
    errors.AuthenticationError: (Code.AUTHENTICATION, _KEYS),
    errors.PermissionDeniedError: (Code.AUTHENTICATION, _KEYS),
    errors.BadRequestError: (Code.USAGE, Advice()),
    errors.ConflictError: (Code.USAGE, Advice()),
    errors.NotFoundError: (Code.NOT_FOUND, Advice()),
    errors.RouteNotFoundError: (Code.NOT_FOUND, _RELEASE),
    errors.RateLimitError: (Code.RATE_LIMITED, advice("Wait before the next attempt.")),
}

# Bodies of Inngest's 404 and 405 for an absent route (recordings 1.33-v1-apps, v1-events-slash).
# They identify it where a proxy has removed the header.
_BARE = {"", "404 page not found"}


def problem_of(
    error: BaseException,
    row: CallRow | None = None,
    values: Values | None = None,
) -> Problem:
    """Return an error as a problem, with advice that depends on the call that it ended."""
    if isinstance(error, PartialActionError):
        return _of_partial_action(error)
    if isinstance(error, ProblemError):
        problem = error.problem
        outcomes = getattr(error.data, "counts", ())
        is_undone = ActionOutcome.UNKNOWN not in outcomes
    else:
        problem = _of_any_call(error)
        is_undone = isinstance(error, InngestError) and not error.may_have_taken_effect
    if row is None:
        return problem
    field = problem.field and _parameter_for(row, argument=problem.field)
    is_safe = is_undone or values is None or _is_repeatable(row, values)
    return evolve(
        problem,
        hint=problem.hint or _hint_of_call(row, problem.code, field),
        retryable=problem.retryable and is_safe,
        field=field,
    )


def _is_repeatable(row: CallRow, values: Values) -> bool:
    return row.is_repeatable or row.is_repeatable_if(values)


def _parameter_for(row: CallRow, *, argument: str) -> str:
    """Return the name that programs have for an argument of the method."""
    for parameter in parameters(row):
        if parameter.argument == argument:
            return parameter.name
    return argument


def _of_partial_action(error: PartialActionError) -> Problem:
    """Return the cause that stopped a bulk call, as a partial result if anything was done."""
    stopped_by = error.__cause__ or InngestError(str(error))
    cause = problem_of(stopped_by)
    if not error.may_have_taken_effect:
        return cause
    message = f"{error.report}; stopped by: {cause.message}"
    return evolve(
        cause,
        code=Code.PARTIAL,
        message=message,
        retryable=False,
    )


def _hint_of_call(row: CallRow, code: Code, field: str | None) -> Advice | None:
    """Return advice for a call whose error has none of its own."""
    if code is Code.NOT_FOUND:
        return _NOT_FOUND.get(row.command.partition(".")[0])
    if code is Code.USAGE:
        return _OF_ARGUMENT.get(field or "")
    return None


def _of_any_call(error: BaseException) -> Problem:
    """Return an error as a problem, regardless of the call."""
    problem = _described(error)
    # What was done before, such as how much of an export was written.
    notes = getattr(error, "__notes__", ())
    return evolve(
        problem,
        message="; ".join([problem.message, *notes]),
        retryable=_may_succeed_later(error),
        retry_after=getattr(error, "retry_after", None),
        status=getattr(error, "status", None),
        field=getattr(error, "argument", None),
    )


def _may_succeed_later(error: BaseException) -> bool:
    # Not of a subclass: its run does not exist, while that of a plain timeout goes on.
    if type(error) is errors.WaitTimeoutError:
        return True
    return isinstance(error, InngestError) and may_pass(error)


def _described(error: BaseException) -> Problem:
    """Return the code, message and advice of an error, regardless of the call."""
    match error:
        case ReportFinishedError():
            return Problem(Code.FINISHED, str(error))
        case errors.InvalidArgumentError() | errors.ConfigurationError():
            return _of_argument(error)
        case errors.InvalidResponseError():
            hint = _with_cursor(error) or _WRONG_SERVER
            return Problem(Code.SERVER, error.described, hint=hint)
        case errors.ApiError():
            return _of_response(error)
        case errors.TransportError():
            hint = _after_no_response(error)
            return Problem(Code.NETWORK, error.described, hint=hint)
        case errors.NoRunError():
            hint = advice("{} explains why.", "events.explain")
            return Problem(Code.TIMED_OUT, str(error), hint=hint)
        case errors.WaitTimeoutError():
            hint = _after_timeout(error)
            return Problem(Code.TIMED_OUT, str(error), hint=hint)
        case KeyboardInterrupt():
            return Problem(Code.INTERRUPTED, "interrupted")
        case _:
            return Problem(Code.UNEXPECTED, f"{type(error).__name__}: {error}")


def _of_argument(
    error: errors.InvalidArgumentError | errors.ConfigurationError,
) -> Problem:
    """Return the problem with an argument or a setting."""
    if isinstance(error, errors.MissingKeyError):
        settings = [each.variable or each.argument for each in error.settings]
        names = " or ".join(settings)
        hint = error.advice or advice(
            f"Set {names} in the environment; a key is never an option. A dev server needs none: "
            "set INNGEST_DEV=1, or to its URL."
        )
        return Problem(Code.AUTHENTICATION, error.reason, hint=hint)
    hint = error.advice
    if isinstance(error, errors.InvalidArgumentError):
        hint = _with_cursor(error)
    return Problem(Code.USAGE, error.described, hint=hint or None)


def _with_cursor(
    error: errors.InvalidArgumentError | errors.InvalidResponseError,
) -> Advice:
    """Return the advice of an error, with the cursor at which its listing goes on, if any."""
    if error.cursor is None:
        return error.advice
    return error.advice.then(Advice(f"The cursor is {error.cursor}"))


def _of_response(error: errors.ApiError) -> Problem:
    """Return the problem of an error response, by the server or a proxy before it."""
    if isinstance(error, errors.RouteNotFoundError) and not _is_inngest(error):
        message = f"what responds is not Inngest: {error.described}"
        return Problem(Code.SERVER, message, hint=_WRONG_SERVER)
    if refused_in_between(error):
        shows = advice("{} shows what answers at the base URL.", "diagnose")
        hint = error.advice.then(shows)
        return Problem(Code.SERVER, error.described, hint=hint)
    for kind, (code, further_advice) in _OF_API.items():
        if isinstance(error, kind):
            hint = error.advice.then(further_advice)
            return Problem(code, error.described, hint=hint)
    return Problem(Code.SERVER, error.described, hint=error.advice)


def _after_no_response(error: errors.TransportError) -> Advice:
    """Return advice where no server has responded; the base URL may be wrong."""
    if isinstance(error, errors.RequestTimeoutError) and error.advice:
        return error.advice  # the server is the right one
    shows = advice("{} shows which server is asked, and why.", "diagnose")
    return error.advice.then(shows)


def _after_timeout(error: errors.WaitTimeoutError) -> Advice:
    """Return advice after a wait: wait for longer, or look for the event or run."""
    exists = error.event_id or error.was_seen
    if exists and not isinstance(error.__cause__, errors.NotFoundError):
        return advice("It continues on the server: wait again, or for longer.")
    return advice(
        "There may be none: {} shows runs, {} finds an event by an id of your own.",
        "runs.list",
        "events.explain",
    )


def _is_inngest(error: errors.RouteNotFoundError) -> bool:
    response = error.response
    if response is None:
        return True
    is_of_web_ui = response.status < 400
    is_bare = response.text.strip() in _BARE
    return is_of_web_ui or is_bare or SERVER_HEADER in response.headers
