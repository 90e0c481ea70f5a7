"""The responses themselves, as `client.raw()` and errors have them: without the keys of the client.

A recording applies to the calls of its context, as a decimal context does: to the thread or task
that opened it, and to those that a call starts.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import httpx

    from inngest_rest._core.calls.route import Route
    from inngest_rest._core.calls.session import Session
    from inngest_rest.responses import RawResponse

# `raw()` keeps only the last responses of a long listing or import.
_MOST_KEPT = 100

# The responses that are kept, for a client and its copies, by the retry budgets that they share.
_recordings: ContextVar[tuple[tuple[object, deque[RawResponse]], ...]]
_recordings = ContextVar("inngest_rest.raw", default=())


@contextmanager
def recording(session: Session) -> Generator[Sequence[RawResponse]]:
    """Keep the last responses to one client and its copies while the context is entered."""
    kept = deque["RawResponse"](maxlen=_MOST_KEPT)
    own = (session.budgets, kept)
    _recordings.set((*_recordings.get(), own))
    try:
        yield kept
    finally:
        others = [other for other in _recordings.get() if other is not own]
        _recordings.set(tuple(others))


def record(
    session: Session,
    route: Route[Any, Any],
    response: httpx.Response,
    url: str,
) -> None:
    """Keep a response for the recordings of this context, if there are any."""
    recordings = _recordings.get()
    own = [kept for client, kept in recordings if client is session.budgets]
    if not own:
        return
    raw = raw_response(session, route, response, url)
    for kept in own:
        kept.append(raw)


def raw_response(
    session: Session,
    route: Route[Any, Any],
    response: httpx.Response,
    url: str,
    *,
    at_most: int | None = None,
) -> RawResponse:
    """Return a response with the client's keys masked; `at_most` bytes of its body."""
    import httpx  # noqa: PLC0415 - for errors and recordings

    from inngest_rest.responses import RawResponse  # noqa: PLC0415

    masked = session.redact_bytes
    headers: list[tuple[bytes, bytes]] = []
    for name, value in response.headers.raw:
        headers.append((masked(name), masked(value)))
    return RawResponse(
        status=response.status_code,
        method=route.operation.method,
        url=url,
        headers=httpx.Headers(headers),
        body=masked(response.content[:at_most]),
    )
