"""Problems: errors as data, for programs; each has a code, and each code an exit status."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from attrs import evolve, fields, frozen

from inngest_rest import errors
from inngest_rest._core.calls.retry import had_no_effect
from inngest_rest.action_reports import ActionOutcome
from inngest_rest.operations.parameters import ParameterError
from inngest_rest.operations.strangers import in_commands, is_of_stranger
from inngest_rest.record import Record

if TYPE_CHECKING:
    from inngest_rest.operations.operation import Operation


class Code(StrEnum):
    """What went wrong, as one of a closed list."""

    UNEXPECTED = "unexpected"
    USAGE = "usage"
    AUTHENTICATION = "authentication"
    NOT_FOUND = "not_found"
    RATE_LIMITED = "rate_limited"
    PARTIAL = "partial"
    NETWORK = "network"
    SERVER = "server"
    CONFIRMATION_NEEDED = "confirmation_needed"
    TIMED_OUT = "timed_out"
    RUN_FAILED = "run_failed"
    INTERRUPTED = "interrupted"


EXIT_STATUS: dict[Code, int] = {
    Code.UNEXPECTED: 1,
    Code.USAGE: 2,
    Code.AUTHENTICATION: 3,
    Code.NOT_FOUND: 4,
    Code.RATE_LIMITED: 5,
    Code.PARTIAL: 6,
    Code.NETWORK: 7,
    Code.SERVER: 8,
    Code.CONFIRMATION_NEEDED: 9,
    Code.TIMED_OUT: 10,
    Code.RUN_FAILED: 11,
    Code.INTERRUPTED: 130,
}

MEANING: dict[Code, str] = {
    Code.UNEXPECTED: "an error of this program",
    Code.USAGE: "an argument or a setting is missing, malformed or rejected",
    Code.AUTHENTICATION: "a key is missing, or the server rejected it",
    Code.NOT_FOUND: "no such run, event, app or function, or no such route on this server",
    Code.RATE_LIMITED: "the server asked for a pause",
    Code.PARTIAL: "some of it was done; the data says what",
    Code.NETWORK: "the server did not respond",
    Code.SERVER: "the server failed, or what responded is not Inngest",
    Code.CONFIRMATION_NEEDED: "nothing was done; the hint has the command that confirms it",
    Code.TIMED_OUT: "a run did not end in time",
    Code.RUN_FAILED: "the run failed or was cancelled (with --exit-status)",
    Code.INTERRUPTED: "interrupted by Ctrl-C",
}


_SERVER_ERROR = 500

_WRONG_SERVER = (
    "`inngest-rest doctor` shows what answers at the base URL. Set INNGEST_BASE_URL, or "
    "INNGEST_DEV for a dev server."
)

# What to do where there is no such thing, by the group of the operation.
_HINTS = {
    "events": "`events list` shows events with their internal ids; one that was just sent "
    "appears after about 0.25 s.",
    "runs": "`runs list` shows runs, and `events runs` those of an event; one that was just "
    "started appears after about 0.25 s.",
    "apps": "`apps list` shows the apps of this server and environment.",
    "functions": "`apps list` shows the apps of this server and environment, and `functions list` "
    "the functions of one.",
    "signals": "`runs list --status running` shows the runs that may be waiting for one.",
    "cancellations": "`functions list` shows the functions of an app, and `cancellations list` the "
    "bulk cancellations.",
    "webhooks": "`webhooks list` shows the webhooks.",
}

_HINTS_IF_MISSING = {
    "app is missing": "`apps list` shows the apps of this server and environment.",
    "function is missing": "`functions list` shows the functions of an app.",
}


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
    hint: str | None = None
    retryable: bool = False
    retry_after: float | None = None
    status: int | None = None
    field: str | None = None


class OperationError(errors.InngestError):
    """An operation ended with a problem that the client does not raise itself.

    Attributes:
        problem: The problem.
        data: What was done, or found, all the same.
    """

    def __init__(self, problem: Problem, *, data: Record | None = None) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.data = data


def problem_of(
    error: BaseException, operation: Operation[Any] | None = None, parameters: Any = None
) -> Problem:
    """Return an error as data.

    Args:
        error: The error.
        operation: The operation that it ended, on which depends what to do next.
        parameters: The operation's parameters; None if they could not be read.
    """
    problem = _problem_of(error)
    if operation is None:
        return problem
    can_repeat = parameters is None or operation.can_repeat(parameters)
    field = problem.field or _field(error, operation)
    return evolve(
        problem,
        hint=problem.hint or _hint(problem, field, operation),
        retryable=problem.retryable and (can_repeat or not _may_be_done(error)),
        field=field,
    )


def _problem_of(error: BaseException) -> Problem:
    match error:
        case OperationError():
            return error.problem
        case ParameterError():
            return Problem(Code.USAGE, str(error), field=error.field)
        case errors.MissingKeyError():
            return _missing_key(error)
        case (
            errors.InvalidArgumentError()
            | errors.ConfigurationError()
            | errors.OutboxError()
            | errors.BufferFullError()
        ):
            return Problem(Code.USAGE, str(error))
        case errors.ApiError():
            return _problem_of_response(error)
        case errors.PartialSendError() | errors.PartialActionError():
            return Problem(Code.PARTIAL, str(error))
        case errors.NoRunError():
            return Problem(
                Code.TIMED_OUT, str(error), hint="`events explain` tells more about the event."
            )
        case errors.WaitTimeoutError():
            return Problem(
                Code.TIMED_OUT,
                str(error),
                hint=_hint_of_wait(error),
                retryable=True,
            )
        case errors.TransportError():
            return Problem(
                Code.NETWORK,
                str(error),
                hint="`inngest-rest doctor` shows which server is asked, and why.",
                retryable=True,
            )
        case errors.InvalidResponseError():
            return Problem(
                Code.SERVER,
                str(error),
                hint=_WRONG_SERVER,
                status=error.status,
            )
        case KeyboardInterrupt():
            return Problem(Code.INTERRUPTED, "interrupted")
        case _:
            return Problem(Code.UNEXPECTED, f"{type(error).__name__}: {error}")


def _hint_of_wait(error: errors.WaitTimeoutError) -> str:
    if not isinstance(error.__cause__, errors.NotFoundError):
        return "It goes on all the same: wait again, or longer."
    if error.event_id is None:
        return "There may be no such run: `runs list` shows runs."
    return (
        "There may be no such event: `events list` shows events with their internal ids, and "
        "`events explain` finds one by an id of your own."
    )


def _problem_of_response(error: errors.ApiError) -> Problem:
    if isinstance(error, errors.RouteNotFoundError) and is_of_stranger(error):
        return Problem(
            Code.SERVER,
            f"what responds is not Inngest: {error.method} {error.url} answered {error.status}: "
            f"{error.message}",
            hint=_WRONG_SERVER,
            status=error.status,
        )
    problem = Problem(
        _code_of_response(error),
        in_commands(error),
        retry_after=error.retry_after,
        status=error.status,
    )
    match problem.code:
        case Code.NOT_FOUND if isinstance(error, errors.RouteNotFoundError):
            hint = "`inngest-rest doctor` shows the release of the server, and what it offers."
            return evolve(problem, hint=hint)
        case Code.AUTHENTICATION:
            return evolve(problem, hint="`inngest-rest doctor` checks each key.")
        case Code.RATE_LIMITED:
            return evolve(problem, hint="Wait before the next attempt.", retryable=True)
        case Code.SERVER:
            return evolve(problem, retryable=error.status >= _SERVER_ERROR)
        case _:
            return problem


def _code_of_response(error: errors.ApiError) -> Code:
    match error:
        case errors.AuthenticationError() | errors.PermissionDeniedError():
            return Code.AUTHENTICATION
        case errors.NotFoundError() | errors.RouteNotFoundError():
            return Code.NOT_FOUND
        case errors.RateLimitError():
            return Code.RATE_LIMITED
        case errors.BadRequestError() | errors.ConflictError():
            return Code.USAGE
        case _:
            return Code.SERVER


def _missing_key(error: errors.MissingKeyError) -> Problem:
    """Name the variables, as keys are never options; the message has arguments of Python, too."""
    names = " or ".join(each.variable for each in error.settings if each.variable)
    return Problem(
        Code.AUTHENTICATION,
        error.reason,
        hint=f"Set {names} in the environment; a key is never an option. A dev server needs none: "
        "set INNGEST_DEV=1, or to its URL.",
    )


def _may_be_done(error: BaseException) -> bool:
    """Return whether what was asked for may have been done all the same."""
    match error:
        case OperationError():
            return ActionOutcome.UNKNOWN in getattr(error.data, "counts", ())
        case errors.InngestError():
            return not had_no_effect(error)
        case _:
            return True


def _hint(problem: Problem, field: str | None, operation: Operation[Any]) -> str | None:
    if field == "ids" and "malformed" in problem.message:
        return "The ids of runs, one a line, are what `runs list -o id` prints."
    if problem.message in _HINTS_IF_MISSING:
        return _HINTS_IF_MISSING[problem.message]
    group = operation.name.partition(".")[0]
    return _HINTS.get(group) if problem.code is Code.NOT_FOUND else None


def _field(error: BaseException, operation: Operation[Any]) -> str | None:
    """Return the parameter that a rejected argument of the client comes from."""
    argument = error.argument if isinstance(error, errors.InngestError) else None
    name = "rate" if argument == "max_requests" else argument
    return name if name in [each.name for each in fields(operation.parameters)] else None
