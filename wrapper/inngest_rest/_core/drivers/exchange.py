"""Read a response, word the errors of an exchange and log it without keys, for both drivers."""

from __future__ import annotations

import errno
import logging
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from inngest_rest._core.drivers.lanes import MAX_AT_ONCE
from inngest_rest.errors import ClosedError, RequestTimeoutError, TransportError

if TYPE_CHECKING:
    from inngest_rest._core.plans import Call

T = TypeVar("T")

logger = logging.getLogger("inngest_rest")

# When one of these is raised, the request cannot have reached the server.
_NOT_DELIVERED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def check_open(*, closed: bool) -> None:
    if closed:
        raise ClosedError("this client is closed; make a new one")


def read(call: Call[T], response: httpx.Response, seconds: float) -> T:
    if logger.isEnabledFor(logging.DEBUG):
        took = seconds * 1_000
        logger.debug("%s %s -> %d in %.0f ms", call.method, call.url, response.status_code, took)
    return call.read(response)


def too_slow(call: Call[Any]) -> RequestTimeoutError:
    return _timed_out(call, f"no complete response within {call.timeout:g} s", delivered=True)


def no_room(call: Call[Any]) -> RequestTimeoutError:
    reason = f"{MAX_AT_ONCE} requests were in flight for {call.timeout:g} s; this one was not sent"
    return _timed_out(call, reason, delivered=False)


def _timed_out(call: Call[Any], reason: str, *, delivered: bool) -> RequestTimeoutError:
    logger.debug("%s %s: %s", call.method, call.url, reason)
    return RequestTimeoutError(reason, method=call.method, url=call.url, delivered=delivered)


def transport_error(call: Call[Any], error: httpx.RequestError, *, closed: bool) -> TransportError:
    error.request = httpx.Request(call.method, call.url)
    kind = RequestTimeoutError if isinstance(error, httpx.TimeoutException) else TransportError
    reason = call.redact(f"{type(error).__name__}: {error}".removesuffix(": "))
    reason += "; the client was closed" if closed else _likely_cause(str(error))
    logger.debug("%s %s: %s", call.method, call.url, reason)
    return kind(
        reason,
        method=call.method,
        url=call.url,
        delivered=not isinstance(error, _NOT_DELIVERED),
    )


def _likely_cause(reason: str) -> str:
    """Return a hint at the likely cause where the network's own message says little."""
    if "refused" in reason or f"[Errno {errno.ECONNREFUSED}]" in reason:
        return "; is a server running there?"
    if "WRONG_VERSION_NUMBER" in reason:
        return "; the server speaks http there, not https"
    return ""
