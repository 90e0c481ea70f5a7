"""What carries requests: transports of httpx with one connection each, or the caller's.

httpx's timeouts apply to each read, so a server that trickles bytes (headers, interim responses,
chunk extensions) can block a thread for ever (https://github.com/encode/httpx/issues/1450). Here
each step gets the time left. In an event loop, `asyncio.timeout` does both.
"""

from __future__ import annotations

import math
import socket
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, cast

import httpcore
import httpx

from inngest_rest._core.request import masked
from inngest_rest.errors import ConfigurationError, Setting

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

Kind = Literal["BaseTransport", "AsyncBaseTransport"]
"""The class of httpx of which the transports of a client are."""

# An idle one expires after 5 s, as httpx has it by default.
_ONE_CONNECTION = httpx.Limits(max_connections=1, max_keepalive_connections=1)

# Bytes that are written at once: a server that takes few at a time gets the time left for each.
_WRITE_SIZE = 64 * 1024

_METHODS: dict[Kind, str] = {
    "BaseTransport": "handle_request",
    "AsyncBaseTransport": "handle_async_request",
}


class BlockingCarrier(httpx.HTTPTransport):
    """httpx's transport, with a deadline for the whole exchange."""

    def __init__(self, context: ssl.SSLContext, proxy: httpx.Proxy | None) -> None:
        super().__init__(verify=context, proxy=proxy, limits=_ONE_CONNECTION)
        self._network = _Network()
        # httpx has no argument for it, as httpcore has.
        self._pool._network_backend = self._network  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._network.begin(request.extensions["timeout"]["read"])
        if _has_left_over(self._pool):
            self._pool.close()
        return super().handle_request(request)

    def abort(self) -> None:
        """End the exchange that another thread waits for."""
        self._network.abort()


class AsyncCarrier(httpx.AsyncHTTPTransport):
    """httpx's transport, which is closed whole; `asyncio.timeout` bounds its exchanges."""

    def __init__(self, context: ssl.SSLContext, proxy: httpx.Proxy | None) -> None:
        super().__init__(verify=context, proxy=proxy, limits=_ONE_CONNECTION)
        self._network = _AsyncNetwork()
        self._pool._network_backend = self._network  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if _has_left_over(self._pool):
            await self._pool.aclose()
        return await super().handle_async_request(request)

    async def aclose(self) -> None:
        await super().aclose()
        await self._network.aclose()


def _has_left_over(pool: Any) -> bool:
    """Return whether bytes came behind a response: httpcore takes them for the next response.

    It keeps them in h11's part of a connection, perhaps inside that to a proxy.
    """
    for connection in pool.connections:
        inner = connection
        while inner is not None and not hasattr(inner, "_h11_state"):
            inner = getattr(inner, "_connection", None)
        if inner is not None and inner._h11_state.trailing_data[0]:  # noqa: SLF001
            return True
    return False


class _Network(httpcore.NetworkBackend):
    """Connects for one transport, whose exchanges follow one another."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()
        self._end = math.inf  # in real time: sockets do not follow the client's clock
        self._stream: httpcore.NetworkStream | None = None
        self._is_aborted = False

    def begin(self, seconds: float) -> None:
        """Begin an exchange that has so many seconds."""
        self._end = time.monotonic() + seconds

    def abort(self) -> None:
        """End the exchange for good; a thread that waits for the other side fails at once."""
        self._is_aborted = True
        if self._stream is not None:
            # Closing it would not wake the thread.
            with suppress(OSError):
                self._stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def left(self, timeout: float | None, error: type[Exception]) -> float:
        """Return the timeout of the next step."""
        left = min(
            self._end - time.monotonic(), math.inf if timeout is None else timeout
        )
        if left <= 0:
            raise error("timed out")
        return left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = self.left(timeout, httpcore.ConnectTimeout)
        try:
            connected = self._inner.connect_tcp(
                host, port, left, local_address, socket_options
            )
        except UnicodeError as error:  # of a name that no server can have
            raise httpcore.ConnectError(str(error)) from error
        return self.kept(connected)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)

    def kept(self, stream: httpcore.NetworkStream) -> httpcore.NetworkStream:
        """Keep a stream for `abort`; return it with the deadline."""
        self._stream = stream
        if self._is_aborted:
            stream.close()
            raise httpcore.ConnectError("aborted")
        return _Stream(stream, self)


class _AsyncNetwork(httpcore.AsyncNetworkBackend):
    """Connects for one transport; httpcore leaves the stream of a cancelled TLS handshake open."""

    def __init__(self) -> None:
        # For type checkers, httpcore has a class without methods where anyio is not installed.
        self._inner = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())
        self._stream: httpcore.AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self._stream = await self._inner.connect_tcp(
            host, port, timeout, local_address, socket_options
        )
        return self._stream

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)

    async def aclose(self) -> None:
        if self._stream is not None:
            await self._stream.aclose()


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, network: _Network) -> None:
        self._inner = inner
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._network.left(timeout, httpcore.ReadTimeout)
        return self._inner.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_SIZE):
            left = self._network.left(timeout, httpcore.WriteTimeout)
            self._inner.write(buffer[start : start + _WRITE_SIZE], left)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._network.left(timeout, httpcore.ConnectTimeout)
        return self._network.kept(
            self._inner.start_tls(ssl_context, server_hostname, left)
        )

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def carrier(kind: Kind, context: ssl.SSLContext, proxy: httpx.Proxy | None) -> Any:
    """Return a transport of httpx with one connection."""
    if kind == "BaseTransport":
        return BlockingCarrier(context, proxy)
    return AsyncCarrier(context, proxy)


def given_carrier(kind: Kind, given: object) -> Any:
    """Return the transport that the caller gave, which is one of httpx or httpx2."""
    if not callable(getattr(given, _METHODS[kind], None)):
        raise ConfigurationError(
            f"transport must be a {kind} of httpx or httpx2, not {type(given).__name__}",
            settings=[Setting("transport")],
        )
    return _OfHttpx2(given) if _is_of_httpx2(given) else given


def has_pool_of_httpcore(given: object) -> bool:
    """Return whether a transport is known to be on the asynchronous pool of httpcore."""
    return any(each.__name__ == "AsyncHTTPTransport" for each in type(given).__mro__)


def _is_of_httpx2(given: object) -> bool:
    packages = {each.__module__.partition(".")[0] for each in type(given).__mro__}
    return "httpx2" in packages


class _OfHttpx2:
    """A transport of httpx2, which takes requests of its own."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(_request_of_httpx2(request))
        return cast("httpx.Response", response)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(_request_of_httpx2(request))
        return cast("httpx.Response", response)

    def close(self) -> None:
        self._inner.close()

    async def aclose(self) -> None:
        await self._inner.aclose()


def _request_of_httpx2(request: httpx.Request) -> object:
    httpx2: Any = sys.modules["httpx2"]  # it is there: the transport is of it
    kind: Any = masked(httpx2.Request)
    return kind(
        request.method,
        str(request.url),
        headers=request.headers.raw,
        content=request.content,
        extensions=request.extensions,
    )
