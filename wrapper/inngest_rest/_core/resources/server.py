"""Identify a server: single reads whose errors are evidence, and the routes of a release."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from attrs import evolve, field, frozen

from inngest_rest import errors
from inngest_rest._core.calls import answers
from inngest_rest._core.calls.operation import may_ask, redacted_url, request
from inngest_rest._core.calls.route import V2_ROOT, V2_ROOT_BEFORE_1_26, Route
from inngest_rest._core.clock import http_date
from inngest_rest._core.messages import Response
from inngest_rest._core.plans import Plan, call
from inngest_rest._core.resources.fields import required
from inngest_rest._core.resources.routes import ROUTES, module_of
from inngest_rest._faults import refused_in_between
from inngest_rest.diagnosis import CallRoute
from inngest_rest_api.api import NEWEST_RECORDED, OPERATIONS, ingest, v1, v2

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.calls.settings import Settings
    from inngest_rest._core.secret import Secret
    from inngest_rest_api.api import Operation

    Outcome = Literal["silent", "failed", "refused", "absent", "present"]

_FIRST_RELEASE_WITH_QUERY = "1.45.0"
"""The first release whose `ListRuns` has a query."""

NEWEST_RELEASE_RECORDED = NEWEST_RECORDED
"""The newest release that this package was tried with."""

FIRST_RELEASE_THAT_LISTS = str(v2.list_operations_v2.OPERATION.since)
"""The first release that lists its operations."""

# Whether the server is up is a separate finding.
OPERATIONS_BY_CALL = {
    name: operations for name, operations in ROUTES.items() if name != "health"
}


class Releases(NamedTuple):
    """The releases that a server may be of: from one, if known, and below another; or just one."""

    first: str | None = None
    below: str | None = None

    @property
    def are_unknown(self) -> bool:
        return self == Releases()

    def have(self, operation: Operation) -> bool | None:
        """Return whether all of them have an operation, or none; None if only some do."""
        if operation.tag == "ingest":
            return True
        since, until = operation.since, operation.until
        if since is None or operation.cloud_only:
            # No release is known to have it, so neither does the newest known one.
            return None if self.are_unknown else False
        if until is not None and self.have_reached(until):
            return False
        may_lack = until is not None and not self.are_before(until)
        if self.first is not None and version_key(since) <= version_key(self.first):
            return None if may_lack else True
        if self.below is not None and version_key(self.below) <= version_key(since):
            return False
        return None

    def have_reached(self, release: str) -> bool:
        """Return whether all of them are a release, or newer."""
        return self.first is not None and version_key(release) <= version_key(
            self.first
        )

    def are_before(self, release: str) -> bool:
        """Return whether none of them is a release, or newer."""
        if self.have_reached(release) or self.below is None:
            return False
        return version_key(self.below) <= version_key(release)


def version_key(release: str) -> tuple[int, ...]:
    """Return what releases are sorted by."""
    return tuple(map(int, release.split(".")))


@frozen
class RouteEvidence:
    """What tells which routes a server has: its release, and what it lists or answered."""

    releases: Releases
    seen: Mapping[str, bool] = field(factory=dict[str, bool])
    """Whether it lists or answered an operation, by the operation's name."""

    @property
    def is_newer_than_recorded(self) -> bool:
        """Whether the server is newer than each release that this package was tried with."""
        first = self.releases.first
        return first is not None and version_key(first)[:2] > version_key(
            NEWEST_RECORDED
        )

    @property
    def contradicts_release(self) -> bool:
        """Whether it has what its release should not have, or lacks what it should."""
        return any(
            self.releases.have(each) is (not self.seen[each.name])
            for each in OPERATIONS
            if each.name in self.seen and each.since and not each.cloud_only
        )

    @property
    def trusts_release(self) -> bool:
        """Whether the document says which routes the server has."""
        return not self.is_newer_than_recorded and not self.contradicts_release

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
        """Return the reads that a release should have, and that nothing else tells of."""
        return [
            each
            for each in OPERATIONS
            if each.method == "GET"
            and each.calls
            and may_ask(settings, each)
            and each.tag != "ingest"
            and self.releases.have(each)
            and each.name not in self.seen
        ]


