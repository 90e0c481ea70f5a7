"""v2's lists: order, limits, filters and paging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from inngest_rest_mock import MockServer
from tests.mock.functions import with_functions

if TYPE_CHECKING:
    import httpx

    from tests.mock.shapes import Serve


def v2_walk(client: httpx.Client, path: str, **query: Any) -> list[Any]:
    items: list[Any] = []
    while True:
        answer = client.get(path, params=query).json()
        items += answer.get("data", [])
        if not answer["page"].get("hasMore"):
            assert "cursor" not in answer["page"]
            return items
        assert query.get("cursor") != answer["page"]["cursor"], "the cursor repeats"
        query["cursor"] = answer["page"]["cursor"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"status": ["FAILED", "running"]}, 10),
        ({"appId": "probe-app", "functionId": ["ok", "text"]}, 15),
        ({"app_id": "probe-app", "function_id": "probe-app-ok"}, 10),
        ({"appId": ["zzz", "probe-app"]}, 25),
        ({"from": "2026-11-24T18:00:00Z"}, 25),
        ({"until": "2026-11-24T19:59:59.999+02:00"}, 0),
        ({"from": "2026-11-24T18:00:00.001Z"}, 0),
        ({"timeField": "endedAt"}, 25),
        ({"timeField": "started_at"}, 25),
        ({"isDeferred": "true"}, 0),
        ({"isDeferred": "0"}, 25),
    ],
)
def test_v2_filters(
    client: httpx.Client, runs: list[str], query: dict[str, Any], count: int
) -> None:
    assert len(runs) == 25
    assert len(v2_walk(client, "/v2/runs", **query)) == count


@pytest.mark.parametrize(("release", "has_more"), [("1.44", False), ("1.45", True)])
def test_v2_lists_have_the_fields_and_the_query_of_their_release(
    serve: Serve, release: str, has_more: bool
) -> None:
    client = serve(with_functions(MockServer(release=release)))
    client.post("/e/k", json={"name": "app/ok"})
    (run,) = client.get("/v2/runs").json()["data"]
    assert ("isDeferred" in run, "slug" in run["function"]) == (has_more, has_more)
    found = client.get("/v2/runs", params={"query": "event.name == 'other'"}).json()
    assert ("data" in found) is not has_more


def test_v2_repeats_the_time_range_it_was_given(client: httpx.Client) -> None:
    query = {"from": "2026-11-24T18:00:00+01:00", "until": "2026-11-24T18:00:00.5Z"}
    metadata = client.get("/v2/runs", params=query).json()["metadata"]
    span = {"from": "2026-11-24T17:00:00Z", "until": "2026-11-24T18:00:00.500Z"}
    assert metadata["timeRange"] == span


def test_v2_takes_any_time_of_four_digits_of_year(client: httpx.Client) -> None:
    query = {"from": "0097-02-10T06:42:16.80273Z", "until": "9999-12-31T23:59:59.999999999Z"}
    metadata = client.get("/v2/runs", params=query).json()["metadata"]
    assert metadata["timeRange"] == {**query, "from": "0097-02-10T06:42:16.802730Z"}
    for beyond in ("0001-01-01T00:00:00+06:44", "9999-12-31T23:59:59-00:01"):
        assert client.get("/v2/runs", params={"from": beyond}).status_code == 400


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=-1", "Limit must be at least 1"),
        ("limit=101", "Limit cannot exceed 100"),
        ("limit=3000000000", "parsing field"),
        ("limit=5&limit=6", 'too many values for field "limit"'),
        ("cursor=eyJpZCI6IngiLCJjIjp7fX0=", "Cursor is invalid"),
        ("cursor=W10=", "Cursor is invalid"),
        ("status=RUNNING,FAILED", "Status is invalid"),
        ("x=1", 'unknown query parameter "x"'),
        ("timeField=x", "timeField is invalid"),
        ("order=x", "order is invalid"),
        ("includeOutput=yes", 'parsing field "include_output"'),
        ("from=2026-11-24T18:00:00", 'parsing field "from"'),
        ("from=2026-11-24T18:00:00Z&until=2026-11-24T18:00:00Z", "from must be before until"),
    ],
)
def test_v2_refuses_a_bad_query(client: httpx.Client, query: str, message: str) -> None:
    answer = client.get(f"/v2/runs?{query}")
    assert answer.status_code == 400
    assert message in answer.json()["errors"][0]["message"]


def test_v2_limit_zero_is_the_default(client: httpx.Client, runs: list[str]) -> None:
    answer = client.get("/v2/runs?limit=0").json()
    assert ([run["id"] for run in answer["data"]], answer["page"]["limit"]) == (runs[:20], 20)


def test_v2_lists_apps_and_functions_by_uuid_cursor(client: httpx.Client, mock: MockServer) -> None:
    for name in ("a", "b", "c"):
        mock.function(name, "f")
    apps = v2_walk(client, "/v2/apps", limit=2)
    assert [app["id"] for app in apps] == ["probe-app", "a", "b", "c"]
    functions = v2_walk(client, "/v2/apps/probe-app/functions", limit=3)
    assert len(functions) == apps[0]["functionCount"] == 7
    of_nothing = client.get(f"/v2/apps?cursor={uuid4()}").json()
    assert "data" not in of_nothing
    assert "hasMore" not in of_nothing["page"]
    assert client.get("/v2/apps?cursor=x").json()["errors"][0]["message"] == "Cursor is invalid"
    assert "data" not in client.get("/v2/apps?archived=true").json()


def test_v2_output_that_is_not_an_object_is_wrapped(client: httpx.Client, mock: MockServer) -> None:
    for name in ("app/ok", "app/text", "app/returns-none", "app/boom", "app/slow"):
        client.post("/e/k", json={"name": name})
    listed = client.get("/v2/runs?include_output=true&order=ASC").json()["data"]
    assert [run.get("output") for run in listed[:3]] == [
        {"echo": {}, "n": 1},
        {"data": "plain"},
        {"data": None},
    ]
    assert listed[3]["output"]["error"]["message"] == "boom happened"
    single = client.get(f"/v2/runs/{listed[3]['id']}?includeOutput=1").json()["data"]
    assert single["output"]["message"] == "boom happened"
    assert "output" not in listed[4]
    assert ["endedAt" in run for run in listed] == [True] * 4 + [False]
    assert {run.get("durationMs") for run in listed} == {"0", None}
    assert len(mock.runs) == 5
