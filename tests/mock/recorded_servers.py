"""Set up a mock so that it can respond as the server of a recording did.

Release, database, keys and state are all read off the recording: what a server reports, the mock is
made to have.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx

from inngest_rest_mock import (
    MockServer,
    completes,
    fails,
    retries,
    sleeps,
    waits_for,
    works,
)
from tests.contract.recordings import UNSTATED

from .functions import EVENING_NS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from inngest_rest_mock import Behaviour, MockRun

Item: TypeAlias = dict[str, Any]

ULID = re.compile(r"\b01[0-9A-HJKMNP-TV-Z]{24}\b")
MOMENT_NS = 50_000_000
LONG = timedelta(days=30)
REQUEST = timedelta(seconds=1)
RELEASE = re.compile(r"(?<![\d.])\d+\.\d+(?:\.\d+)?(?![\d.])")
NOT_FOUND = "404 page not found\n"
ASKED_FOR = re.compile(r"/v1/(runs|apps|webhooks.*|runs/[^/]+/replay)")


@dataclass
class Exchange:
    """A recorded request and its response."""

    name: str
    server: str
    release: str | None
    method: str
    path: str
    query: dict[str, Any]
    headers: dict[str, str]
    sent: Any
    status: int
    answer_headers: dict[str, str]
    received: Any

    @classmethod
    def read(cls, path: Path) -> Exchange:
        """Read one file."""
        whole = json.loads(path.read_bytes())
        request, response = whole["request"], whole["response"]
        stated = (str(whole.get(key) or "") for key in ("release", "server"))
        found = [match[0] for each in (*stated, path.stem) if (match := RELEASE.search(each))]
        return cls(
            name=path.stem,
            server=whole.get("server") or "dev",
            release=found[0] if found else None,
            method=request["method"],
            path=request["path"],
            query=request.get("query") or {},
            headers=request.get("headers") or {},
            sent=request.get("body"),
            status=response["status"],
            answer_headers=response["headers"],
            received=response["body"],
        )

    @property
    def route(self) -> str:
        """The path, that of v2 without `/api`."""
        return self.path.removeprefix("/api") if self.path.startswith("/api/v2") else self.path

    @property
    def data(self) -> Any:
        """What the response is about: its `data`, or its body if that is an array."""
        if isinstance(self.received, list):
            return self.received
        return self.received.get("data") if isinstance(self.received, dict) else None

    @property
    def items(self) -> list[Item]:
        """The objects that the response is about."""
        data = self.data
        each = data if isinstance(data, list) else [data]
        return [item for item in each if isinstance(item, dict)]

    @property
    def is_web_ui(self) -> bool:
        """Whether the web UI responded: a page, or nothing in builds without one."""
        kind = self.answer_headers.get("content-type", "")
        return self.status == 200 and (
            "html" in kind
            or (not kind and self.received in ("", None) and self.method != "OPTIONS")
        )

    @property
    def code(self) -> str | None:
        """The code of v2's error."""
        errors = self.received.get("errors") if isinstance(self.received, dict) else None
        return str(errors[0]["code"]) if errors else None


def is_run(item: Item) -> bool:
    """Return whether an object is a run of v1 or v2."""
    return "run_started_at" in item or "trigger" in item


def reports_states_at_random(exchange: Exchange) -> bool:
    """Return whether v1 lists an event's runs on a release that ordered spans at random."""
    release = [int(part) for part in (exchange.release or "9.9").split(".")]
    return release < [1, 27, 1] and exchange.path.startswith("/v1/events/")


def is_artefact(item: Item) -> bool:
    """Return whether a run has a state that only a server with another SQLite driver reports.

    Such a server reported some states at random, and no ends in lists.
    """
    status = item.get("status", "").upper()
    if "run_id" in item:
        return status == "SCHEDULED" and item.get("ended_at") is not None
    has_ended = "endedAt" in item
    if status == "QUEUED" and item.get("startedAt", "0") > "1":
        # Before its start, a run reports the time that it was scheduled at.
        waited = moment(item["startedAt"]) - moment(item["queuedAt"])
        return waited > MOMENT_NS or "output" in item
    return (status in ("COMPLETED", "CANCELLED") and not has_ended) or (
        "output" in item and status in ("QUEUED", "FAILED") and not has_ended
    )


