"""Network backend of the asynchronous client: httpcore over asyncio's own sockets.

httpcore's own backend goes through anyio, to support trio, at a fifth of the cost of an
asynchronous batch (scripts/benchmark/README.md). Everything above the sockets stays httpcore's and
httpx's, so tools that trace or mock those see our requests too. Reads and writes have no timeouts
of their own: the driver bounds an exchange as a whole.
"""

from __future__ import annotations

import asyncio
import select
import socket
import sys
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import httpcore
import httpx

from inngest_rest._core.drivers.racing import connect

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from inngest_rest._core.secret import Secret

# Bytes that have arrived and are not read yet, beyond which no more are taken.
_MAX_UNREAD = 256 * 1024

# Bytes that are read at once. Parsing more of them than that, in the tiny pieces of a server that
# means harm, would hold up the event loop, and its timeouts, for too long.
_MAX_PIECE = 16 * 1024


class AsyncioTransport(httpx.AsyncHTTPTransport):
    """httpx's transport, on these sockets."""

    def __init__(self, proxy: Secret | None, context: ssl.SSLContext) -> None:
        super().__init__(proxy=None if proxy is None else proxy.reveal(), verify=context)
        self._backend = AsyncioBackend()
        # Neither httpx nor its proxies take a backend as an argument.
        self._pool._network_backend = self._backend  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    def has_expired(self) -> bool:
        """Return whether its connection cannot be used again; to be asked while it is idle."""
        return all(each.has_expired() for each in self._pool.connections)

    async def aclose(self) -> None:
        """Close its connection for good; a task that waits for it fails at once."""
        self._backend.close()
        await super().aclose()


class AsyncioBackend(httpcore.AsyncNetworkBackend):
    """Connects in the running asyncio event loop."""

    def __init__(self) -> None:
        self._streams: set[Stream] = set()
        self._is_closed = False

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - a transport of ours has none
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host that accepts."""
        loop = asyncio.get_running_loop()

        async def attempt(address: str) -> Stream:
            _, stream = await loop.create_connection(lambda: Stream(self._streams), address, port)
            return stream

        try:
            async with asyncio.timeout(timeout):
                stream = await connect(host, port, attempt)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except (OSError, UnicodeError) as error:  # the latter for a host that cannot be one
            raise httpcore.ConnectError(str(error)) from error
        if self._is_closed:
            await stream.aclose()
            raise httpcore.ConnectError("the client was closed")
        return stream

    def close(self) -> None:
        """Break off the connection, in whatever state it is, and open no other."""
        self._is_closed = True
        for stream in list(self._streams):
            stream.abort()


class Stream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """One connection: asyncio calls the upper half, httpcore the lower one.

    Args:
        streams: The connections that are open, which it joins and leaves.
    """

    _transport: asyncio.Transport

    def __init__(self, streams: set[Stream]) -> None:
        self._streams = streams
        self._loop = asyncio.get_running_loop()
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self._news = asyncio.Event()
        self._is_over = False
        self._error: Exception | None = None
        self._has_room = asyncio.Event()
        self._has_room.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._streams.add(self)

    def data_received(self, data: bytes) -> None:
        self._unread.append(data)
        self._unread_bytes += len(data)
        if self._unread_bytes > _MAX_UNREAD:
            # Also while it is idle: what nobody reads must stay with the server.
            self._transport.pause_reading()
        self._news.set()

    def eof_received(self) -> None:
        self._is_over = True
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._streams.discard(self)
        self._error = exc
        self._is_over = True
        self._news.set()
        self._has_room.set()

    def pause_writing(self) -> None:
        self._has_room.clear()

    def resume_writing(self) -> None:
        self._has_room.set()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Return the bytes received, none at the end."""
        if self._unread:
            # Otherwise nothing else would run, nor any timeout, while a server is faster than us.
            await asyncio.sleep(0)
        while not self._unread and not self._is_over:
            self._news.clear()
            await self._news.wait()
        if not self._unread:
            if self._error is not None:
                raise httpcore.ReadError(str(self._error)) from self._error
            return b""
        data = self._unread.popleft()
        max_bytes = min(max_bytes, _MAX_PIECE)
        if len(data) > max_bytes:
            self._unread.appendleft(data[max_bytes:])
            data = data[:max_bytes]
        was_full = self._unread_bytes > _MAX_UNREAD
        self._unread_bytes -= len(data)
        if was_full and self._unread_bytes <= _MAX_UNREAD:
            self._transport.resume_reading()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Pass bytes to the kernel, except for a few that asyncio buffers."""
        if not buffer:
            return
        if not self._transport.is_closing():
            self._transport.write(buffer)
            await self._has_room.wait()
        if self._transport.is_closing():
            raise httpcore.WriteError(str(self._error or "the server has closed the connection"))

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Upgrade the connection to TLS."""
        try:
            async with asyncio.timeout(timeout):
                transport = await self._loop.start_tls(
                    self._transport, self, ssl_context, server_hostname=server_hostname
                )
        except BaseException as error:
            await self.aclose()
            if isinstance(error, TimeoutError):
                raise httpcore.ConnectTimeout(str(error)) from error
            if isinstance(error, OSError):  # which an SSLError is too
                raise httpcore.ConnectError(str(error)) from error
            raise
        if transport is None:  # the connection was lost meanwhile
            raise httpcore.ConnectError("the connection was closed during the TLS handshake")
        self._transport = transport
        return self

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore asks for about the connection."""
        return self._is_unfit() if info == "is_readable" else self._transport.get_extra_info(info)

    def _is_unfit(self) -> bool:
        """Return whether it cannot be reused: closed by the server, or with unexpected data."""
        if self._unread or self._is_over or self._loop is not asyncio.get_running_loop():
            return True
        # The event loop may not have read it yet, or not reported it: TLS loses its socket first.
        plug = self._transport.get_extra_info("socket")
        return plug is None or plug.fileno() < 0 or _is_readable(plug.fileno())

    async def aclose(self) -> None:
        """Close at once: httpcore closes only when nothing is left to send."""
        self.abort()
        await asyncio.sleep(0)  # when the loop closes the socket

    def abort(self) -> None:
        """Let the loop close it; a task that waits for it fails."""
        try:
            self._transport.abort()
        except RuntimeError:  # its event loop is closed, and garbage collection closes the socket
            self._streams.discard(self)
            with suppress(OSError, AttributeError):
                self._transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


def _is_readable(descriptor: int) -> bool:
    if sys.platform == "win32":
        return bool(select.select([descriptor], [], [], 0)[0])
    # select.select does not accept descriptors from 1024 up.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
