"""Faults: answers that go wrong on purpose."""

from collections.abc import Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TypeAlias

import attrs
import httpx

from ._encoding import encode
from ._http import JSON, TEXT, Request, Response


@attrs.frozen
class Answers:
    """The request is not handled and gets this answer."""

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
    """The request is handled after the mock's clock has moved on."""

    by: timedelta


Effect: TypeAlias = Answers | Drops | LosesResponse | Delays


def answers(status: int, body: object = b"", *, headers: Mapping[str, str] | None = None) -> Effect:
    """Answer with an error, or anything else, instead of handling the request.

    Args:
        status: The HTTP status.
        body: Bytes, text, or a JSON value. Default: empty.
        headers: Such as `{"Retry-After": "1"}`; `Content-Type` follows the body unless given.
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
        error: What the in-process transport raises. Over a socket the connection just closes.
    """
    return Drops(error)


def loses_response(error: type[httpx.TransportError] = httpx.ReadError) -> Effect:
    """Handle the request, then break the connection instead of answering.

    Args:
        error: What the in-process transport raises. Over a socket the connection just closes.
    """
    return LosesResponse(error)


def delays(by: timedelta) -> Effect:
    """Move the mock's clock before handling the request; no real time passes.

    In process, a client whose read timeout is shorter gets `httpx.ReadTimeout`, and its request
    is handled all the same.

    Args:
        by: How far the clock moves.
    """
    return Delays(by)


@attrs.define(eq=False)
class Fault:
    """A scripted fault, as `MockServer.fault` made it.

    `hits` counts the requests it has struck, `remaining` those it will still strike (None: all).
    """

    effect: Effect
    remaining: int | None
    skip: int
    method: str | None
    path: str | None
    operation: str | None
    hits: int = 0

    def clear(self) -> None:
        """Strike no more."""
        self.remaining = 0

    def strikes(self, request: Request, operation: str | None) -> bool:
        """Tell whether this request is struck, and count it."""
        if self.remaining == 0 or not self._concerns(request, operation):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.remaining is not None:
            self.remaining -= 1
        self.hits += 1
        return True

    def _concerns(self, request: Request, operation: str | None) -> bool:
        return (
            (self.method is None or self.method == request.method)
            and (self.path is None or fnmatchcase(request.decoded_path, self.path))
            and (self.operation is None or self.operation == operation)
        )