def moment(text: str) -> int:
    """Return nanoseconds since the epoch, to the microsecond."""
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    whole = int(datetime.fromisoformat(f"{seconds}+00:00").timestamp())
    return whole * 10**9 + int(fraction[:6].ljust(6, "0")) * 1000


@dataclass
class Wanted:
    """A run as the mock must come to have it."""

    id: str
    app: str
    function: str
    name: str
    event: str
    behaviour: Behaviour
    is_cancelled: bool = False
    is_future: bool = False
    is_batch: bool = False
    original: str | None = None
    queued_ns: int = EVENING_NS

    def is_of(self, other: Wanted) -> bool:
        """Return whether both are of one function and one event."""
        return (self.app, self.function, self.event) == (other.app, other.function, other.event)

    @classmethod
    def of(cls, item: Item, *, listed: bool) -> Wanted:
        """Read it off a run as v1 or v2 reports it."""
        of_v1 = "run_id" in item
        status, output = item["status"].upper(), item.get("output")
        trigger = item.get("trigger", {})
        function = item.get("function", {})
        made = cls(
            id=item["run_id"] if of_v1 else item["id"],
            app=item.get("app", {}).get("id", "app"),
            function=function.get("id", item.get("function_id", "f")),
            name=function.get("name", "f"),
            event=item.get("event_id") or (trigger.get("eventIds") or [""])[0],
            behaviour=sleeps(LONG),
            original=item.get("original_run_id"),
            is_batch=bool(trigger.get("isBatch")),
            queued_ns=moment(item["run_started_at"] if of_v1 else item["queuedAt"]),
        )
        has_ended = bool(item.get("ended_at") or item.get("endedAt"))
        is_error = isinstance(output, dict) and ("error" in output or "message" in output)
        failed = is_error and status != "COMPLETED"
        if status == "CANCELLED":
            made.is_cancelled = True
            if output:
                made.behaviour = works(REQUEST, completes(plain(output)))
        elif status in ("COMPLETED", "FAILED", "RUNNING", "QUEUED", "SCHEDULED"):
            # Lists of v2 report a run between two attempts as running.
            retried = not has_ended and (
                (status == "RUNNING" and failed)
                or (status == "FAILED" and output is None and (of_v1 or not listed))
            )
            if retried:
                made.behaviour = retries("again", after=LONG)
            elif status == "FAILED" or failed:
                made.behaviour = fails("boom")
            elif status == "COMPLETED" or has_ended or "output" in item:
                made.behaviour = completes(output if of_v1 else plain(output))
            else:
                made.is_future = status in ("QUEUED", "SCHEDULED") and not is_artefact(item)
        return made


def plain(output: Any) -> Any:
    """Return an output as the function returned it: v2 wraps what is not an object."""
    is_wrapped = isinstance(output, dict) and output.keys() == {"data"}
    return output["data"] if is_wrapped and not isinstance(output["data"], dict) else output


