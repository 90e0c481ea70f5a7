"""The server's own cache of v1 responses."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from inngest_rest_mock import MockServer
from tests.mock.functions import EVENING_NS, with_functions

if TYPE_CHECKING:
    from tests.mock.shapes import Serve

UNKNOWN = "01HZZZZZZZZZZZZZZZZZZZZZZZ"


def test_cache_answers_v1_for_some_seconds(serve: Serve) -> None:
    mock = with_functions(MockServer(caching=True, clock=lambda: EVENING_NS))
    client = serve(mock)
    event_id = client.post("/e/k", json={"name": "app/slow"}).json()["ids"][0]
    path = f"/v1/runs/{mock.runs[0].id}"
    miss = client.get(path)
    client.delete(path)
    hit = client.get(path)
    assert miss.headers["cache-control"] == "private, max-age=3"
    assert (hit.text, hit.headers["content-type"]) == (miss.text, "application/json")
    assert "cache-control" not in hit.headers
    assert client.get(path, params={"_": 1}).json()["data"]["status"] == "Cancelled"
    fresh = client.get(path, headers={"Authorization": "Bearer x"})
    assert fresh.json()["data"]["status"] == "Cancelled", "another key is another entry"
    mock.advance(timedelta(seconds=3))
    assert client.get(path).json()["data"]["status"] == "Cancelled"
    assert len(client.get(f"/v1/events/{event_id}/runs").json()["data"]) == 1


def test_errors_and_lists_are_not_cached(serve: Serve) -> None:
    client = serve(MockServer(v1_routes=True, caching=True))
    for path in (f"/v1/runs/{UNKNOWN}", "/v1/events", "/v1/runs", "/v1/apps", "/v2/runs"):
        types = {client.get(path).headers["content-type"] for _ in range(2)}
        assert types == {"application/json"}
