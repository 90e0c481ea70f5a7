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

    from inngest_rest._core.drivers.async_transport import AsyncTransport
    from inngest_rest._core.drivers.blocking_transport import DeadlineTransport
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

    def __init__(self, make: Callable[[], Transport], given: Transport | None = None) -> None:
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

    def give_back(self, transport: Transport, now: float, *, is_whole: bool) -> list[Transport]:
        """Return a transport to the pool, if its exchange ended cleanly; return those to close.

        Otherwise its connection may still have a response in flight.
        """
        if transport is self.given:
            return []
        unused: list[Transport] = []
        if is_whole and not _has_left_over(transport):
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


# The private attributes of httpx and httpcore in use. No promise rests on them: with a release that
# lacks one, no transport can be made, or none is used again.


def use_own_network(transport: DeadlineTransport | AsyncTransport) -> None:
    """Make a transport its own network backend, for which httpx has no argument; or raise."""
    pool: Any = transport._pool  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    _ = pool._network_backend  # noqa: SLF001 - not an assertion, which `python -O` drops
    pool._network_backend = transport  # noqa: SLF001


def _has_left_over(transport: object) -> bool:
    """Return whether excess bytes follow a response; httpcore would take them for the next one."""
    for each in getattr(getattr(transport, "_pool", None), "connections", []):
        connection: Any = each
        while connection is not None and not hasattr(connection, "_h11_state"):
            connection = getattr(connection, "_connection", None)
        if connection is None or connection._h11_state.trailing_data[0]:  # noqa: SLF001
            return True
    return False


def pools(
    kind: type[Transport], given: Transport | None, *proxies: Secret | None, encrypts: bool = True
) -> dict[Host, ConnectionPool[Transport]]:
    """Return the pool of each host, of httpx's transports; a given one serves both.

    Unless it `encrypts`, no certificates are loaded, and no server is trusted.
    """
    if given is not None:
        if not isinstance(given, kind):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(
                f"transport must be an httpx.{kind.__name__}, not {type(given).__name__}",
                settings=[Setting("transport")],
            )
        shared = ConnectionPool(lambda: given, given)
        return {"event": shared, "api": shared}

    # Loading certificates takes longer than connecting: once for all transports, and lazily.
    @cache
    def context() -> ssl.SSLContext:
        import ssl  # noqa: PLC0415 - as httpx, not before it is needed

        return httpx.create_ssl_context() if encrypts else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def make(proxy: Secret | None) -> Any:
        made: DeadlineTransport | AsyncTransport
        if issubclass(kind, httpx.BaseTransport):
            from inngest_rest._core.drivers import blocking_transport  # noqa: PLC0415

            made = blocking_transport.DeadlineTransport(proxy, context())
        else:
            from inngest_rest._core.drivers import async_transport  # noqa: PLC0415

            made = async_transport.AsyncTransport(proxy, context())
        use_own_network(made)
        return made

    event, api = [ConnectionPool[Transport](partial(make, it)) for it in proxies]
    return {"event": event, "api": api}
