"""OpenTelemetry: one client span per call, with the attributes of its HTTP conventions."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from opentelemetry import context, trace
from opentelemetry.trace import SpanKind, StatusCode

from inngest_rest import (
    AsyncInngestClient,
    InngestClient,
    NotFoundError,
    ServerError,
    TransportError,
    WaitTimeoutError,
    __version__,
)
from inngest_rest_mock import MockServer, completes, sleeps
from tests.calls.test_keys import FIRST, HASHES, RUN, RUN_ID, SECOND, only
from tests.support.capabilities import rows
from tests.support.server import Reply, Server, accepts_all, recorded, says, text
from tests.support.spans import Spans

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest import InngestClient
    from tests.conftest import Connect

KEY = "event-key-12345678"
HEALTH = "GET /health"
UP = says({"status": 200, "message": "OK"})
EVENTS = f"POST /e/{KEY}"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    spans = Spans()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: spans)
    return spans


@pytest.fixture
def client(connect: Connect, server: Server) -> InngestClient:
    server.on(HEALTH, UP)
    server.on(f"GET {RUN}", recorded("v2-run-ok"))
    server.on(EVENTS, accepts_all)
    return connect(dev="http://localhost:8288", event_key=KEY)


def test_a_call_is_a_client_span_with_the_attributes_of_the_conventions(
    client: InngestClient, spans: Spans
) -> None:
    client.runs.get(RUN_ID)
    [span] = spans.all
    assert (span.name, span.kind, span.ended) == ("GET /v2/runs/{run_id}", SpanKind.CLIENT, 1)
    assert span.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "localhost",
        "server.port": 8288,
        "url.full": f"http://localhost:8288/v2/runs/{RUN_ID}",
        "url.template": "/v2/runs/{run_id}",
    }
    assert span.status is None
    assert spans.scope == ("inngest_rest", __version__)


def test_a_span_contains_no_key(connect: Connect, server: Server, spans: Spans) -> None:
    server.on(EVENTS, Reply(404, f"no {KEY}".encode()))
    client = connect(dev=False, event_key=KEY, signing_key=FIRST)
    with pytest.raises(Exception, match="404"):
        client.send({"name": "a"})
    [span] = spans.all
    assert span.attributes["url.full"] == "https://inn.gs/e/***"
    assert span.attributes["server.port"] == 443
    assert KEY not in repr(vars(span))


def test_a_retry_is_counted_on_the_one_span_of_its_call(
    client: InngestClient, server: Server, spans: Spans
) -> None:
    server.on(HEALTH, Reply(503), Reply(503), UP)
    client.health()
    [span] = spans.all
    assert span.attributes["http.request.resend_count"] == 2
    assert span.attributes["http.response.status_code"] == 200
    assert "error.type" not in span.attributes


def test_a_second_key_is_counted_as_a_resend(
    connect: Connect, server: Server, spans: Spans
) -> None:
    server.on(f"GET {RUN}", only(HASHES[1], "v2-run-ok"))
    client = connect(dev=False, signing_key=FIRST, signing_key_fallback=SECOND, api_version="v2")
    client.runs.get(RUN_ID)
    assert [each.attributes.get("http.request.resend_count") for each in spans.all] == [1]


def test_each_route_that_is_tried_has_a_span(
    connect: Connect, server: Server, spans: Spans
) -> None:
    server.on("GET /v2/apps", text(404, "404 page not found"))
    server.on("GET /v1/apps", says({"data": [], "metadata": {}}))
    connect().apps.list().page()
    assert [(each.name, each.attributes["http.response.status_code"]) for each in spans.all] == [
        ("GET /v2/apps", 404),
        ("GET /v1/apps", 200),
    ]


@pytest.mark.parametrize(
    ("answer", "kind", "error_type", "status"),
    [
        (says({"error": "no"}, status=404), NotFoundError, "404", 404),
        (Reply(500), ServerError, "500", 500),
        # Which v1 hides under HTTP 200.
        (recorded("v1-event-unknown"), NotFoundError, "404", 200),
        (
            httpx.ConnectError("refused"),
            TransportError,
            "inngest_rest.errors.TransportError",
            None,
        ),
    ],
    ids=["404", "500", "hidden 404", "refused"],
)
def test_a_call_that_fails_has_the_type_of_its_error(
    client: InngestClient,
    server: Server,
    spans: Spans,
    answer: Any,
    kind: type[Exception],
    error_type: str,
    status: int | None,
) -> None:
    server.on("GET /v1/events/01", answer)
    with pytest.raises(kind) as caught:
        client.with_options(retries=0).events.get("01")
    [span] = spans.all
    assert span.attributes["error.type"] == error_type
    assert span.attributes.get("http.response.status_code") == status
    assert span.status == (StatusCode.ERROR, str(caught.value))
    assert span.ended == 1


def test_a_bug_ends_the_span_without_its_message(
    client: InngestClient, server: Server, spans: Spans
) -> None:
    server.on(HEALTH, ZeroDivisionError(KEY))
    with pytest.raises(ZeroDivisionError):
        client.health()
    [span] = spans.all
    assert span.ended == 1
    assert span.status == (StatusCode.ERROR, None)


def test_a_cancelled_call_ends_its_span(spans: Spans) -> None:
    class Hangs(httpx.AsyncBaseTransport):
        async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise NotImplementedError

    async def main() -> None:
        async with AsyncInngestClient(dev=True, transport=Hangs()) as client:
            task = asyncio.create_task(client.health())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    [span] = spans.all
    assert (span.attributes["error.type"], span.ended) == ("cancelled", 1)


@pytest.mark.parametrize("in_flight", [1, 4])
def test_spans_are_children_of_the_current_one_in_threads_and_tasks_too(
    client: InngestClient, spans: Spans, in_flight: int
) -> None:
    parent = spans.start_span("parent")
    with trace.use_span(parent):
        client.health()
        client.send_many([{"name": "a"}] * 8, batch_size=1, in_flight=in_flight)
    health, sending, *calls = spans.all[1:]
    assert (health.parent, sending.parent) == (parent, parent)
    assert len(calls) == 8
    assert all(each.parent is sending for each in calls)


def test_instrumentations_of_httpx_are_told_to_be_quiet_during_a_call(
    client: InngestClient, server: Server, spans: Spans
) -> None:
    seen: list[object] = []

    def answer(_: httpx.Request) -> Reply:
        seen.append(context.get_value("suppress_instrumentation"))
        return UP

    server.on(HEALTH, answer)
    client.health()
    assert seen == [True]
    assert context.get_value("suppress_instrumentation") is None
    assert len(spans.all) == 1


def test_spans_are_made_by_a_provider_without_a_hash_too(
    client: InngestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OfADataclass(Spans):
        __hash__ = None  # type: ignore[assignment]

    spans = OfADataclass()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: spans)
    client.health()
    assert [span.name for span in spans.all] == [HEALTH]


def test_nothing_is_recorded_where_the_program_does_not_sample(
    client: InngestClient, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "get_tracer_provider", trace.NoOpTracerProvider)
    client.health()
    assert spans.all == []


def test_nothing_is_recorded_or_set_where_the_program_has_not_imported_opentelemetry(
    client: InngestClient, server: Server, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    def answer(_: httpx.Request) -> Reply:
        seen.append(context.get_value("suppress_instrumentation"))
        return UP

    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    server.on(HEALTH, answer)
    client.health()
    assert seen == [None]
    assert spans.all == []
    assert "opentelemetry.trace" not in sys.modules


def test_a_program_that_does_not_trace_never_loads_opentelemetry() -> None:
    script = """
