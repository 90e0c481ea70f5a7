"""Diagnoses: what answers at a client's base URL, and whether its settings fit."""

from __future__ import annotations

from enum import StrEnum

from attrs import field, frozen

from inngest_rest.record import Record
from inngest_rest.responses import Target


class Check(StrEnum):
    """What a finding is about.

    Attributes:
        CONNECTION: Whether anything responds.
        SERVER: Whether what responds is Inngest.
        RELEASE: The release of the server.
        MODE: Whether the client and the server agree on whether it is a dev server.
        EVENT_KEY: The key for sending events.
        SIGNING_KEY: The key for the REST API, or the one to fall back on.
        API_KEY: The key for v2 of the REST API.
        ENVIRONMENT: Whether the signing key and the branch environment agree.
        ROUTES: Whether each call of the client has a route on this server.
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
    CLOCK = "clock"
    PROXIES = "proxies"


class FindingState(StrEnum):
    """How it stands with what a finding is about.

    Attributes:
        OK: Well.
        WARNING: Some calls will fail, or do something else than one may expect.
        PROBLEM: Most calls will fail.
        UNKNOWN: It could not be found out.
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
    """One thing that was checked.

    Attributes:
        check: What it is about.
        state: How it stands with it.
        message: The finding in words; it contains no key.
        remedy: What to do about it; None if all is well.
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
    """The route that answers a call of the client.

    Attributes:
        call: The client's method, such as "runs.list".
        is_available: Whether the server has the route; None if that is not known.
        family: The family that answers: "ingest", "v1" or "v2"; None if none does.
        route: The method and path of the request; None if no route answers.
        since: The first release of the self-hosted server that has the route, or that has any route
            for this call if this server has none; None if no release is known to have it.
    """

    call: str
    is_available: bool | None
    family: str | None = None
    route: str | None = None
    since: str | None = None


@frozen(repr=False)
class Diagnosis(Record):
    """What answers at a client's base URL, and whether its settings fit.

    `print(diagnosis)` shows each finding on a line, and the remedy below it.

    Attributes:
        target: Where the client sends and asks.
        server_kind: What kind of server answers; None if that is not known.
        release: Its release, such as "1.43.0"; None if it does not state it.
        release_from: The release that it has at least, as its routes show; None if not known.
        release_below: The release that it is older than, as its routes show; None if not known.
        findings: What was checked, in order.
        calls: The route that answers each call; empty if the server did not respond.
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
        return tuple(each for each in self.findings if each.state is FindingState.PROBLEM)

    @property
    def is_ok(self) -> bool:
        """Whether there is no problem; there may be warnings."""
        return not self.problems

    def __str__(self) -> str:
        return "\n".join(str(each) for each in self.findings)
