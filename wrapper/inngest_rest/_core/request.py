"""Requests of this client, and the URLs to which they go.

httpx is imported where it is needed: it takes longer than the table of calls, which `--help` reads.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

R = TypeVar("R")


@cache
def masked(kind: type[R]) -> type[R]:
    """Return a class of requests whose repr does not have their URLs.

    The URL of an event has the event key in it, and the frames of a traceback hold the request.
    """

    def shown(self: Any) -> str:
        return f"<Request({self.method!r}, {self.extensions['shown']!r})>"

    return cast("type[R]", type("Request", (kind,), {"__repr__": shown}))


def new_request(
    method: str,
    url: httpx.URL,
    *,
    shown: str,
    timeout: float,
    trace: object,
    **parts: Any,
) -> httpx.Request:
    """Make a request.

    Args:
        method: Its method.
        url: Its URL.
        shown: Its URL without keys.
        timeout: Seconds for the whole exchange. Connecting gets half of them, so that nothing was
            sent by then.
        trace: What httpcore calls at each step, if anything.
        **parts: Its headers, and its content or JSON, as httpx has them.
    """
    import httpx  # noqa: PLC0415

    limits = httpx.Timeout(timeout, connect=timeout / 2)
    kind: type[httpx.Request] = masked(httpx.Request)
    return kind(
        method,
        url,
        extensions={"shown": shown, "timeout": limits.as_dict(), "trace": trace},
        **parts,
    )


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
        url = httpx.URL(text)
        return url.copy_with(params=parameters) if parameters else url
    except (httpx.InvalidURL, ValueError):
        del text  # hidden from crash reports: the event key may be in it
    # Outside that clause, whose error may quote the key.
    raise InvalidArgumentError("an id, name, cursor or key is too long for a URL")
