"""The state that the plans of one client share, including its knowledge of the server."""

from __future__ import annotations

import copy
import math
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, unquote

from attrs import evolve

from inngest_rest._core.calls.headers import check_headers
from inngest_rest._core.calls.retry import RateLimit, RetryBudget, budget_of
from inngest_rest._core.calls.route import AbsentRoutes
from inngest_rest._core.calls.settings import check_env, check_retries, check_timeout
from inngest_rest._core.calls.sources import API_KEY, EVENT_KEY, SIGNING_KEY
from inngest_rest._core.clock import SYSTEM_CLOCK, Clock, ServerClock
from inngest_rest._core.request import requestable
from inngest_rest._core.secret import Mask, Secret
from inngest_rest._local.event_names import NameConvention
from inngest_rest._values.visible import safe
from inngest_rest._version import __version__
from inngest_rest.errors import MissingKeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import httpx

    from inngest_rest._core.calls.settings import Settings
    from inngest_rest._core.plans import Effects, Host
    from inngest_rest.errors import Setting

C = TypeVar("C")

# The official SDKs put this in the path when a dev server needs no key.
_DEV_EVENT_KEY = Secret("NO_EVENT_KEY_SET")

# A longer message is a proxy's error page or a dump.
_LONGEST_QUOTE = 500

# Enough to find a key where a quotation is cut; all of a large response takes long.
_LOOKED_AT = 4_096

# The options that a copy of a client may change, with their checks.
_OPTIONS: dict[str, Callable[[Any], Any]] = {
    "timeout": check_timeout,
    "retry": check_retries,
    "env": check_env,
    "headers": check_headers,
}

# Other headers, such as one with the id of a request, may be shown.
_SENSITIVE = "auth|cookie|credential|key|password|secret|session|signature|token"