@dataclass
class RecordedServer:
    """A mock, and the ids that it has for those of the recording."""

    exchange: Exchange
    mock: MockServer
    event_key: str
    client: httpx.Client
    clock: list[int]
    ids: dict[str, str] = field(default_factory=dict)
    _next: dict[tuple[str, str], Behaviour] = field(default_factory=dict)

    def at(self, ns: int) -> None:
        """Let it be a time, if that is not past."""
        self.clock[0] = max(self.clock[0], ns)

    def send(self, event: Item) -> str:
        """Send an event; return its internal id."""
        answer = self.client.post(f"/e/{self.event_key}", json=event)
        return str(answer.json()["ids"][0])

    def register(self, app: str, id: str, **settings: Any) -> None:
        """Register a function once, which behaves as `_next` has it."""
        if (app, id) in self._next:
            return
        self._next[app, id] = completes()
        self.mock.function(app, id, run=lambda _: self._next[app, id], **settings)

    def run(self, wanted: list[Wanted]) -> None:
        """Make runs happen, in their order; those of one event at once."""
        groups: dict[str, list[Wanted]] = {}
        for each in wanted:
            groups.setdefault(each.event, []).append(each)
        for each in wanted:
            self.register(
                each.app,
                each.function,
                name=each.name,
                trigger=[
                    f"stage/{number}"
                    for number, group in enumerate(groups.values())
                    if any((it.app, it.function) == (each.app, each.function) for it in group)
                ],
                batch_size=2 if each.is_batch else None,
            )
        for number, group in enumerate(groups.values()):
            self._run_group(f"stage/{number}", group)

    def _run_group(self, name: str, group: list[Wanted]) -> None:
        first = [each for each in group if each.original is None]
        first = first or [replace(group[0], id=str(group[0].original), original=None)]
        self.at(first[0].queued_ns)
        for each in first:
            self._next[each.app, each.function] = each.behaviour
        known = len(self.mock.runs)
        event: Item = {"name": name, "data": {}}
        if first[0].is_future:
            event["ts"] = self.clock[0] // 10**6 + 10**9
        event_id = self.send(event)
        self.ids[group[0].event] = event_id
        if first[0].is_batch:
            self.ids.update(dict.fromkeys(ULID.findall(self.exchange.path), self.send(event)))
        for each in first:
            run = next(
                run
                for run in self.mock.runs[known:]
                if (run.app_id, run.function_id) == (each.app, each.function)
            )
            self._follow(each, run)
        for each in group:
            if each.original is not None:
                self._next[each.app, each.function] = each.behaviour
                first_run = self.mock.runs[known]
                self.client.post(f"/v2/runs/{first_run.id}/rerun")
                self._follow(each, self.mock.runs[-1])

    def _follow(self, wanted: Wanted, run: MockRun) -> None:
        self.ids[wanted.id] = run.id
        if wanted.is_cancelled:
            self.client.post(f"/v2/runs/{run.id}/cancel")
            self.mock.advance(REQUEST)

    def run_of_path(self, behaviour: Behaviour, *, is_cancelled: bool = False) -> None:
        """Make the run happen whose id is in the path."""
        for run_id in ULID.findall(self.exchange.path):
            self.run([Wanted(run_id, "app", "f", "f", "event", behaviour, is_cancelled)])


def recorded_server(exchange: Exchange) -> RecordedServer:
    """Return a mock that has what the server of the recording had."""
    is_started = exchange.answer_headers.get("x-inngest-server-kind") == "cloud"
    event_key = exchange.path.split("/")[2] if exchange.path.startswith("/e/") else "key"
    accepted = "other" if exchange.status == 401 else event_key
    token = {name.lower(): text for name, text in exchange.headers.items()}.get("authorization", "")
    token = re.sub(r"^signkey-\w+-", "", token.removeprefix("Bearer "))
    was_accepted = exchange.status != 401 and re.fullmatch("([0-9a-f]{2})+", token)
    clock = [min([moment(each) for each in times_in(exchange.items)], default=EVENING_NS)]
    signing_key = token if was_accepted else "ab" * 32
    shown = [each["key"] for each in exchange.items if exchange.route == "/v2/keys/events"]
    mock = MockServer(
        release=release_of(exchange),
        store="postgresql" if "postgres" in exchange.server else "sqlite",
        v1_routes=bool(ASKED_FOR.fullmatch(exchange.path)) and exchange.received != NOT_FOUND,
        web_ui=bool(exchange.received),
        event_keys=shown or [accepted] if is_started else None,
        signing_key=signing_key if is_started else None,
        caching=is_cache_hit(exchange),
        clock=lambda: clock[0],
    )
    bearer = {"authorization": f"Bearer {signing_key}"} if is_started else {}
    client = httpx.Client(transport=mock.transport, base_url="http://mock", headers=bearer)
    made = RecordedServer(exchange, mock, accepted if is_started else "key", client, clock)
    for prepare in preparations_of(exchange) or [_named_run]:
        prepare(made)
    if isinstance(exchange.received, dict):
        metadata = exchange.received.get("metadata") or {}
        fetched = metadata.get("fetchedAt") or metadata.get("fetched_at")
        if fetched:
            made.at(moment(fetched))
    return made


