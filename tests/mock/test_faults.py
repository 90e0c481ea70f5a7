"""Scripted faults strike the requests they are for, and only those."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest_mock import (
    MockServer,
    answers,
    delays,
    drops,
    loses_response,
    takes_effect_late,
)

if TYPE_CHECKING:
    from .shapes import Serve

EVENT = {"name": "app/ok"}


def test_answer_replaces_the_next_request_only(client: httpx.Client, mock: MockServer) -> None:
    fault = mock.fault(answers(429, {"error": "slow down"}, headers={"Retry-After": "7"}))
    first, second = (client.post("/e/k", json=EVENT) for _ in range(2))
    assert (first.status_code, first.json()) == (429, {"error": "slow down"})
    assert (first.headers["retry-after"], first.headers["content-type"]) == (
        "7",
        "application/json",
    )
    assert "x-inngest-server-kind" not in first.headers, "as from a proxy in between"
    assert second.status_code == 200
    assert len(mock.events) == 1
    assert (fault.hits, fault.remaining) == (1, 0)


@pytest.mark.parametrize(
    ("body", "content", "content_type"),
    [
        (b"\x00", b"\x00", None),
        ("x", b"x", "text/plain; charset=utf-8"),
        ([], b"[]", "application/json"),
    ],
)
def test_answer_has_the_content_type_of_its_body(
    client: httpx.Client, mock: MockServer, body: object, content: bytes, content_type: str | None
) -> None:
    mock.fault(answers(502, body))
    mock.fault(answers(502, body, headers={"CONTENT-TYPE": "text/html"}))
    plain, given = client.get("/health"), client.get("/health")
    assert (plain.content, plain.headers.get("content-type")) == (content, content_type)
    assert given.headers["content-type"] == "text/html"


@pytest.mark.parametrize("status", [204, 304])
def test_answer_that_never_has_a_body_has_none(
    client: httpx.Client, mock: MockServer, status: int
) -> None:
    mock.fault(answers(status, {"a": 1}))
    response = client.get("/health")
    assert (response.status_code, response.content) == (status, b"")
    assert "content-length" not in response.headers


def test_faults_are_chosen_by_operation_method_and_path(
    client: httpx.Client, mock: MockServer
) -> None:
    mock.fault(answers(501), operation="list_runs_v1", times=None)
    mock.fault(answers(502), method="delete", times=None)
    mock.fault(answers(503), path="/e/*", times=None)
    got = [
        client.get("/v1/runs").status_code,
        client.get("/v1/apps").status_code,
        client.delete("/v1/runs").status_code,
        client.post("/e/k", json=EVENT).status_code,
        client.post("/v2/events", json=EVENT).status_code,
    ]
    assert got == [501, 200, 502, 503, 200]


def test_fault_counts_its_requests(client: httpx.Client, mock: MockServer) -> None:
    fault = mock.fault(answers(500), times=2, after=1, operation="get_health")
    statuses = [client.get("/health").status_code for _ in range(5)]
    assert statuses == [200, 500, 500, 200, 200]
    assert fault.hits == 2


def test_fault_without_end_is_cleared(client: httpx.Client, mock: MockServer) -> None:
    fault = mock.fault(answers(500), times=None)
    assert [client.get("/health").status_code for _ in range(3)] == [500] * 3
    fault.clear()
    assert client.get("/health").status_code == 200


def test_first_fault_that_matches_strikes(client: httpx.Client, mock: MockServer) -> None:
    for status in (500, 503):
        mock.fault(answers(status))
    assert [client.get("/health").status_code for _ in range(3)] == [500, 503, 200]


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadError, httpx.ConnectTimeout])
def test_dropped_request_is_not_handled(
    client: httpx.Client, mock: MockServer, error: type[httpx.TransportError]
) -> None:
    mock.fault(drops(error))
    with pytest.raises(error) as caught:
        client.post("/e/k", json=EVENT)
    assert caught.value.request.url.path == "/e/k"
    assert len(mock.events) == 0
    assert [(request.operation, request.status) for request in mock.requests] == [
        ("send_events", None)
    ]


def test_lost_response_was_handled(client: httpx.Client, mock: MockServer) -> None:
    mock.fault(loses_response())
    with pytest.raises(httpx.ReadError):
        client.post("/e/k", json=EVENT)
    assert len(mock.events) == 1


@pytest.mark.parametrize(("timeout", "late"), [(5.0, True), (10.0, False), (None, False)])
def test_delay_moves_the_clock_and_outlasts_a_short_timeout(
    client: httpx.Client, mock: MockServer, timeout: float | None, late: bool
) -> None:
    before = mock.now
    mock.fault(delays(timedelta(seconds=10)))
    if late:
        with pytest.raises(httpx.ReadTimeout):
            client.post("/e/k", json=EVENT, timeout=timeout)
    else:
        client.post("/e/k", json=EVENT, timeout=timeout)
    assert mock.now - before == timedelta(seconds=10)
    assert len(mock.events) == 1


def test_late_request_is_refused_now_and_takes_effect_at_its_time(
    client: httpx.Client, mock: MockServer
) -> None:
    fault = mock.fault(takes_effect_late(3), operation="send_events")
    start = mock.now
    assert client.post("/e/k", json=EVENT).status_code == 504
    mock.advance(2.9)
    assert (len(mock.events), len(mock.runs)) == (0, 0)
    mock.advance(1)
    (event,) = mock.events
    assert event.received_at == start + timedelta(seconds=3)
    assert [run.status for run in mock.runs] == ["completed"]
    assert len(mock.requests) == fault.hits == 1


def test_late_requests_take_effect_in_the_order_of_their_times(
    client: httpx.Client, mock: MockServer
) -> None:
    mock.fault(takes_effect_late(2, answers(502)))
    mock.fault(takes_effect_late(1, drops(httpx.ReadTimeout)))
    assert client.post("/e/k", json={"name": "second"}).status_code == 502
    with pytest.raises(httpx.ReadTimeout):
        client.post("/e/k", json={"name": "first"})
    mock.advance(5)
    assert [event.name for event in mock.events] == ["first", "second"]


def test_late_request_answers_with_nothing_but_a_response_or_a_broken_connection() -> None:
    with pytest.raises(TypeError, match="meanwhile must be answers"):
        takes_effect_late(1, delays(1))
    with pytest.raises(ValueError, match="after"):
        takes_effect_late(-1)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"operation": "send_event"}, r"unknown operation 'send_event'.* 'send_events'"),
        ({"operation": "sendEvents"}, r"unknown operation 'sendEvents'.* 'send_events'"),
        ({"method": "POTS"}, r"unknown method 'POTS'.* 'POST'"),
        ({"operation": "send_events", "method": "GET"}, "'send_events' is POST /e/{event_key}"),
        ({"times": 0}, "times must be at least 1"),
        ({"times": -1}, "times must be at least 1"),
        ({"after": -1}, "after must not be negative"),
    ],
)
def test_fault_that_would_never_strike_is_refused(
    mock: MockServer, target: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        mock.fault(answers(500), **target)


def test_fault_on_an_operation_that_the_server_lacks_is_refused() -> None:
    for mock, operation in (
        (MockServer(), "list_runs_v1"),
        (MockServer(release="1.37"), "list_runs_v2"),
        (MockServer(release="1.30"), "cancel_run_v2"),
    ):
        with pytest.raises(ValueError, match=f"does not serve the operation '{operation}'"):
            mock.fault(answers(500), operation=operation)


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("GET", "/v1/runs", {"path": "/v1/*"}),
        ("GET", "/v1/runs", {"path": "*"}),
        ("GET", "/v1/runs", {"path": "/v?/run[rs]"}),
        ("GET", "/v1/runs", {"path": "*/runs", "operation": "list_runs_v1"}),
        ("DELETE", "/v1/runs/01HZ", {"path": "/v1/runs/01*", "method": "delete"}),
        ("GET", "/api/v2/runs", {"path": "/api/v2/runs"}),
        ("GET", "/api/v2/runs", {"path": "/api/*", "operation": "list_runs_v2"}),
        ("HEAD", "/health", {"method": "HEAD"}),
    ],
)
def test_fault_that_can_strike_does(
    client: httpx.Client, mock: MockServer, method: str, path: str, target: dict[str, Any]
) -> None:
    fault = mock.fault(answers(503), **target)
    assert client.request(method, path).status_code == 503
    assert fault.hits == 1


def test_fault_may_replace_the_404_of_a_route_that_the_server_lacks(serve: Serve) -> None:
    mock = MockServer()
    mock.fault(answers(503), path="/v1/runs")
    assert serve(mock).get("/v1/runs").status_code == 503
