"""Transports of httpx: one that the caller gave, one for a SOCKS proxy, or one that is mocked.

These get httpx's requests, and return httpx's responses. Nothing else here imports httpx.
"""

from __future__ import annotations

from typing import Any, cast

import httpx

from inngest_rest._core.messages import Request, Response


class HttpxTransport:
    """Carries requests by a transport of httpx's, in its blocking or its asynchronous way."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def send(self, request: Request) -> Response:
        """Send a request by a blocking transport."""
        return response_of(self.inner.handle_request(_request(request)))

    async def send_async(self, request: Request) -> Response:
        """Send a request by an asynchronous transport."""
        return response_of(await self.inner.handle_async_request(_request(request)))

    def close(self) -> None:
        self.inner.close()

    async def aclose(self) -> None:
        await self.inner.aclose()


class _Request(httpx.Request):
    """A request whose repr does not contain its URL: all frames of httpx hold the request."""

    @property
    def content(self) -> bytes:
        """Its body, which httpx has only after it was read."""
        return self.read()

    def __repr__(self) -> str:
        return f"<Request({self.method!r}, {self.extensions['shown']!r})>"


def _request(request: Request) -> httpx.Request:
    origin = request.url.origin
    limits = httpx.Timeout(request.timeout, connect=request.connect_timeout)
    return _Request(
        request.method,
        httpx.URL(f"{origin.scheme}://{origin.authority}{request.url.target}"),
        headers=request.fields,
        # Of a stream, httpx does not find out the headers, which takes twice as long as the rest.
        stream=httpx.ByteStream(request.content),
        extensions={
            "timeout": limits.as_dict(),
            "shown": request.shown,
            "trace": request.trace,
        },
    )


def response_of(response: httpx.Response) -> Response:
    """Return a response of httpx's as one of this client's."""
    was_read = response.is_stream_consumed  # by the transport
    return Response(
        response.status_code,
        response.headers.raw,
        reason=response.reason_phrase,
        content=response.content if was_read else b"",
        stream=None if was_read else cast("Any", response.stream),
    )
