"""What carries requests: transports of httpx with one connection each, or the caller's."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal, cast

import httpx

from inngest_rest._core.drivers.network import AsyncNetwork, Network
from inngest_rest._core.request import masked
from inngest_rest.errors import ConfigurationError, Setting

if TYPE_CHECKING:
    import ssl

Kind = Literal["BaseTransport", "AsyncBaseTransport"]
"""The class of httpx of which the transports of a client are."""

# An idle one expires after 5 s, as httpx has it by default.
_ONE_CONNECTION = httpx.Limits(max_connections=1, max_keepalive_connections=1)

_METHODS: dict[Kind, str] = {
    "BaseTransport": "handle_request",
    "AsyncBaseTransport": "handle_async_request",
}


class BlockingCarrier(httpx.HTTPTransport):
    """httpx's transport, with a deadline for the whole exchange."""

    def __init__(self, context: ssl.SSLContext, proxy: httpx.Proxy | None) -> None:
        super().__init__(verify=context, proxy=proxy, limits=_ONE_CONNECTION)
        self._network = Network()
        # httpx has no argument for it, as httpcore has.
        self._pool._network_backend = self._network  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._network.begin(request.extensions["timeout"]["read"])
        return super().handle_request(request)

    def abort(self) -> None:
        """End the exchange that another thread waits for."""
        self._network.abort()


class AsyncCarrier(httpx.AsyncHTTPTransport):
    """httpx's transport, which is closed whole; `asyncio.timeout` bounds its exchanges."""

    def __init__(self, context: ssl.SSLContext, proxy: httpx.Proxy | None) -> None:
        super().__init__(verify=context, proxy=proxy, limits=_ONE_CONNECTION)
        self._network = AsyncNetwork()
        self._pool._network_backend = self._network  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    async def aclose(self) -> None:
        await super().aclose()
        await self._network.aclose()


def carrier(kind: Kind, context: ssl.SSLContext, proxy: httpx.Proxy | None) -> Any:
    """Return a transport of httpx with one connection."""
    if kind == "BaseTransport":
        return BlockingCarrier(context, proxy)
    return AsyncCarrier(context, proxy)


def given_carrier(kind: Kind, given: object) -> Any:
    """Return the transport that the caller gave, which is one of httpx or httpx2."""
    if not callable(getattr(given, _METHODS[kind], None)):
        raise ConfigurationError(
            f"transport must be a {kind} of httpx or httpx2, not {type(given).__name__}",
            settings=[Setting("transport")],
        )
    return _OfHttpx2(given) if _is_of_httpx2(given) else given


def has_pool_of_httpcore(given: object) -> bool:
    """Return whether a transport is known to be on the asynchronous pool of httpcore."""
    return any(each.__name__ == "AsyncHTTPTransport" for each in type(given).__mro__)


def _is_of_httpx2(given: object) -> bool:
    packages = {each.__module__.partition(".")[0] for each in type(given).__mro__}
    return "httpx2" in packages


class _OfHttpx2:
    """A transport of httpx2, which takes requests of its own."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(_request_of_httpx2(request))
        return cast("httpx.Response", response)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(_request_of_httpx2(request))
        return cast("httpx.Response", response)

    def close(self) -> None:
        self._inner.close()

    async def aclose(self) -> None:
        await self._inner.aclose()


def _request_of_httpx2(request: httpx.Request) -> object:
    httpx2: Any = sys.modules["httpx2"]  # it is there: the transport is of it
    kind: Any = masked(httpx2.Request)
    return kind(
        request.method,
        str(request.url),
        headers=request.headers.raw,
        content=request.content,
        extensions=request.extensions,
    )
