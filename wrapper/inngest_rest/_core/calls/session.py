"""The state that the plans of one client share, and what it has learned about the server."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from inngest_rest._core.calls.keys import DEV_EVENT_KEY, KeyRing
from inngest_rest._core.calls.retry import RateLimit, RetryQuota
from inngest_rest._core.calls.route import AbsentRoutes
from inngest_rest._core.clock import SYSTEM_CLOCK, Clock
from inngest_rest._version import __version__
from inngest_rest.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.calls.settings import Settings
    from inngest_rest._core.plans import Host

_SHORTEST_SECRET = 8

V2_ROOT = "/v2"
# Before release 1.26, servers have v2 only there; later ones have it there, too (document, info).
V2_ROOT_BEFORE_1_26 = "/api/v2"


class Session:
    """Settings, keys in the order they work, what the server lacks, retry budget, rate limits.

    Args:
        settings: The validated settings of the client.
        clock: The source of time and randomness for everything the client does.
    """

    def __init__(self, settings: Settings, clock: Clock = SYSTEM_CLOCK) -> None:
        self.settings = settings
        self.clock = clock
        self.quota = RetryQuota()
        self.rate_limits: Mapping[Host, RateLimit] = {"event": RateLimit(), "api": RateLimit()}
        self.absent = AbsentRoutes()
        self.v2_root = V2_ROOT
        # By environment: a copy of the client may have another one.
        self.catalogues: dict[str | None, object] = {}
        self.signing_keys = KeyRing(*settings.signing_bearers)
        self.v2_keys = KeyRing(settings.api_key, *settings.signing_bearers)
        self._event_urls: dict[str, httpx.URL] = {}
        self.headers = {"user-agent": f"inngest-rest/{__version__}"}
        if settings.env is not None:
            self.headers["x-inngest-env"] = settings.env

    def url(self, path: str, *, event: bool) -> httpx.URL:
        """Return the URL of a path on one of the two hosts.

        Parsing a URL takes as long as the rest of building a request, and all events go to one URL.
        """
        if not event:
            return httpx.URL(self.settings.api_url + path)
        if path not in self._event_urls:
            self._event_urls[path] = httpx.URL(self.settings.event_url + path)
        return self._event_urls[path]

    @property
    def event_key(self) -> str:
        """The key for sending events."""
        if self.settings.event_key is not None:
            return self.settings.event_key
        if self.settings.dev:
            return DEV_EVENT_KEY
        raise ConfigurationError(
            "sending events needs an event key: pass event_key= or set INNGEST_EVENT_KEY (or pass "
            "dev=True for a dev server)"
        )

    def redact(self, text: str) -> str:
        """Mask the keys of this client in text from a server: some servers quote the request."""
        settings = self.settings
        for key in (settings.event_key, settings.api_key, *settings.signing_bearers):
            # A shorter key is not a secret, and could be part of any word.
            if key is not None and len(key) >= _SHORTEST_SECRET:
                text = text.replace(key, "***").replace(quote(key, safe=""), "***")
        return text

    def bearers(self, family: str) -> tuple[str | None, ...]:
        """Return the bearer tokens to try with a family, in order; a dev server needs none."""
        ring = self._ring(family)
        if ring:
            return tuple(ring)
        if self.settings.dev:
            return (None,)
        also = " or api_key= (INNGEST_API_KEY)" if family == "v2" else ""
        raise ConfigurationError(
            f"this call needs a key for {family}: pass signing_key= or set INNGEST_SIGNING_KEY"
            f"{also} (or pass dev=True for a dev server)"
        )

    def bearer_worked(self, family: str, bearer: str | None) -> None:
        """Try this bearer token first from now on."""
        if bearer is not None:
            self._ring(family).worked(bearer)

    def _ring(self, family: str) -> KeyRing:
        return self.v2_keys if family == "v2" else self.signing_keys