def preparations_of(exchange: Exchange) -> list[Callable[[RecordedServer], None]]:
    """Return how to give a mock what a recording is about, where a run in its path is not all."""
    asked = f"{exchange.method} {exchange.route}"
    return [each for pattern, each in PREPARATIONS.items() if re.fullmatch(pattern, asked)]


def release_of(exchange: Exchange) -> str:
    """Return the release of the recording's server; where none is stated, one that fits."""
    if exchange.release is not None:
        return exchange.release
    return "1.25" if exchange.is_web_ui and exchange.path.startswith("/v2/") else UNSTATED


def is_cache_hit(exchange: Exchange) -> bool:
    """Return whether v1 responded from its cache: as text."""
    kind = exchange.answer_headers.get("content-type", "")
    return (
        exchange.path.startswith("/v1/") and kind.startswith("text/plain") and bool(exchange.items)
    )


def times_in(items: list[Item]) -> Iterator[str]:
    """Return when the runs and events of a response came into being."""
    for item in items:
        for name in ("queuedAt", "run_started_at", "received_at"):
            if name in item:
                yield item[name]


def _runs(made: RecordedServer) -> None:
    exchange = made.exchange
    items = [item for item in exchange.items if is_run(item)]
    listed = isinstance(exchange.data, list)
    wanted: dict[str, Wanted] = {}
    for item in items if exchange.path.startswith("/v1/") else reversed(items):
        each = Wanted.of(item, listed=listed)
        if each.id in wanted:  # listed twice: its request went on after it had been cancelled
            each.behaviour = works(REQUEST, completes(item.get("output")))
        wanted[each.id] = each
        # A second run of a function for one event is a rerun, which v2 does not report as such.
        of_one = (it for it in wanted.values() if it.is_of(each) and not each.is_batch)
        first = next(of_one, each)
        if first is not each and each.original is None:
            each.original = first.id
    runs = list(wanted.values())
    page = exchange.received.get("page") or {} if isinstance(exchange.received, dict) else {}
    if runs and page.get("hasMore"):
        runs.insert(0, _copy(runs[0], "older"))
    if runs and "cursor" in exchange.query:
        runs.append(_copy(runs[-1], "newer"))
    made.run(runs)
    if runs and "cursor" in exchange.query:
        query = {**exchange.query, "limit": "1"}
        del query["cursor"]
        page = made.client.get(exchange.path, params=query).json()["page"]
        made.ids[exchange.query["cursor"]] = page["cursor"]


def _copy(wanted: Wanted, name: str) -> Wanted:
    return replace(wanted, id=name, event=name)


def _events(made: RecordedServer) -> None:
    exchange = made.exchange
    items = [item for item in exchange.items if "received_at" in item]
    for item in reversed(items):
        made.at(moment(item["received_at"]))
        event: Item = {key: item[key] for key in ("name", "data", "user", "v", "ts") if key in item}
        if item["id"] != item["internal_id"]:
            event["id"] = item["id"]
        if item["name"].startswith("inngest/"):
            answer = made.client.post("/invoke/app-f", json={"data": item["data"]})
            made.ids[item["internal_id"]] = answer.json()["id"]
        else:
            made.ids[item["internal_id"]] = made.send(event)
    if items and "cursor" in exchange.query:
        made.ids[exchange.query["cursor"]] = made.send({"name": items[0]["name"]})


def _jobs(made: RecordedServer) -> None:
    if not isinstance(made.exchange.data, list):
        return
    behaviours: dict[str, Behaviour] = {
        "none": completes(),
        "start": retries("again", after=LONG),
        "pause": waits_for("signal"),
    }
    jobs = made.exchange.data
    made.run_of_path(behaviours.get(jobs[0]["kind"] if jobs else "none", sleeps(LONG)))


def _trace(made: RecordedServer) -> None:
    if not made.exchange.items:
        return
    status = made.exchange.data["rootSpan"]["status"]
    ends: dict[str, Behaviour] = {"COMPLETED": completes({"ok": True}), "FAILED": fails("boom")}
    made.run_of_path(ends.get(status, sleeps(LONG)), is_cancelled=status == "CANCELLED")


