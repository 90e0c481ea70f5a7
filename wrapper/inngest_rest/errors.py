"""Every error this package raises, and nothing else: a leaf that all layers import.

    InngestError
    ├── ConfigurationError           a setting is missing or malformed
    ├── InvalidArgumentError         an argument was refused before anything was sent
    │   └── InvalidEventError        an event was, at .position
    ├── TransportError               no answer came
    │   └── RequestTimeoutError      none came in time
    ├── InvalidResponseError         an answer the document does not know
    ├── WaitTimeoutError             the run has not ended yet: .run
    ├── PartialSendError             not every event was accepted: .report, .ids
    ├── BufferFullError              a buffer had no room for an event
    ├── OutboxError                  the file of a buffer cannot be used: .path
    └── ApiError                     the server said no: .status, .code, .message
        ├── BadRequestError          400, 422
        ├── AuthenticationError      401
        ├── PermissionDeniedError    403
        ├── NotFoundError            404 about a resource
        ├── RouteNotFoundError       404, 405 or 501 about the route itself
        ├── ConflictError            409
        ├── RateLimitError           429: .retry_after
        └── ServerError              5xx

All of them pickle, and none of them holds a key: URLs are redacted before they get here.
"""

from __future__ import annotations

import copyreg
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest.models import Run
    from inngest_rest.reports import SendReport


class InngestError(Exception):
    """The root of every error this package raises."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions with keyword-only arguments do not pickle by themselves.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class ConfigurationError(InngestError):
    """A setting is missing or malformed; the message names the argument and the variable."""


class InvalidArgumentError(InngestError, ValueError):
    """An argument was refused before anything was sent."""


class InvalidEventError(InvalidArgumentError):
    """An event was refused before anything was sent.

    Attributes:
        position: Index of the event in what was handed over, from 0.
        reason: What is wrong with it.
    """

    def __init__(self, reason: str, *, position: int = 0) -> None:
        super().__init__(f"event {position}: {reason}")
        self.position = position
        self.reason = reason


class TransportError(InngestError):
    """No answer came: the connection failed or broke.

    Attributes:
        method: The HTTP method.
        url: The URL, without keys.
        attempts: How many times the request was tried.
        delivered: False where the server provably never got the request.
    """

    def __init__(self, reason: str, *, method: str, url: str, delivered: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.method = method
        self.url = url
        self.delivered = delivered
        self.attempts = 1

    def __str__(self) -> str:
        return f"{self.method} {self.url}: {self.reason}{_tries(self.attempts)}"


class RequestTimeoutError(TransportError):
    """No answer came in time."""


class InvalidResponseError(InngestError):
    """The answer is not what the document knows: another server, or a newer API.

    Attributes:
        method: The HTTP method.
        url: The URL, without keys.
        status: The HTTP status.
        body: The first 500 characters of the answer.
    """

    def __init__(self, reason: str, *, method: str, url: str, status: int, body: str) -> None:
        super().__init__(f"{method} {url} answered {status}: {reason}")
        self.method = method
        self.url = url
        self.status = status
        self.body = body[:500]


class WaitTimeoutError(InngestError):
    """The run had not ended when the time was up.

    Attributes:
        run: The run as last seen; None if the server never knew it.
    """

    def __init__(self, message: str, *, run: Run | None) -> None:
        super().__init__(message)
        self.run = run


class PartialSendError(InngestError):
    """Not every event was accepted; `report` and `ids` tell the fate of each.

    Attributes:
        report: Counts, and each event that was refused or whose fate is unknown.
        ids: One entry for each event handed over, in order: its internal id, or None where the
            event was not known to be accepted.
    """

    def __init__(self, report: SendReport, ids: Sequence[str | None]) -> None:
        reason = f"; first: {report.failures[0].reason}" if report.failures else ""
        super().__init__(
            f"{report.accepted} of {len(ids)} events accepted, {report.rejected} rejected, "
            f"{report.unknown} unknown{reason}. Send what .report.failures holds again, as it is: "
            "its ids keep a second copy from running twice."
        )
        self.report = report
        self.ids = tuple(ids)


class BufferFullError(InngestError):
    """A buffer had no room for an event, and did not take it."""


class OutboxError(InngestError):
    """The file of a buffer cannot be used; what was being done was not done at all.

    Attributes:
        path: The file.
    """

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(message)
        self.path = path


class ApiError(InngestError):
    """The server answered with an error.

    Attributes:
        status: The status that tells: the one in the body where v1 hides it under HTTP 200.
        code: The server's own code (v2 alone has one), else None.
        message: The server's words.
        method: The HTTP method.
        url: The URL, without keys.
        attempts: How many times the request was tried.
        hidden: True where the HTTP status was 200 and only the body told of the error, as every
            v1 GET does.
        retry_after: Seconds the server asked to wait before trying again, or None.
    """

    advice = ""
    retry_after: float | None = None

    def __init__(
        self,
        message: str,
        *,
        status: int,
        method: str,
        url: str,
        code: str | None = None,
        hidden: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.method = method
        self.url = url
        self.hidden = hidden
        self.attempts = 1

    def __str__(self) -> str:
        code = f" ({self.code})" if self.code else ""
        advice = f" {self.advice}" if self.advice else ""
        said = f"{self.method} {self.url} answered {self.status}{code}: {self.message}"
        return f"{said}{_tries(self.attempts)}{advice}"


class BadRequestError(ApiError):
    """The server refused the request itself: 400 or 422."""


class AuthenticationError(ApiError):
    """The key is not known to this server: 401."""

    advice = (
        "Check the key and that it belongs to this server and environment: event_key "
        "(INNGEST_EVENT_KEY) to send, signing_key (INNGEST_SIGNING_KEY) or, for v2, api_key "
        "(INNGEST_API_KEY) for the rest."
    )


class PermissionDeniedError(ApiError):
    """The key is known and not allowed to do this: 403."""

    advice = "Check what the key may do, and its IP and event filters."


class NotFoundError(ApiError):
    """There is no such run, event, app or function: 404 about a resource."""


class RouteNotFoundError(ApiError):
    """The server has no such route: 404 without a resource, 405 or 501."""

    advice = "The server does not serve the operation; check the base URL and api_version."


class ConflictError(ApiError):
    """The state of the resource forbids it: 409."""


class RateLimitError(ApiError):
    """Too many requests: 429, after the retries; see `retry_after`."""


class ServerError(ApiError):
    """The server failed: 5xx, after the retries."""


def _tries(attempts: int) -> str:
    return f" (after {attempts} attempts)" if attempts > 1 else ""
