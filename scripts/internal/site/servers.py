"""The table of what is known of each operation on each server, and the exchanges behind it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from attrs import field, frozen

from inngest_rest._core.resources.routes import ROUTES
from inngest_rest._table import ROWS
from scripts.internal.site import docstrings
from scripts.internal.site.document import DOCUMENT, FAMILIES, own
from scripts.internal.site.markdown import fenced, table
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
    from collections.abc import Iterable, Iterator, Mapping

    from tests.contract.document import Operation
    from tests.contract.parsing import Exchange

KINDS = {"dev": "dev", "start": "self-hosted"}


@frozen
class Server:
    """A server that was recorded, or a release that was read."""

    release: str
    kind: str

    @property
    def words(self) -> str:
        return f"{self.release} {KINDS[self.kind]}"

    @property
    def anchor(self) -> str:
        return f"{self.release}-{self.kind}".replace(".", "-")


@frozen
class Cell:
    """What is known of an operation on a server."""

    state: str
    anchor: str | None = None


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


@frozen
class Known:
    """The exchanges of an operation by server."""

    operation: Operation
    by_server: dict[Server, list[Exchange]] = field(factory=lambda: defaultdict(list))

    def cell(self, server: Server) -> Cell:
        """Return what is known of a server."""
        found = self.by_server.get(server, [])
        label = f"exchanges-{self.operation.id.lower()}-{server.anchor}"
        if there := [each for each in found if not self._is_absent(each)]:
            is_done = any(not each.recording.is_refusal for each in there)
            return Cell("seen" if is_done else "error", label)
        if found:
            return Cell("absent", label)
        if self.operation.since and _parts(self.operation.since) > _parts(server.release):
            return Cell("since")
        if self.operation.until and _parts(self.operation.until) <= _parts(server.release):
            return Cell("until")
        if any(server.release in each.read for each in self._sources()):
            return Cell("read")
        return Cell("-")

    def _is_absent(self, exchange: Exchange) -> bool:
        """Return whether a response is that of a server that lacks the operation, or its effect."""
        recording, operation = exchange
        if is_of_absent_route(recording, operation):
            return True
        is_only_cloud = operation.tag != "ingest" and operation.since is None
        return recording.status == 501 or (is_only_cloud and says_not_found(recording))

    @property
    def cloud(self) -> Cell:
        """What is known of Inngest Cloud."""
        is_documented = any(each.documented for each in self._sources())
        return Cell("docs" if is_documented else "-")

    def _sources(self) -> Iterator[Sources]:
        yield from map(Sources.of, self.operation.responses.values())


def _parts(release: str) -> tuple[int, int]:
    first, second = release.split(".")[:2]
    return int(first), int(second)


@cache
def _stated() -> Mapping[str, str]:
    """Return the kind of server of each recording: dev or start."""
    paths = sorted(FOLDER.glob("*.json"))
    servers = {each.stem: json.loads(each.read_text("utf-8"))["server"] for each in paths}
    return {name: "start" if "start" in server else "dev" for name, server in servers.items()}


def server_of(recording: Recording) -> Server:
    """Return the server that a recording is of."""
    return Server(recording.minor_release, _stated()[recording.name])


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
    ordered = sorted(releases, key=_parts)
    return tuple(Server(release, kind) for release in ordered for kind in KINDS)


def pages() -> dict[str, str]:
    """Return the pages of servers, exchanges and methods by their paths."""
    found = {"reference/servers": _truth(), "reference/methods": _methods()}
    for each in known():
        found[f"reference/exchanges/{each.operation.id}"] = _exchanges(each)
    found["reference/exchanges/others"] = _others()
    return found


def _truth() -> str:
    columns = servers()
    recorded = sum(len(each) for one in known() for each in one.by_server.values())
    legend = "\n".join(f"- {{state}}`{state}` {text}." for state, text in STATES.items())
    blocks = [
        "---\nhide-toc: true\n---\n\n(page-servers)=\n# What each server does",
        (
            f"Each operation by each server, as far as it is known: {recorded} exchanges were "
            "recorded from dev and self-hosted servers, and Inngest Cloud is known by its "
            "documentation alone. A word that is a link leads to the exchanges themselves."
        ),
        legend,
        (
            "Requests that belong to no operation are [on a page of their "
            "own](#page-others); [the document](#page-api) has the operations, and "
            "[methods](#page-methods) who asks them."
        ),
    ]
    for family, title in FAMILIES.items():
        rows = [each for each in known() if each.operation.tag == family]
        blocks += [f"## {title}", _table(rows, columns)]
    return "\n\n".join(blocks) + "\n"


def _table(rows: Iterable[Known], columns: tuple[Server, ...]) -> str:
    head = ["operation", "since", *(each.words for each in columns), "Inngest Cloud"]
    lines = []
    for each in rows:
        since = "Cloud" if own(each.operation).get("x-cloud-only") else each.operation.since or "-"
        if each.operation.until:
            since = f"{since}, until {each.operation.until}"
        route = f"`{each.operation.method.upper()} {each.operation.path}`"
        cells = [*map(each.cell, columns), each.cloud]
        shown = [
            f"[{{state}}`{cell.state}`](#{cell.anchor})"
            if cell.anchor
            else f"{{state}}`{cell.state}`"
            for cell in cells
        ]
        lines.append([route, since, *shown])
    return f":::{{container}} truth\n{table(head, lines)}\n:::"


def _exchanges(one: Known) -> str:
    operation = one.operation
    route = f"`{operation.method.upper()} {operation.path}`"
    blocks = [
        "---\norphan: true\nnosearch: true\n---",
        f"# Exchanges of {operation.id}",
        (
            f"{route}: what servers were asked, and what they responded. Keys are replaced; values "
            "too long to keep are cut. Back to [all servers](#page-servers)."
        ),
    ]
    for server in sorted(one.by_server, key=lambda it: (_parts(it.release), it.kind), reverse=True):
        label = f"exchanges-{operation.id.lower()}-{server.anchor}"
        blocks.append(f"({label})=\n## {server.words}")
        blocks += [_exchange(each.recording) for each in one.by_server[server]]
    if not one.by_server:
        blocks.append("None was recorded: no server that could be run has it.")
    return "\n\n".join(blocks) + "\n"


def _others() -> str:
    have_operation = paired(DOCUMENT)
    by_reason: dict[str, list[Recording]] = {each: [] for each in OUTSIDE}
    for each in read_all():
        if each.name not in have_operation and (why := why_outside(each, DOCUMENT)):
            by_reason[why].append(each)
    blocks = [
        "---\norphan: true\nnosearch: true\n---",
        "(page-others)=\n# Exchanges of no operation",
        "What servers respond where the document has no operation, by the reason.",
    ]
    for why, several in by_reason.items():
        blocks.append(f"## {why[:1].upper()}{why[1:]}")
        blocks += [_exchange(each, with_server=True) for each in several]
    return "\n\n".join(blocks) + "\n"


def _exchange(recording: Recording, *, with_server: bool = False) -> str:
    stated = json.loads((FOLDER / f"{recording.name}.json").read_text(encoding="utf-8"))
    query = f"?{urlencode(recording.query, doseq=True)}" if recording.query else ""
    sent = [f"{recording.method} {recording.path}{query}", *_headers(stated["request"])]
    received = [f"HTTP {recording.status}", *_headers(stated["response"])]
    blocks = [f"(recording-{recording.name})=\n### {recording.name}"]
    if with_server:
        blocks.append(server_of(recording).words)
    if note := stated.get("note"):
        blocks.append(docstrings.markdown(note))
    blocks += [fenced("\n".join(sent), "text"), *_body(recording.sent)]
    blocks += [fenced("\n".join(received), "text"), *_body(recording.received)]
    return "\n\n".join(blocks)


def _headers(message: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {value}" for name, value in message.get("headers", {}).items()]


def _body(body: Any) -> list[str]:
    if body in ("", None):
        return []
    if isinstance(body, str):
        return [fenced(body, "text")]
    return [fenced(json.dumps(body, indent=2, ensure_ascii=False), "json")]


def _methods() -> str:
    head = ("method", "asks, the first that the server has", "and what these ask", "in words")
    lines = []
    for row in ROWS:
        asked = ", else ".join(
            f"`{each.method} {_camel(each.path)}`" for each in _own_routes(row.name)
        )
        others = ", ".join(f"`client.{each}`" for each in MADE_OF.get(row.name, ()))
        http = docstrings.read(row.method).passages.get("HTTP", "")
        lines.append((f"`client.{row.name}`", asked or "-", others or "-", http))
    return "\n\n".join(
        [
            "---\nhide-toc: true\n---\n\n(page-methods)=\n# What each method asks",
            (
                "The operations behind each method, in the order in which they are tried, and the "
                "methods whose requests it makes as well. [What each server does](#page-servers) "
                "tells which server has them."
            ),
            f":::{{container}} methods\n{table(head, lines)}\n:::",
        ]
    )


def _own_routes(name: str) -> Iterable[Any]:
    return ROUTES.get(name, ())


def _camel(path: str) -> str:
    return re.sub(r"_([a-z])(?=\w*\})", lambda found: found[1].upper(), path)
