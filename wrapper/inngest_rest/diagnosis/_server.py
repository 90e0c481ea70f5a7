"""Identify a server: single reads whose errors are evidence, and the routes of a release."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from attrs import evolve, field, frozen

from inngest_rest import errors
from inngest_rest._core.probing import (
    ROUTES,
    V2_ROOTS,
    Route,
    WholeResponse,
    ask_once,
    bare_read,
    may_ask,
    required,
)
from inngest_rest._local.faults import refused_in_between
from inngest_rest.diagnosis import CallRoute
from inngest_rest_api.api import LATER, OPERATIONS, ingest, v1, v2

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import httpx

    from inngest_rest._core.interface import Session
    from inngest_rest._core.probing import Secret, Settings
    from inngest_rest_api import models as api
    from inngest_rest_api.api import Operation

    Outcome = Literal["silent", "failed", "refused", "absent", "present"]

_FIRST_RELEASE_WITH_QUERY = "1.45.0"
"""The first release whose `ListRuns` has a query."""

FIRST_RELEASE_THAT_LISTS = str(v2.list_operations_v2.OPERATION.since)
"""The first release that lists its operations."""

# Whether the server is up is a separate finding.
OPERATIONS_BY_CALL = {
    name: operations for name, operations in ROUTES.items() if name != "health"
}


class Releases(NamedTuple):
    """The possible releases of a server: from the first, if known, and below another."""

    first: str | None = None
    below: str | None = None

    @property
    def are_unknown(self) -> bool:
        return self == Releases()

    def have(self, operation: Operation) -> bool | None:
        """Return whether all of them have an operation, or none; None if only some do."""
        if operation.tag == "ingest":
            return True
        if operation.since is None or operation.cloud_only:
            # No release is known to have it, so neither does the newest known one.
            return None if self.are_unknown else False
        return self._have_between(operation.since, operation.until)

    def _have_between(self, since: str, until: str | None) -> bool | None:
        """Return whether all of them have what one release brought, and `until` removed."""
        if until is not None and self.have_reached(until):
            return False
        if self.have_reached(since):
            is_certain = until is None or self.are_before(until)
            return True if is_certain else None
        if self._are_below(since):
            return False
        return None

    def have_reached(self, release: str) -> bool:
        """Return whether each of them is a release, or newer."""
        if self.first is None:
            return False
        return version_key(release) <= version_key(self.first)

    def are_before(self, release: str) -> bool:
        """Return whether each of them is older than a release."""
        return not self.have_reached(release) and self._are_below(release)

    def _are_below(self, release: str) -> bool:
        if self.below is None:
            return False
        return version_key(self.below) <= version_key(release)


def version_key(release: str) -> tuple[int, ...]:
    """Return the sort key of a release."""
    return tuple(map(int, release.split(".")))


_RELEASES_DESCRIBED = [each.since for each in OPERATIONS if each.since] + [
    *LATER.values()
]
NEWEST_RELEASE_DESCRIBED = max(_RELEASES_DESCRIBED, key=version_key)
"""The newest release whose routes this package knows."""


@frozen
class RouteEvidence:
    """The evidence of a server's routes: its release, its own list, and its responses."""

    releases: Releases
    seen: Mapping[str, bool] = field(factory=dict[str, bool])
    """Whether it lists or answered an operation, by the operation's name."""

    @property
    def is_newer_than_described(self) -> bool:
        """Whether the server is newer than each release whose routes this package knows."""
        if self.releases.first is None:
            return False
        major_and_minor = version_key(self.releases.first)[:2]
        return major_and_minor > version_key(NEWEST_RELEASE_DESCRIBED)[:2]

    @property
    def contradicts_release(self) -> bool:
        """Whether an operation is there, or absent, unlike in the server's release."""
        for operation in OPERATIONS:
            seen = self.seen.get(operation.name)
            if seen is None or not operation.since or operation.cloud_only:
                continue
            if self.releases.have(operation) is (not seen):
                return True
        return False

    @property
    def trusts_release(self) -> bool:
        """Whether the routes of the server follow from its release."""
        return not self.is_newer_than_described and not self.contradicts_release

    def have(self, operation: Operation) -> bool | None:
        """Return whether the server has an operation; None if that is unknown."""
        seen = self.seen.get(operation.name)
        if seen is not None and not (seen and operation.cloud_only):
            return seen
        has_by_release = self.releases.have(operation)
        if has_by_release and operation.tag != "ingest" and not self.trusts_release:
            return None
        return has_by_release

    def unknown_reads(self, settings: Settings) -> list[Operation]:
        """Return the reads that are known only from the release."""
        unknown: list[Operation] = []
        for operation in OPERATIONS:
            is_read = operation.method == "GET" and operation.tag != "ingest"
            if not is_read or not operation.calls or operation.name in self.seen:
                continue
            if may_ask(settings, operation) and self.releases.have(operation):
                unknown.append(operation)
        return unknown


