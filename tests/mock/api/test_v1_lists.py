"""v1's lists: order, limits, filters and cursors."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.mock.functions import EVENING_NS

if TYPE_CHECKING:
    import httpx

    from inngest_rest_mock import MockServer

MS = EVENING_NS // 10**6


def v1_ids(client: httpx.Client, **query: str | int) -> list[str]:
    data = client.get("/v1/runs", params=query).json()["data"]
    return [run["run_id"] for run in data]


@pytest.mark.parametrize(
    ("limit", "count"),
    [(None, 20), ("3", 3), ("0", 20), ("abc", 20), ("1.5", 20), ("-5", 1), ("1000", 25), ("+2", 2)],
)
def test_v1_limit_is_clamped_and_never_refused(
    client: httpx.Client, runs: list[str], limit: str | None, count: int
) -> None:
    assert v1_ids(client, **({"limit": limit} if limit else {})) == runs[:count]
    events = client.get("/v1/events", params={"limit": limit} if limit else {}).json()["data"]
    assert len(events) == count


def test_v1_lists_at_most_51_events(client: httpx.Client) -> None:
    client.post("/e/k", json=[{"name": "a"}] * 60)
    assert len(client.get("/v1/events?limit=100").json()["data"]) == 51


@pytest.mark.parametrize(
    ("status", "count"),
    [("running", 5), ("COMPLETED", 15), ("Failed", 5), ("cancelled", 0)],
)
def test_v1_runs_are_filtered_by_status_in_any_case(
    client: httpx.Client, runs: list[str], status: str, count: int
) -> None:
    assert len(runs) == 25
    assert len(v1_ids(client, status=status, limit=100)) == count


@pytest.mark.parametrize("query", ["status=bogus", "cursor=zzz"])
def test_v1_runs_refuse_a_status_or_a_cursor_that_is_none(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/v1/runs?{query}")
    assert (answer.status_code, answer.json()["status"]) == (400, 400)


def test_v1_events_are_those_of_the_last_hour_newest_id_first(
    client: httpx.Client, mock: MockServer
) -> None:
    client.post("/e/k", json={"name": "old"})
    mock.advance(timedelta(minutes=61))
    seed = {"x-inngest-event-id-seed": f"{MS - 10**6},AAAAAAAAAAAAAA=="}
    client.post("/e/k", json=[{"name": "new"}, {"name": "newer"}])
    client.post("/e/k", json={"name": "seeded"}, headers=seed)
    client.post("/invoke/probe-app-ok", json={})

    def names(**query: str) -> list[str]:
        return [event["name"] for event in client.get("/v1/events", params=query).json()["data"]]

    assert names() == ["newer", "new", "seeded"], "by id, and no internal event"
    assert names(received_after="2026-11-24T00:00:00Z") == ["newer", "new", "old", "seeded"]
    assert names(received_before="2026-11-24T18:30:00Z", received_after="2026-11-24T18:00:00Z") == [
        "old"
    ]
    assert names(name="new") == ["new"]
    assert names(name="inngest/function.invoked") == []


@pytest.mark.parametrize("text", ["2026-11-24T20:00:00+02:00", "2026-11-24T18:00:00.000Z"])
def test_v1_times_have_any_offset_and_fraction(client: httpx.Client, text: str) -> None:
    client.post("/e/k", json={"name": "a"})
    answer = client.get("/v1/events", params={"received_after": text}).json()
    assert len(answer["data"]) == 1


@pytest.mark.parametrize(
    "text", ["1795543200", "2026-11-24 18:00:00", "nope", "2026-13-01", "2026-13-01T00:00:00Z"]
)
def test_v1_refuses_other_times_by_their_status(client: httpx.Client, text: str) -> None:
    answer = client.get("/v1/events", params={"received_before": text})
    error = {"error": "Invalid received_after query parameter", "data": None, "status": 400}
    assert (answer.status_code, answer.json()) == (400, error)


def test_v1_functions_of_no_app_are_all(client: httpx.Client, mock: MockServer) -> None:
    mock.function("shop", "f")
    assert len(client.get("/v1/apps//functions").json()) == 8
    assert [each["id"] for each in client.get("/v1/apps/shop/functions").json()] == ["shop-f"]
