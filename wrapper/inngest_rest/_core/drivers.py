"""Run plans, blocking or awaiting. All sending and all sleeping of the package happens here.

A request goes straight to the transport, not through `httpx.Client`: that would write the event
key, which is part of the path, to httpx's log, and costs a quarter more per request.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from inngest_rest._core.effects import Call, Host, Plan
from inngest_rest.errors import InngestError, RequestTimeoutError, TransportError

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

logger = logging.getLogger("inngest_rest")

# The request cannot have reached the server when one of these is raised.
_NOT_DELIVERED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class Driver:
    """Run plans in the calling thread; safe to share between threads."""

    def __init__(self, transports: Mapping[Host, httpx.BaseTransport]) -> None:
        self._transports = transports
        self._closed = False

    def run(self, plan: Plan[T]) -> T:
        try:
            effect = next(plan)
            while True:
                if isinstance(effect, Call):
                    try:
                        answer = self._exchange(effect)
                    except InngestError as error:
                        effect = plan.throw(error)
                        continue
                    effect = plan.send(answer)
                else:
                    time.sleep(effect.seconds)
                    effect = plan.send(None)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        finally:
            plan.close()

    def _exchange(self, call: Call[T]) -> T:
        _check_open(closed=self._closed)
        started = time.monotonic()
        try:
            response = self._transports[call.host].handle_request(call.request)
            try:
                body = bytearray()
                for chunk in response.iter_raw():
                    body += chunk
                    if time.monotonic() - started > call.timeout:
                        raise _too_slow(call)
            finally:
                response.close()
        except httpx.RequestError as error:
            raise _transport_error(call, error) from error
        return _read(call, response, bytes(body), started)

    def close(self) -> None:
        self._closed = True
        for transport in set(self._transports.values()):
            transport.close()


class AsyncDriver:
    """Run plans in the running asyncio loop."""

    def __init__(self, transports: Mapping[Host, httpx.AsyncBaseTransport]) -> None:
        self._transports = transports
        self._closed = False

    async def run(self, plan: Plan[T]) -> T:
        try:
            effect = next(plan)
            while True:
                if isinstance(effect, Call):
                    try:
                        answer = await self._exchange(effect)
                    except InngestError as error:
                        effect = plan.throw(error)
                        continue
                    effect = plan.send(answer)
                else:
                    await asyncio.sleep(effect.seconds)
                    effect = plan.send(None)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        finally:
            plan.close()

    async def _exchange(self, call: Call[T]) -> T:
        _check_open(closed=self._closed)
        started = time.monotonic()
        try:
            async with asyncio.timeout(call.timeout):
                transport = self._transports[call.host]
                response = await transport.handle_async_request(call.request)
                try:
                    body = b"".join([chunk async for chunk in response.aiter_raw()])
                finally:
                    await response.aclose()
        except TimeoutError:
            raise _too_slow(call) from None
        except httpx.RequestError as error:
            raise _transport_error(call, error) from error
        return _read(call, response, body, started)

    async def close(self) -> None:
        self._closed = True
        for transport in set(self._transports.values()):
            await transport.aclose()


def _check_open(*, closed: bool) -> None:
    if closed:
        raise RuntimeError("this client is closed; make a new one")


def _read(call: Call[T], response: httpx.Response, body: bytes, started: float) -> T:
    if logger.isEnabledFor(logging.DEBUG):
        milliseconds = (time.monotonic() - started) * 1_000
        method, status = call.request.method, response.status_code
        logger.debug("%s %s -> %d in %.0f ms", method, call.url, status, milliseconds)
    # A response of its own: what the transport gave is spent, and its request holds keys.
    try:
        whole = httpx.Response(response.status_code, headers=response.headers, content=body)
    except httpx.DecodingError as error:
        raise _transport_error(call, error) from error
    return call.read(whole)


def _too_slow(call: Call[Any]) -> RequestTimeoutError:
    reason = f"no whole answer within {call.timeout:g} s"
    logger.debug("%s %s: %s", call.request.method, call.url, reason)
    return RequestTimeoutError(reason, method=call.request.method, url=call.url)


def _transport_error(call: Call[Any], error: httpx.RequestError) -> TransportError:
    # The cause stays in tracebacks, and whatever prints its request must not find a key there.
    error.request = httpx.Request(call.request.method, call.url)
    kind = RequestTimeoutError if isinstance(error, httpx.TimeoutException) else TransportError
    reason = f"{type(error).__name__}: {error}".removesuffix(": ")
    logger.debug("%s %s: %s", call.request.method, call.url, reason)
    return kind(
        reason,
        method=call.request.method,
        url=call.url,
        delivered=not isinstance(error, _NOT_DELIVERED),
    )
