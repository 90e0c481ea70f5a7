"""Transport of the blocking client, with a deadline for the whole exchange.

httpx's timeouts apply to each read, so a server that trickles bytes (headers, interim responses,
chunk extensions) can block a thread forever (https://github.com/encode/httpx/issues/1450). Here
each step gets the time left.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

from inngest_rest._core.drivers.connection import Connection
from inngest_rest._core.drivers.own_transport import OwnTransport, is_replaced
from inngest_rest._core.drivers.sockets import is_readable, look_up, shut_down
from inngest_rest._core.plans import now

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from inngest_rest._core.drivers.http_proxy import HttpProxy
    from inngest_rest._core.drivers.httpx_transport import HttpxTransport
    from inngest_rest._core.messages import Request, Response

_READ_SIZE = 64 * 1024


class BlockingTransport(OwnTransport):
    """Connects within the time left, to any of many addresses."""

    def __init__(
        self, context: Callable[[], ssl.SSLContext], proxy: HttpProxy | None = None
    ) -> None:
        super().__init__(context, proxy)
        self._mocked: HttpxTransport | None = None
        self._deadline = _Deadline()
        self._user: int | None = None  # the thread whose request is on its way

    def send(self, request: Request) -> Response:
        """Send a request; its deadline covers the response, too."""
        if is_replaced(""):
            self._mocked = self._mocked or _of_httpx(self._context())
            return self._mocked.send(request)
        self._user = threading.get_ident()
        self._deadline.end = time.monotonic() + request.timeout
        return now(self._exchange(request))

    def end_exchange(self, *, keeps: bool) -> None:
        self._user = None
        super().end_exchange(keeps=keeps)

    def close(self) -> None:
        """Close for good, in any state; a thread waiting on the connection fails at once."""
        self._is_closed = True
        if self._mocked is not None:
            self._mocked.close()
        if isinstance(self._connection, _Socket):
            self._connection.shut_down()
        # Its user closes it: as soon as a socket is closed, another one may have its number.
        if self._user in {None, threading.get_ident()}:
            self._hang_up()

    async def _connect(self, request: Request) -> Connection:
        end = self._deadline.end
        self._deadline.end = min(end, time.monotonic() + request.connect_timeout)
        connection = await self._establish(request.url.origin)
        self._deadline.end = end
        return connection

    async def _open(self, host: str, port: int) -> Connection:
        """Connect to the first address that accepts; each gets a share of the time."""
        try:
            addresses = look_up(host, port).result(self._deadline.left())
        except TimeoutError as error:
            raise TimeoutError(f"the DNS lookup of {host} timed out") from error
        while True:
            share = self._deadline.left() / len(addresses)
            address = addresses.pop(0)
            try:
                return _Socket(
                    socket.create_connection((address, port), share), self._deadline
                )
            except OSError:
                if not addresses or self._is_closed:
                    raise


def _of_httpx(context: ssl.SSLContext) -> HttpxTransport:
    import httpx  # noqa: PLC0415 - it is there: it was replaced

    from inngest_rest._core.drivers.httpx_transport import HttpxTransport  # noqa: PLC0415

    return HttpxTransport(httpx.HTTPTransport(verify=context))


class _Deadline:
    """When an exchange has to end, in real time: sockets do not follow the client's clock."""

    end = 0.0

    def left(self) -> float:
        """Return the timeout of the next step."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


class _Socket(Connection):
    def __init__(self, own: socket.socket, deadline: _Deadline) -> None:
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = own
        self._deadline = deadline

    @property
    def is_idle(self) -> bool:
        return not is_readable(self._socket)

    async def encrypt(self, context: ssl.SSLContext, host: str) -> None:
        # In two steps, so that `shut_down` reaches it during the handshake.
        self._socket = encrypted = context.wrap_socket(
            self._socket, server_hostname=host, do_handshake_on_connect=False
        )
        encrypted.settimeout(self._deadline.left())
        encrypted.do_handshake()

    async def send(self, data: bytes) -> bool:
        left = memoryview(data)
        try:
            while left:
                self._socket.settimeout(self._deadline.left())
                left = left[self._socket.send(left) :]
        except TimeoutError:
            raise
        except OSError:
            return False
        return True

    async def receive(self) -> bytes:
        self._socket.settimeout(self._deadline.left())
        return self._socket.recv(_READ_SIZE)

    def shut_down(self) -> None:
        shut_down(self._socket)

    def close(self) -> None:
        self._socket.close()
