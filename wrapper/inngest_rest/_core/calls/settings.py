"""Arguments and environment variables become one checked, frozen value.

The only module that reads the environment. An argument wins over a variable, a specific variable
over a general one; an empty variable counts as absent, an empty argument as a mistake.
"""

from __future__ import annotations

import ipaddress
import os
import re
import threading
from typing import TYPE_CHECKING, get_args

import httpx
from attrs import field, frozen

from inngest_rest._core.arguments import check_seconds
from inngest_rest._core.calls import keys
from inngest_rest.errors import ConfigurationError, InvalidArgumentError
from inngest_rest.retry import RetryPolicy
from inngest_rest.typing import ApiVersion, Seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

EVENT_URL = "https://inn.gs"
API_URL = "https://api.inngest.com"
DEV_URL = "http://127.0.0.1:8288"


@frozen(kw_only=True)
class Settings:
    """Everything a client was told, checked. Keys are left out of the repr."""

    event_url: str
    api_url: str
    dev: bool
    env: str | None
    event_key: str | None = field(repr=False)
    signing_bearers: tuple[str, ...] = field(repr=False)
    api_key: str | None = field(repr=False)
    api_version: ApiVersion
    timeout: float
    retry: RetryPolicy


class _Reader:
    """Finds a setting by argument and variable, and can name where it came from."""

    def __init__(self, arguments: Mapping[str, str | None], environ: Mapping[str, str]) -> None:
        self._arguments = arguments
        self._environ = environ

    def find(self, *names: str) -> tuple[str, str] | None:
        """Return the first that is given, as (name, value); variables are in capitals."""
        for name in names:
            value = self._environ.get(name) or None if name.isupper() else self._arguments.get(name)
            if value is None:
                continue
            if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ConfigurationError(f"{name} must be text, not {type(value).__name__}")
            return name, value
        return None


