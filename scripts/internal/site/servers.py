"""The table of what is known of each operation on each server, and the exchanges behind it."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from attrs import field, frozen

from inngest_rest._core.resources.routes import ROUTES
from inngest_rest.calls import ROWS
from scripts.internal.markdown import fenced
from scripts.internal.site import docstrings
from scripts.internal.site.document import DOCUMENT, families, own, route
from scripts.internal.site.templates import filled
from tests.contract.methods import camel_case
from tests.contract.parsing import paired
from tests.contract.recordings import (
    FOLDER,
    OUTSIDE,
    Recording,
    is_of_absent_route,
    read_all,
    says_not_found,
    why_outside,
)
from tests.contract.sources import Sources
from tests.support.calls import MADE_OF

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inngest_rest.call_row import CallRow
    from tests.contract.document import Operation
    from tests.contract.parsing import Exchange

KINDS = {"dev": "dev", "start": "self-hosted"}


def _parts(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")[:2]))


@frozen(order=True)
class Server:
    """A server that was recorded, or a release that was read."""

    release: str = field(order=_parts)
    kind: str

    @property
    def words(self) -> str:
        return f"{self.release} {KINDS[self.kind]}"


@frozen
class Cell:
    """What is known of an operation on a server."""

    state: str
    anchor: str | None = None

    def __str__(self) -> str:
        shown = badge(self.state)
        return f"[{shown}](#{self.anchor})" if self.anchor else shown


STATES = {
    "seen": "recorded: the server has it, and did what was asked in at least one exchange",
    "error": "recorded: the server has it, and each exchange is an error, often about a key",
    "absent": "recorded: the server does not have it, or has it and does nothing (501)",
    "since": "not tried: the server is older than the first release that has it",
    "until": "not tried: the server is not older than the first release that no longer has it",
    "read": "not tried: it stands in the source of this release",
    "docs": "not tried: the vendor documents it, for Inngest Cloud",
    "-": "not tried, and not known",
}


def badge(state: str) -> str:
    """Return the word of a state, which has a colour."""
    return f"{{state}}`{state}`"


@frozen
class Known:
    """The exchanges of an operation by server."""

    operation: Operation
    by_server: dict[Server, list[Exchange]] = field(factory=lambda: defaultdict(list))

    def cell(self, server: Server) -> Cell:
        """Return what is known of a server."""
        if server not in self.by_server:
            return Cell(self._untried(server.release))
        there = [each for each in self.by_server[server] if not _is_absent(each)]
        if not there:
            state = "absent"
        elif any(not each.recording.is_refusal for each in there):
            state = "seen"
        else:
            state = "error"
        return Cell(state, anchor(server, self.operation))

    def _untried(self, release: str) -> str:
        """Return the state of a server that no exchange was recorded with."""
        since, until = self.operation.since, self.operation.until
        if since and _parts(since) > _parts(release):
            return "since"
        if until and _parts(until) <= _parts(release):
            return "until"
        return "read" if any(release in each.read for each in self._sources()) else "-"

    @property
    def cloud(self) -> Cell:
        """What is known of Inngest Cloud."""
        is_documented = any(each.documented for each in self._sources())
        return Cell("docs" if is_documented else "-")

    def _sources(self) -> Iterator[Sources]:
        yield from map(Sources.of, self.operation.responses.values())


def _is_absent(exchange: Exchange) -> bool:
    """Return whether a response is that of a server that lacks the operation, or its effect."""
    recording, operation = exchange
    if is_of_absent_route(recording, operation):
        return True
    is_only_cloud = operation.tag != "ingest" and operation.since is None
    return recording.status == 501 or (is_only_cloud and says_not_found(recording))


def anchor(server: Server, operation: Operation) -> str:
    """Return the label of the exchanges of an operation with a server."""
    release = server.release.replace(".", "-")
    return f"exchanges-{operation.id.lower()}-{release}-{server.kind}"


@cache
def stated(name: str) -> Mapping[str, Any]:
    """Return all that a recording states."""
    exchange: Mapping[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return exchange


def server_of(recording: Recording) -> Server:
    """Return the server that a recording is of."""
    kind = "start" if "start" in stated(recording.name)["server"] else "dev"
    return Server(recording.minor_release, kind)


@cache
def known() -> tuple[Known, ...]:
    """Return what is known of each operation, in the order of the document."""
    found = {each.id: Known(each) for each in DOCUMENT.operations}
    for exchange in paired(DOCUMENT).values():
        found[exchange.operation.id].by_server[server_of(exchange.recording)].append(exchange)
    return tuple(found.values())


@cache
def servers() -> tuple[Server, ...]:
    """Return the servers of the table: each release that was recorded or read, dev and not."""
    releases = {each.minor_release for each in read_all()}
    for each in DOCUMENT.operations:
        for sources in map(Sources.of, each.responses.values()):
            releases |= sources.read | sources.recorded
    return tuple(sorted(Server(each, kind) for each in releases for kind in KINDS))


def pages() -> dict[str, str]:
    """Return the pages of servers, exchanges and methods by their paths."""
    found = {
        "reference/servers": _servers(),
        "reference/methods": filled("methods.md", rows=map(_requests, ROWS)),
        "reference/exchanges/others": _others(),
    }
    for each in known():
        newest_first = sorted(each.by_server.items(), reverse=True)
        found[f"reference/exchanges/{each.operation.id}"] = filled(
            "exchanges.md",
            operation=each.operation,
            by_server=newest_first,
            anchor=anchor,
            exchange=_exchange,
            route=route,
        )
    return found


def _servers() -> str:
    rows = defaultdict(list)
    for each in known():
        rows[each.operation.tag].append(_row(each))
    return filled(
        "servers.md",
        recorded=sum(len(several) for each in known() for several in each.by_server.values()),
        states=STATES,
        badge=badge,
        families=families(),
        columns=["operation", "since", *(each.words for each in servers()), "Inngest Cloud"],
        rows=rows,
    )


def _row(known: Known) -> list[str]:
    """Return what the table has of an operation."""
    operation = known.operation
    since = "Cloud" if own(operation).get("x-cloud-only") else operation.since or "-"
    if operation.until:
        since = f"{since}, until {operation.until}"
    cells = [*map(known.cell, servers()), known.cloud]
    return [f"`{route(operation)}`", since, *map(str, cells)]


def _others() -> str:
    have_operation = paired(DOCUMENT)
    by_reason: dict[str, list[Recording]] = {each: [] for each in OUTSIDE}
    for each in read_all():
        if each.name not in have_operation and (why := why_outside(each, DOCUMENT)):
            by_reason[why].append(each)
    return filled("others.md", by_reason=by_reason, exchange=_exchange, server_of=server_of)


def _exchange(recording: Recording, words: str = "") -> str:
    """Return what a server was asked, and what it responded."""
    exchange = stated(recording.name)
    query = f"?{urlencode(recording.query, doseq=True)}" if recording.query else ""
    sent = [f"{recording.method} {recording.path}{query}", *_headers(exchange["request"])]
    received = [f"HTTP {recording.status}", *_headers(exchange["response"])]
    return filled(
        "exchange.md",
        recording=recording,
        words=words,
        stated=exchange,
        sent="\n".join(sent),
        received="\n".join(received),
        body=_body,
    )


def _headers(message: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {value}" for name, value in message.get("headers", {}).items()]


def _body(body: Any) -> str:
    if body in ("", None):
        return ""
    if isinstance(body, str):
        return fenced(body, "text")
    return fenced(json.dumps(body, indent=2, ensure_ascii=False), "json")


def _requests(row: CallRow) -> tuple[str, ...]:
    """Return which operations a method asks, and which methods whose requests it makes."""
    routes = {each.id: route(each) for each in DOCUMENT.operations}
    asked = [routes[camel_case(each.name)] for each in ROUTES.get(row.name, ())]
    made_of = [f"client.{name}" for name in MADE_OF.get(row.name, ())]
    return (
        f"`client.{row.name}`",
        ", else ".join(f"`{each}`" for each in asked) or "-",
        ", ".join(f"`{each}`" for each in made_of) or "-",
        docstrings.read(row.method).passages.get("HTTP", ""),
    )
