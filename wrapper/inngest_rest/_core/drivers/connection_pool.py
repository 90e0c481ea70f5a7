"""Connection pool of a client for one host, or the caller's transport in its place."""

from __future__ import annotations

from collections import deque
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from inngest_rest._core.locks import Forked
from inngest_rest.errors import ConfigurationError, Setting

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    import httpx

    from inngest_rest._core.plans import Host
    from inngest_rest._core.secret import Secret

Transport = TypeVar("Transport")

Kind = Literal["BaseTransport", "AsyncBaseTransport"]
"""The class of httpx that a transport of the caller's is of."""

MAX_AT_ONCE = 64
"""Maximum number of concurrent requests to one host; see scripts/internal/benchmark/README.md."""

# Keep-alive expiry in seconds, as in httpx.
_KEEP_ALIVE = 5.0

_UNUSABLE_PROXY = (
    "the URL of the proxy is malformed, or is not one of http, https or socks5; a /, ? or # in its "
    "password must be escaped, as %2F, %3F or %23"
)


class Slots:
    """Places for requests, of which each takes one and gives it back.

    A semaphore does the same in Python, which takes 60 times as long.
    """

    def __init__(self, count: int) -> None:
        import queue  # noqa: PLC0415 - only a client that connects needs it

        self._free = queue.SimpleQueue[None]()
        self._none_free = queue.Empty
        for _ in range(count):
            self._free.put(None)

    def take(self, seconds: float) -> bool:
        """Take a place within some seconds; return whether there was one."""
        try:
            self._free.get(timeout=seconds)
        except self._none_free:
            return False
        return True

    def give_back(self) -> None:
        self._free.put(None)


class ConnectionPool(Forked, Generic[Transport]):
    """A pool of transports to one host, each with one connection and one request at a time.

    httpcore's pool checks every connection on every request, some of them with a system call: with
    32 requests in flight, that outweighs all other costs. This one takes constant time.
    Thread-safe. A `given` transport of the caller's carries all requests instead.
    """

    def __init__(
        self,
        make: Callable[[], Transport],
        given: Transport | None = None,
        *,
        has_steps: bool = False,
    ) -> None:
        self.given = given
        # Whether httpcore's pool is below it; a transport around httpx's shows that by its steps.
        self.has_steps = has_steps
        self._make = make
        self._idle: deque[tuple[float, Transport]] = deque()
        self._open: set[Transport] = set()
        self._of_parent: list[Transport] = []
        self.is_closed = False
        self.slots = Slots(MAX_AT_ONCE)
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
        except (ValueError, _invalid_url()):
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
        try:
            while self.is_closed or self._idle[0][0] < now - _KEEP_ALIVE:
                unused.append(self._idle.popleft()[1])
        except IndexError:
            pass  # emptied, perhaps by other threads
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
        self.slots = Slots(MAX_AT_ONCE)


def _invalid_url() -> type[Exception]:
    import httpx  # noqa: PLC0415 - for an error alone

    return httpx.InvalidURL


def pools(
    kind: Kind,
    given: object,
    *proxies: Secret | None,
    encrypts: bool = True,
) -> dict[Host, ConnectionPool[Any]]:
    """Return the pool of each host, of transports of our own; a given one serves all.

    Unless it `encrypts`, no certificates are loaded for servers, and none is trusted. Apps are
    reached without a proxy.
    """
    if given is not None:
        shared = _pool_of(kind, given)
        return {"event": shared, "api": shared, "app": shared}

    # Loading certificates takes longer than connecting: once for all transports, and lazily.
    @cache
    def context(*, is_trusting: bool) -> ssl.SSLContext:
        import ssl  # noqa: PLC0415 - as httpx, not before it is needed

        if not is_trusting:
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        import httpx  # noqa: PLC0415 - as it has the certificates

        made = httpx.create_ssl_context()
        made.set_alpn_protocols(["http/1.1"])
        return made

    def make(proxy: Secret | None) -> Any:
        if encrypts:
            context(is_trusting=True)
        return _transport(kind, partial(context, is_trusting=encrypts), proxy)

    def make_for_app() -> Any:
        context(is_trusting=True)
        return _transport(kind, partial(context, is_trusting=True), None)

    event, api = [ConnectionPool[Any](partial(make, it)) for it in proxies]
    return {"event": event, "api": api, "app": ConnectionPool[Any](make_for_app)}


def _pool_of(kind: Kind, given: object) -> ConnectionPool[Any]:
    """Return the pool of a transport that the caller gave, which is one of httpx's."""
    import httpx  # noqa: PLC0415 - it is there: the transport is of it

    from inngest_rest._core.drivers.httpx_transport import HttpxTransport  # noqa: PLC0415

    if not isinstance(given, getattr(httpx, kind)):
        raise ConfigurationError(
            f"transport must be an httpx.{kind}, not {type(given).__name__}",
            settings=[Setting("transport")],
        )
    transport = HttpxTransport(given)
    return ConnectionPool(
        lambda: transport,
        transport,
        has_steps=isinstance(given, httpx.AsyncHTTPTransport),
    )


def _transport(
    kind: Kind, context: Callable[[], ssl.SSLContext], proxy: Secret | None
) -> Any:
    """Return a transport of the client's own, or httpx's, which knows proxies of all kinds."""
    http_proxy = None
    if proxy is not None:
        import httpx  # noqa: PLC0415 - as it reads the URLs of proxies

        checked = httpx.Proxy(proxy.reveal())
        if (checked.url.port or 0) > 65535:  # a socket would take it modulo 65536
            raise ValueError("a port is at most 65535")
        if checked.url.scheme != "http":
            return _through_httpx(kind, context(), checked)
        from inngest_rest._core.drivers.http_proxy import HttpProxy  # noqa: PLC0415

        http_proxy = HttpProxy(checked)
    if kind == "BaseTransport":
        from inngest_rest._core.drivers.blocking_transport import (  # noqa: PLC0415
            BlockingTransport,
        )

        return BlockingTransport(context, http_proxy)
    from inngest_rest._core.drivers.async_transport import AsyncTransport  # noqa: PLC0415

    return AsyncTransport(context, http_proxy)


def _through_httpx(kind: Kind, context: ssl.SSLContext, proxy: httpx.Proxy) -> Any:
    import httpx  # noqa: PLC0415 - it is there: it has read the URL

    from inngest_rest._core.drivers.httpx_transport import HttpxTransport  # noqa: PLC0415

    is_blocking = kind == "BaseTransport"
    of_httpx = httpx.HTTPTransport if is_blocking else httpx.AsyncHTTPTransport
    return HttpxTransport(of_httpx(proxy=proxy, verify=context))
