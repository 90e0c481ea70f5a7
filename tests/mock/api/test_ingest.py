"""Ingest: which events are stored, which are refused, and the response to both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from inngest_rest_mock import MockServer

GOOD = '{"name":"app/x"}'
SEED = {"x-inngest-event-id-seed": "1795528002973,bTcqrH5ZNP4Wew=="}
MOST_BYTES = 3 * 1024 * 1024


def post(client: httpx.Client, body: str | bytes, **headers: str) -> tuple[int, Any]:
    response = client.post("/e/k", content=body, headers=headers)
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    return response.status_code, response.json()


def stored(client: httpx.Client, mock: MockServer, event: dict[str, Any]) -> Any:
    """Send an event and read it back through the API."""
    client.post("/e/k", json=event).raise_for_status()
    return client.get(f"/v1/events/{mock.events[-1].internal_id}").json()["data"]


def test_more_than_5000_events_are_cut_off_at_the_limit(
    client: httpx.Client, mock: MockServer
) -> None:
    status, answer = post(client, json.dumps([{"name": "a"}] * 5001))
    assert (status, answer["error"]) == (400, "Cannot have more than 5000 events in a batch")
    assert len(answer["ids"]) == len(mock.events) == 5000


def test_5000_events_are_stored_in_order(client: httpx.Client, mock: MockServer) -> None:
    events = [{"name": "a", "data": {"i": i}} for i in range(5000)]
    status, answer = post(client, json.dumps(events))
    assert (status, len(answer["ids"])) == (200, 5000)
    assert [event.data["i"] for event in mock.events if event.data] == list(range(5000))


@pytest.mark.parametrize("size", [MOST_BYTES, MOST_BYTES + 1])
@pytest.mark.parametrize("single", [True, False])
def test_an_event_of_3_mib_passes_and_a_byte_more_does_not(
    client: httpx.Client, mock: MockServer, size: int, single: bool
) -> None:
    event = '{"name":"app/é","data":{"s":"%s"}}'
    event %= "x" * (size - len(event.encode()) + 2)
    # White space before an event is not part of it.
    _, answer = post(client, f" {event}" if single else f"[{GOOD}, {event},{GOOD}]")

    fits = size == MOST_BYTES
    assert len(mock.events) == (int(fits) if single else 1 + 2 * fits)
    if not fits:
        why = f"Event is over the max size: Max {MOST_BYTES} bytes / Size {size} bytes"
        assert answer["error"] == why


def test_body_of_many_events_has_no_limit(client: httpx.Client) -> None:
    event = {"name": "app/x", "data": {"s": "x" * 1_000_000}}
    status, answer = post(client, json.dumps([event] * 5))
    assert (status, len(answer["ids"])) == (200, 5)


def test_defaults_of_the_stored_form(client: httpx.Client, mock: MockServer) -> None:
    read = stored(client, mock, {"name": " a ", "id": "", "ts": None, "user": {}, "v": ""})
    assert read["id"] == read["internal_id"]
    assert (read["name"], read["data"], read["ts"]) == (" a ", None, mock.now.timestamp() * 1000)
    assert "user" not in read
    assert "v" not in read


def test_internal_data_is_removed(client: httpx.Client, mock: MockServer) -> None:
    assert stored(client, mock, {"name": "a", "data": {"_inngest": 1}})["data"] == {}


def test_seed_gives_the_same_ids_and_stores_once(client: httpx.Client, mock: MockServer) -> None:
    def send(value: int) -> list[str]:
        events = [{"name": "app/ok", "data": {"s": value}}] * 2
        ids: list[str] = client.post("/e/k", json=events, headers=SEED).json()["ids"]
        return ids

    assert send(1) == send(2) == ["01M86WY3CXDMVJNB3YB4TFW5KW", "01M86WY3CXDMVJNB3YB4TFW5KX"]
    assert [event.data for event in mock.events] == [{"s": 1}, {"s": 1}]
    assert len(mock.runs) == 2


@pytest.mark.parametrize(
    "seed", ["x", "0,bTcqrH5ZNP4Wew==", "-1,bTcqrH5ZNP4Wew==", "1,AAAA", "1,!", "1,bTcq,x", ",x"]
)
def test_malformed_seed_is_ignored(client: httpx.Client, mock: MockServer, seed: str) -> None:
    for _ in range(2):
        client.post("/e/k", json={"name": "a"}, headers={"x-inngest-event-id-seed": seed})
    assert len(mock.events) == 2
