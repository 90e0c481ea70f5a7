"""Transport of the asynchronous client: one connection, which `aclose` aborts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import anyio

from inngest_rest._core.drivers.connection import Connection
from inngest_rest._core.drivers.own_transport import OwnTransport, is_replaced
from inngest_rest._core.drivers.sockets import is_readable, look_up, shut_down

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from inngest_rest._core.drivers.http_proxy import HttpProxy
    from inngest_rest._core.drivers.httpx_transport import HttpxTransport
    from inngest_rest._core.messages import Request, Response

# Bytes that are read at once; then others have a turn. As chunks of two bytes each, 64 KiB would
# block the event loop, and thus its timeouts, for 0.15 s.
_READ_SIZE = 16 * 1024

# Connection Attempt Delay in seconds (RFC 8305, section 5).
_ATTEMPT_DELAY = 0.25


class AsyncTransport(OwnTransport):
    """Connects with happy eyeballs. The driver bounds the whole exchange."""

    def __init__(
        self, context: Callable[[], ssl.SSLContext], proxy: HttpProxy | None = None
    ) -> None:
        super().__init__(context, proxy)
        self._mocked: HttpxTransport | None = None

    async def send_async(self, request: Request) -> Response:
        """Send a request."""
        if is_replaced("Async"):
            self._mocked = self._mocked or _of_httpx(self._context())
            return await self._mocked.send_async(request)
        return await self._exchange(request)

    async def aclose(self) -> None:
        """Close for good, in any state; a task waiting on the connection fails at once."""
        self._is_closed = True
        if self._mocked is not None:
            await self._mocked.aclose()
        self._hang_up()
        await asyncio.sleep(0)  # until asyncio has closed the socket

    async def _connect(self, request: Request) -> Connection:
        async with asyncio.timeout(request.connect_timeout):
            return await self._establish(request.url.origin)

    async def _open(self, host: str, port: int) -> Connection:
        return await connect(host, port, Stream.connected)


def _of_httpx(context: ssl.SSLContext) -> HttpxTransport:
    import httpx  # noqa: PLC0415 - it is there: it was replaced

    from inngest_rest._core.drivers.httpx_transport import HttpxTransport  # noqa: PLC0415

    return HttpxTransport(httpx.AsyncHTTPTransport(verify=context))


async def connect(
    host: str, port: int, attempt: Callable[[str, int], Awaitable[Stream]]
) -> Stream:
    """Connect to the first address that accepts, and close any other connection.

    Happy eyeballs (RFC 8305); those of asyncio look the name up themselves.
    """
    made: list[Stream] = []
    failures: list[str] = []

    async def try_one(address: str, ended: anyio.Event) -> None:
        try:
            made.append(await attempt(address, port))
            race.cancel_scope.cancel()
        except OSError as error:
            failures.append(str(error))
        finally:
            ended.set()

    addresses = await asyncio.wrap_future(look_up(host, port))
    kept: Stream | None = None
    try:
        async with anyio.create_task_group() as race:
            for address in addresses:
                ended = anyio.Event()
                race.start_soon(try_one, address, ended)
                with anyio.move_on_after(_ATTEMPT_DELAY):
                    await ended.wait()
        if not made:
            raise OSError("; ".join(dict.fromkeys(failures)))
        kept = made[0]
        return kept
    finally:
        for each in made:
            if each is not kept:
                each.close()


class Stream(Connection, asyncio.Protocol):
    """A connection of one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._below_tls: asyncio.Transport  # the same, as long as there is no TLS
        self._received = bytearray()
        self._has_ended = False
        self._error: Exception | None = None
        self._is_writable = True
        self._waiter: asyncio.Future[None] | None = None

    @classmethod
    async def connected(cls, address: str, port: int) -> Stream:
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(cls, address, port))[1]

    @property
    def is_idle(self) -> bool:
        if self._loop is not asyncio.get_running_loop():
            return False
        if self._has_ended or self._received or self._transport.is_closing():
            return False
        # A response may have come before the request was sent to its end.
        if (
            self._transport.get_write_buffer_size()
            or self._below_tls.get_write_buffer_size()
        ):
            return False
        # The event loop may not have read yet what came since its last turn.
        return not is_readable(self._transport.get_extra_info("socket"))

    async def encrypt(self, context: ssl.SSLContext, host: str) -> None:
        if self._has_ended:  # uvloop would wait for the handshake
            raise ConnectionAbortedError(
                "the connection ended before the TLS handshake"
            )
        encrypted = await self._loop.start_tls(
            self._transport, self, context, server_hostname=host
        )
        if encrypted is None:  # so asyncio says that it was aborted meanwhile
            raise ConnectionAbortedError(
                "the connection ended during the TLS handshake"
            )
        self._transport = encrypted

    async def send(self, data: bytes) -> bool:
        self._transport.write(data)
        while not self._is_writable and not self._has_ended and not self._received:
            await self._change()
        return self._is_writable and not self._has_ended

    async def receive(self) -> bytes:
        if self._received:
            await asyncio.sleep(0)
        while not self._received and not self._has_ended:
            await self._change()
        if not self._received and self._error is not None:
            raise OSError(str(self._error)) from self._error
        piece = bytes(self._received[:_READ_SIZE])
        del self._received[:_READ_SIZE]
        if not self._received:
            self._below_tls.resume_reading()
        return piece

    def close(self) -> None:
        # At once, and in any state; whoever waits is woken. uvloop closes all with its loop.
        if self._loop is asyncio.get_running_loop():
            self._transport.abort()
        elif (own := self._transport.get_extra_info("socket")) is not None:
            shut_down(own)

    async def _change(self) -> None:
        self._waiter = self._loop.create_future()
        await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # Called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = self._below_tls = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > _READ_SIZE:
            # Below TLS: uvloop loses what its TLS holds back when the server hangs up.
            self._below_tls.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._has_ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._has_ended, self._error = True, exc
        self._wake()

    def pause_writing(self) -> None:
        self._is_writable = False

    def resume_writing(self) -> None:
        self._is_writable = True
        self._wake()
