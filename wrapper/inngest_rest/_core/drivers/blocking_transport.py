"""Transport of the blocking client: httpx's, with a deadline for the whole exchange.

httpcore's timeouts apply to each read, so a server that trickles bytes (headers, interim responses,
chunk extensions) can block a thread forever (https://github.com/encode/httpx/issues/1450). Here
each step gets the time left.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from inngest_rest._core.drivers.sockets import joined, look_up, shut_down

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from inngest_rest._core.secret import Secret

# Bytes to write between two checks of the deadline.
_PIECE = 262_144


class DeadlineTransport(httpx.HTTPTransport, httpcore.NetworkBackend):
    """httpx's transport with a read timeout that bounds the whole exchange.

    It carries one request at a time, and connects within the time left, to any of many addresses.
    """

    def __init__(self, proxy: Secret | None, context: ssl.SSLContext) -> None:
        super().__init__(proxy=None if proxy is None else proxy.reveal(), verify=context)
        self.time = _Deadline(0.0)
        self.streams: set[_Stream] = set()
        self._network = httpcore.SyncBackend()
        self._is_closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the deadline covers its response, too."""
        self.time = _Deadline(request.extensions["timeout"]["read"])
        return super().handle_request(request)

    def close(self) -> None:
        """Close for good, in any state; a thread waiting on the connection fails at once."""
        self._is_closed = True
        for stream in list(self.streams):
            shut_down(stream)
        super().close()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that accepts; each gets a share of the time."""
        connecting = _Deadline(self.time.left(timeout, httpcore.ConnectTimeout))
        try:
            addresses = look_up(host, port).result(connecting.left(None, httpcore.ConnectTimeout))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"the DNS lookup of {host} timed out") from error
        except (OSError, UnicodeError) as error:  # UnicodeError: an invalid host name
            raise httpcore.ConnectError(str(error)) from error
        while True:
            share = connecting.left(None, httpcore.ConnectTimeout) / len(addresses)
            address = addresses.pop(0)
            try:
                return self.wrap(
                    self._network.connect_tcp(address, port, share, local_address, socket_options)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not addresses or self._is_closed:
                    raise

    def wrap(self, inner: httpcore.NetworkStream) -> _Stream:
        """Wrap an open connection; raise if this was closed meanwhile."""
        stream = _Stream(inner, self)
        self.streams.add(stream)
        if self._is_closed:
            stream.close()
            raise httpcore.ConnectError("the client was closed")
        return stream


class _Deadline:
    """The deadline of an exchange, in real time: sockets do not follow the client's clock."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self, timeout: float | None, expired: type[Exception]) -> float:
        """Return the timeout of the next step."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise expired("timed out")
        return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, transport: DeadlineTransport) -> None:
        self._inner = inner
        self._transport = transport
        self._head = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._transport.time.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        buffer, self._head = joined(self._head, buffer)
        for start in range(0, len(buffer), _PIECE):
            left = self._transport.time.left(timeout, httpcore.WriteTimeout)
            self._inner.write(buffer[start : start + _PIECE], left)

    def close(self) -> None:
        self._transport.streams.discard(self)
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._transport.time.left(timeout, httpcore.ConnectTimeout)
        try:
            inner = self._inner.start_tls(ssl_context, server_hostname, left)
        finally:
            self._transport.streams.discard(self)
        return self._transport.wrap(inner)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
