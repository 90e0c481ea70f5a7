"""Connection pool of a client for one host, or the caller's transport in its place."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import httpx

from inngest_rest._core.locks import Forked
from inngest_rest.errors import ConfigurationError, Setting

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from inngest_rest._core.plans import Host
    from inngest_rest._core.secret import Secret

Transport = TypeVar("Transport")

MAX_AT_ONCE = 64
"""Maximum number of concurrent requests to one host; see scripts/internal/benchmark/README.md."""

# Keep-alive expiry in seconds, as in httpx.
_KEEP_ALIVE = httpx.Limits().keepalive_expiry or 5.0

_UNUSABLE_PROXY = (
    "the URL of the proxy is malformed, or is not one of http, https or socks5; a /, ? or # in its "
    "password must be escaped, as %2F, %3F or %23"
)


class ConnectionPool(Forked, Generic[Transport]):
    """A pool of transports to one host, each with one connection and one request at a time.

    httpcore's pool checks every connection on every request, some of them with a system call: with
    32 requests in flight, that outweighs all other costs. This one takes constant time.
    Thread-safe. A `given` transport of the caller's carries all requests instead.
    """

    def __init__(
        self, make: Callable[[], Transport], given: Transport | None = None
    ) -> None:
        self.given = given
        # Whether httpcore's pool is below it; a transport around httpx's shows that by its steps.
        self.has_steps = isinstance(given, httpx.AsyncHTTPTransport)
        self._make = make
        self._idle: deque[tuple[float, Transport]] = deque()
        self._open: set[Transport] = set()
        self._of_parent: list[Transport] = []
        self.is_closed = False
        self.slots = threading.BoundedSemaphore(MAX_AT_ONCE)
        super().__init__()

    def take(self) -> Transport:
        """Return the most recently used idle transport, whose connection is warm, or a new one."""
        if self.given is not None:
            return self.given
        try:
            return self._idle.pop()[1]
        except IndexError:
            return self._create()

    def _create(self) -> Transport:
        try:
            made = self._make()
        except (ImportError, OSError) as error:
            reason = str(error)
        except (ValueError, httpx.InvalidURL):
            reason = _UNUSABLE_PROXY
        else:
            self._open.add(made)
            return made
        # Outside these clauses: the last one's error may quote the password.
        raise ConfigurationError(
            f"the proxy or the certificates of the environment cannot be used: {reason}"
        )

    def give_back(
        self, transport: Transport, now: float, *, is_whole: bool
    ) -> list[Transport]:
        """Return a transport to the pool, if its exchange ended cleanly; return those to close.

        Otherwise its connection may still have a response in flight.
        """
        if transport is self.given:
            return []
        unused: list[Transport] = []
        if is_whole:
            self._idle.append((now, transport))
        else:
            unused.append(transport)
        with suppress(IndexError):  # emptied, perhaps by other threads
            while self.is_closed or self._idle[0][0] < now - _KEEP_ALIVE:
                unused.append(self._idle.popleft()[1])
        self._open.difference_update(unused)
        return unused

    def close(self) -> list[Transport]:
        """Stop keeping transports, and return those to close."""
        self.is_closed = True
        return list(self._open) if self.given is None else [self.given]

    def after_fork_in_child(self) -> None:
        """Drop connections that the parent still uses."""
        self._idle.clear()
        # Kept referenced: closing them here would affect the parent's event loop.
        self._of_parent = [*self._of_parent, *self._open]
        self._open.clear()
        self.slots = threading.BoundedSemaphore(MAX_AT_ONCE)


def pools(
    kind: type[Transport],
    given: Transport | None,
    *proxies: Secret | None,
    encrypts: bool = True,
) -> dict[Host, ConnectionPool[Transport]]:
    """Return the pool of each host, of transports of our own; a given one serves all.

    Unless it `encrypts`, no certificates are loaded for servers, and none is trusted. Apps are
    reached without a proxy.
    """
    if given is not None:
        if not isinstance(given, kind):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(
                f"transport must be an httpx.{kind.__name__}, not {type(given).__name__}",
                settings=[Setting("transport")],
            )
        shared = ConnectionPool(lambda: given, given)
        return {"event": shared, "api": shared, "app": shared}

    # Loading certificates takes longer than connecting: once for all transports, and lazily.
    @cache
    def context(*, is_trusting: bool) -> ssl.SSLContext:
        import ssl  # noqa: PLC0415 - as httpx, not before it is needed

        if not is_trusting:
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made = httpx.create_ssl_context()
        made.set_alpn_protocols(["http/1.1"])
        return made

    def make(proxy: Secret | None) -> Any:
        return _transport(kind, context(is_trusting=encrypts), proxy)

    def make_for_app() -> Any:
        return _transport(kind, context(is_trusting=True), None)

    event, api = [ConnectionPool[Transport](partial(make, it)) for it in proxies]
    return {"event": event, "api": api, "app": ConnectionPool[Transport](make_for_app)}


def _transport(kind: type[Any], context: ssl.SSLContext, proxy: Secret | None) -> Any:
    """Return a transport of the client's own, or httpx's, which knows proxies of all kinds."""
    is_blocking = issubclass(kind, httpx.BaseTransport)
    http_proxy = None
    if proxy is not None:
        checked = httpx.Proxy(proxy.reveal())
        if (checked.url.port or 0) > 65535:  # a socket would take it modulo 65536
            raise ValueError("a port is at most 65535")
        if checked.url.scheme != "http":
            of_httpx = httpx.HTTPTransport if is_blocking else httpx.AsyncHTTPTransport
            return of_httpx(proxy=checked, verify=context)
        from inngest_rest._core.drivers.http_proxy import HttpProxy  # noqa: PLC0415

        http_proxy = HttpProxy(checked)
    if is_blocking:
        from inngest_rest._core.drivers.blocking_transport import (  # noqa: PLC0415
            BlockingTransport,
        )

        return BlockingTransport(context, http_proxy)
    from inngest_rest._core.drivers.async_transport import AsyncTransport  # noqa: PLC0415

    return AsyncTransport(context, http_proxy)
