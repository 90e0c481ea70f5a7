"""The state that the plans of one client share, and what it has learned about the server."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import httpx

from inngest_rest._core.calls import foreign_logs
from inngest_rest._core.calls.keys import DEV_EVENT_KEY, KeyRing
from inngest_rest._core.calls.mask import Mask
from inngest_rest._core.calls.retry import RateLimit, RetryBudget, budget_of
from inngest_rest._core.calls.route import AbsentRoutes
from inngest_rest._core.calls.server_clock import ServerClock
from inngest_rest._core.calls.settings import API_KEY, EVENT_KEY, SIGNING_KEY
from inngest_rest._core.clock import SYSTEM_CLOCK, Clock
from inngest_rest._core.event_names import NameConvention
from inngest_rest._core.secret import Secret
from inngest_rest._version import __version__
from inngest_rest.errors import MissingKeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from inngest_rest._core.calls.settings import Settings
    from inngest_rest._core.plans import Host
    from inngest_rest_api.api import Operation

_DEV_EVENT_KEY = Secret(DEV_EVENT_KEY)

# A longer message is a proxy's error page or a dump.
_LONGEST_QUOTE = 500

# Enough to find a key that is escaped where a quotation is cut; all of a large response takes long.
_LOOKED_AT = 4_096

# Other headers, such as one with the id of a request, may be shown.
_SENSITIVE = "auth|cookie|credential|key|password|secret|session|signature|token"


class Session:
    """Settings, keys in the order they work, retry budget, rate limits, known routes and clocks.

    Args:
        settings: The validated settings of the client.
        clock: The source of time and randomness for everything the client does.
        has_own_transport: Whether the caller's transport sends, perhaps to hosts of its own.

    Attributes:
        headers: Returns the headers of every request; some may be secrets.
        redact: Masks the keys of this client in text from a server: some servers quote the request.
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
        own = RetryBudget() if has_own_transport else None
        self.budgets: Mapping[Host, RetryBudget] = {
            "event": own or budget_of(settings.event_url),
            "api": own or budget_of(settings.api_url),
        }
        self.rate_limits: Mapping[Host, RateLimit] = {"event": RateLimit(), "api": RateLimit()}
        self.server_clocks: Mapping[Host, ServerClock] = {
            "event": ServerClock(clock),
            "api": ServerClock(clock),
        }
        self.absent = AbsentRoutes()
        self.signing_keys = KeyRing(*settings.signing_bearers)
        self.v2_keys = KeyRing(settings.api_key, *settings.signing_bearers)
        self.name_convention = NameConvention.of(settings.event_name_check)
        # In closures, as a Secret has its text.
        self._ingest_urls: dict[str, Callable[[], httpx.URL]] = {}
        self.headers = _headers(settings)
        self.redact = _mask(settings)

    def quote(self, text: str) -> str:
        """Return the beginning of a text from a server, with the keys of this client masked."""
        return self.redact(text[:_LOOKED_AT])[:_LONGEST_QUOTE]

    def with_settings(self, settings: Settings) -> Session:
        """Return a session with other settings that shares all that this one has learned."""
        other = copy.copy(self)
        other.settings, other.headers = settings, _headers(settings)
        other.redact = _mask(settings)
        return other

    def apart(self) -> Session:
        """Return a session that neither shares nor teaches what was learned about routes."""
        other = copy.copy(self)
        other.absent = AbsentRoutes()
        return other

    def is_related_to(self, other: Session) -> bool:
        """Return whether both are of one client, or of copies of it."""
        return self.budgets is other.budgets

    def __str__(self) -> str:
        return f"{self.settings.event_url!r}, {self.settings.api_url!r}"

    def url(self, operation: Operation, path: str) -> httpx.URL:
        """Return the URL of an operation, with the event key if that is part of its path.

        Parsing a URL takes as long as the rest of building a request, and all events go to one URL.

        Args:
            operation: The operation.
            path: Its path with its arguments, of which those on the host of events have no other.
        """
        if operation.tag != "ingest":
            return httpx.URL(self.settings.api_url + path)
        known = self._ingest_urls.get(operation.path)
        if known is None:
            known = self._ingest_urls[operation.path] = self._ingest_url(operation)
        return known()

    def _ingest_url(self, operation: Operation) -> Callable[[], httpx.URL]:
        path = operation.path
        if "{event_key}" in path:
            path = path.replace("{event_key}", quote(self.event_key.reveal(), safe=""))
        url = httpx.URL(self.settings.event_url + path)
        return lambda: url

    @property
    def event_key(self) -> Secret:
        """The key for sending events."""
        if self.settings.event_key is not None:
            return self.settings.event_key
        if self.settings.dev:
            return _DEV_EVENT_KEY
        raise MissingKeyError("sending events needs an event key", settings=[EVENT_KEY])

    def bearers(self, family: str) -> tuple[Secret | None, ...]:
        """Return the bearer tokens to try with a family, in order; a dev server needs none."""
        ring = self._ring(family)
        if ring:
            return tuple(ring)
        if self.settings.dev:
            return (None,)
        raise MissingKeyError(
            f"this call needs a key for {family}",
            settings=[SIGNING_KEY, API_KEY] if family == "v2" else [SIGNING_KEY],
        )

    def bearer_worked(self, family: str, bearer: Secret | None) -> None:
        """Try this bearer token first from now on."""
        if bearer is not None:
            self._ring(family).worked(bearer)

    def _ring(self, family: str) -> KeyRing:
        return self.v2_keys if family == "v2" else self.signing_keys


def _headers(settings: Settings) -> Callable[[], Mapping[str, str]]:
    """Return what returns the headers of every request, in lower case."""
    env = {} if settings.env is None else {"x-inngest-env": settings.env}
    given = {name: value.reveal() for name, value in settings.headers.items()}
    headers = {"user-agent": f"inngest-rest/{__version__}", **env, **given}
    return lambda: headers


def _mask(settings: Settings) -> Mask:
    mask = Mask(_secrets(settings))
    foreign_logs.keep_out(mask)
    return mask


def _secrets(settings: Settings) -> Iterator[Secret]:
    """Return whatever a request shows to the server, or to a proxy, but to nobody else."""
    for key in (settings.event_key, settings.api_key, *settings.signing_bearers):
        if key is not None:
            yield key
    for name, value in settings.headers.items():
        if re.search(_SENSITIVE, name):
            yield value
    for proxy in (settings.event_proxy, settings.api_proxy):
        if proxy is not None and "@" in proxy.reveal():
            # To the last @: a slash that was not escaped is part of the password all the same.
            rest = proxy.reveal().partition("://")[2]
            credentials = Secret(unquote(rest.rpartition("@")[0]))
            yield credentials
            yield Secret(credentials.reveal().partition(":")[2])
