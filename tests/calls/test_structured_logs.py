"""Log records: what structured logging reads of a request, beside the message."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import TransportError
from tests.calls.test_keys import FIRST, RUN, RUN_ID
from tests.support.server import Reply, Server, accepts_all, recorded

if TYPE_CHECKING:
    from tests.conftest import Connect

KEY = "event-key-12345678"
FIELDS = ("method", "route", "status", "run_id", "event_id", "attempt", "error")


def fields(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [
        {name: vars(record)[name] for name in FIELDS if name in vars(record)}
        for record in caplog.records
    ]


def test_a_request_has_its_route_status_duration_and_ids(
    connect: Connect, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "inngest_rest")
    server.on(f"GET {RUN}", Reply(503), recorded("v2-run-ok"))
    connect().runs.get(RUN_ID)
    request = {"method": "GET", "route": "/v2/runs/{run_id}"}
    assert fields(caplog) == [
        {**request, "run_id": RUN_ID, "status": 503},
        {**request, "attempt": 1},
        {**request, "run_id": RUN_ID, "status": 200},
    ]
    assert all(vars(caplog.records[place])["duration_ms"] >= 0 for place in (0, 2))


def test_a_request_that_fails_has_the_class_of_its_error(
    connect: Connect, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "inngest_rest")
    server.on("GET /v1/events/01E", httpx.ConnectError("refused"))
    with pytest.raises(TransportError):
        connect(retries=0).events.get("01E")
    assert fields(caplog) == [
        {
            "method": "GET",
            "route": "/v1/events/{event_id}",
            "event_id": "01E",
            "error": "TransportError",
        }
    ]


def test_no_field_of_a_record_has_a_key(
    connect: Connect, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "inngest_rest")
    server.on(f"POST /e/{KEY}", Reply(503), accepts_all)
    connect(event_key=KEY, signing_key=FIRST).send({"name": "a"})
    assert len(caplog.records) == 3
    assert all(KEY not in str(vars(record)) for record in caplog.records)
    assert fields(caplog)[0]["route"] == "/e/{event_key}"
