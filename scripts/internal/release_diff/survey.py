"""What one server does: a world of a few runs, and the same requests to each server.

No page size is sent where none is asked about, and what one release has not is left out: a survey
ends on every server.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

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

CROWD = 105
"""Runs of one function, and events of one name: more than the largest documented page."""

STARTED = ("echoes", "fails", "steps", "sleeps", "sleeps", "sleeps")
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
    app, key = subject.app, subject.server.event_key or "key"
    events = [{"name": f"{app}/{name}", "data": {"n": 1}} for name in STARTED]
    crowd = [{"name": f"{app}/echoes", "data": {"n": n}} for n in range(CROWD)]
    listed = [{"name": f"{app}/nobody", "data": {"n": n}} for n in range(CROWD)]
    ids = http.post(f"/e/{key}", json=events).raise_for_status().json()["ids"]
    http.post(f"/e/{key}", json=listed)
    later = http.post(f"/e/{key}", json=crowd).json()["ids"]
    names = ("echoes", "fails", "steps", "sleeps", "cancelled", "deleted")
    found = dict(zip(names, ids, strict=True))
    runs = {name: _run_of(http, event_id) for name, event_id in found.items()}
    runs["crowd"] = _run_of(http, later[-1])
    world = World(app, found, {name: run for name, run in runs.items() if run is not None}, key)
    for name in ("echoes", "fails", "steps", "crowd"):
        _wait(http, world.runs.get(name, UNKNOWN))
    return world


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
    for operation in DOCUMENT.operations:
        if operation.method == "get":
            yield from _readings(operation, world)
    yield from _events()
    yield from _actions(world)


def _readings(operation: Operation, world: World) -> Iterator[Probe]:
    usual = Probe("as usual", operation.id, "GET", operation.path, is_ordinary=True)
    yield usual
    query = operation.names("query")
    if "runId" in operation.names("path"):
        for name in ("fails", "steps", "sleeps"):
            run_id = {"runId": world.runs.get(name, UNKNOWN)}
            yield evolve(usual, name=f"of a run that {name}", others=run_id)
        yield evolve(usual, name="of an unknown run", others={"runId": UNKNOWN}, is_ordinary=False)
        yield evolve(usual, name="of no id of a run", others={"runId": "x"}, is_ordinary=False)
    if "eventId" in operation.names("path"):
        unknown = {"eventId": UNKNOWN}
        yield evolve(usual, name="of an unknown event", others=unknown, is_ordinary=False)
    if "appId" in operation.names("path"):
        yield evolve(usual, name="of an unknown app", others={"appId": "x"}, is_ordinary=False)
    if "includeOutput" in query:
        yield evolve(usual, name="with outputs", query={"includeOutput": "true"})
    if "limit" in query:
        yield evolve(usual, name="a page of two", query={"limit": 2})
        yield evolve(usual, name="limit no number", query={"limit": "x"}, is_ordinary=False)
    if "cursor" in query:
        yield evolve(usual, name="cursor of nothing", query={"cursor": "x"}, is_ordinary=False)
    if "status" in query:
        for status in ("COMPLETED", "RUNNING", "CANCELLED"):
            yield evolve(usual, name=f"of runs that are {status}", query={"status": status})
        yield evolve(usual, name="of no status", query={"status": "X"}, is_ordinary=False)
    yield evolve(usual, name="an unknown parameter", query={"unknown": "1"}, is_ordinary=False)


ODD_EVENTS: Mapping[str, Mapping[str, Any]] = {
    "without data": {"name": "diff/plain"},
    "with data null": {"name": "diff/plain", "data": None},
    "with data a list": {"name": "diff/plain", "data": [1]},
    "with a name of 101 characters": {"name": "diff/" + "x" * 96, "data": {}},
    "with a name of 255 characters": {"name": "diff/" + "x" * 250, "data": {}},
    "without a name": {"data": {}},
    "with an unknown field": {"name": "diff/plain", "data": {}, "unknown": 1},
    "with a time in seconds with a fraction": {"name": "diff/plain", "data": {}, "ts": 1.5},
    "with a version and an id": {"name": "diff/plain", "data": {}, "v": "1", "id": "diff-1"},
}


def _events() -> Iterator[Probe]:
    plain = {"name": "diff/plain", "data": {"n": 1}}
    usual = Probe("as usual", "sendEvents", "POST", "/e/{eventKey}", is_ordinary=True, body=plain)
    yield usual
    for name, event in ODD_EVENTS.items():
        yield evolve(usual, name=f"an event {name}", body=dict(event), is_ordinary=False)
    yield evolve(usual, name="no events", body=[], is_ordinary=False)
    yield Probe("as usual", "sendEventV2", "POST", "/v2/events", body=plain, is_ordinary=True)


def _actions(world: World) -> Iterator[Probe]:
    """Yield what acts, on what the survey made; of Cloud's operations what any server says."""
    run = "/v2/runs/{runId}"

    def of(name: str) -> dict[str, str]:
        return {"runId": world.runs.get(name, UNKNOWN)}

    cancel = Probe("of an ended run", "cancelRunV2", "POST", f"{run}/cancel", others=of("echoes"))
    yield cancel
    yield evolve(cancel, name="as usual", others=of("cancelled"), is_ordinary=True)
    yield evolve(cancel, name="of an unknown run", others={"runId": UNKNOWN})
    delete = Probe("of an ended run", "cancelRunV1", "DELETE", "/v1/runs/{runId}")
    yield delete
    yield evolve(delete, name="as usual", others=of("deleted"), is_ordinary=True)
    yield evolve(delete, name="of an unknown run", others={"runId": UNKNOWN})
    rerun = Probe("as usual", "rerunRunV2", "POST", f"{run}/rerun", is_ordinary=True)
    yield evolve(rerun, others=of("fails"))
    yield evolve(rerun, name="of an unknown run", others={"runId": UNKNOWN}, is_ordinary=False)
    step = {"fromStep": {"stepId": "x"}}
    yield evolve(rerun, name="from an unknown step", body=step, is_ordinary=False)
    invoke = "/v2/apps/{appId}/functions/{functionId}/invoke"
    invoked = Probe("as usual", "invokeFunctionV2", "POST", invoke, body={"data": {"n": 1}})
    yield evolve(invoked, others={"functionId": "fails"}, is_ordinary=True)
    yield evolve(invoked, name="without data", body={})
    yield evolve(invoked, name="of an unknown function", others={"functionId": "x"})
    score = Probe("as usual", "createScoresV2", "POST", f"{run}/scores", is_ordinary=True)
    yield evolve(score, body=[{"name": "diff", "value": 1}], others=of("steps"))
    yield evolve(score, name="without a value", body=[{"name": "diff"}], is_ordinary=False)
    signal = {"signal": "diff-nobody"}
    yield Probe("nobody waits for", "sendSignalV1", "POST", "/v1/signals", body=signal)
    yield Probe("without a body", "createCancellationV1", "POST", "/v1/cancellations", body={})
    for operation in DOCUMENT.operations:
        if operation.id in {"createEnvV2", "createWebhookV2", "syncAppV2", "queryInsightsV2"}:
            yield Probe("without a body", operation.id, "POST", operation.path, body={})


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
    found = {}
    for operation in DOCUMENT.operations:
        schema = next((it["schema"] for it in operation.parameters if it["name"] == "limit"), None)
        path = world.fill(operation.path) if operation.method == "get" else None
        if schema is None or path is None or operation.id not in subject.server.routes.present():
            continue
        query = {"name": f"{world.app}/nobody"} if operation.id == "listEventsV1" else {}
        limit = _limit(http, subject.at(path), query, schema.get("maximum", 100))
        if limit is not None:
            found[operation.id] = limit
    return found


def _limit(http: httpx.Client, path: str, query: Mapping[str, str], most: int) -> Limit | None:
    def page(limit: int) -> httpx.Response:
        return http.get(path, params={**query, "limit": limit})

    more = page(most + 1)
    if more.is_success:
        body = _json(more)
        items = len(body.get("data") or [])
        pages = body.get("page") or {}
        is_cut = any(each for name, each in pages.items() if name != "limit")
        is_cut = is_cut or (bool(query) and items < CROWD)  # v1 does not say so
        return Limit(items if is_cut else None, refuses=False)
    if not page(1).is_success:
        return None
    low, high = 1, most + 1
    while high - low > 1:
        tried = most if high == most + 1 else (low + high) // 2
        low, high = (tried, high) if page(tried).is_success else (low, tried)
    return Limit(low, refuses=True)


def lacks(exchange: Recording) -> bool:
    """Return whether a server answered as one does that lacks the route."""
    return is_absent(respond(exchange, body_of(exchange)))
