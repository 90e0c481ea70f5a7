"""Raw responses: kept for `client.raw()`, and for errors.

A recording applies to the calls of its context, as a decimal context does: to the thread or task
that opened it, and to those that a call starts.
"""

from __future__ import annotations

from collections import deque
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import httpx

from inngest_rest.responses import RawResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest._core.calls.route import Route
    from inngest_rest._core.calls.session import Session

# Of a long listing or import, only the last responses are kept.
_MOST = 100

_recordings: ContextVar[tuple[Recording, ...]] = ContextVar("inngest_rest.raw", default=())


class Recording:
    """Keeps the last responses to one client and its copies while it is entered."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._is_open = False
        self._responses: deque[RawResponse] = deque(maxlen=_MOST)

    def __enter__(self) -> Sequence[RawResponse]:
        self._is_open = True
        _recordings.set((*_recordings.get(), self))
        return self._responses

    def __exit__(self, *_: object) -> None:
        # A task that outlives the block has a context of its own.
        self._is_open = False
        _recordings.set(tuple(each for each in _recordings.get() if each is not self))

    def keep(self, session: Session, response: RawResponse) -> None:
        """Keep a response, if it is to this client."""
        if self._is_open and session.is_related_to(self._session):
            self._responses.append(response)


def record(session: Session, route: Route[Any, Any], response: httpx.Response, url: str) -> None:
    """Keep a response for the recordings of this context, if there are any."""
    if recordings := _recordings.get():
        raw = of(session, route, response, url)
        for recording in recordings:
            recording.keep(session, raw)


def of(
    session: Session,
    route: Route[Any, Any],
    response: httpx.Response,
    url: str,
    *,
    at_most: int | None = None,
) -> RawResponse:
    """Return a complete response, or so many bytes of it, with the client's keys masked."""
    headers = response.headers.multi_items()
    together = repr(headers)
    if session.redact(together) != together:
        headers = [(session.redact(name), session.redact(value)) for name, value in headers]
    # httpx reads headers as ASCII, UTF-8 or Latin-1, but writes ASCII unless they are bytes.
    encoding = response.headers.encoding
    return RawResponse(
        status=response.status_code,
        method=route.operation.method,
        url=url,
        headers=httpx.Headers(
            [(name.encode(encoding), value.encode(encoding)) for name, value in headers],
            encoding=encoding,
        ),
        # Keys are ASCII, and any bytes are Latin-1.
        body=session.redact(response.content[:at_most].decode("latin-1")).encode("latin-1"),
    )