def call_routes(
    settings: Settings, releases: Releases, seen: Mapping[str, bool] | None = None
) -> Iterator[CallRoute]:
    """Yield the first route that the server has for each call, else the first that it may have."""
    evidence = RouteEvidence(releases, seen or {})
    for name, operations in OPERATIONS_BY_CALL.items():
        asked = [each for each in operations if may_ask(settings, each)]
        chosen = _choose(asked, evidence)
        if chosen is None:
            yield CallRoute(
                call=name,
                is_available=False,
                since=_first_release_with(asked or operations),
                until=_first_release_without(asked or operations),
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
    """Return the operation that is asked first; None if the server has none."""
    certain = (each for each in operations if evidence.have(each))
    possible = [each for each in operations if evidence.have(each) is None]
    # Prefer one that some server is known to have.
    possible.sort(key=lambda operation: operation.since is None)
    return next(certain, next(iter(possible), None))


def _first_release_with(operations: Sequence[Operation]) -> str | None:
    releases = (each.since for each in operations if each.since and not each.cloud_only)
    return min(releases, key=version_key, default=None)


def _first_release_without(operations: Sequence[Operation]) -> str | None:
    """Return the release that drops the last of them; None if one is there to stay."""
    dated = [each for each in operations if each.since and not each.cloud_only]
    releases = [each.until for each in dated if each.until]
    return (
        max(releases, key=version_key)
        if releases and len(releases) == len(dated)
        else None
    )


def calls_ruled_out(settings: Settings) -> list[str]:
    """Return the calls served only by an API that the settings rule out."""
    return [
        name
        for name, operations in OPERATIONS_BY_CALL.items()
        if not any(may_ask(settings, each) for each in operations)
    ]


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
        """Whether the route is there; "failed" if the server is limited, too."""
        match self.error:
            case errors.TransportError():
                return "silent"
            case errors.AuthenticationError() | errors.PermissionDeniedError():
                return "refused"
            # v2 says so of a wrong method, and 404 of an unknown path (document, info).
            case errors.RouteNotFoundError(status=501):
                return "present"
            case errors.RouteNotFoundError() | errors.InvalidResponseError():
                return "absent"
            # v1 has its "not found" in a 200.
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
        is_refused = self.outcome == "refused" and self.family != "ingest"
        is_its_own = self.error is None or self.server_kind is not None or is_refused
        return self.outcome in {"present", "refused"} and is_its_own

    @property
    def has_route(self) -> bool | None:
        """Whether the server has the route and accepts the key; None if unknown."""
        return {"present": True, "absent": False}.get(self.outcome)


# The operations of v2 that servers are known to list (recording 1.43-v2-operations).
_KNOWN_TO_BE_LISTED = {
    *(
        "get_health_v2",
        "get_run_v2",
        "list_runs_v2",
        "list_function_runs_v2",
        "list_event_runs_v2",
    ),
    *(
        "rerun_run_v2",
        "cancel_run_v2",
        "get_app_v2",
        "list_apps_v2",
        "get_run_trace_v2",
    ),
    *("get_function_v2", "list_functions_v2", "invoke_function_v2"),
}


def _listed(response: Response) -> tuple[Releases, dict[str, bool]]:
    """Return what a server's list tells: its releases, and which operations it has."""
    operations = response.json()["data"]["operations"]
    routes = [each["http"] for each in operations if "http" in each]
    listed = {f"{each['method']} /v2{each['path']}" for each in routes}
    seen = {
        each.name: f"{each.method} {each.path}" in listed
        for each in OPERATIONS
        if each.name in _KNOWN_TO_BE_LISTED or f"{each.method} {each.path}" in listed
    }
    return _listed_releases(response), seen


def _listed_releases(response: Response) -> Releases:
    """Return the releases whose operations are those that a server lists."""
    listed = {each["id"]: each for each in response.json()["data"]["operations"]}
    if "ListRuns" not in listed:
        return Releases(first=FIRST_RELEASE_THAT_LISTS)
    if "query" in listed["ListRuns"]["mcp"]["inputSchema"]["properties"]:
        return Releases(first=_FIRST_RELEASE_WITH_QUERY)
    return Releases(first=FIRST_RELEASE_THAT_LISTS, below=_FIRST_RELEASE_WITH_QUERY)


def _stated_release(version: str) -> str | None:
    """Return the release in a version such as 1.43.0-253303c; None for one that was built."""
    stated = re.match(r"v?(\d{1,9}\.\d{1,9}\.\d{1,9})\b", version)
    return stated and stated[1]


def _path_exists(module: Any) -> Route[Any, None]:
    """Return a cheap GET of a listing, of whose response nothing is read."""
    kwargs = {"url": module.OPERATION.path, "params": {"limit": 1}}
    return Route(module.OPERATION, kwargs, (), lambda _: None)


HEALTH = Route.of(ingest.get_health, lambda health: required(health.message, "message"))
DEV_INFO = Route.of(
    ingest.get_dev_info, lambda info: _stated_release(required(info.version, "version"))
)
"""Only a dev server has it; the value is its release, or None."""
EVENTS = Route.of(v1.list_events_v1, lambda _: None, query={"limit": 1})
"""A cheap read that needs the signing key."""
LISTED_OPERATIONS = Route.of(v2.list_operations_v2, _listed, expected=Response)
"""The operations of the server, which needs no key; the value are the releases that
list these, and whether the server has each operation that is known to be listed."""
V2_HEALTH = Route.of(v2.get_health_v2, lambda _: None)
"""A cheap read of v2, which also accepts an API key."""
CANCELLATIONS = Route.of(v1.list_cancellations_v1, lambda _: None)
SCOPED = tuple(map(_path_exists, (v2.list_runs_v2, v2.list_apps_v2)))
"""Cheap reads, each with the permission that it needs."""


def existence(operation: Operation) -> Route[Any, None]:
    """Return a read that tells whether the server has an operation: with ids that nothing has."""
    path = re.sub(r"{[^}]*}", "0" * 26, operation.path)
    # A server may refuse a parameter that it does not know.
    is_limited = "limit" in (module_of(operation).get_kwargs.__kwdefaults__ or ())
    params = {"limit": 1} if is_limited else {}
    return Route(operation, {"url": path, "params": params}, (), lambda _: None)


def probe_v2(session: Session, bearer: Secret | None) -> Plan[ProbeResult]:
    """Probe v2 at each of its paths, and remember the one that responds."""
    session.absent.v2_root = V2_ROOT
    result = yield from probe(session, V2_HEALTH, bearer)
    if result.has_route is False:
        session.absent.v2_root = V2_ROOT_BEFORE_1_26
        result = yield from probe(session, V2_HEALTH, bearer)
    return result


def probe(
    session: Session, route: Route[Any, Any], bearer: Secret | None = None
) -> Plan[ProbeResult]:
    """Make one request, without retries; any error but `ClosedError` is a result."""
    url, family = redacted_url(session, route), route.operation.tag
    began = session.clock.now()

    def read(response: Response) -> ProbeResult:
        answers.record(session, route, response, url)
        middle = (began + session.clock.now()) / 2
        stated = http_date(response.headers.get("date"))
        result = ProbeResult(
            family=family,
            server_kind=response.headers.get("x-inngest-server-kind"),
            # The Date header is truncated to seconds.
            clock_skew_s=None
            if stated is None
            else round(stated.timestamp() + 0.5 - middle, 1),
        )
        try:
            return evolve(result, value=answers.read(response, route, url, session))
        except errors.InngestError as error:
            return evolve(result, error=error)

    try:
        timeout = session.request_timeout()
        return (yield from call(request(session, route, bearer, url, timeout, read)))
    except errors.ClosedError:
        raise
    except errors.InngestError as error:
        return ProbeResult(family=family, error=error)
