"""The networks of connections: deadlines and an abort for the blocking client; closing for both.

httpx's timeouts apply to each read, so a server that trickles bytes (headers, interim responses,
chunk extensions) can block a thread for ever (https://github.com/encode/httpx/issues/1450). Here
each step gets the time left. In an event loop, `asyncio.timeout` does both.
"""

from __future__ import annotations

import math
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import httpcore

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

# Bytes that are written at once: a server that takes few at a time gets the time left for each.
_WRITE_SIZE = 64 * 1024


class Network(httpcore.NetworkBackend):
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


class AsyncNetwork(httpcore.AsyncNetworkBackend):
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
    def __init__(self, inner: httpcore.NetworkStream, network: Network) -> None:
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
