"""An HTTP proxy between the client and its server."""

from __future__ import annotations

import math
from base64 import b64encode
from typing import TYPE_CHECKING

import httpx

from inngest_rest._core.drivers.http1 import ResponseReader, request_bytes
from inngest_rest._core.messages import Origin, Request, Url
from inngest_rest._core.secret import Hidden

if TYPE_CHECKING:
    from inngest_rest._core.drivers.connection import Connection


class HttpProxy:
    """A proxy that is reached by plain http, and forwards requests or connects to servers."""

    def __init__(self, proxy: httpx.Proxy) -> None:
        host, port = proxy.url.raw_host.decode("ascii"), proxy.url.port or 80
        self.origin = Origin("http", host, port)
        # With its password.
        self._proxy = Hidden(proxy)

    def request_bytes(self, request: Request) -> bytes:
        """Return a request that it is to forward: with the URL, less a password or a fragment."""
        origin = request.url.origin
        target = f"{origin.scheme}://{origin.authority}{request.url.target}"
        return request_bytes(request, target, *self._authorization())

    async def connect(self, connection: Connection, origin: Origin) -> None:
        """Have it connect to a server; raise what it responds if it does not."""
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        server = f"{host}:{origin.port}"
        request = Request(
            "CONNECT",
            Url(origin, server),
            {"host": server, "accept": "*/*"},
            timeout=math.inf,  # that of the request for which it connects
            shown=server,
        )
        await connection.send(request_bytes(request, server, *self._authorization()))
        reader = ResponseReader("CONNECT")
        try:
            while not reader.status:
                reader.receive(await connection.receive())
        except httpx.RemoteProtocolError as error:
            raise httpx.ProxyError(str(error)) from error
        if not 200 <= reader.status < 300:
            reason = reader.reason.decode("ascii", errors="ignore")
            raise httpx.ProxyError(f"{reader.status} {reason}")

    def _authorization(self) -> list[tuple[bytes, bytes]]:
        auth = self._proxy.reveal().raw_auth
        if not auth:
            return []
        return [(b"proxy-authorization", b"Basic " + b64encode(b":".join(auth)))]