def resolve(
    *,
    event_key: str | None = None,
    signing_key: str | None = None,
    signing_key_fallback: str | None = None,
    api_key: str | None = None,
    env: str | None = None,
    dev: bool | str | None = None,
    base_url: str | None = None,
    event_base_url: str | None = None,
    api_base_url: str | None = None,
    api_version: ApiVersion = "auto",
    timeout: Seconds = 30.0,
    retries: int | RetryPolicy | None = None,
    allow_http: bool | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Check and combine; every mistake is a `ConfigurationError` that names its source."""
    reader = _Reader(
        {
            "event_key": event_key,
            "signing_key": signing_key,
            "signing_key_fallback": signing_key_fallback,
            "api_key": api_key,
            "env": env,
            "base_url": base_url,
            "event_base_url": event_base_url,
            "api_base_url": api_base_url,
            "dev": dev if isinstance(dev, str) else None,
        },
        environ,
    )
    dev_on, dev_url = _dev(dev, reader)
    may_http = dev_on or _allow_http(allow_http, environ)
    specific = {"event": EVENT_URL, "api": API_URL}
    urls = {host: _base_url(host, default, dev_url, reader) for host, default in specific.items()}
    if api_version not in get_args(ApiVersion):
        raise ConfigurationError(f"api_version must be auto, v1 or v2, not {api_version!r}")
    return Settings(
        event_url=_check_url(*urls["event"], may_http=may_http),
        api_url=_check_url(*urls["api"], may_http=may_http),
        dev=dev_on,
        env=_token(reader.find("env", "INNGEST_ENV")),
        event_key=_event_key(reader.find("event_key", "INNGEST_EVENT_KEY")),
        signing_bearers=tuple(
            keys.signing_key_bearer(*found)
            for found in (
                reader.find("signing_key", "INNGEST_SIGNING_KEY"),
                reader.find("signing_key_fallback", "INNGEST_SIGNING_KEY_FALLBACK"),
            )
            if found
        ),
        api_key=_token(reader.find("api_key", "INNGEST_API_KEY")),
        api_version=api_version,
        timeout=_timeout(timeout),
        retry=_retry(retries),
    )


def _dev(dev: bool | str | None, reader: _Reader) -> tuple[bool, str | None]:
    """Tell whether a dev server is meant, and its URL if one was named or is the default."""
    if isinstance(dev, bool):
        return dev, DEV_URL if dev else None
    found = reader.find("dev", "INNGEST_DEV")
    if found is None or found[1].lower() in {"0", "false"}:
        return False, None
    if found[1].lower() in {"1", "true"}:
        return True, DEV_URL
    if "://" not in found[1]:
        raise ConfigurationError(f"{found[0]} must be 1, 0 or the URL of a dev server")
    return True, found[1]


def _base_url(host: str, default: str, dev_url: str | None, reader: _Reader) -> tuple[str, str]:
    explicit_dev = ("dev",) if reader.find("dev") == ("dev", dev_url) else ()
    found = reader.find(
        f"{host}_base_url",
        "base_url",
        *explicit_dev,
        f"INNGEST_{host.upper()}_API_BASE_URL" if host == "event" else "INNGEST_API_BASE_URL",
        "INNGEST_BASE_URL",
    )
    return found or ("INNGEST_DEV", dev_url or default)


def _check_url(name: str, value: str, *, may_http: bool) -> str:
    """Refuse a base URL that cannot mean what was intended; return what our paths go behind."""
    if re.search(r"[\x00-\x20\x7f]", value):
        raise ConfigurationError(f"{name} is no URL: it holds a space or a control character")
    try:
        url = httpx.URL(value)
        url.raw_host.decode().encode("idna")  # as connecting will, which finds an empty label
    except (httpx.InvalidURL, UnicodeError):
        # Not its words: where a password holds a slash they quote a part of it.
        raise ConfigurationError(f"{name} is no URL: its host or port is malformed") from None
    if url.port is not None and not 0 < url.port < 65536:
        raise ConfigurationError(f"{name} is no URL: {url.port} is no port")
    if url.userinfo:
        raise ConfigurationError(f"{name} holds credentials; keys have settings of their own")
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigurationError(f"{name} must begin with https:// (or http://) and name a host")
    if url.fragment or url.query or "#" in value or "?" in value:
        raise ConfigurationError(f"{name} must not hold a query or a fragment")
    if url.scheme == "http" and not may_http and not _is_loopback(url.host):
        raise ConfigurationError(
            f"{name} is plain http to {url.host}, which would show the keys to the network; use "
            "https, or say allow_http=True (INNGEST_ALLOW_HTTP=1)"
        )
    # The vendor writes the API's address as https://api.inngest.com/v1; our paths begin with it.
    return value.rstrip("/").removesuffix("/v1").removesuffix("/v2")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _allow_http(argument: bool | None, environ: Mapping[str, str]) -> bool:
    if argument is not None:
        return argument
    value = environ.get("INNGEST_ALLOW_HTTP", "").lower()
    if value not in {"", "0", "1", "true", "false"}:
        raise ConfigurationError("INNGEST_ALLOW_HTTP must be 1 or 0")
    return value in {"1", "true"}


def _token(found: tuple[str, str] | None) -> str | None:
    return found and keys.check_token(*found)


def _event_key(found: tuple[str, str] | None) -> str | None:
    return found and keys.check_event_key(*found)


def _timeout(timeout: Seconds) -> float:
    try:
        seconds = check_seconds("timeout", timeout)
    except InvalidArgumentError as error:
        raise ConfigurationError(str(error)) from None
    if seconds > threading.TIMEOUT_MAX:
        raise ConfigurationError(f"timeout must be at most {threading.TIMEOUT_MAX:g} seconds")
    return seconds


def _retry(retries: int | RetryPolicy | None) -> RetryPolicy:
    if isinstance(retries, RetryPolicy):
        return retries
    return RetryPolicy() if retries is None else RetryPolicy(retries=retries)