def call_routes(
    settings: Settings, releases: Releases, seen: Mapping[str, bool] | None = None
) -> Iterator[CallRoute]:
    """Yield the first route that the server has for each call, else the first that it may have."""
    evidence = RouteEvidence(releases, seen or {})
    for name, operations in OPERATIONS_BY_CALL.items():
        allowed = [each for each in operations if may_ask(settings, each)]
        chosen = _choose(allowed, evidence)
        if chosen is None:
            yield CallRoute(
                call=name,
                is_available=False,
                since=_first_release_with(allowed or operations),
                until=_first_release_without(allowed or operations),
            )
            continue
        yield CallRoute(
            call=name,
            is_available=evidence.have(chosen),
            family=chosen.tag,
            route=f"{chosen.method} {chosen.path}",
            since=chosen.since,
            until=chosen.until,
        )


def _choose(operations: list[Operation], evidence: RouteEvidence) -> Operation | None:
    """Return the operation to try first; None if the server has none."""
    possible: list[Operation] = []
    for operation in operations:
        has_operation = evidence.have(operation)
        if has_operation:
            return operation
        if has_operation is None:
            possible.append(operation)
    for operation in possible:
        # Prefer one that some server is known to have.
        if operation.since is not None:
            return operation
    return possible[0] if possible else None


def _released(operations: Sequence[Operation]) -> list[Operation]:
    return [each for each in operations if each.since and not each.cloud_only]


def _first_release_with(operations: Sequence[Operation]) -> str | None:
    releases = [each.since for each in _released(operations) if each.since]
    return min(releases, key=version_key, default=None)


def _first_release_without(operations: Sequence[Operation]) -> str | None:
    """Return the release that drops the last of them; None if one is still there."""
    released = _released(operations)
    releases = [each.until for each in released if each.until]
    if len(releases) < len(released):
        return None
    return max(releases, key=version_key, default=None)


def calls_ruled_out(settings: Settings) -> list[str]:
    """Return the calls that only have routes of an API that the settings do not allow."""
    ruled_out: list[str] = []
    for name, operations in OPERATIONS_BY_CALL.items():
        if not any(may_ask(settings, operation) for operation in operations):
            ruled_out.append(name)
    return ruled_out


@frozen
class ProbeResult:
    """The result of one read: a value or an error, and facts from the response's headers."""

    family: str
    value: Any = None
    error: errors.InngestError | None = field(default=None, repr=False)
    server_kind: str | None = None
    clock_skew_s: float | None = None

    @property
    def outcome(self) -> Outcome:
        """Whether the route is there; "failed" includes a rate limit."""
        match self.error:
            case errors.TransportError():
                return "silent"
            case errors.AuthenticationError() | errors.PermissionDeniedError():
                return "refused"
            # v2 responds with 501 to a wrong method, and with 404 to an unknown path (document,
            # info).
            case errors.RouteNotFoundError(status=501):
                return "present"
            case errors.RouteNotFoundError() | errors.InvalidResponseError():
                return "absent"
            # v1 hides its "not found" in a 200.
            case errors.RateLimitError() | errors.ServerError(hidden=False):
                return "failed"
            case None | errors.ApiError():
                return "present"
            case _:
                return "silent"

    @property
    def is_inngest(self) -> bool:
        """Whether a healthy Inngest server responded."""
        if refused_in_between(self.error):
            return False
        if self.outcome not in {"present", "refused"}:
            return False
        if self.error is None or self.server_kind is not None:
            return True
        return self.outcome == "refused" and self.family != "ingest"

    @property
    def has_route(self) -> bool | None:
        """Whether the server has the route and accepts the key; None if unknown."""
        if self.outcome == "present":
            return True
        if self.outcome == "absent":
            return False
        return None