import sys, httpx
from inngest_rest import InngestClient
up = {"status": 200, "message": "OK"}
transport = httpx.MockTransport(lambda _: httpx.Response(200, json=up))
with InngestClient(dev=True, transport=transport) as client:
    client.health()
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def with_runs(connect: Connect, spans: Spans, count: int) -> tuple[InngestClient, list[str]]:
    """Return a client, and the ids of runs that have ended, the oldest first."""
    mock = MockServer()
    mock.function("shop", "charge", trigger="order/placed", run=completes({}))
    client = connect(transport=mock.transport)
    client.send([{"name": "order/placed"} for _ in range(count)])
    mock.advance(60)
    spans.all.clear()
    return client, sorted(run.id for run in mock.runs)


def test_an_operation_is_one_span_above_those_of_its_calls(connect: Connect, spans: Spans) -> None:
    mock = MockServer()
    mock.function("shop", "charge", trigger="order/placed", run=completes({}))
    mock.function("shop", "mail", trigger="order/placed", run=completes({}))
    client = connect(transport=mock.transport)
    outer = spans.start_span("outer")
    with trace.use_span(outer):
        found = client.send_and_wait({"name": "order/placed"}, 60)
    own, *calls = spans.all[1:]
    assert (own.name, own.parent, own.ended) == ("inngest.send_and_wait", outer, 1)
    assert own.kind is SpanKind.INTERNAL
    assert own.attributes == {
        "inngest.event.id": found[0].event_ids[0],
        "inngest.run.count": 2,
        "inngest.run.ids": [run.id for run in found],
    }
    assert len(calls) > 2
    assert all(each.parent is own for each in calls)
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_the_span_of_an_operation_has_the_id_that_it_is_about(
    connect: Connect, spans: Spans
) -> None:
    client, (id,) = with_runs(connect, spans, 1)
    client.runs.wait(id, 60)
    assert spans.all[0].name == "inngest.runs.wait"
    assert spans.all[0].attributes == {"inngest.run.id": id, "inngest.run.status": "completed"}


