"""OpenTelemetry: one client span per request, with the attributes of its HTTP conventions."""

from __future__ import annotations

import asyncio
import subprocess
import sys
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
    __version__,
)
from inngest_rest_mock import MockServer, completes
from tests.calls.test_keys import FIRST, HASHES, RUN, RUN_ID, SECOND, only
from tests.support.server import Reply, Server, accepts_all, recorded, says, text
from tests.support.spans import Spans

if TYPE_CHECKING:
    from collections.abc import Callable

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


def _sends_many(client: InngestClient, _: list[str]) -> None:
    client.send_many([{"name": "a"}] * 8, batch_size=1, in_flight=4)


CALLS: dict[str, Callable[[InngestClient, list[str]], object]] = {
    "runs.replay_all": lambda client, ids: client.runs.replay_all(ids),
    "runs.list": lambda client, _: list(client.runs.list(page_size=1)),
    "runs.wait_many": lambda client, ids: list(client.runs.wait_many(ids, 60)),
    "functions.list": lambda client, _: list(client.functions.list("shop", runs=True)),
    "send_many": _sends_many,
}


@pytest.mark.parametrize("call", CALLS)
def test_all_spans_are_children_of_the_one_that_a_program_opens_in_threads_too(
    connect: Connect, spans: Spans, call: str
) -> None:
    mock = MockServer()
    for name in ("charge", "ship", "mail", "refund"):
        mock.function("shop", name, trigger="order/placed", run=completes({}))
    client = connect(transport=mock.transport)
    client.send({"name": "order/placed"})
    mock.advance(60)
    spans.all.clear()
    with spans.start_as_current_span("nightly") as own:
        CALLS[call](client, sorted(run.id for run in mock.runs))
        client.health()
        assert trace.get_current_span() is own
    calls = spans.all[1:]
    assert len(calls) > 3
    assert {each.kind for each in calls} == {SpanKind.CLIENT}
    assert all(each.parent is own and each.ended for each in calls)
    assert trace.get_current_span() is trace.INVALID_SPAN


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


def test_nothing_is_recorded_where_the_program_does_not_sample(
    client: InngestClient, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "get_tracer_provider", trace.NoOpTracerProvider)
    client.health()
    assert spans.all == []


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
