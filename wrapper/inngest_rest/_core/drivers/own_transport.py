"""Shared by both transports of the client: an exchange over one connection, which is kept.

It is a coroutine, as in `exchange`: in the blocking transport, all that it awaits blocks.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from types import FunctionType
from typing import TYPE_CHECKING, Literal

from inngest_rest._core.drivers.http1 import ResponseReader, request_bytes
from inngest_rest._core.drivers.network_errors import Name, network_error
from inngest_rest._core.messages import Response
from inngest_rest._core.plans import now

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterator

    from inngest_rest._core.drivers.connection import Connection
    from inngest_rest._core.drivers.http_proxy import HttpProxy
    from inngest_rest._core.messages import Origin, Request


class OwnTransport(ABC):
    """Carries one request at a time."""

    def __init__(
        self, context: Callable[[], ssl.SSLContext], proxy: HttpProxy | None = None
    ) -> None:
        self._context = context
        self._proxy = proxy
        self._connection: Connection | None = None
        self._origin: Origin | None = None  # that of the connection
        self._is_closed = False

    async def _exchange(self, request: Request) -> Response:
        reader = ResponseReader(request.method)
        try:
            connection = await self._connection_for(request)
            with _WRITING:
                is_sent = await connection.send(self._bytes_of(request))
            reader.is_last = not is_sent
            while not reader.status:
                await _receive(connection, reader)
        except BaseException:
            self.end_exchange(keeps=False)
            raise
        return Response(
            reader.status,
            reader.headers,
            reason=reader.reason.decode("ascii", "ignore"),
            stream=_Body(self, connection, reader),
        )

    async def _connection_for(self, request: Request) -> Connection:
        """Return the connection, if it is idle and to the same server, or a new one."""
        origin = request.url.origin
        if (
            self._connection is None
            or self._origin != origin
            or not self._connection.is_idle
        ):
            self._hang_up()
            with _CONNECTING:
                self._connection = await self._connect(request)
            self._origin = origin
        return self._connection

    def end_exchange(self, *, keeps: bool) -> None:
        """Keep the connection for the next request, or end it."""
        if not keeps or self._is_closed:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    @abstractmethod
    async def _connect(self, request: Request) -> Connection:
        """Establish a connection within the time that the request gives for it."""

    async def _establish(self, origin: Origin) -> Connection:
        first = origin if self._proxy is None else self._proxy.origin
        # Kept at once, so that closing this reaches it.
        self._connection = connection = await self._open(first.host, first.port)
        self._check_open()
        if origin.scheme == "https":
            if self._proxy is not None:
                await self._proxy.connect(connection, origin)
            await connection.encrypt(self._context(), origin.host)
            self._check_open()
        return connection

    def _bytes_of(self, request: Request) -> bytes:
        if self._proxy is None or request.url.origin.scheme == "https":
            return request_bytes(request, request.url.target)
        return self._proxy.request_bytes(request)

    @abstractmethod
    async def _open(self, host: str, port: int) -> Connection:
        """Connect to the first address of a host that accepts."""

    def _check_open(self) -> None:
        if self._is_closed:
            raise ConnectionAbortedError("the client was closed")


class _Body:
    """The body of a response, as it comes."""

    def __init__(
        self, transport: OwnTransport, connection: Connection, reader: ResponseReader
    ) -> None:
        self._transport = transport
        self._connection = connection
        self._reader = reader

    def __iter__(self) -> Iterator[bytes]:
        yield from self._reader.take()
        while not self._reader.is_over:
            now(_receive(self._connection, self._reader))
            yield from self._reader.take()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._reader.take():
            yield piece
        while not self._reader.is_over:
            await _receive(self._connection, self._reader)
            for piece in self._reader.take():
                yield piece

    def close(self) -> None:
        is_whole = self._reader.is_over and not self._reader.is_last
        self._transport.end_exchange(keeps=is_whole)

    async def aclose(self) -> None:
        self.close()


async def _receive(connection: Connection, reader: ResponseReader) -> None:
    with _READING:
        data = await connection.receive()
    reader.receive(data)


class _Raising:
    """Raises errors of a connection as those of httpx; as a generator, it would take longer."""

    def __init__(self, timeout: Name, failure: Name) -> None:
        self._timeout: Name = timeout
        self._failure: Name = failure

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: object, error: BaseException | None, traceback: object
    ) -> None:
        # UnicodeError: an invalid host name
        if not isinstance(error, OSError | UnicodeError):
            return
        if isinstance(error, TimeoutError):
            raise network_error(self._timeout, str(error)) from error
        raise network_error(
            self._failure, str(error) or type(error).__name__
        ) from error


_CONNECTING = _Raising("ConnectTimeout", "ConnectError")
_WRITING = _Raising("WriteTimeout", "WriteError")
_READING = _Raising("ReadTimeout", "ReadError")


def is_replaced(prefix: Literal["", "Async"]) -> bool:
    """Return whether httpx's transport, or httpcore's pool in it, does not send by itself.

    So do tools that mock, record or trace requests, and they expect to see those of this client.
    Each of them has imported what it replaces.
    """
    method = "handle_async_request" if prefix else "handle_request"
    for package, kind in ("httpx", "HTTPTransport"), ("httpcore", "ConnectionPool"):
        # None, too, in a module that another thread is just importing.
        replaceable = getattr(sys.modules.get(package), prefix + kind, None)
        if replaceable is not None and not _is_defined_in(
            package, getattr(replaceable, method)
        ):
            return True
    return False


def _is_defined_in(package: str, function: object) -> bool:
    # By its globals: a wrapper copies the names of what it wraps. A mock may have none there.
    return (
        isinstance(function, FunctionType)
        and str(function.__globals__.get("__name__")).partition(".")[0] == package
    )
