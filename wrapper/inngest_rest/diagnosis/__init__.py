"""Diagnoses: the server at a client's base URL, and whether the client's settings match it."""

from __future__ import annotations

from enum import StrEnum

from attrs import field, frozen

from inngest_rest.record import Record
from inngest_rest.responses import Target


class Check(StrEnum):
    """The subject of a finding.

    Attributes:
        CONNECTION: Whether anything responds.
        SERVER: Whether the server is Inngest.
        RELEASE: The release of the server.
        MODE: Whether the client and the server agree on whether it is a dev server.
        EVENT_KEY: The key for sending events.
        SIGNING_KEY: The key for the REST API, or its fallback.
        API_KEY: The key for v2 of the REST API.
        ENVIRONMENT: Whether the signing key and the branch environment match.
        ROUTES: Whether each call of the client has a route on this server.
        EVENT_IDS: Whether a function debounces or batches, and so runs again for an event's id.
        CLOCK: Whether this machine's clock agrees with the server's.
        PROXIES: Which proxies are in effect.
    """

    CONNECTION = "connection"
    SERVER = "server"
    RELEASE = "release"
    MODE = "mode"
    EVENT_KEY = "event_key"
    SIGNING_KEY = "signing_key"
    API_KEY = "api_key"
    ENVIRONMENT = "environment"
    ROUTES = "routes"
    EVENT_IDS = "event_ids"
    CLOCK = "clock"
    PROXIES = "proxies"


class FindingState(StrEnum):
    """The outcome of a check.

    Attributes:
        OK: Nothing is wrong.
        WARNING: Some calls will fail or behave unexpectedly.
        PROBLEM: Most calls will fail.
        UNKNOWN: It could not be determined.
    """

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


class ServerKind(StrEnum):
    """The kinds of servers.

    Attributes:
        DEV: A dev server (`inngest dev`).
        SELF_HOSTED: A self-hosted server (`inngest start`).
        CLOUD: Inngest Cloud.
    """

    DEV = "dev"
    SELF_HOSTED = "self_hosted"
    CLOUD = "cloud"


@frozen(repr=False)
class Finding(Record):
    """The result of one check.

    Attributes:
        check: The subject.
        state: The outcome.
        message: The finding in words, without keys.
        remedy: What to do about it; None if nothing is wrong.
    """

    check: Check
    state: FindingState
    message: str
    remedy: str | None = None

    def __str__(self) -> str:
        line = f"{self.state:<8} {self.check:<12} {self.message}"
        return f"{line}\n{'':<22}-> {self.remedy}" if self.remedy else line


@frozen(repr=False)
class CallRoute(Record):
    """The route that serves a call of the client.

    Attributes:
        call: The client's method, such as "runs.list".
        is_available: Whether the server has the route; None if unknown.
        family: The API of the route: "ingest", "v1" or "v2"; None if no route serves the call.
        route: The method and path of the request; None if no route serves the call.
        since: The first release of the self-hosted server with the route, or, if this server has no
            route for the call, with any route for it; None if no release is known to have one.
        until: The first release that no longer has the route, or any route for the call; None if
            each newer release that is known has it.
    """

    call: str
    is_available: bool | None
    family: str | None = None
    route: str | None = None
    since: str | None = None
    until: str | None = None


@frozen(repr=False)
class Diagnosis(Record):
    """The server at a client's base URL, and whether the client's settings match it.

    `print(diagnosis)` shows each finding on a line, with its remedy below.

    Attributes:
        target: The URLs and environment of the client.
        server_kind: The kind of the server; None if unknown.
        release: Its release, such as "1.43.0"; None if it does not state it.
        release_from: Its minimum release, by the operations that it lists; None if unknown.
        release_below: A release that it is older than, by these operations; None if unknown.
        findings: The results of the checks, in order.
        calls: The route that serves each call; empty if the server did not respond.
        clock_skew_s: How far the server's clock is ahead of this machine's, in seconds; None if the
            server did not state its time.
        versions: The versions of this package, of httpx and of Python.
    """

    target: Target
    server_kind: ServerKind | None
    release: str | None
    release_from: str | None
    release_below: str | None
    findings: tuple[Finding, ...]
    calls: tuple[CallRoute, ...] = ()
    clock_skew_s: float | None = None
    versions: dict[str, str] = field(factory=dict[str, str])

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that are problems."""
        return tuple(
            each for each in self.findings if each.state is FindingState.PROBLEM
        )

    @property
    def is_ok(self) -> bool:
        """Whether there are no problems; there may be warnings."""
        return not self.problems

    def __str__(self) -> str:
        return "\n".join(str(each) for each in self.findings)