# The operations of v2 that servers are known to list (recording 1.43-v2-operations).
_KNOWN_TO_BE_LISTED = {
    "get_health_v2",
    "get_run_v2",
    "list_runs_v2",
    "list_function_runs_v2",
    "list_event_runs_v2",
    "rerun_run_v2",
    "cancel_run_v2",
    "get_app_v2",
    "list_apps_v2",
    "get_run_trace_v2",
    "get_function_v2",
    "list_functions_v2",
    "invoke_function_v2",
}


def _listed(response: httpx.Response) -> tuple[Releases, dict[str, bool]]:
    """Return the possible releases of a server, and its operations, by its own list."""
    operations = response.json()["data"]["operations"]
    routes = [each["http"] for each in operations if "http" in each]
    listed = {f"{route['method']} /v2{route['path']}" for route in routes}
    seen: dict[str, bool] = {}
    for operation in OPERATIONS:
        is_listed = f"{operation.method} {operation.path}" in listed
        if is_listed or operation.name in _KNOWN_TO_BE_LISTED:
            seen[operation.name] = is_listed
    return _listed_releases(response), seen


def _listed_releases(response: httpx.Response) -> Releases:
    """Return the releases that list the same operations as the server."""
    operations = response.json()["data"]["operations"]
    listed = {each["id"]: each for each in operations}
    if "ListRuns" not in listed:
        return Releases(first=FIRST_RELEASE_THAT_LISTS)
    if "query" in listed["ListRuns"]["mcp"]["inputSchema"]["properties"]:
        return Releases(first=_FIRST_RELEASE_WITH_QUERY)
    return Releases(first=FIRST_RELEASE_THAT_LISTS, below=_FIRST_RELEASE_WITH_QUERY)


def _stated_release(version: str) -> str | None:
    """Return the release in a version such as 1.43.0-253303c; None for one built from source."""
    stated = re.match(r"v?(\d{1,9}\.\d{1,9}\.\d{1,9})\b", version)
    return stated[1] if stated else None


def _message_of(health: api.Health) -> str:
    return required(health.message, "message")


def _release_of(info: api.DevInfo) -> str | None:
    return _stated_release(required(info.version, "version"))


def _valid(_: object) -> None:
    """Convert to nothing a response that must be as documented, unlike with `nothing`."""


HEALTH = Route.of(ingest.get_health, _message_of)
DEV_INFO = Route.of(ingest.get_dev_info, _release_of)
"""Only a dev server has it; the value is its release, or None."""
EVENTS = Route.of(v1.list_events_v1, _valid, query={"limit": 1})
"""A cheap read that needs the signing key."""
LISTED_OPERATIONS = Route.of(v2.list_operations_v2, _listed, expected=WholeResponse)
"""The operations of the server, which needs no key.

The value is the possible releases, and whether the server has each operation of the known ones.
"""
V2_HEALTH = Route.of(v2.get_health_v2, _valid)
"""A cheap read of v2, which also accepts an API key."""
CANCELLATIONS = Route.of(v1.list_cancellations_v1, _valid)
SCOPED = (
    bare_read(v2.list_runs_v2.OPERATION),
    bare_read(v2.list_apps_v2.OPERATION),
)
"""Cheap reads, each with the permission that it needs."""


async def probe_v2(session: Session, bearer: Secret | None) -> ProbeResult:
    """Probe v2 at each of its paths, and remember the one that responds."""
    root, root_before = V2_ROOTS
    result = await probe(session, evolve(V2_HEALTH, v2_root=root), bearer)
    if result.has_route is False:
        root = root_before
        result = await probe(session, evolve(V2_HEALTH, v2_root=root), bearer)
    session.absent.v2_root = root
    return result


async def probe(
    session: Session, route: Route[Any, Any], bearer: Secret | None = None
) -> ProbeResult:
    """Make one request, without retries; any error except `ClosedError` is a result."""
    attempt = await ask_once(session, route, bearer)
    return ProbeResult(
        family=route.operation.tag,
        value=attempt.value,
        error=attempt.error,
        server_kind=attempt.server_kind,
        clock_skew_s=attempt.clock_skew_s,
    )