def test_an_operation_that_fails_ends_its_span_with_the_error(
    connect: Connect, spans: Spans
) -> None:
    mock = MockServer()
    mock.function("shop", "sleep", trigger="order/placed", run=sleeps(timedelta(days=1)))
    client = connect(transport=mock.transport)
    with pytest.raises(WaitTimeoutError) as caught:
        client.send_and_wait({"name": "order/placed"}, 5)
    own = spans.all[0]
    assert own.attributes["error.type"] == "inngest_rest.errors.WaitTimeoutError"
    assert own.attributes["inngest.event.id"] == caught.value.event_id
    assert own.attributes["inngest.run.count"] == 1
    assert (own.ended, own.status) == (1, (StatusCode.ERROR, str(caught.value)))
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_the_calls_of_an_operation_in_threads_and_tasks_are_below_its_span(
    connect: Connect, spans: Spans
) -> None:
    mock = MockServer()
    for name in ("charge", "ship", "mail", "refund"):
        mock.function("shop", name, trigger="order/placed")
    client = connect(transport=mock.transport)
    assert len(list(client.functions.list("shop", runs=True))) == 4
    own, *calls = spans.all
    assert own.name == "inngest.functions.list"
    assert len(calls) == 5
    assert all(each.parent is own for each in calls)


def test_an_iteration_is_one_span_that_is_current_only_while_requests_are_sent(
    connect: Connect, spans: Spans
) -> None:
    client, ids = with_runs(connect, spans, 3)
    with client.runs.wait_many(ids, 60) as ended:
        for _ in ended:
            assert trace.get_current_span() is trace.INVALID_SPAN
    own, *calls = spans.all
    assert (own.name, own.ended) == ("inngest.runs.wait_many", 1)
    assert own.attributes["inngest.item.count"] == 3
    assert sorted(own.attributes["inngest.run.ids"]) == sorted(ids)
    assert len(calls) == 3
    assert all(each.parent is own for each in calls)


def test_the_span_of_an_iteration_ends_when_its_loop_is_left(
    connect: Connect, spans: Spans
) -> None:
    client, ids = with_runs(connect, spans, 3)
    for _ in client.runs.wait_many(ids, 60):
        break
    assert (spans.all[0].ended, spans.all[0].attributes["inngest.item.count"]) == (1, 1)


def test_the_pages_of_a_listing_are_below_one_span(connect: Connect, spans: Spans) -> None:
    client, ids = with_runs(connect, spans, 5)
    assert len(list(client.runs.list(page_size=2))) == 5
    own, *calls = spans.all
    assert (own.name, own.ended) == ("inngest.runs.list", 1)
    assert own.attributes == {"inngest.item.count": 5, "inngest.run.ids": ids[::-1]}
    assert len(calls) == 3
    assert all(each.parent is own for each in calls)


def test_an_act_on_many_is_one_span_with_its_counts(connect: Connect, spans: Spans) -> None:
    client, _ = with_runs(connect, spans, 2)
    client.send_many([{"name": "order/placed"}, {"nmae": "order/placed"}])
    own, *calls = spans.all
    sent = {"inngest.event.accepted": 1, "inngest.event.rejected": 1, "inngest.event.unknown": 0}
    assert (own.name, own.attributes, own.ended) == ("inngest.send_many", sent, 1)
    assert all(each.parent is own for each in calls)


@pytest.mark.parametrize("name", rows("SPANS"))
def test_a_call_of_a_capability_is_one_span_with_its_counts(
    connect: Connect, spans: Spans, tmp_path: Path, name: str
) -> None:
    client, ids = with_runs(connect, spans, 2)
    call, counts = rows("SPANS")[name]
    call(client, ids, tmp_path)
    own, *calls = spans.all
    assert (own.name, own.ended) == (f"inngest.{name}", 1)
    assert {key: own.attributes[key] for key in counts} == counts
    assert own.attributes.get("inngest.run.ids", ids) in (ids, ids[::-1])
    assert all(each.parent is own for each in calls)
