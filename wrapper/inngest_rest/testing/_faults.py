"""Scripted faults: error responses, broken connections, delays."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeAlias

import attrs
import httpx

from inngest_rest.testing._api.responses import JSON, TEXT
from inngest_rest.testing._carriers.messages import Request, Response
from inngest_rest.testing._go.encoding import encode
from inngest_rest.testing._state.clock import as_timedelta

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta


@attrs.frozen
class Answers:
    """The request is not handled; this is the response."""

    response: Response


@attrs.frozen
class Drops:
    """The request is not handled and the connection breaks."""

    error: type[httpx.TransportError]


@attrs.frozen
class LosesResponse:
    """The request is handled, then the connection breaks."""

    error: type[httpx.TransportError]


@attrs.frozen
class Delays:
    """The request is handled after the mock's clock has advanced."""

    by: timedelta


Effect: TypeAlias = Answers | Drops | LosesResponse | Delays


def answers(status: int, body: object = b"", *, headers: Mapping[str, str] | None = None) -> Effect:
    """Respond with an error, or with anything else, instead of handling the request.

    Args:
        status: The HTTP status.
        body: Bytes, text, or a JSON value. Default: empty.
        headers: Headers such as `{"Retry-After": "1"}`. Default: a `Content-Type` that fits the
            body.
    """
    given = {name.lower(): value for name, value in (headers or {}).items()}
    if isinstance(body, bytes):
        raw, content_type = body, None
    elif isinstance(body, str):
        raw, content_type = body.encode(), TEXT
    else:
        raw, content_type = encode(body), JSON
    if content_type is not None:
        given.setdefault("content-type", content_type)
    return Answers(Response(status, tuple(given.items()), raw))


def drops(error: type[httpx.TransportError] = httpx.ConnectError) -> Effect:
    """Break the connection before the request is handled.

    Args:
        error: The error that the in-process transport raises. A socket just closes.
    """
    return Drops(error)


def loses_response(error: type[httpx.TransportError] = httpx.ReadError) -> Effect:
    """Handle the request, then break the connection instead of responding.

    Args:
        error: The error that the in-process transport raises. A socket just closes.
    """
    return LosesResponse(error)


def delays(by: timedelta | float) -> Effect:
    """Advance the mock's clock before handling the request; no real time passes.

    In process, a client with a shorter read timeout gets `httpx.ReadTimeout`; its request is
    handled nevertheless.

    Args:
        by: How far to advance the clock: a timedelta, or seconds.

    Raises:
        TypeError: `by` is neither a timedelta nor a number.
        ValueError: `by` is negative or not finite.
    """
    return Delays(as_timedelta(by, "by"))


@attrs.define(eq=False)
class Fault:
    """A scripted fault, as `MockServer.fault` returns it.

    `hits` counts the requests it has struck, `remaining` those it will still strike (None: all
    that match).
    """

    effect: Effect
    remaining: int | None
    skip: int
    method: str | None
    path: str | None
    operation: str | None
    hits: int = 0

    def clear(self) -> None:
        """Stop striking."""
        self.remaining = 0

    def strikes(self, request: Request, operation: str | None) -> bool:
        """Return whether this request is struck, and count it."""
        if self.remaining == 0 or not self._targets(request, operation):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.remaining is not None:
            self.remaining -= 1
        self.hits += 1
        return True

    def _targets(self, request: Request, operation: str | None) -> bool:
        return (
            (self.method is None or self.method == request.method)
            and (self.path is None or fnmatchcase(request.decoded_path, self.path))
            and (self.operation is None or self.operation == operation)
        )
