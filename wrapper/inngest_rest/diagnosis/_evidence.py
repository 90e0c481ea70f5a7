"""The requests of a diagnosis and their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import define, field

from inngest_rest.diagnosis._server import Routes, call_routes

if TYPE_CHECKING:
    from inngest_rest._core.calls.settings import Settings
    from inngest_rest.diagnosis import CallRoute, ServerKind
    from inngest_rest.diagnosis._server import ProbeResult


@define
class ServerEvidence:
    """Evidence about a server, collected from one step to the next."""

    settings: Settings
    has_own_transport: bool
    signing_keys: dict[str, ProbeResult | None]
    """The result of each key's trial, by setting; None if it was not tried."""
    hosts: dict[str, ProbeResult] = field(factory=dict[str, "ProbeResult"])
    """The result of each host's probe, by URL."""
    kind: ServerKind | None = None
    release: str | None = None
    """The release that the server states."""
    listed: frozenset[str] | None = None
    """The operations that it lists; None if it has no list."""
    api_key: ProbeResult | None = None
    permissions: dict[str, bool] = field(factory=dict[str, bool])
    """Whether the API key has each permission that was needed."""

    @property
    def is_up(self) -> bool:
        """Whether every probed host responds like Inngest."""
        return all(result.is_inngest for result in self.hosts.values())

    @property
    def clock_skew_s(self) -> float | None:
        for result in self.hosts.values():
            if result.clock_skew_s is not None:
                return result.clock_skew_s
        return None

    @property
    def routes(self) -> Routes:
        """What is known of the routes that the server has."""
        return Routes(
            kind=self.kind, release=self.release, listed=self.listed or frozenset()
        )

    @property
    def calls(self) -> tuple[CallRoute, ...]:
        """The route that serves each call; empty if the server is down."""
        if not self.is_up:
            return ()
        return tuple(call_routes(self.settings, self.routes))

    def proxy(self, url: str) -> str | None:
        """Return the proxy's host and port for a URL, without its credentials."""
        settings = self.settings
        proxy = settings.api_proxy
        if url == settings.event_url:
            proxy = settings.event_proxy
        if self.has_own_transport or proxy is None:
            return None
        authority = urlsplit(proxy.reveal()).netloc
        return authority.rpartition("@")[2]
