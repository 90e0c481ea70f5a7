"""Whether a client can reach and use the server at its base URL, with its keys and settings.

rows        its row of the table of calls
_diagnose   queries the server, with single reads whose errors are evidence
_findings   rules that turn the evidence into findings, in words
_evidence   the requests and their answers
_server     the reads, and the routes that the server has
"""

from __future__ import annotations

from enum import StrEnum

from attrs import field, frozen

from inngest_rest.findings import Finding, Severity
from inngest_rest.record import Record
from inngest_rest.responses import Target


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
        release: Its release, such as "1.43.0"; None if it does not state it: dev
            servers alone do.
        findings: What was found, in order, each with a remedy where something is wrong. Its kind
            is "connection" (whether anything responds), "server" (whether it is Inngest),
            "release", "mode" (whether client and server agree on whether it is a dev server),
            "event_key", "signing_key" (or its fallback), "api_key", "environment" (whether the
            signing key and the branch environment match), "routes" (whether each call has one),
            "clock" (whether it agrees with this machine's) or "proxies".
        calls: The route that serves each call; empty if the server did not respond.
        clock_skew_s: How far the server's clock is ahead of this machine's, in seconds; None if the
            server did not state its time.
        versions: The versions of this package, of httpx and of Python.
    """

    target: Target
    server_kind: ServerKind | None
    release: str | None
    findings: tuple[Finding, ...]
    calls: tuple[CallRoute, ...] = ()
    clock_skew_s: float | None = None
    versions: dict[str, str] = field(factory=dict[str, str])

    @property
    def broken(self) -> tuple[Finding, ...]:
        """The findings because of which most calls fail."""
        return tuple(each for each in self.findings if each.severity is Severity.BROKEN)

    @property
    def is_ok(self) -> bool:
        """Whether nothing is broken; there may be warnings."""
        return not self.broken

    def __str__(self) -> str:
        return "\n".join(str(each) for each in self.findings)
