"""What a client sends through: the caller's transport, or ours with the environment's proxies."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.request import getproxies, proxy_bypass

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest._core.effects import Host
    from inngest_rest._core.settings import Settings

Transport = TypeVar("Transport")


def by_host(
    settings: Settings,
    given: Transport | None,
    make: Callable[[str | None], Transport],
) -> dict[Host, Transport]:
    """Return the transport of each host; one serves both where the way to them is the same.

    Args:
        settings: Where the hosts are.
        given: The caller's transport, which then serves both.
        make: Makes a transport that goes through a proxy, or None for none.

    """
    if given is not None:
        return {"event": given, "api": given}
    event_proxy, api_proxy = _proxy(settings.event_url), _proxy(settings.api_url)
    event = make(event_proxy)
    return {"event": event, "api": event if api_proxy == event_proxy else make(api_proxy)}


def make_blocking(proxy: str | None) -> httpx.BaseTransport:
    """Make a transport of the kind `httpx.Client` would use."""
    return httpx.HTTPTransport(proxy=proxy)


def make_async(proxy: str | None) -> httpx.AsyncBaseTransport:
    """Make a transport of the kind `httpx.AsyncClient` would use."""
    return httpx.AsyncHTTPTransport(proxy=proxy)


def _proxy(url: str) -> str | None:
    target = httpx.URL(url)
    proxies = getproxies()
    proxy = proxies.get(target.scheme) or proxies.get("all")
    if proxy is None or proxy_bypass(target.netloc.decode()):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