class Session:
    """Settings, keys in the order they work, retry budget, rate limits, known routes and clocks."""

    def __init__(
        self,
        settings: Settings,
        driver: Effects,
        clock: Clock = SYSTEM_CLOCK,
        *,
        has_own_transport: bool = True,
    ) -> None:
        self.driver = driver
        self.clock = clock
        self._ends_at = math.inf  # by the clock
        self.has_own_transport = has_own_transport  # perhaps to hosts of its own
        own = RetryBudget() if has_own_transport else None
        self.budgets: Mapping[Host, RetryBudget] = {
            "event": own or budget_of(settings.event_url),
            "api": own or budget_of(settings.api_url),
        }
        hosts: tuple[Host, ...] = ("event", "api")
        self.rate_limits = {host: RateLimit() for host in hosts}
        self.server_clocks = {host: ServerClock(clock) for host in hosts}
        self.absent = AbsentRoutes()
        v2_only = () if settings.api_key is None else (settings.api_key,)
        # In the order in which they are tried: the last one that worked comes first.
        self._bearers = {
            "v1": settings.signing_bearers,
            "v2": (*v2_only, *settings.signing_bearers),
        }
        self.name_convention: NameConvention | None = None
        if settings.event_name_check != "off":
            refuses = settings.event_name_check == "refuse"
            self.name_convention = NameConvention(refuses=refuses)
        self._event_urls: dict[str, httpx.URL] = {}
        self._apply(settings)

    def _apply(self, settings: Settings) -> None:
        self.settings = settings
        user_agent = f"inngest-rest/{__version__}"
        env = {} if settings.env is None else {"x-inngest-env": settings.env}
        self.headers = {
            "user-agent": user_agent,
            **env,
            **{name: value.reveal() for name, value in settings.headers.items()},
        }
        # Masks keys in text from a server, which may quote requests.
        self.redact = Mask(_secrets(settings))

    def quote(self, text: str) -> str:
        """Return the first lines of a text from a server, without keys of this client."""
        return safe(self.redact(text[:_LOOKED_AT]))[:_LONGEST_QUOTE]

    def redact_bytes(self, data: bytes) -> bytes:
        """Return data from a server with the keys of this client masked."""
        # Keys are ASCII, and any bytes are Latin-1.
        return self.redact(data.decode("latin-1")).encode("latin-1")

    def with_options(self, **options: Any) -> Session:
        """Return a session with other options that shares everything learned about the server.

        None leaves an option unchanged; headers are added.
        """
        changed = {
            name: _OPTIONS[name](value)
            for name, value in options.items()
            if value is not None
        }
        new_headers = changed.get("headers", {})
        changed["headers"] = {**self.settings.headers, **new_headers}
        other = copy.copy(self)
        other._apply(evolve(self.settings, **changed))  # noqa: SLF001
        return other

    def until(self, ends_at: float) -> Session:
        """Return a session whose requests all end by a time, and which shares the rest."""
        other = copy.copy(self)
        other._ends_at = ends_at  # noqa: SLF001
        return other

    def deadline(self, seconds: float) -> float:
        """Return the time after so many seconds, or the end of the session if it is sooner."""
        return min(self.clock.monotonic() + seconds, self._ends_at)

    def request_timeout(self, deadline: float = math.inf) -> float:
        """Return the timeout of one request in seconds."""
        left = min(deadline, self._ends_at) - self.clock.monotonic()
        # A pause may end late, and a socket does not accept a negative timeout.
        return min(self.settings.timeout, max(left, 0.001))

    def apart(self) -> Session:
        """Return a session with its own record of missing routes."""
        other = copy.copy(self)
        other.absent = AbsentRoutes()
        return other

    def __str__(self) -> str:
        return f"{self.settings.event_url!r}, {self.settings.api_url!r}"

    def event_url(self, path: str) -> httpx.URL:
        """Return the URL of a path on the event host; it may contain the event key.

        It is kept: parsing it takes as long as the rest of building a request.
        """
        if path not in self._event_urls:
            full_path = path
            if "{event_key}" in path:
                segment = quote(self.event_key.reveal(), safe="")
                full_path = path.replace("{event_key}", segment)
            self._event_urls[path] = requestable(self.settings.event_url + full_path)
        return self._event_urls[path]

    @property
    def event_key(self) -> Secret:
        if self.settings.event_key is not None:
            return self.settings.event_key
        if self.settings.dev:
            return _DEV_EVENT_KEY
        raise self._missing("sending events requires an event key", [EVENT_KEY])

    def check_can_send(self) -> None:
        """Raise MissingKeyError if there is no key to send events with."""
        if not self.settings.sends_by_v2:
            _ = self.event_key

    def bearers(self, api: str, *, is_needed: bool = True) -> tuple[Secret | None, ...]:
        """Return the bearer tokens to try with an API, in order; a dev server needs none."""
        bearers = self._bearers[api]
        if bearers:
            return bearers
        if self.settings.dev or not is_needed:
            return (None,)
        keys = [SIGNING_KEY]
        if api == "v2":
            keys.append(API_KEY)
        raise self._missing(f"this call requires a key for {api}", keys)

    def _missing(self, reason: str, keys: list[Setting]) -> MissingKeyError:
        profile = self.settings.profile
        name = None if profile is None else profile.name
        return MissingKeyError(reason, settings=keys, profile=name)

    def bearer_worked(self, api: str, bearer: Secret | None) -> None:
        """Try this bearer token first from now on."""
        if bearer is None:
            return
        bearers = self._bearers[api]
        if bearers[0] is bearer:
            return
        others = [other for other in bearers if other is not bearer]
        self._bearers[api] = (bearer, *others)


def _secrets(settings: Settings) -> Iterator[Secret]:
    """Yield the parts of a request that only the server, or a proxy, may see."""
    for key in (settings.event_key, settings.api_key, *settings.signing_bearers):
        if key is not None:
            yield key
    for name, value in settings.headers.items():
        if re.search(_SENSITIVE, name):
            yield value
            # Without its scheme, as in "Basic dXNlcjpwYXNz".
            yield Secret(value.reveal().rpartition(" ")[2])
    for proxy in (settings.event_proxy, settings.api_proxy):
        if proxy is not None and "@" in proxy.reveal():
            # Up to the last @: a slash that was not escaped is still part of the password.
            _, _, rest = proxy.reveal().partition("://")
            credentials = unquote(rest.rpartition("@")[0])
            yield Secret(credentials)
            yield Secret(credentials.partition(":")[2])


def copied(client: C, session: Session, driver: Effects) -> C:
    """Return a copy of a client with another session and driver, and its own call groups."""
    clone = object.__new__(type(client))
    vars(clone).update(vars(client))
    for name in vars(client):
        if isinstance(getattr(type(client), name, None), cached_property):
            del vars(clone)[name]
    session.driver = driver
    vars(clone).update(_session=session, _driver=driver)
    return clone
