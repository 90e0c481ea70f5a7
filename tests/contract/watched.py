"""A transport that sends through another one, and sees each exchange whole."""

from __future__ import annotations

from typing import Any

import httpx


class Watched(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends through another transport, and notes each exchange; both kinds of client can use it."""

    def __init__(self, inner: httpx.BaseTransport | httpx.AsyncBaseTransport) -> None:
        self._inner: Any = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send for a blocking client."""
        response: httpx.Response = self._inner.handle_request(request)
        body = b"".join(response.iter_raw())
        response.close()
        return self._noted(request, response, body)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send for an async client."""
        response: httpx.Response = await self._inner.handle_async_request(request)
        body = b"".join([chunk async for chunk in response.aiter_raw()])
        await response.aclose()
        return self._noted(request, response, body)

    def close(self) -> None:
        """Close the other transport."""
        self._inner.close()

    async def aclose(self) -> None:
        """Close the other transport."""
        await self._inner.aclose()

    def _noted(
        self, request: httpx.Request, response: httpx.Response, body: bytes
    ) -> httpx.Response:
        raise NotImplementedError


def copied(response: httpx.Response, body: bytes) -> httpx.Response:
    """Return a response whose stream can still be read: that of the original has been consumed."""
    return httpx.Response(
        response.status_code, headers=response.headers, stream=httpx.ByteStream(body)
    )
