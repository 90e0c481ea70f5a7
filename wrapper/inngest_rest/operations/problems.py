"""Problems: errors as data, for programs; each has a code, and each code an exit status."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from inngest_rest import errors
from inngest_rest.operations.parameters import ParameterError
from inngest_rest.record import Record


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
    Code.USAGE: "an argument or a setting is missing or malformed",
    Code.AUTHENTICATION: "a key is missing, or the server rejected it",
    Code.NOT_FOUND: "no such run, event, app or function, or no such route on this server",
    Code.RATE_LIMITED: "the server asked for a pause",
    Code.PARTIAL: "some of it was done; the data says what",
    Code.NETWORK: "the server did not respond",
    Code.SERVER: "the server failed, or what answered is not Inngest",
    Code.CONFIRMATION_NEEDED: "nothing was done; the hint has the command that confirms it",
    Code.TIMED_OUT: "a run did not end in time",
    Code.RUN_FAILED: "the run failed or was cancelled (with --exit-status)",
    Code.INTERRUPTED: "interrupted by Ctrl-C",
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


def problem_of(error: BaseException) -> Problem:
    """Return an error as data."""
    match error:
        case OperationError():
            return error.problem
        case ParameterError():
            return Problem(Code.USAGE, str(error), field=error.field)
        case errors.MissingKeyError():
            return Problem(
                Code.AUTHENTICATION,
                str(error),
                hint="Set the variable in the environment; keys are never options.",
            )
        case errors.InvalidArgumentError() | errors.ConfigurationError():
            return Problem(Code.USAGE, str(error))
        case errors.AuthenticationError() | errors.PermissionDeniedError():
            return Problem(
                Code.AUTHENTICATION,
                str(error),
                hint="Run `inngest-rest doctor`: it checks each key.",
                status=error.status,
            )
        case errors.NotFoundError() | errors.RouteNotFoundError():
            return Problem(Code.NOT_FOUND, str(error), status=error.status)
        case errors.RateLimitError():
            return Problem(
                Code.RATE_LIMITED,
                str(error),
                retryable=True,
                retry_after=error.retry_after,
                status=error.status,
            )
        case errors.PartialSendError() | errors.PartialActionError():
            return Problem(Code.PARTIAL, str(error))
        case errors.WaitTimeoutError():
            return Problem(Code.TIMED_OUT, str(error), retryable=True)
        case errors.TransportError():
            return Problem(
                Code.NETWORK,
                str(error),
                hint="Run `inngest-rest doctor`: it shows which server is asked, and why.",
                retryable=not error.delivered,
            )
        case errors.ApiError():
            return Problem(
                Code.SERVER, str(error), retryable=error.status >= 500, status=error.status
            )
        case errors.InvalidResponseError():
            return Problem(
                Code.SERVER,
                str(error),
                hint="Run `inngest-rest doctor`: it shows what answers at the base URL.",
                status=error.status,
            )
        case KeyboardInterrupt():
            return Problem(Code.INTERRUPTED, "interrupted")
        case _:
            return Problem(Code.UNEXPECTED, f"{type(error).__name__}: {error}")
