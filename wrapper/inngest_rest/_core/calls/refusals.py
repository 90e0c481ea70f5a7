"""What a refusal says: the message and code in its body, and when to come back.

Servers and what stands before them have four forms: a list of errors, one error as text, problem
details (RFC 9457), and text or a page. Which class of error that becomes is told in `answers`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from inngest_rest._core.clock import http_date
from inngest_rest._values.visible import shown

if TYPE_CHECKING:
    from datetime import datetime

    import httpx

MAX_SHOWN = 64 * 1024
"""Bytes of a response that errors show, as looking for keys takes long; others may be larger."""

# A Retry-After longer than this is absurd, and would overflow timers.
_LONGEST_PAUSE = 366 * 86_400.0


class StatedError(NamedTuple):
    """The error that the body of a response states."""

    message: str
    code: object
    about_resource: bool  # a 404 would mean a missing resource, not a missing route


def stated_error(body: dict[str, Any], response: httpx.Response) -> StatedError:
    """Return the error that a body states in one of the forms of servers and proxies."""
    if "problem+json" in response.headers.get("content-type", "").lower():
        return _problem_details(body, response)
    listed = _listed_errors(body.get("errors"))
    if listed:
        # The gateway's own code for an unknown path (recording v2-unknown-route).
        code = listed[0].get("code")
        messages = map(_message_of, listed)
        return StatedError(
            message="; ".join(messages),
            code=code,
            about_resource=code != "api_error",
        )
    error = body.get("error")
    if isinstance(error, str):
        code = body.get("code")
        return StatedError(message=error, code=code, about_resource=True)
    text = shown_text(response).strip()
    is_page = "<" in text[:100]
    if not text or is_page:
        text = response.reason_phrase
    return StatedError(message=text, code=None, about_resource=False)


def _listed_errors(value: object) -> list[dict[str, Any]]:
    """Return the objects in a list of errors; none if it is not a list."""
    if not isinstance(value, list):
        return []
    items = cast("list[object]", value)
    return [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]


def _message_of(error: dict[str, Any]) -> str:
    message = error.get("message")
    return message if isinstance(message, str) else shown(message)


def _problem_details(body: dict[str, Any], response: httpx.Response) -> StatedError:
    """Return the error of problem details (RFC 9457); a title alone only repeats the status."""
    title = _text_or_empty(body.get("title"))
    detail = _text_or_empty(body.get("detail"))
    message = title
    if detail:
        message = detail
        if title and not detail.startswith(title):
            message = f"{title}: {detail}"
    return StatedError(
        message=message or response.reason_phrase,
        code=body.get("code"),
        about_resource=bool(detail),
    )


def _text_or_empty(value: object) -> str:
    return value if isinstance(value, str) else ""


def shown_text(response: httpx.Response) -> str:
    """Return the body as text, even if the server names an unknown character set."""
    return response.content[:MAX_SHOWN].decode("utf-8", "replace")


def retry_after(response: httpx.Response, now: datetime) -> float | None:
    """Return Retry-After in seconds, given in seconds or as a date; None if neither."""
    value = response.headers.get("retry-after")
    try:
        seconds = float(value or "")
    except ValueError:
        date = http_date(value)
        if date is None:
            return None
        seconds = (date - now).total_seconds()
    if math.isnan(seconds):
        return None
    return min(max(0.0, seconds), _LONGEST_PAUSE)
