"""What one server does: a world of a few runs, and the same requests to each server.

No page size is sent where none is asked about, and what one release has not is left out: a survey
ends on every server.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from attrs import field, frozen

from scripts.internal.release_diff.subjects import ask
from tests.contract.conformance import camel
from tests.contract.live_routes import is_absent
from tests.contract.parsing import body_of, respond
from tests.contract.world import DOCUMENT, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import httpx

    from scripts.internal.release_diff.subjects import Subject
    from tests.contract.document import Operation
    from tests.contract.recordings import Recording

PROBES = Path(__file__).with_name("probes.yaml")

CROWD = 105
"""Runs of one function, and events of one name: more than the largest documented page."""

MADE = {
    "echoes": "echoes",
    "fails": "fails",
    "steps": "steps",
    "sleeps": "sleeps",
    "cancelled": "sleeps",
    "deleted": "sleeps",
}
"""The runs that are asked about, by what becomes of them, and the function of each."""

ENDED = {"completed", "failed", "cancelled"}


@frozen
class World:
    """The ids of what the survey made on a server.

    Attributes:
        app: The app under test.
        events: An event of each function, by its name.
        runs: The run of each, the other sleeping ones as `cancelled` and `deleted`.
        event_key: The key that events are sent with.
    """

    app: str
    events: Mapping[str, str]
    runs: Mapping[str, str]
    event_key: str = field(repr=False)

    def fill(self, path: str, **others: str) -> str | None:
        """Fill in the parameters of a path with what exists; None for one without an example."""
        known = {
            "eventKey": self.event_key,
            "eventId": self.events.get("echoes", UNKNOWN),
            "runId": self.runs.get("echoes", UNKNOWN),
            "appId": self.app,
            "functionId": f"{self.app}-echoes" if "/v1/" in path else "echoes",
            "cancellationId": UNKNOWN,
            "webhookId": UNKNOWN,
            "envId": UNKNOWN,
            "experimentId": "none",
            "sessionKey": "none",
            "sessionId": "none",
        } | others
        names = re.findall(r"\{(\w+)\}", path)
        if any(camel(name) not in known for name in names):
            return None
        return re.sub(r"\{(\w+)\}", lambda found: known[camel(found[1])], path)


@frozen
class Probe:
    """One request, the same for each server.

    Attributes:
        name: What is asked, in words.
        operation: The id of the operation; method and path of one that is not documented.
        method: The HTTP method.
        path: The path with its parameters in braces.
        query: The query.
        body: The JSON body.
        others: Values of the path's parameters, other than those of the world.
        is_ordinary: Whether a server with the operation does it.
    """

    name: str
    operation: str
    method: str
    path: str
    query: Mapping[str, Any] = field(factory=dict, eq=False)
    body: Any = field(default=None, eq=False)
    others: Mapping[str, str] = field(factory=dict, eq=False)
    is_ordinary: bool = False


@frozen
class Limit:
    """The largest page: of `most` items, and whether more is refused or answered with that many.

    `most` is None where nothing is refused, and there was no more than a page.
    """

    most: int | None
    refuses: bool


@frozen
class Survey:
    """What a server did.

    Attributes:
        release: Its release.
        world: What was made on it.
        exchanges: What it answered, by the probe.
        later: What it answered a few seconds later, to what can be asked again: what is in one of
            the two alone is of the moment, such as the lease of a job.
        limits: Its largest pages, by operation.
        listed: The operations that it lists, each with its parameters.
    """

    release: str
    world: World
    exchanges: Mapping[Probe, Recording] = field(eq=False)
    later: Mapping[Probe, Recording] = field(eq=False)
    limits: Mapping[str, Limit]
    listed: Mapping[str, frozenset[str]]


def survey(subject: Subject) -> Survey:
    """Ask a server everything."""
    with subject.http() as http:
        world = build(http, subject)
        listed = listed_by(http)
        every = [*probes(world), *unknown_operations(listed)]
        exchanges = _asked(http, subject, world, every)
        largest = limits(http, world, subject)
        readings = [probe for probe in every if probe.method == "GET"]
        later = exchanges | _asked(http, subject, world, readings)
        return Survey(subject.release, world, exchanges, later, largest, listed)


def _asked(
    http: httpx.Client, subject: Subject, world: World, asked: Iterable[Probe]
) -> dict[Probe, Recording]:
    found = {}
    for probe in asked:
        path = world.fill(probe.path, **probe.others)
        if path is not None:
            # Another URL each time, past the cache of v1.
            is_cached = probe.method == "GET" and path.startswith("/v1/")
            query = {**probe.query, "_": time.monotonic_ns()} if is_cached else probe.query
            path = subject.at(path)
            found[probe] = ask(http, probe.name, probe.method, path, query=query, body=probe.body)
    return found


def build(http: httpx.Client, subject: Subject) -> World:
    """Start runs of every kind, and wait until they are as they will stay."""
    app = subject.app
    key = subject.server.event_key or "key"

    def send(*events: str, each: int = 1) -> list[str]:
        """Send events of functions of the app, and return their ids."""
        sent = [
            {"name": f"{app}/{name}", "data": {"n": n}}
            for name in events
            for n in range(1, each + 1)
        ]
        response = http.post(f"/e/{key}", json=sent)
        ids: list[str] = response.raise_for_status().json()["ids"]
        return ids

    events = dict(zip(MADE, send(*MADE.values()), strict=True))
    send("nobody", each=CROWD)
    crowd = send("echoes", each=CROWD)
    runs = {name: _run_of(http, event_id) for name, event_id in events.items()}
    runs["crowd"] = _run_of(http, crowd[-1])
    found = {name: run_id for name, run_id in runs.items() if run_id is not None}
    for name in ("echoes", "fails", "steps", "crowd"):
        _wait(http, found.get(name, UNKNOWN))
    return World(app=app, events=events, runs=found, event_key=key)


def _run_of(http: httpx.Client, event_id: str) -> str | None:
    """Return the run of an event, by the family that has it; past the cache of v1."""
    for attempt in range(80):
        for path in (f"/v1/events/{event_id}/runs?_={attempt}", f"/v2/events/{event_id}/runs"):
            body = _json(http.get(path))
            for run in body.get("data") or []:
                return str(run.get("run_id") or run.get("id"))
        time.sleep(0.1)
    return None


def _wait(http: httpx.Client, run_id: str) -> None:
    for _ in range(100):
        body = _json(http.get(f"/v2/runs/{run_id}")) or _json(http.get(f"/v1/runs/{run_id}"))
        status = (body.get("data") or {}).get("status", "")
        if str(status).lower() in ENDED:
            return
        time.sleep(0.1)


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) and response.is_success else {}


def probes(world: World) -> Iterator[Probe]:
    """Yield the requests: each operation as it is meant, then what is unusual about it."""
    asked = yaml.safe_load(PROBES.read_text(encoding="utf-8"))
    for operation in DOCUMENT.operations:
        if operation.method == "get":
            yield _probe(operation, world, {"name": "as usual", "ordinary": True})
            parameters = {f"{each['in']} {each['name']}" for each in operation.parameters}
            for row in asked["readings"]:
                if row.get("parameter") in {None, *parameters}:
                    yield _probe(operation, world, row)
    operations = {each.id: each for each in DOCUMENT.operations}
    for name, rows in asked["actions"].items():
        for row in rows:
            yield _probe(operations[name], world, row)


def _probe(operation: Operation, world: World, row: Mapping[str, Any]) -> Probe:
    """Return a request of the table."""
    others = dict(row.get("path", {}))
    if "run" in row:
        others["runId"] = world.runs.get(row["run"], UNKNOWN)
    if "event" in row:
        others["eventId"] = world.events.get(row["event"], UNKNOWN)
    body: Any = row.get("body")
    if "long" in row:
        body = {"name": "diff/".ljust(row["long"], "x"), **body}
    return Probe(
        name=row["name"],
        operation=operation.id,
        method=operation.method.upper(),
        path=operation.path,
        query=row.get("query", {}),
        body=body,
        others=others,
        is_ordinary=row.get("ordinary", False),
    )


def listed_by(http: httpx.Client) -> dict[str, frozenset[str]]:
    """Return the operations that a server lists of itself, with their parameters."""
    listed: list[dict[str, Any]] = []
    for root in ("/v2", "/api/v2"):
        data = _json(http.get(f"{root}/operations")).get("data") or {}
        listed = listed or (data.get("operations") or [])
    found = {}
    for each in listed:
        if http_part := each.get("http"):
            schema = (each.get("mcp") or {}).get("inputSchema") or {}
            name = f"{http_part['method']} /v2{http_part['path']}"
            found[name] = frozenset(schema.get("properties", {}))
    return found


def unknown_operations(listed: Mapping[str, frozenset[str]]) -> Iterator[Probe]:
    """Yield a request of each listed operation that is not documented, about what is ours."""
    for name in listed:
        method, path = name.split(" ", 1)
        if DOCUMENT.match(method, re.sub(r"\{\w+\}", UNKNOWN, path)) is None:
            is_ours = bool(re.search(r"\{(run|event)_?[iI]d\}", path))
            if method == "GET" or (method == "POST" and is_ours):
                body: Any = None if method == "GET" else {}
                yield Probe("as usual", name, method, path, body=body, is_ordinary=True)


def limits(http: httpx.Client, world: World, subject: Subject) -> dict[str, Limit]:
    """Return the largest page of each listing: the documented maximum and one more are asked."""
    present = subject.server.routes.present()
    found = {}
    for operation in DOCUMENT.operations:
        schemas = [each["schema"] for each in operation.parameters if each["name"] == "limit"]
        path = world.fill(operation.path) if operation.method == "get" else None
        if not schemas or path is None or operation.id not in present:
            continue
        query = {"name": f"{world.app}/nobody"} if operation.id == "listEventsV1" else {}
        pages = Pages(http, subject.at(path), query)
        limit = pages.limit(schemas[0].get("maximum", 100))
        if limit is not None:
            found[operation.id] = limit
    return found


@frozen
class Pages:
    """A listing whose largest page is looked for."""

    http: httpx.Client
    path: str
    query: Mapping[str, str]

    def limit(self, documented: int) -> Limit | None:
        """Return the largest page; None where no page is given at all."""
        more = self._page(documented + 1)
        if more.is_success:
            items = len(_json(more).get("data") or [])
            return Limit(items if self._is_cut(more, items) else None, refuses=False)
        if not self._page(1).is_success:
            return None
        if self._page(documented).is_success:
            return Limit(documented, refuses=True)
        given, refused = 1, documented
        while refused - given > 1:
            tried = (given + refused) // 2
            if self._page(tried).is_success:
                given = tried
            else:
                refused = tried
        return Limit(given, refuses=True)

    def _page(self, limit: int) -> httpx.Response:
        return self.http.get(self.path, params={**self.query, "limit": limit})

    def _is_cut(self, response: httpx.Response, items: int) -> bool:
        """Return whether there is more than a page; v1 does not say so."""
        page = _json(response).get("page") or {}
        says_more = any(each for name, each in page.items() if name != "limit")
        return says_more or (bool(self.query) and items < CROWD)


def lacks(exchange: Recording) -> bool:
    """Return whether a server answered as one does that lacks the route."""
    return is_absent(respond(exchange, body_of(exchange)))
