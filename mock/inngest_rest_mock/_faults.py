"""Scripted faults: error responses, broken connections, delays."""

from __future__ import annotations

from datetime import timedelta
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import attrs
import httpx

from inngest_rest_mock._api.releases import OPERATIONS
from inngest_rest_mock._api.responses import JSON, TEXT
from inngest_rest_mock._carriers.exchange import Request, Response
from inngest_rest_mock._json import encode
from inngest_rest_mock._state.arguments import as_timedelta

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inngest_rest_api.api import Operation

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


@attrs.frozen
class Effect:
    """The result of `answers`, `delays`, `drops`, `loses_response` and `takes_effect_late`.

    Attributes:
        response: The response in place of that of the server; None for its own, or none at all.
        error: How the connection breaks, where there is no response.
        is_handled: Whether the server handles the request at once.
        delay: How far the clock advances before that.
        late: How much later the server handles the request.
    """

    response: Response | None = None
    error: type[httpx.TransportError] | None = None
    is_handled: bool = False
    delay: timedelta = timedelta()
    late: timedelta | None = None


def answers(
    status: int, body: object = b"", *, headers: Mapping[str, str] | None = None
) -> Effect:
    """Respond with an error or anything else, without handling the request.

    Args:
        status: The HTTP status.
        body: Bytes, text, or a JSON value. Default: empty.
        headers: Headers such as `{"Retry-After": "1"}`. Default: a `Content-Type` that fits the
            body.

    Raises:
        ValueError: `status` is not the status of a final response, 200 to 599.
    """
    if not 200 <= status <= 599:
        raise ValueError(f"status must be between 200 and 599, and is {status!r}")
    given = {name.lower(): value for name, value in (headers or {}).items()}
    if isinstance(body, bytes):
        raw, content_type = body, None
    elif isinstance(body, str):
        raw, content_type = body.encode(), TEXT
    else:
        raw, content_type = encode(body), JSON
    if content_type is not None:
        given.setdefault("content-type", content_type)
    return Effect(Response(status, tuple(given.items()), raw))


def drops(error: type[httpx.TransportError] = httpx.ConnectError) -> Effect:
    """Drop the connection before the request is handled.

    Args:
        error: The error that the in-process transport raises. A socket just closes.
    """
    return Effect(error=error)


def loses_response(error: type[httpx.TransportError] = httpx.ReadError) -> Effect:
    """Handle the request, then drop the connection instead of responding.

    Args:
        error: The error that the in-process transport raises. A socket just closes.
    """
    return Effect(error=error, is_handled=True)


def delays(by: timedelta | float) -> Effect:
    """Advance the mock's clock before handling the request; no real time passes.

    In process, a client with a shorter read timeout gets `httpx.ReadTimeout`; its request is still
    handled.

    Args:
        by: How far to advance the clock: a timedelta, or seconds.

    Raises:
        TypeError: `by` is neither a timedelta nor a number.
        ValueError: `by` is negative or not finite.
    """
    return Effect(is_handled=True, delay=as_timedelta(by, "by"))


def takes_effect_late(
    after: timedelta | float, meanwhile: Effect | None = None
) -> Effect:
    """Respond with an error at once, and handle the request later by the mock's clock.

    So does a gateway that gives a request up which the server still gets.

    Args:
        after: How much later: a timedelta, or seconds.
        meanwhile: The response: `answers(...)` or `drops(...)`, such as `drops(httpx.ReadTimeout)`.
            Default: `answers(504)`.

    Raises:
        TypeError: `after` is neither a timedelta nor a number, or `meanwhile` is another effect.
        ValueError: `after` is negative or not finite.
    """
    meanwhile = answers(504) if meanwhile is None else meanwhile
    if meanwhile.is_handled or meanwhile.late is not None:
        raise TypeError(
            f"meanwhile must be answers(...) or drops(...), and is {meanwhile!r}"
        )
    return attrs.evolve(meanwhile, late=as_timedelta(after, "after"))


def check_effect(given: object) -> None:
    """Raise TypeError unless this is an effect."""
    if not isinstance(given, Effect):
        names = (
            "answers(...), drops(...), loses_response(...), delays(...) "
            "or takes_effect_late(...)"
        )
        raise TypeError(f"effect must be {names}, and is {given!r}")


def check_target(
    served: Mapping[str, Operation],
    *,
    operation: str | None,
    method: str | None,
) -> None:
    """Raise ValueError for a fault that would never match.

    Args:
        served: The server's operations by their names.
        operation: The operation to match.
        method: The method to match, in upper case.
    """
    if operation is not None and operation not in served:
        if operation in OPERATIONS:
            raise ValueError(
                f"this mock does not serve the operation {operation!r}, so the fault would never "
                "strike: see release and v1_routes of MockServer"
            )
        raise _unknown("operation", operation, served)
    if method is not None and method not in _METHODS:
        raise _unknown("method", method, sorted(_METHODS))
    if operation and method and method != served[operation].method:
        raise ValueError(
            f"operation {operation!r} is {served[operation].method} {served[operation].path}, "
            f"so a fault for method={method!r} would never strike it"
        )


def _unknown(what: str, given: str, known: Iterable[str]) -> ValueError:
    nearest = get_close_matches(given, sorted(set(known)), n=3, cutoff=0)
    return ValueError(
        f"unknown {what} {given!r}, so the fault would never strike: "
        f"the nearest are {', '.join(map(repr, nearest))}"
    )


@attrs.define(eq=False)
class Fault:
    """A scripted fault, returned by `MockServer.fault`.

    `hits` is the number of requests affected so far, `remaining` the number still to affect (None:
    all that match).
    """

    effect: Effect
    remaining: int | None
    skip: int
    method: str | None
    path: str | None
    operation: str | None
    hits: int = 0

    def clear(self) -> None:
        """Disable the fault."""
        self.remaining = 0

    def strikes(self, request: Request, operation: str | None) -> bool:
        """Return whether this request is affected, and count it."""
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
