"""Identify a server: single reads whose errors are evidence, and the routes that it has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from inngest_rest import errors
from inngest_rest._core.calls import answers, recording
from inngest_rest._core.calls.alternatives import may_ask
from inngest_rest._core.calls.operation import redacted_url, request
from inngest_rest._core.calls.route import Route, WholeResponse
from inngest_rest._core.clock import http_date
from inngest_rest._core.resources.fields import required
from inngest_rest._core.resources.routes import ROUTES
from inngest_rest._local.faults import refused_in_between
from inngest_rest.diagnosis import CallRoute, ServerKind
from inngest_rest_api.api import LATER, OPERATIONS, ingest, v1, v2

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import httpx

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.calls.settings import Settings
    from inngest_rest._core.secret import Secret
    from inngest_rest_api import models as api
    from inngest_rest_api.api import Operation

    Outcome = Literal["silent", "failed", "refused", "absent", "present"]

# Whether the server is up is a separate finding.
OPERATIONS_BY_CALL = {
    name: operations for name, operations in ROUTES.items() if name != "health"
}


def version_key(release: str) -> tuple[int, ...]:
    """Return the sort key of a release."""
    return tuple(map(int, release.split(".")))


_RELEASES_DESCRIBED = [each.since for each in OPERATIONS if each.since] + [
    *LATER.values()
]
NEWEST_RELEASE_DESCRIBED = max(_RELEASES_DESCRIBED, key=version_key)
"""The newest release whose routes this package knows."""


# Of these, an open-source server has the routes and no store: it answers 500 (document).
_WITHOUT_STORE = {
    "create_cancellation_v1",
    "delete_cancellation_v1",
    "list_cancellations_v1",
}


@frozen(kw_only=True)
class Routes:
    """The routes that a server has, by the release that it states and the operations it lists."""

    kind: ServerKind | None = None
    release: str | None = None
    listed: frozenset[str] = frozenset()
    """The names of the operations that it lists."""

    @property
    def is_newer_than_described(self) -> bool:
        """Whether the server is newer than each release whose routes this package knows."""
        if self.release is None:
            return False
        major_and_minor = version_key(self.release)[:2]
        return major_and_minor > version_key(NEWEST_RELEASE_DESCRIBED)[:2]

    def have(self, operation: Operation) -> bool | None:
        """Return whether the server has an operation; None if that is unknown."""
        if operation.tag == "ingest":
            return True
        if _is_of_cloud(operation):
            is_open_source = self.kind in {ServerKind.DEV, ServerKind.SELF_HOSTED}
            return False if is_open_source else None
        if operation.name in self.listed:
            return True
        if self.release is None:
            return None
        if not _is_of_release(operation, self.release):
            return False
        return None if self.is_newer_than_described else True


def _is_of_cloud(operation: Operation) -> bool:
    return operation.cloud_only or operation.name in _WITHOUT_STORE


def _is_of_release(operation: Operation, release: str) -> bool:
    # No release is known to have an operation without `since`.
    if operation.since is None or version_key(release) < version_key(operation.since):
        return False
    if operation.until is None:
        return True
    return version_key(release) < version_key(operation.until)


def call_routes(settings: Settings, routes: Routes) -> Iterator[CallRoute]:
    """Yield the first route that the server has for each call, else the first that it may have."""
    for name, operations in OPERATIONS_BY_CALL.items():
        allowed = [each for each in operations if may_ask(settings, each)]
        chosen = _choose(allowed, routes)
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
            is_available=routes.have(chosen),
            family=chosen.tag,
            route=f"{chosen.method} {chosen.path}",
            since=chosen.since,
            until=chosen.until,
        )


def _choose(operations: list[Operation], routes: Routes) -> Operation | None:
    """Return the operation to try first; None if the server has none."""
    possible: list[Operation] = []
    for operation in operations:
        has_operation = routes.have(operation)
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
    return [each for each in operations if each.since and not _is_of_cloud(each)]


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


def _listed(response: httpx.Response) -> frozenset[str]:
    """Return the names of the operations that a server lists."""
    operations = response.json()["data"]["operations"]
    routes = [each["http"] for each in operations if "http" in each]
    listed = {f"{route['method']} /v2{route['path']}" for route in routes}
    return frozenset(
        operation.name
        for operation in OPERATIONS
        if f"{operation.method} {operation.path}" in listed
    )


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
"""The operations of v2 that the server lists, which needs no key."""
V2_HEALTH = Route.of(v2.get_health_v2, _valid)
"""A cheap read of v2, which also accepts an API key."""
SCOPED = (
    Route.of(v2.list_runs_v2, _valid, query={"limit": 1}),
    Route.of(v2.list_apps_v2, _valid, query={"limit": 1}),
)
"""Cheap reads, each with the permission that it needs."""


async def probe(
    session: Session, route: Route[Any, Any], bearer: Secret | None = None
) -> ProbeResult:
    """Make one request with one key; any error except `ClosedError` is a result.

    A call would retry, try its keys and routes in turn, and remember what a server lacks.
    """
    url = redacted_url(session, route)
    began = session.clock.now()

    def read(response: httpx.Response) -> ProbeResult:
        recording.record(session, route, response, url)
        middle = (began + session.clock.now()) / 2
        skew: float | None = None
        date = http_date(response.headers.get("date"))
        if date is not None:
            # The Date header is truncated to seconds.
            skew = round(date.timestamp() + 0.5 - middle, 1)
        value: Any = None
        refusal: errors.InngestError | None = None
        try:
            value = answers.read(response, route, url, session)
        except errors.InngestError as error:
            refusal = error
        return ProbeResult(
            family=route.operation.tag,
            value=value,
            error=refusal,
            server_kind=response.headers.get("x-inngest-server-kind"),
            clock_skew_s=skew,
        )

    timeout = session.request_timeout()
    exchange = request(session, route, bearer, url, timeout, read)
    try:
        return await session.driver.call(exchange)
    except errors.ClosedError:
        raise
    except errors.InngestError as error:
        return ProbeResult(family=route.operation.tag, error=error)