def _action(made: RecordedServer) -> None:
    exchange, code = made.exchange, made.exchange.code
    # v1 does not find the runs of PostgreSQL.
    is_hidden = exchange.method == "DELETE" and exchange.status == 404
    is_rerun = exchange.status == 200 and "rerun" in exchange.path
    if code == "internal_error":  # one of the reasons why a run cannot be run again
        made.mock.function("app", "f", trigger="stage", singleton="skip", run=sleeps(LONG))
        made.send({"name": "stage"})
        made.ids.update(dict.fromkeys(ULID.findall(exchange.path), made.mock.runs[-1].id))
    elif is_rerun or code in ("run_already_ended", "invalid_request"):
        made.run_of_path(completes())
    elif exchange.status in (200, 409) or (is_hidden and "postgres" in exchange.server):
        made.run_of_path(sleeps(LONG), is_cancelled=code == "run_already_cancelled")


def _apps(made: RecordedServer) -> None:
    for item in made.exchange.items:
        for number in range(item.get("functionCount", 0)):
            made.register(item["id"], f"f{number}")


def _functions(made: RecordedServer) -> None:
    for item in made.exchange.items:
        app = item["app"]["id"] if "app" in item else made.exchange.path.split("/")[3]
        triggers = [each["value"] for each in item.get("triggers", []) if each["type"] == "EVENT"]
        made.register(app, item["id"].removeprefix(f"{app}-"), name=item["name"], trigger=triggers)
    if isinstance(made.exchange.received, dict) and "hasMore" in str(made.exchange.received):
        made.register(made.exchange.route.split("/")[3], "one-more")


LIMITS: dict[str | None, dict[str, Any]] = {
    "function_debounced": {"debounce": LONG},
    "rate_limited": {"rate_limit": (1, LONG)},
}
"""What a function has whose invocation was refused, by the code of the refusal."""


def _invoke(made: RecordedServer) -> None:
    if made.exchange.status not in (200, 400, 409, 422):
        return
    _, _, _, app, _, function, _ = made.exchange.route.split("/")
    made.register(app, function, **LIMITS.get(made.exchange.code, {}))
    if made.exchange.status in (409, 422):
        made.client.post(made.exchange.path, json=made.exchange.sent)


def _cancellation(made: RecordedServer) -> None:
    if made.exchange.status == 500:
        app, slug = made.exchange.sent["app_id"], made.exchange.sent["function_id"]
        made.register(app, slug.removeprefix(f"{app}-"))


def _named_run(made: RecordedServer) -> None:
    """Make the run happen that the path names, if the server had it."""
    if made.exchange.status < 300 and "/runs/" in made.exchange.route:
        made.run_of_path(sleeps(LONG))


def _signal(made: RecordedServer) -> None:
    if made.exchange.status == 200:
        made.mock.function("app", "f", trigger="wait", run=waits_for(made.exchange.sent["signal"]))
        made.send({"name": "wait"})


PREPARATIONS: dict[str, Callable[[RecordedServer], None]] = {
    r"GET /v[12]/(runs|apps/[^/]+/functions/[^/]+/runs|(runs|events)/[^/]+(/runs)?)": _runs,
    r"GET /v1/events(/[^/]+)?": _events,
    r"GET /v1/runs/[^/]+/jobs": _jobs,
    r"GET /v2/runs/[^/]+/trace": _trace,
    r"(DELETE /v1/runs/[^/]+|POST /v2/runs/[^/]+/(cancel|rerun))": _action,
    r"GET /v2/apps(/[^/]+)?": _apps,
    r"GET /v[12]/apps/[^/]+/functions(/[^/]+)?": _functions,
    r"POST /v2/apps/[^/]+/functions/[^/]+/invoke": _invoke,
    r"POST /v1/cancellations": _cancellation,
    r"POST /v1/signals": _signal,
}
"""How to give a mock what a recording's response is about, by method and path.

What only needs the run that its path names needs no row.
"""
