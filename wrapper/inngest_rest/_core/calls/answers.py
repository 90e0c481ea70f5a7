"""One HTTP response becomes a value, or the error that says what to do.

The *effective* status is judged before anything is parsed: the HTTP status, or the body's where
v1 hides an error under HTTP 200 [facts.md 0, "v1 GET status bug"]. Classes are chosen by status
alone; the body adds words, and for a 404 whether it speaks of a resource or of the route.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, cast

import orjson

from inngest_rest.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RouteNotFoundError,
    ServerError,
)
from inngest_rest_api.errors import UnexpectedStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from inngest_rest._core.calls.requests import Family

T = TypeVar("T")

_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    405: RouteNotFoundError,
    409: ConflictError,
    422: BadRequestError,
    429: RateLimitError,
    501: RouteNotFoundError,
}


class Operation(Protocol):
    """A generated operation's module, as far as answers go."""

    def parse_response(self, response: httpx.Response, *, strict: bool) -> object: ...


class Source(NamedTuple):
    """Where an answer came from, for what is said about it."""

    family: Family
    method: str
    url: str
    now: Callable[[], float]


def read(
    response: httpx.Response,
    source: Source,
    operation: Operation,
    expected: type[T],
    accepted: frozenset[int],
) -> T:
    """Return the parsed answer, or raise what it means.

    Args:
        response: The complete response.
        source: Where it came from.
        operation: The generated module whose parser reads it.
        expected: The model an accepted answer holds.
        accepted: The statuses that are answers, not errors.
    """
    if response.status_code not in accepted or _may_hide_error(response, source):
        _raise_error(response, source, accepted)
    try:
        parsed = operation.parse_response(response, strict=True)
    except (UnexpectedStatus, ValueError, KeyError, TypeError, AttributeError) as error:
        raise invalid(
            response, source, f"not as documented ({type(error).__name__}: {error})"
        ) from error
    if not isinstance(parsed, expected) or (parsed is None and response.content):
        raise invalid(response, source, f"not the documented {expected.__name__}")
    return parsed


def invalid(response: httpx.Response, source: Source, reason: str) -> InvalidResponseError:
    """Say that an answer is not what the document knows, and what usually is the matter."""
    if "html" in response.headers.get("content-type", "") or not response.content:
        reason += "; the web UI answers like this where the base URL or the path is wrong"
    return InvalidResponseError(
        reason,
        method=source.method,
        url=source.url,
        status=response.status_code,
        body=response.text,
    )


def _may_hide_error(response: httpx.Response, source: Source) -> bool:
    """Tell cheaply whether an accepted status is worth a second look."""
    return (source.family == "v1" and b'"error"' in response.content) or (
        response.status_code == 409 and b'"errors"' in response.content
    )


def _raise_error(response: httpx.Response, source: Source, accepted: frozenset[int]) -> None:
    """Raise the error a response stands for; return if it is none after all."""
    payload = _json(response)
    body = cast("dict[str, Any]", payload) if isinstance(payload, dict) else {}
    status = response.status_code
    hidden = status in accepted and "errors" not in body
    if hidden:
        if body.get("data", ...) is not None or not isinstance(body.get("status"), int):
            return
        status = int(body["status"])
    elif status < 400:
        raise invalid(response, source, "neither an answer nor an error")
    message, code, about_resource = _words(body, response)
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else ApiError)
    if kind is NotFoundError and not about_resource:
        kind = RouteNotFoundError
    error = kind(
        message, status=status, code=code, hidden=hidden, method=source.method, url=source.url
    )
    error.retry_after = _retry_after(response, source.now)
    raise error


def _words(body: dict[str, Any], response: httpx.Response) -> tuple[str, str | None, bool]:
    """Return the message, the code, and whether a 404 would be about a resource."""
    listed = cast("list[Any]", body.get("errors") or [])
    errors = [cast("dict[str, Any]", each) for each in listed if isinstance(each, dict)]
    if errors:
        code = errors[0].get("code")
        message = "; ".join(str(error.get("message")) for error in errors)
        # This code is the gateway's own, for a path it does not know [facts.md 0].
        return message, code, code != "api_error"
    if isinstance(body.get("error"), str):
        return body["error"], body.get("code"), True
    text = response.text.strip()
    is_page = "<" in text[:100]
    return (text[:200] if text and not is_page else response.reason_phrase), None, False


def _json(response: httpx.Response) -> object:
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return None


def _retry_after(response: httpx.Response, now: Callable[[], float]) -> float | None:
    """Read Retry-After: seconds, or a date."""
    value = response.headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now())
    except ValueError:
        return None
