"""The state that the plans of one client share, and what it has learned about the server."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from inngest_rest._core.calls.keys import DEV_EVENT_KEY, KeyRing
from inngest_rest._core.calls.retry import RateLimit, RetryQuota, quota_of
from inngest_rest._core.calls.route import AbsentRoutes
from inngest_rest._core.calls.server_clock import ServerClock
from inngest_rest._core.clock import SYSTEM_CLOCK, Clock
from inngest_rest._core.event_names import NameConvention
from inngest_rest._version import __version__
from inngest_rest.errors import MissingKeyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.calls.settings import Settings
    from inngest_rest._core.plans import Host

_SHORTEST_SECRET = 8

# Other headers, such as one with the id of a request, may be shown.
_SENSITIVE = "auth|cookie|credential|key|password|secret|session|signature|token"


class Session:
    """Settings, keys in the order they work, retry budget, rate limits, known routes and clocks.

    Args:
        settings: The validated settings of the client.
        clock: The source of time and randomness for everything the client does.
        has_own_transport: Whether the caller's transport sends, perhaps to hosts of its own.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock = SYSTEM_CLOCK,
        *,
        has_own_transport: bool = True,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.has_own_transport = has_own_transport
        own = RetryQuota() if has_own_transport else None
        self.quotas: Mapping[Host, RetryQuota] = {
            "event": own or quota_of(settings.event_url),
            "api": own or quota_of(settings.api_url),
        }
        self.rate_limits: Mapping[Host, RateLimit] = {"event": RateLimit(), "api": RateLimit()}
        self.server_clocks: Mapping[Host, ServerClock] = {
            "event": ServerClock(clock),
            "api": ServerClock(clock),
        }
        self.absent = AbsentRoutes()
        # By environment: a copy of the client may have another one.
        self.catalogues: dict[str | None, object] = {}
        self.signing_keys = KeyRing(*settings.signing_bearers)
        self.v2_keys = KeyRing(settings.api_key, *settings.signing_bearers)
        self.name_convention = NameConvention.of(settings.event_name_check)
        self._event_urls: dict[str, httpx.URL] = {}
        self.headers = _headers(settings)

    def with_settings(self, settings: Settings) -> Session:
        """Return a session with other settings that shares all that this one has learned."""
        other = copy.copy(self)
        other.settings, other.headers = settings, _headers(settings)
        return other

    def apart(self) -> Session:
        """Return a session that neither shares nor teaches what was learned about routes."""
        other = copy.copy(self)
        other.absent = AbsentRoutes()
        return other

    def is_related_to(self, other: Session) -> bool:
        """Return whether both are of one client, or of copies of it."""
        return self.quotas is other.quotas

    def __str__(self) -> str:
        return f"{self.settings.event_url!r}, {self.settings.api_url!r}"

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
        raise MissingKeyError(
            "sending events needs an event key: pass event_key= or set INNGEST_EVENT_KEY (or pass "
            "dev=True for a dev server)"
        )

    def redact(self, text: str) -> str:
        """Mask the keys of this client in text from a server: some servers quote the request."""
        settings = self.settings
        secrets = [value for name, value in settings.headers.items() if re.search(_SENSITIVE, name)]
        for key in (settings.event_key, settings.api_key, *settings.signing_bearers, *secrets):
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
        raise MissingKeyError(
            f"this call needs a key for {family}: pass signing_key= or set INNGEST_SIGNING_KEY"
            f"{also} (or pass dev=True for a dev server)"
        )

    def bearer_worked(self, family: str, bearer: str | None) -> None:
        """Try this bearer token first from now on."""
        if bearer is not None:
            self._ring(family).worked(bearer)

    def _ring(self, family: str) -> KeyRing:
        return self.v2_keys if family == "v2" else self.signing_keys


def _headers(settings: Settings) -> dict[str, str]:
    """Return the headers of every request, in lower case."""
    env = {} if settings.env is None else {"x-inngest-env": settings.env}
    return {"user-agent": f"inngest-rest/{__version__}", **env, **settings.headers}
