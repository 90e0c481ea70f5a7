"""What the plans of one client share: settings, and the little it learns about the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from inngest_rest._core.calls.keys import DEV_EVENT_KEY, KeyRing
from inngest_rest._core.calls.retry import RetryQuota
from inngest_rest._core.clock import SYSTEM_CLOCK, Clock
from inngest_rest._version import __version__
from inngest_rest.errors import ConfigurationError

if TYPE_CHECKING:
    from inngest_rest._core.calls.settings import Settings
    from inngest_rest.errors import RouteNotFoundError


class Session:
    """Settings, keys in the order they work, routes known to be absent, the retry budget.

    Args:
        settings: What the client was told.
        clock: The time of everything this client does.
    """

    def __init__(self, settings: Settings, clock: Clock = SYSTEM_CLOCK) -> None:
        self.settings = settings
        self.clock = clock
        self.quota = RetryQuota()
        self.absent: dict[str, RouteNotFoundError] = {}
        self.signing_keys = KeyRing(*settings.signing_bearers)
        self.v2_keys = KeyRing(settings.api_key, *settings.signing_bearers)
        self._event_urls: dict[str, httpx.URL] = {}
        self.headers = {"user-agent": f"inngest-rest/{__version__}"}
        if settings.env is not None:
            self.headers["x-inngest-env"] = settings.env

    def url(self, path: str, *, event: bool) -> httpx.URL:
        """Return the URL of a path on one of the two hosts.

        Parsing one takes as long as the rest of a request's making, and events have but one.
        """
        if not event:
            return httpx.URL(self.settings.api_url + path)
        if path not in self._event_urls:
            self._event_urls[path] = httpx.URL(self.settings.event_url + path)
        return self._event_urls[path]

    @property
    def event_key(self) -> str:
        """The key events are sent with."""
        if self.settings.event_key is not None:
            return self.settings.event_key
        if self.settings.dev:
            return DEV_EVENT_KEY
        raise ConfigurationError(
            "sending events needs an event key: pass event_key= or set INNGEST_EVENT_KEY (or say "
            "dev=True for a dev server)"
        )

    def bearers(self, family: str) -> tuple[str | None, ...]:
        """Return the bearers to try on a family, in order; a dev server needs none."""
        ring = self._ring(family)
        if ring:
            return tuple(ring)
        if self.settings.dev:
            return (None,)
        also = " or api_key= (INNGEST_API_KEY)" if family == "v2" else ""
        raise ConfigurationError(
            f"this call needs a key for {family}: pass signing_key= or set INNGEST_SIGNING_KEY"
            f"{also} (or say dev=True for a dev server)"
        )

    def bearer_worked(self, family: str, bearer: str | None) -> None:
        """Ask this bearer first from now on."""
        if bearer is not None:
            self._ring(family).worked(bearer)

    def _ring(self, family: str) -> KeyRing:
        return self.v2_keys if family == "v2" else self.signing_keys
