"""Connection pool of a client for one host, or the caller's transport in its place."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from inngest_rest._values.locks import Forked
from inngest_rest.errors import ConfigurationError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    import httpx

    from inngest_rest._core.drivers.carriers import Kind
    from inngest_rest._core.plans import Host
    from inngest_rest._core.secret import Secret

Transport = TypeVar("Transport")

Owner: TypeAlias = "asyncio.AbstractEventLoop | None"
"""What owns a connection: an event loop, or nothing."""

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


def _nobody() -> Owner:
    return None


class ConnectionPool(Forked, Generic[Transport]):
    """A pool of transports to one host, each with one connection and one request at a time.

    httpcore's pool checks every connection on every request, some of them with a system call: with
    32 requests in flight, that outweighs all other costs. This one takes constant time.
    Thread-safe. A `given` transport of the caller's carries all requests instead.

    Args:
        make: Makes a transport.
        given: The caller's transport.
        owner: Returns what owns the connections that are made now: the running event loop, if any.
        has_steps: httpcore's pool is below the given transport; one around httpx's shows that by
            its steps.
        proxy: Scheme, host and port of the proxy, for messages.
    """

    def __init__(
        self,
        make: Callable[[], Transport],
        given: Transport | None = None,
        *,
        owner: Callable[[], Owner] = _nobody,
        has_steps: bool = False,
        proxy: str | None = None,
    ) -> None:
        self.given = given
        self.has_steps = has_steps
        self.proxy = proxy
        self._make = make
        self._owner = owner
        self._idle: dict[Owner, deque[tuple[float, Transport]]] = {}
        self._open: set[Transport] = set()
        self._of_parent: list[Transport] = []
        self.is_closed = False
        self.slots = Slots(MAX_AT_ONCE)
        super().__init__()

    def take(self) -> Transport:
        """Return the most recently used idle transport, whose connection is warm, or a new one."""
        if self.given is not None:
            return self.given
        idle = self._idle.get(self._owner())
        if idle is None:
            self._drop_those_of_closed_loops()
            return self._create()
        try:
            return idle.pop()[1]
        except IndexError:
            return self._create()

    def _drop_those_of_closed_loops(self) -> None:
        """Leave the connections of closed event loops to the collector: nobody can close them."""
        for loop in [*self._idle]:
            if loop is not None and loop.is_closed():
                dropped = self._idle.pop(loop, ())
                self._open.difference_update(transport for _, transport in dropped)

    def _create(self) -> Transport:
        import httpx  # noqa: PLC0415 - see `exchange`

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
        idle = self._idle.setdefault(self._owner(), deque())
        if is_whole:
            idle.append((now, transport))
        else:
            unused.append(transport)
        try:
            while self.is_closed or idle[0][0] < now - _KEEP_ALIVE:
                unused.append(idle.popleft()[1])
        except IndexError:
            pass  # emptied, perhaps by other threads
        self._open.difference_update(unused)
        return unused

    def close(self) -> list[tuple[Owner, Transport]]:
        """Stop keeping transports, and return the idle ones with their owners."""
        self.is_closed = True
        if self.given is not None:
            return [(self._owner(), self.given)]
        idle: list[tuple[Owner, Transport]] = []
        for owner, kept in [*self._idle.items()]:
            with suppress(IndexError):  # emptied, perhaps by other threads
                while True:
                    idle.append((owner, kept.pop()[1]))
        self._open.difference_update(transport for _, transport in idle)
        return idle

    @property
    def in_flight(self) -> list[Transport]:
        """The transports that carry a request, once the pool is closed."""
        return [*self._open]

    def after_fork_in_child(self) -> None:
        """Drop connections that the parent still uses."""
        self._idle.clear()
        # Kept referenced: closing them here would affect the parent's event loop.
        self._of_parent = [*self._of_parent, *self._open]
        self._open.clear()
        self.slots = Slots(MAX_AT_ONCE)


def pools(
    kind: Kind,
    given: object,
    *proxies: Secret | None,
    encrypts: bool = True,
) -> dict[Host, ConnectionPool[Any]]:
    """Return the pool of each host; a given transport serves all.

    Unless it `encrypts`, no certificates are loaded for servers, and none is trusted.
    """
    is_blocking = kind == "BaseTransport"
    import httpx  # noqa: PLC0415 - see `exchange`

    from inngest_rest._core.drivers.carriers import (  # noqa: PLC0415
        carrier,
        given_carrier,
        has_pool_of_httpcore,
    )

    owner = _nobody if is_blocking else asyncio.get_running_loop
    if given is not None:
        carried = given_carrier(kind, given)
        shared = ConnectionPool[Any](
            lambda: carried,
            carried,
            owner=owner,
            has_steps=has_pool_of_httpcore(given),
        )
        return {"event": shared, "api": shared}

    # Loading certificates takes longer than connecting: once for all transports, and lazily.
    @cache
    def context(*, is_trusting: bool) -> ssl.SSLContext:
        import ssl  # noqa: PLC0415 - as httpx, not before it is needed

        if is_trusting:
            return httpx.create_ssl_context()
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def pool(proxy: Secret | None) -> ConnectionPool[Any]:
        def make() -> Any:
            through = None if proxy is None else _proxy(proxy, context)
            return carrier(kind, context(is_trusting=encrypts), through)

        shown = None if proxy is None else _without_password(proxy)
        return ConnectionPool[Any](make, owner=owner, proxy=shown)

    event, api = [pool(proxy) for proxy in proxies]
    return {"event": event, "api": api}


def _proxy(url: Secret, context: Callable[..., ssl.SSLContext]) -> httpx.Proxy:
    import httpx  # noqa: PLC0415

    proxy = httpx.Proxy(url.reveal())
    if (proxy.url.port or 0) > 65535:  # a socket would take it modulo 65536
        raise ValueError("a port is at most 65535")
    if proxy.url.scheme == "https":
        proxy.ssl_context = context(is_trusting=True)
    return proxy


def _without_password(proxy: Secret) -> str:
    scheme, _, rest = proxy.reveal().partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
