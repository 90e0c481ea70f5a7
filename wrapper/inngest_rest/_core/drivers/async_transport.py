"""Transport of the asynchronous client: httpx's, on anyio sockets that `aclose` aborts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import anyio
import httpcore
import httpx

from inngest_rest._core.drivers.sockets import joined, look_up, shut_down

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Iterable

    from inngest_rest._core.secret import Secret

# Bytes per read. httpcore reads 64 KiB; as chunks of two bytes each, parsing that blocks the event
# loop, and thus its timeouts, for 0.15 s.
_READ_SIZE = 16 * 1024

# Connection Attempt Delay in seconds (RFC 8305, section 5).
_ATTEMPT_DELAY = 0.25


class AsyncTransport(httpx.AsyncHTTPTransport, httpcore.AsyncNetworkBackend):
    """httpx's transport; it carries one request at a time, and connects with happy eyeballs."""

    def __init__(self, proxy: Secret | None, context: ssl.SSLContext) -> None:
        super().__init__(proxy=None if proxy is None else proxy.reveal(), verify=context)
        # Always this type, since httpx requires anyio.
        self._network = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())
        self._streams: set[_Stream] = set()
        self._is_closed = False

    async def aclose(self) -> None:
        """Close for good, in any state; a task waiting on the connection fails at once."""
        self._is_closed = True
        for stream in list(self._streams):
            shut_down(stream)
        await super().aclose()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        async def attempt(address: str) -> _Stream:
            try:
                inner = await self._network.connect_tcp(
                    address, port, None, local_address, socket_options
                )
            except httpcore.ConnectError as error:
                # anyio only says "All connection attempts failed"; the reason is in the cause.
                why = error.__cause__ and error.__cause__.__cause__
                raise OSError(str(why or error)) from error
            return _Stream(inner, self._streams)

        try:
            async with asyncio.timeout(timeout):
                stream = await connect(host, port, attempt)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except (OSError, UnicodeError) as error:  # UnicodeError: an invalid host name
            raise httpcore.ConnectError(str(error)) from error
        if self._is_closed:
            await stream.aclose()
            raise httpcore.ConnectError("the client was closed")
        return stream


async def connect(host: str, port: int, attempt: Callable[[str], Awaitable[_Stream]]) -> _Stream:
    """Connect to the first address that accepts, and close any other connection.

    Happy eyeballs (RFC 8305); those of anyio look the name up themselves.
    """
    made: list[_Stream] = []
    failures: list[str] = []

    async def try_one(address: str, ended: anyio.Event) -> None:
        try:
            made.append(await attempt(address))
            race.cancel_scope.cancel()
        except OSError as error:
            failures.append(str(error))
        finally:
            ended.set()

    addresses = await asyncio.wrap_future(look_up(host, port))
    kept: _Stream | None = None
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
                await each.aclose()


class _Stream(httpcore.AsyncNetworkStream):
    """One connection, without timeouts: the driver bounds the whole exchange."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, streams: set[_Stream]) -> None:
        self._inner = inner
        self._streams = streams
        self._head = b""
        self._loop = asyncio.get_running_loop()
        streams.add(self)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return await self._inner.read(min(max_bytes, _READ_SIZE))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        buffer, self._head = joined(self._head, buffer)
        await self._inner.write(buffer)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            self._inner = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:  # httpcore leaves the socket open where it is cancelled
            await self.aclose()
            raise
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable" and self._loop is not asyncio.get_running_loop():
            return True  # its event loop has ended, so it is unusable
        return self._inner.get_extra_info(info)

    async def aclose(self) -> None:
        self._streams.discard(self)
        if self._loop is asyncio.get_running_loop():
            await self._inner.aclose()
        else:
            shut_down(self)
