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
    from tests.contract.document import DocumentedOperation
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
class Survey:
    """What a server did.

    Attributes:
        world: What was made on it.
        exchanges: What it answered, by the probe.
    """

    world: World
    exchanges: Mapping[Probe, Recording] = field(eq=False)


def survey(subject: Subject) -> Survey:
    """Ask a server everything."""
    with subject.http() as http:
        world = build(http, subject)
        every = [*probes(world), *unknown_operations(listed_by(http))]
        exchanges = _asked(http, world, every)
        # Once more, when what was made is a few seconds old.
        readings = [probe for probe in every if probe.method == "GET"]
        return Survey(world, exchanges | _asked(http, world, readings))


def _asked(http: httpx.Client, world: World, asked: Iterable[Probe]) -> dict[Probe, Recording]:
    found = {}
    for probe in asked:
        path = world.fill(probe.path, **probe.others)
        if path is not None:
            # Another URL each time, past the cache of v1.
            is_cached = probe.method == "GET" and path.startswith("/v1/")
            query = {**probe.query, "_": time.monotonic_ns()} if is_cached else probe.query
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
            yield from _largest_page(operation, world)
            parameters = {f"{each['in']} {each['name']}" for each in operation.parameters}
            for row in asked["readings"]:
                if row.get("parameter") in {None, *parameters}:
                    yield _probe(operation, world, row)
    operations = {each.id: each for each in DOCUMENT.operations}
    for name, rows in asked["actions"].items():
        for row in rows:
            yield _probe(operations[name], world, row)


def _probe(operation: DocumentedOperation, world: World, row: Mapping[str, Any]) -> Probe:
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


def _largest_page(operation: DocumentedOperation, world: World) -> Iterator[Probe]:
    """Yield a request for as much as is documented of a page."""
    for parameter in operation.parameters:
        if parameter["name"] == "limit":
            query = {"limit": parameter["schema"].get("maximum", 100)}
            row = {"name": "the largest page", "query": query, "ordinary": True}
            yield _probe(operation, world, row)


def listed_by(http: httpx.Client) -> list[str]:
    """Return the operations that a server lists of itself, as method and path."""
    data = _json(http.get("/v2/operations")).get("data") or {}
    parts = [each["http"] for each in data.get("operations") or [] if each.get("http")]
    return [f"{each['method']} /v2{each['path']}" for each in parts]


def unknown_operations(listed: Iterable[str]) -> Iterator[Probe]:
    """Yield a request of each listed operation that is not documented, about what is ours."""
    for name in listed:
        method, path = name.split(" ", 1)
        if DOCUMENT.match(method, re.sub(r"\{\w+\}", UNKNOWN, path)) is None:
            is_ours = bool(re.search(r"\{(run|event)_?[iI]d\}", path))
            if method == "GET" or (method == "POST" and is_ours):
                body: Any = None if method == "GET" else {}
                yield Probe("as usual", name, method, path, body=body, is_ordinary=True)


def lacks(exchange: Recording) -> bool:
    """Return whether a server answered as one does that lacks the route."""
    return is_absent(respond(exchange, body_of(exchange)))
