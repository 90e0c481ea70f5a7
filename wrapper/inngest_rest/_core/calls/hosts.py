"""The two hosts of a server, of events and of all other requests: their URLs and proxies.

A specific setting overrides a general one. Plain http to another machine would show keys to the
network: it is refused, or the keys stay here.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from inngest_rest._core.calls.sources import (
    ALLOW_HTTP,
    ALLOW_HTTP_ON,
    BASE_URL,
    DEV,
    HEADERS,
    Found,
    Reader,
    proxies_here,
)
from inngest_rest._core.request import parsed, requestable
from inngest_rest._core.secret import Secret
from inngest_rest.errors import Advice, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

EVENT_URL = "https://inn.gs"
API_URL = "https://api.inngest.com"
_DEV_URL = "http://127.0.0.1:8288"


class Host(NamedTuple):
    """The destination of events, or of all other requests."""

    url: str
    shows_keys: bool  # the network could read keys that are sent to it
    proxy: Secret | None


class Server(NamedTuple):
    """Finds the two hosts of a server."""

    reader: Reader
    dev: Found | None  # the URL of the dev server, if that is what it is
    may_show_keys: bool
    proxies: Mapping[str, str]

    @classmethod
    def of(cls, reader: Reader) -> Server:
        allowed = reader.find(ALLOW_HTTP)
        may_show_keys = False if allowed is None else allowed.switch()
        if allowed is not None and may_show_keys is None:
            raise allowed.invalid("must be 1 or 0")
        return cls(reader, _dev_server(reader), bool(may_show_keys), proxies_here())

    def host(self, own: Setting, *, default: str) -> Host:
        found = self._base_url(own)
        is_dev = self.dev is not None
        url = default
        if found is not None:
            url = _check_url(found, may_http=is_dev or self.may_show_keys)
        proxy: Secret | None = None
        if found is None or found is not self.dev:
            proxy = _proxy(url, self.proxies, is_dev=is_dev)
        is_plain = _is_plain_elsewhere(requestable(url))
        shows_keys = not self.may_show_keys and is_plain
        return Host(url=url, shows_keys=shows_keys, proxy=proxy)

    def _base_url(self, own: Setting) -> Found | None:
        """Return the base URL of a host: that of an argument, `dev` included, before any other."""
        dev = self.dev
        given = self.reader.argument(own) or self.reader.argument(BASE_URL)
        if given is None and dev is not None and dev.name == DEV.argument:
            given = dev
        configured = self.reader.configured
        return given or configured(own) or configured(BASE_URL) or dev


def _dev_server(reader: Reader) -> Found | None:
    """Return the URL of the configured dev server, if there is one."""
    found = reader.find(DEV)
    if found is None or found.switch() is False:
        return None
    if found.switch():
        configured = reader.configured(DEV)
        is_url = configured is not None and configured.switch() is None
        url = configured.value if configured is not None and is_url else _DEV_URL
        found = found._replace(value=url)
    if "://" not in found.value:
        raise found.invalid(
            f"must be 1, 0 or the URL of a dev server, such as {_DEV_URL}"
        )
    return found


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
