"""What the probes of a diagnosis found, and what follows from it; no I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from inngest_rest._core.calls.families import may_ask
from inngest_rest._core.resources.routes import ROUTES
from inngest_rest.diagnosis import CallRoute
from inngest_rest.errors import (
    ApiError,
    AuthenticationError,
    InngestError,
    InvalidResponseError,
    PermissionDeniedError,
    RateLimitError,
    RouteNotFoundError,
    ServerError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest._core.calls.settings import Settings
    from inngest_rest.diagnosis import ServerKind
    from inngest_rest_api.api import Operation

# To a wrong method v2 responds so, to an unknown path with 404 (document, info).
_WRONG_METHOD = 501

# Whether the server is up is a finding of its own.
_CALLS = {call: operations for call, operations in ROUTES.items() if call != "health"}


@frozen
class Answer:
    """What came of a probe.

    Attributes:
        family: The family of the operation: "ingest", "v1" or "v2".
        value: The result; None if there is none.
        error: Why there is none.
        server_kind: The kind of server that the response states.
        skew_s: How far the server's clock is ahead, in seconds.
    """

    family: str
    value: str | None = None
    error: InngestError | None = field(default=None, repr=False)
    server_kind: str | None = None
    skew_s: float | None = None

    @property
    def is_inngest(self) -> bool:
        """Whether Inngest answered, and is well."""
        if self.error is None:
            return True
        if not self.is_response or self.is_failure or self.has_route is False:
            return False
        return self.server_kind is not None or (self.is_refused and self.family != "ingest")

    @property
    def is_response(self) -> bool:
        """Whether there was a response at all."""
        return not isinstance(self.error, TransportError)

    @property
    def is_of_web_ui(self) -> bool:
        """Whether it is a web page, or nothing, instead of JSON."""
        error = self.error
        cause = error.__cause__ if isinstance(error, RouteNotFoundError) else error
        return isinstance(cause, InvalidResponseError)

    @property
    def is_refused(self) -> bool:
        """Whether the key was rejected."""
        return isinstance(self.error, AuthenticationError | PermissionDeniedError)

    @property
    def is_failure(self) -> bool:
        """Whether the server failed; for v1, "no such thing" is a failure in the body of a 200."""
        return isinstance(self.error, ServerError) and not self.error.hidden

    @property
    def has_route(self) -> bool | None:
        """Whether the server has the route, and accepts the key; None if that does not show."""
        if isinstance(self.error, RouteNotFoundError):
            return self.error.status == _WRONG_METHOD
        if isinstance(self.error, InvalidResponseError):
            return False
        if self.is_refused or self.is_failure or isinstance(self.error, RateLimitError):
            return None
        return True if self.error is None or isinstance(self.error, ApiError) else None


@frozen
class Releases:
    """The releases that a server may be of.

    Attributes:
        first: The oldest of them; None if any may be.
        below: The oldest release that it is not; None if there is no bound.
    """

    first: str | None = None
    below: str | None = None

    @classmethod
    def exactly(cls, release: str) -> Releases:
        """Return that the release is known."""
        major, minor, patch = numbers(release)
        return cls(release, f"{major}.{minor}.{patch + 1}")

    def have(self, operation: Operation) -> bool | None:
        """Return whether each of them has an operation, or none has; None if only some have."""
        if operation.tag == "ingest":
            return True
        since = operation.since
        if since is None:
            # No release is known to have it, so the newest that is known has not.
            return None if self == Releases() else False
        if self.first is not None and numbers(since) <= numbers(self.first):
            return True
        if self.below is not None and numbers(self.below) <= numbers(since):
            return False
        return None


def release_of(version: str) -> str | None:
    """Return the release in a server's version, such as 1.43.0-253303c; None if it has none."""
    found = re.match(r"v?(\d{1,9}\.\d{1,9}\.\d{1,9})\b", version)
    return found and found[1]


def numbers(release: str) -> tuple[int, ...]:
    """Return a release as numbers, by which releases are ordered."""
    return tuple(map(int, release.split(".")))


@define
class ServerEvidence:
    """What the probes found.

    Attributes:
        settings: The settings of the client.
        has_own_transport: Whether the caller's transport sends, so that no proxy of ours is used.
        hosts: What came of asking each host, by its URL.
        kind: The kind of server.
        release: The release that the server states.
        releases: The releases that it may be of.
        signing_keys: What came of each signing key, by the setting that it came from; None if it
            was not tried.
        api_key: What came of the API key.
    """

    settings: Settings
    has_own_transport: bool
    signing_keys: dict[str, Answer | None]
    hosts: dict[str, Answer] = field(factory=dict[str, Answer])
    kind: ServerKind | None = None
    release: str | None = None
    releases: Releases = field(factory=Releases)
    api_key: Answer | None = None

    @property
    def is_up(self) -> bool:
        """Whether each host that was asked answers as Inngest does."""
        return all(each.is_inngest for each in self.hosts.values())

    @property
    def skew_s(self) -> float | None:
        """How far the server's clock is ahead; None if it did not state its time."""
        known = (each.skew_s for each in self.hosts.values())
        return next((skew for skew in known if skew is not None), None)

    @property
    def calls(self) -> tuple[CallRoute, ...]:
        """Which route answers each call; empty if the server is not up."""
        return call_routes(self.settings, self.releases) if self.is_up else ()

    @property
    def calls_ruled_out(self) -> list[str]:
        """The calls that have operations only in an API that the settings rule out."""
        return [call for call, found in _CALLS.items() if not _asked(self.settings, found)]

    @property
    def too_old_for(self) -> dict[str, str]:
        """The calls that the server is too old for, and the releases that have them."""
        absent = {it.call: it.since for it in self.calls if it.is_available is False}
        ruled_out = self.calls_ruled_out
        return {call: since for call, since in absent.items() if since and call not in ruled_out}


def call_routes(settings: Settings, releases: Releases) -> tuple[CallRoute, ...]:
    """Return which route answers each call on a server of one of these releases."""
    return tuple(
        _route(call, operations, _asked(settings, operations), releases)
        for call, operations in _CALLS.items()
    )


def _asked(settings: Settings, operations: Sequence[Operation]) -> list[Operation]:
    return [it for it in operations if it.tag == "ingest" or may_ask(settings, it.tag)]


def _route(
    call: str, operations: Sequence[Operation], asked: Sequence[Operation], releases: Releases
) -> CallRoute:
    """Return the first route that the server has, or else the first that it may have."""
    for answer in (True, None):
        found = [it for it in asked if releases.have(it) is answer]
        if found:
            # Of several that it may have, rather one that some server is known to have.
            operation = next((it for it in found if it.since is not None), found[0])
            route = f"{operation.method} {operation.path}"
            return CallRoute(call, answer, operation.tag, route, operation.since)
    released = [it.since for it in asked or operations if it.since is not None]
    return CallRoute(call, False, since=min(released, key=numbers, default=None))
