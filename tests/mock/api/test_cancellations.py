"""Bulk cancellations, which the open-source server cannot store."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from inngest_rest_mock import MockServer
from tests.mock.functions import EVENING_NS, with_functions

if TYPE_CHECKING:
    import httpx

    from tests.mock.shapes import Serve

SLOW = {"app_id": "probe-app", "function_id": "probe-app-slow"}
NOW = "2026-11-24T18:00:00.5Z"


def test_creating_a_cancellation_cancels_the_runs_it_means(
    client: httpx.Client, mock: MockServer
) -> None:
    client.post("/e/k", json=[{"name": "app/slow"}, {"name": "app/wait"}, {"name": "app/ok"}])
    mock.advance(timedelta(minutes=1))
    client.post("/e/k", json={"name": "app/slow"})

    made = client.post("/v1/cancellations", json={**SLOW, "started_before": NOW}).json()["data"]

    assert [run.status for run in mock.runs] == ["cancelled", "running", "completed", "running"]
    assert (made["function_id"], made["started_after"]) == ("probe-app-slow", None)
    assert client.get("/v1/cancellations").json()["data"] == [made]
    deleted = client.delete(f"/v1/cancellations/{made['id']}")
    assert (deleted.status_code, deleted.json()["data"]) == (200, {"ok": True})
    assert client.delete(f"/v1/cancellations/{made['id']}").status_code == 404
    assert client.get("/v1/cancellations").json()["data"] == []


def test_a_server_without_a_store_fails_on_valid_requests_alone(serve: Serve) -> None:
    """As 1.43 does (recordings v1-cancellations, v1-cancellation-create-fullslug)."""
    client = serve(with_functions(MockServer(clock=lambda: EVENING_NS)))
    valid = {**SLOW, "started_before": NOW}
    answers = [
        client.get("/v1/cancellations"),
        client.post("/v1/cancellations", json=valid),
        client.delete("/v1/cancellations/01HZZZZZZZZZZZZZZZZZZZZZZZ"),
        client.post("/v1/cancellations", json={**valid, "function_id": "unknown"}),
        client.post("/v1/cancellations", json={}),
        client.delete("/v1/cancellations/nope"),
    ]
    assert [answer.status_code for answer in answers] == [500, 500, 500, 404, 400, 400]
    assert [answer.content for answer in answers[:3]] == [b"", b"", b""]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"started_after": "2026-11-24T18:00:00Z"}, "running"),
        ({"started_after": "2026-11-24T17:59:59Z"}, "cancelled"),
        ({"if": "event.data.x == 1"}, "running"),
    ],
)
def test_cancellation_spares_what_it_does_not_mean(
    client: httpx.Client, mock: MockServer, fields: dict[str, str], status: str
) -> None:
    client.post("/e/k", json={"name": "app/slow"})
    body = {**SLOW, "started_before": NOW, **fields}
    made = client.post("/v1/cancellations", json=body).json()["data"]
    assert mock.runs[0].status == status
    assert made.items() >= fields.items()


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"started_before": "2026-11-24T18:00:06Z"}, 400, "started_before must be in the past"),
        ({"started_before": "2026-11-24"}, 400, "started_before is not a time"),
        ({"started_before": 5}, 400, "invalid value for string field started_before"),
        ({"started_before": NOW, "app_id": "other"}, 404, "function not found"),
    ],
)
def test_cancellation_is_validated(
    client: httpx.Client, fields: dict[str, object], status: int, error: str
) -> None:
    answer = client.post("/v1/cancellations", json={**SLOW, **fields})
    assert (answer.status_code, answer.json()) == (
        status,
        {"error": error, "data": None, "status": status},
    )


@pytest.mark.parametrize("body", ["", "{", "[]", "5"])
def test_cancellation_is_an_object(client: httpx.Client, body: str) -> None:
    answer = client.post("/v1/cancellations", content=body)
    assert (answer.status_code, answer.json()["status"]) == (400, 400)
