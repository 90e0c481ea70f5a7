"""What a client sends through: the caller's transport, or ours with the environment's proxies."""

from __future__ import annotations

import functools
import os
import sys
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.request import getproxies, proxy_bypass
from weakref import WeakSet

import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from inngest_rest._core.calls.settings import Settings
    from inngest_rest._core.plans import Host

Transport = TypeVar("Transport")


class Lanes(Generic[Transport]):
    """The transports of one host: each carries one request at a time, so each has one connection.

    httpx's pool looks at every connection for every request, some of them with a system call: at
    32 in flight that costs more than all the rest [performance.md, 4]. Lanes cost the same for any
    number. Taking and giving back are atomic, so threads may share them.

    Args:
        make: Makes another transport.
    """

    def __init__(self, make: Callable[[], Transport]) -> None:
        self._make = make
        self._free: deque[Transport] = deque()
        self._all: list[Transport] = []
        _lanes.add(self)

    def take(self) -> Transport:
        """Return a transport nobody uses, the one used last first: its connection is warm."""
        try:
            return self._free.pop()
        except IndexError:
            made = self._make()
            self._all.append(made)
            return made

    def give_back(self, transport: Transport) -> None:
        """Let others use it again."""
        self._free.append(transport)

    def forget(self) -> None:
        """Use none of them again, but the caller's own: in a forked child, whose parent does."""
        self._free.clear()

    def __iter__(self) -> Iterator[Transport]:
        """Yield each transport there is once, to close it."""
        yield from {id(each): each for each in self._all}.values()


_lanes: WeakSet[Lanes[Any]] = WeakSet()


def _forget_all() -> None:
    for lanes in _lanes:
        lanes.forget()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_forget_all)


def by_host(
    settings: Settings,
    given: Transport | None,
    make: Callable[[str | None, ssl.SSLContext], Transport],
) -> dict[Host, Lanes[Transport]]:
    """Return the lanes to each host; the same serve both where the way to them is the same.

    Args:
        settings: Where the hosts are.
        given: The caller's transport, which then carries everything at once.
        make: Makes a transport that goes through a proxy, or None for none.
    """
    if given is not None:
        lanes = Lanes(lambda: given)
        # Ours to close from now on, even if nothing is ever sent.
        lanes.give_back(lanes.take())
        return {"event": lanes, "api": lanes}
    # Reading the certificates takes longer than connecting: once for all lanes, when first needed.
    context = functools.cache(httpx.create_ssl_context)
    event_proxy, api_proxy = _proxy(settings.event_url), _proxy(settings.api_url)
    event = Lanes(lambda: make(event_proxy, context()))
    api = event if api_proxy == event_proxy else Lanes(lambda: make(api_proxy, context()))
    return {"event": event, "api": api}


def make_blocking(proxy: str | None, context: ssl.SSLContext) -> httpx.BaseTransport:
    """Make a transport of the kind `httpx.Client` would use."""
    return httpx.HTTPTransport(proxy=proxy, verify=context)


def make_async(proxy: str | None, context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    """Make a transport of the kind `httpx.AsyncClient` would use."""
    if proxy is not None:
        return httpx.AsyncHTTPTransport(proxy=proxy, verify=context)
    from inngest_rest._core.drivers.sockets import AsyncioTransport  # noqa: PLC0415 - loads httpcore

    return AsyncioTransport(context)


def _proxy(url: str) -> str | None:
    target = httpx.URL(url)
    proxies = getproxies()
    proxy = proxies.get(target.scheme) or proxies.get("all")
    if proxy is None or proxy_bypass(target.netloc.decode()):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
