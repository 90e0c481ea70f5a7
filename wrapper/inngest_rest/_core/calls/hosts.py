"""The two hosts of a server, of events and of all other requests: their URLs and proxies.

A specific setting overrides a general one. Plain http to another machine would show keys to the
network: it is refused, or the keys stay here.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from attrs import frozen

from inngest_rest._core.calls.sources import (
    ALLOW_HTTP,
    ALLOW_HTTP_ON,
    BASE_URL,
    DEV,
    HEADERS,
    Found,
    Reader,
)
from inngest_rest._core.request import parsed, requestable
from inngest_rest._core.secret import Secret
from inngest_rest.errors import Advice, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

EVENT_URL = "https://inn.gs"
API_URL = "https://api.inngest.com"
_DEV_URL = "http://127.0.0.1:8288"


class Host(NamedTuple):
    """The destination of events, or of all other requests."""

    url: str
    shows_keys: bool  # the network could read keys that are sent to it
    proxy: Secret | None


@frozen(kw_only=True)
class Hosts:
    """Finds the two hosts of a server."""

    reader: Reader
    dev_server: Found | None
    proxies: Mapping[str, str]
    may_show_keys: bool

    def find(self, own: Setting, *, default: str) -> Host:
        is_dev = self.dev_server is not None
        found = _base_url(own, self.dev_server, self.reader)
        url = default
        if found is not None:
            url = _check_url(found, may_http=is_dev or self.may_show_keys)
        proxy: Secret | None = None
        if found is None or found is not self.dev_server:
            proxy = _proxy(url, self.proxies, is_dev=is_dev)
        is_plain = _is_plain_elsewhere(requestable(url))
        shows_keys = not self.may_show_keys and is_plain
        return Host(url=url, shows_keys=shows_keys, proxy=proxy)


def may_show_keys_of(reader: Reader) -> bool:
    """Return whether keys may be sent by plain http."""
    allowed = reader.find(ALLOW_HTTP)
    if allowed is None:
        return False
    is_on = allowed.switch()
    if is_on is None:
        raise allowed.invalid("must be 1 or 0")
    return is_on


def dev_server_of(reader: Reader) -> Found | None:
    """Return the URL of the configured dev server, if there is one."""
    found = reader.find(DEV)
    if found is None or found.switch() is False:
        return None
    if found.switch():
        variable = reader.variable(DEV)
        is_url = variable is not None and variable.switch() is None
        url = variable.value if variable is not None and is_url else _DEV_URL
        found = found._replace(value=url)
    if "://" not in found.value:
        raise found.invalid(
            f"must be 1, 0 or the URL of a dev server, such as {_DEV_URL}"
        )
    return found


def _base_url(own: Setting, dev: Found | None, reader: Reader) -> Found | None:
    """Return the base URL of a host from the first source that has one."""
    for found in _base_urls(own, dev, reader):
        if found is not None:
            return found
    return None


def _base_urls(
    own: Setting, dev: Found | None, reader: Reader
) -> Iterator[Found | None]:
    """Yield the base URL of each source; a dev server counts where it is configured."""
    dev_source = None if dev is None else dev.name
    yield reader.argument(own)
    yield reader.argument(BASE_URL)
    if dev_source == DEV.argument:
        yield dev
    yield reader.variable(own)
    yield reader.variable(BASE_URL)
    if dev_source == DEV.variable:
        yield dev
    yield reader.in_profile(own)
    yield reader.in_profile(BASE_URL)
    yield dev


def _check_url(found: Found, *, may_http: bool) -> str:
    """Reject a base URL that is malformed or unsafe; return the URL to append paths to."""
    value = found.value
    target = requestable_url(value)
    if target is None or re.search(r"[?#]", value):
        raise found.invalid(
            "is not a base URL: it must be of the form https://HOST[:PORT][/PATH] (or http://), "
            "without spaces, query or fragment"
        )
    if urlsplit(value).netloc.rpartition("@")[0]:
        raise found.invalid(
            "contains credentials",
            Advice(
                "Pass keys with their settings, and the credentials of a proxy in front of the "
                "server in {}.",
                (HEADERS,),
            ),
        )
    if not may_http and _is_plain_elsewhere(target):
        host = urlsplit(value).hostname
        raise found.invalid(
            f"is plain http to {host}, which would show the keys to the network",
            Advice("Use https, or set {}.", (ALLOW_HTTP_ON,)),
        )
    # The vendor gives the API's URL as https://api.inngest.com/v1; our paths begin with /v1.
    return value.rstrip("/").removesuffix("/v1").removesuffix("/v2")


def requestable_url(text: str) -> httpx.URL | None:
    """Return a URL of http or https; None if no request could be sent to it."""
    url = parsed(text)
    if url is None or re.search(r"[\x00-\x20\x7f]", text):
        return None
    try:
        urlsplit(text)  # finds a bracket that is not closed
    except ValueError:
        return None
    *labels, last = url.raw_host.decode("ascii").split(".")
    # As connecting will: it encodes each label of the host.
    are_labels = all(0 < len(label) < 64 for label in labels)
    if not are_labels or len(last) >= 64:
        return None
    if not url.host or url.scheme not in {"http", "https"}:
        return None
    # A socket would take it modulo 65536.
    is_port = url.port is None or 0 < url.port < 65536
    return url if is_port else None


def _is_plain_elsewhere(url: httpx.URL) -> bool:
    """Return whether the network can read what is sent to a URL."""
    return url.scheme == "http" and not _is_loopback(url.host)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _proxy(url: str, proxies: Mapping[str, str], *, is_dev: bool) -> Secret | None:
    """Return the proxy for a URL from the environment or the system's settings.

    Never one for this machine or a dev server: it could not reach the one, and would read the keys.
    """
    target = requestable(url)
    if _is_loopback(target.host) or (is_dev and target.scheme == "http"):
        return None
    proxy = proxies.get(target.scheme) or proxies.get("all")
    if proxy is None:
        return None
    from urllib.request import proxy_bypass  # noqa: PLC0415 - see `proxies_here`

    if proxy_bypass(target.netloc.decode("ascii")):
        return None
    return Secret(proxy if "://" in proxy else f"http://{proxy}")
