"""Requests of this client, and the URLs to which they go.

httpx is imported where it is needed: it takes longer than the table of calls, which `--help` reads.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

R = TypeVar("R")

_NONE: Mapping[str, str] = {}
_METHODS_WITHOUT_BODY = frozenset({"DELETE", "GET"})


@cache
def masked(kind: type[R]) -> type[R]:
    """Return a class of requests whose repr does not have their URLs.

    The URL of an event has the event key in it, and logs have the repr of a request.
    Its content needs not be read first, as httpx's needs of a stream.
    """

    def content(self: Any) -> bytes:
        body: bytes = self.read()
        return body

    def shown(self: Any) -> str:
        return f"<Request({self.method!r}, {self.extensions['shown']!r})>"

    members = {"__repr__": shown, "content": property(content)}
    return cast("type[R]", type("Request", (kind,), members))


def new_request(
    method: str,
    url: httpx.URL,
    *,
    shown: str,
    timeout: float,
    trace: object,
    headers: Mapping[str, str] = _NONE,
    content: bytes = b"",
) -> httpx.Request:
    """Make a request.

    Args:
        method: Its method.
        url: Its URL.
        shown: Its URL without keys.
        timeout: Seconds for the whole exchange. Connecting gets half of them, so that nothing was
            sent by then.
        trace: What httpcore calls at each step, if anything.
        headers: Its headers, except for those of the host and of the length of the content.
        content: Its body.
    """
    import httpx  # noqa: PLC0415

    limits = httpx.Timeout(timeout, connect=timeout / 2)
    kind: type[httpx.Request] = masked(httpx.Request)
    length: dict[str, str] = {}
    if content or method not in _METHODS_WITHOUT_BODY:
        length["Content-Length"] = str(len(content))
    return kind(
        method,
        url,
        headers={"Host": url.netloc.decode("ascii"), **headers, **length},
        # Of a stream, httpx does not find out the headers, which takes as long as the rest.
        stream=httpx.ByteStream(content),
        extensions={"shown": shown, "timeout": limits.as_dict(), "trace": trace},
    )


def json_content(value: object) -> bytes:
    """Return the body of a request in JSON."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode()


def parsed(text: str) -> httpx.URL | None:
    """Return what a text is as a URL; None if it is none.

    It raises nothing: an error would quote the event key, or part of a password.
    """
    import httpx  # noqa: PLC0415

    try:
        url = httpx.URL(text)
        _ = url.host  # decodes an international one
    except (httpx.InvalidURL, ValueError):
        return None
    return url


def requestable(text: str, parameters: Mapping[str, Any] | None = None) -> httpx.URL:
    """Return the URL of a text and its query, which only their length could make invalid."""
    import httpx  # noqa: PLC0415

    try:
        # Not `copy_with`, which parses it once more: a tenth of the time of `runs.get`.
        return httpx.URL(text, params=parameters) if parameters else httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        # Without the cause, which may quote the event key.
        reason = "an id, name, cursor or key is too long for a URL"
        raise InvalidArgumentError(reason) from None
