"""An HTTP proxy between the client and its server."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

import httpx

from inngest_rest._core.drivers.http1 import ResponseReader, request_bytes
from inngest_rest._core.secret import Hidden

if TYPE_CHECKING:
    from inngest_rest._core.drivers.connection import Connection


class HttpProxy:
    """A proxy that is reached by plain http, and forwards requests or connects to servers."""

    def __init__(self, proxy: httpx.Proxy) -> None:
        # With its password.
        self._proxy = Hidden(proxy)

    @property
    def url(self) -> httpx.URL:
        """Its URL, without user and password."""
        return self._proxy.reveal().url

    def request_bytes(self, request: httpx.Request) -> bytes:
        """Return a request that it is to forward: with the URL, less a password or a fragment."""
        url = request.url
        target = b"%b://%b%b" % (url.raw_scheme, url.netloc, url.raw_path)
        return request_bytes(request, target, *self._authorization())

    async def connect(self, connection: Connection, url: httpx.URL) -> None:
        """Have it connect to a server; raise what it responds if it does not."""
        host = url.raw_host.decode("ascii")
        server = f"[{host}]" if ":" in host else host
        server += f":{url.port or 443}"
        request = httpx.Request(
            "CONNECT", url, headers={"host": server, "accept": "*/*"}
        )
        await connection.send(
            request_bytes(request, server.encode(), *self._authorization())
        )
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
        return (
            [(b"proxy-authorization", b"Basic " + b64encode(b":".join(auth)))]
            if auth
            else []
        )
