"""What servers of 1.45 answer, as it was read: no such server could be recorded.

Each answer names its evidence. The mock answers so, and the document has it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias
from urllib.parse import parse_qsl

import httpx
import pytest

from inngest_rest import InngestClient, NotFoundError, ServerError
from inngest_rest.calls import commands
from inngest_rest_api import Client
from inngest_rest_api.api.v2 import list_runs_v2
from inngest_rest_api.models import V2Errors
from inngest_rest_mock import MockRequest, MockServer, answers, completes
from inngest_rest_tools.parameters import read
from inngest_rest_tools.running import Invocation
from tests.operations.cases import CASES, World

from .document import Document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCUMENT = Document.load()
BY_COMMAND = {row.command: row for row in commands()}
UNKNOWN = "01HZZZZZZZZZZZZZZZZZZZZZZZ"

Evidence: TypeAlias = Literal["source", "test", "pull request", "inferred"]
"""The vendor's source of 1.45, his own test of it, the text of his pull request; or what follows
from these."""


class ReadAnswer(NamedTuple):
    """A request, and what 1.45 answers to it."""

    request: str
    status: int
    says: str | None
    evidence: Evidence
    sent: Any = None


def v1(path: str, status: int, says: str, evidence: Evidence = "test") -> ReadAnswer:
    return ReadAnswer(f"GET /v1/{path}", status, says, evidence)


def strict(request: str, says: str, evidence: Evidence = "source", sent: Any = None) -> ReadAnswer:
    return ReadAnswer(request, 400, says, evidence, sent)


NO_RUN = f"Unable to load function run: {UNKNOWN}"
MAPPED = "is mapped to the request body or path and cannot be set in the query string"
NO_BODY = "request body is not allowed for this HTTP binding"

READ: dict[str, ReadAnswer] = {
    "v1: an unknown run": v1(f"runs/{UNKNOWN}", 500, NO_RUN),
    "v1: jobs of an unknown run": v1(f"runs/{UNKNOWN}/jobs", 500, NO_RUN),
    "v1: an unknown event": v1(f"events/{UNKNOWN}", 404, "Event not found"),
    "v1: runs of an unknown event": ReadAnswer(
        f"GET /v1/events/{UNKNOWN}/runs", 200, None, "source"
    ),
    "v1: functions of an unknown app": ReadAnswer(
        "GET /v1/apps/nope/functions", 200, None, "source"
    ),
    "v1: a malformed run": v1("runs/x", 400, "Invalid run ID: x"),
    "v1: a malformed event": v1("events/x", 400, "Invalid event ID: x"),
    "v1: a malformed cursor": v1("events?cursor=x", 400, "Invalid cursor query parameter"),
    "v1: a malformed time": v1(
        "events?received_before=x", 400, "Invalid received_after query parameter"
    ),
    "v1: cancellations, which panic": ReadAnswer("GET /v1/cancellations", 500, None, "inferred"),
    "v2: an unknown parameter": strict("GET /v2/runs?x=1", 'unknown query parameter "x"'),
    "v2: a parameter where there is none": strict(
        "GET /v2/health?_=1", 'unknown query parameter "_"'
    ),
    "v2: an unknown parameter with a dot": strict(
        "GET /v2/runs?a.b=1", 'unknown query parameter "a.b"', "inferred"
    ),
    "v2: a field of the path as parameter": ReadAnswer(
        f"GET /v2/runs/{UNKNOWN}?runId=1", 400, f'query parameter "runId" {MAPPED}', "source"
    ),
    "v2: a field of the body as parameter": ReadAnswer(
        f"POST /v2/runs/{UNKNOWN}/rerun?fromStep.stepId=1",
        400,
        f'query parameter "fromStep.stepId" {MAPPED}',
        "source",
    ),
    "v2: both spellings are known": ReadAnswer(
        "GET /v2/runs?include_output=true&includeOutput=true", 200, None, "source"
    ),
    "v2: a body of a GET": strict("GET /v2/health", NO_BODY, "test", {"x": 1}),
    "v2: an unknown field of a body": ReadAnswer(
        f"POST /v2/runs/{UNKNOWN}/cancel",
        400,
        'Unexpected request body field "x"',
        "pull request",
        {"x": 1},
    ),
    "v2: an empty object where no field is known": ReadAnswer(
        f"POST /v2/runs/{UNKNOWN}/cancel", 404, "Run not found", "source", {}
    ),
    "v2: a status of runs that were skipped": ReadAnswer(
        "GET /v2/runs?status=SKIPPED", 200, None, "test"
    ),
    "v2: a status that a self-hosted server cannot filter by": ReadAnswer(
        "GET /v2/runs?status=PAUSED",
        501,
        "Filtering runs by PAUSED status is not implemented",
        "source",
    ),
    "v2: a status that is never asked for": ReadAnswer(
        "GET /v2/runs?status=UNKNOWN", 400, "Status is invalid", "source"
    ),
    "v2: an expression": ReadAnswer("GET /v2/runs?query=event.name == %22a%22", 200, None, "test"),
    "v2: no expression": ReadAnswer("GET /v2/runs?query=", 200, None, "source"),
    "v2: an expression that is none": ReadAnswer(
        "GET /v2/runs?query=(", 422, "Query expression is invalid", "source"
    ),
    "v2: an expression that is too long": ReadAnswer(
        f"GET /v2/runs?query={'%C3%A9' * 1025}", 422, "Query cannot exceed 2048 bytes", "test"
    ),
    "v2: more of a run": ReadAnswer("GET /v2/runs?include=deferred_from", 200, None, "source"),
    "v2: more than there is": ReadAnswer(
        "GET /v2/runs?include=x", 400, 'unsupported include value "x"', "source"
    ),
    "the release": ReadAnswer("GET /dev", 200, None, "source"),
}


def shop(release: str, **settings: Any) -> MockServer:
    mock = MockServer(release=release, **settings)
    mock.function("shop", "charge", trigger="order", run=completes({"paid": True}))
    return mock


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(transport=shop("1.45").transport, base_url="http://mock") as client:
        yield client


def ask(http: httpx.Client, read: ReadAnswer) -> httpx.Response:
    method, _, path = read.request.partition(" ")
    content = None if read.sent is None else json.dumps(read.sent)
    return http.request(method, path, content=content)


@pytest.mark.parametrize("name", READ)
def test_the_mock_answers_as_1_45_was_read_and_the_document_has_it(
    http: httpx.Client, name: str
) -> None:
    read = READ[name]
    answer = ask(http, read)
    assert answer.status_code == read.status
    if read.says is not None:
        body = answer.json()
        error = body if "error" in body else body["errors"][0]
        assert error.get("error", error.get("message")) == read.says
        assert error.get("status", read.status) == read.status
    method, _, path = read.request.partition(" ")
    operation = DOCUMENT.match(method, path.partition("?")[0])
    assert operation is not None
    assert operation.content(read.status) is not None, "the document lacks the status"


def test_runs_in_lists_have_more_fields(http: httpx.Client) -> None:
    (event_id,) = http.post("/e/k", json={"name": "order"}).json()["ids"]
    (run,) = http.get("/v2/runs").json()["data"]
    assert run["function"] == {"id": "charge", "name": "charge", "slug": "shop-charge"}
    assert run["isDeferred"] is False
    assert http.get(f"/v2/events/{event_id}/runs").json()["data"] == [run]
    single = http.get(f"/v2/runs/{run['id']}").json()["data"]
    assert ("isDeferred" in single, "slug" in single["function"]) == (False, False)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('event.name == "order"', 1),
        ("event.data.n >= 2 && event.data.n < 3", 1),
        ("event.data.n == 2\noutput.paid == true", 1),
        ("event.data.missing != 1", 0),
        ('event.data.n > "a"', 0),
        ("output.paid != true", 0),
        ("error.message == 'x'", 0),
    ],
)
def test_the_mock_lists_runs_by_simple_expressions(
    http: httpx.Client, query: str, found: int
) -> None:
    http.post("/e/k", json={"name": "order", "data": {"n": 2}})
    http.post("/e/k", json={"name": "order", "id": "own", "data": {"n": 2}})
    expected = 2 if query.startswith("output.paid ==") else found
    runs = http.get("/v2/runs", params={"query": query}).json().get("data", [])
    assert len(runs) == expected


def test_a_dev_server_alone_states_its_release() -> None:
    for mock, status in ((shop("1.45"), 200), (shop("1.45", signing_key="ab" * 32), 404)):
        with httpx.Client(transport=mock.transport, base_url="http://mock") as http:
            assert http.get("/dev").status_code == status


def test_an_unknown_run_of_v1_is_not_found_and_asked_once() -> None:
    for release in ("1.43", "1.45"):
        mock = shop(release)
        with InngestClient(dev=True, api_version="v1", transport=mock.transport) as client:
            for call in (client.runs.get, client.runs.jobs):
                with pytest.raises(NotFoundError):
                    call(UNKNOWN)
        asked = [each.operation for each in mock.requests]
        assert (asked.count("get_run_v1"), asked.count("list_run_jobs_v1")) == (1, 1), release


def test_another_failure_of_v1_stays_one_and_is_asked_again() -> None:
    mock = shop("1.45")
    words = f"Unable to load function run: {'0' * 26}"
    mock.fault(answers(500, {"error": words, "data": None, "status": 500}), times=None)
    with (
        InngestClient(dev=True, api_version="v1", retries=1, transport=mock.transport) as client,
        pytest.raises(ServerError),
    ):
        client.runs.jobs(UNKNOWN)
    assert len(mock.requests) == 2


def test_an_empty_page_with_a_cursor_goes_on() -> None:
    """Inngest Cloud sends one where it has looked at much and found nothing yet."""
    mock = shop("1.45")
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send([{"name": "order"}, {"name": "order"}])
        ours = client.runs.list(limit=1).page().next_cursor
        cursor = str(ours).rpartition(":")[2]
        empty = {"metadata": {"fetchedAt": "2026-11-27T17:20:10Z"}}
        page = {"cursor": cursor, "hasMore": True}
        mock.fault(answers(200, {**empty, "page": page}), operation="list_runs_v2")
        assert [run.id for run in client.runs.list()] == [mock.runs[0].id]


@pytest.mark.parametrize("command", CASES)
def test_no_call_sends_what_some_release_does_not_know(command: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    row = BY_COMMAND[command]
    values = read(row, CASES[command](world))
    assert Invocation(row=row, client=world.client, values=values, is_confirmed=True).run().ok
    assert [fault for request in world.mock.requests for fault in unknown_parts(request)] == []


def unknown_parts(request: MockRequest) -> Iterator[str]:
    """Return what a request has that the document lacks, or that only some releases know."""
    operation = DOCUMENT.match(request.method, request.path)
    assert operation is not None, request.path
    known = {each["name"] for each in operation.parameters if "x-since" not in each}
    if operation.tag == "v1":
        known.add("_")  # another key of the cache; v1 ignores what it does not know
    yield from {name for name, _ in parse_qsl(request.query, keep_blank_values=True)} - known
    schema = operation.schema_of_body()
    if schema is None:
        yield from ["a body"] if request.body else []
    elif request.body:
        yield from DOCUMENT.faults(schema, json.loads(request.body))


def test_each_operation_of_v2_documents_what_is_refused() -> None:
    for operation in DOCUMENT.operations:
        if operation.tag == "v2":
            # A handler of its own, which ignores what it does not know.
            is_of_gateway = operation.id != "listOperationsV2"
            assert (operation.content(400) is not None) is is_of_gateway, operation.id


def test_what_a_server_refuses_of_the_generated_client_is_named() -> None:
    """Its own parameters are documented; others are added by `httpx_args` alone."""
    with shop("1.45").serve() as url, Client(base_url=url, httpx_args={"params": {"x": 1}}) as raw:
        refused = list_runs_v2.sync(client=raw, limit=1)
    assert isinstance(refused, V2Errors)
    assert [(each.code, each.message) for each in refused.errors] == [
        ("invalid_request", 'unknown query parameter "x"')
    ]
