"""Lists: order, limits, filters and paging of both families."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import EVENING_NS

if TYPE_CHECKING:
    import httpx

    from inngest_rest.testing import MockServer

MS = EVENING_NS // 10**6


@pytest.fixture
def runs(client: httpx.Client, mock: MockServer) -> list[str]:
    """Make 25 runs; give their ids, newest first."""
    names = ("app/ok", "app/boom", "app/slow", "app/text", "app/ok")
    for _ in range(5):
        client.post("/e/k", json=[{"name": name} for name in names])
    return [run.id for run in reversed(mock.runs)]


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


def test_v1_cursor_is_the_last_id_and_excludes_it(client: httpx.Client, runs: list[str]) -> None:
    walked: list[str] = []
    while page := v1_ids(client, limit=10, **({"cursor": walked[-1]} if walked else {})):
        walked += page
        assert len(walked) <= len(runs), "the walk repeats itself"
    assert walked == runs


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
def test_v1_runs_hide_their_errors_as_every_v1_get(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/v1/runs?{query}")
    assert (answer.status_code, answer.json()["status"]) == (200, 400)


def test_v1_listed_run_is_the_single_one(client: httpx.Client, runs: list[str]) -> None:
    for run in client.get("/v1/runs?limit=5").json()["data"]:
        assert run == client.get(f"/v1/runs/{run['run_id']}").json()["data"]
    assert runs


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
    assert names(received_after="2026-11-24") == ["newer", "new", "old", "seeded"]
    assert names(received_before="2026-11-24T18:30:00Z", received_after="2026-11-24T18:00:00") == [
        "old"
    ]
    assert names(name="new") == ["new"]
    assert names(name="inngest/function.invoked") == []


@pytest.mark.parametrize(
    "text",
    ["2026-11-24T20:00:00+02:00", "2026-11-24T18:00:00.000Z", "Tue, 24 Nov 2026 18:00:00 GMT"],
)
def test_v1_times_come_in_many_layouts(client: httpx.Client, text: str) -> None:
    client.post("/e/k", json={"name": "a"})
    answer = client.get("/v1/events", params={"received_after": text}).json()
    assert len(answer["data"]) == 1


@pytest.mark.parametrize("text", ["1795543200", "2026-11-24 18:00:00", "nope", "2026-13-01"])
def test_v1_refuses_other_times_in_the_body_of_a_200(client: httpx.Client, text: str) -> None:
    answer = client.get("/v1/events", params={"received_before": text})
    error = {"error": "Invalid received_after query parameter", "data": None, "status": 400}
    assert (answer.status_code, answer.json()) == (200, error)


def test_v1_apps_have_id_and_name(client: httpx.Client, mock: MockServer) -> None:
    mock.function("shop", "f")
    apps = client.get("/v1/apps").json()["data"]
    assert [sorted(app) for app in apps] == [["id", "name"]] * 2
    assert [app["name"] for app in apps] == ["probe-app", "shop"]


def test_v1_functions_of_no_app_are_all(client: httpx.Client, mock: MockServer) -> None:
    mock.function("shop", "f")
    assert len(client.get("/v1/apps//functions").json()) == 8
    assert [each["id"] for each in client.get("/v1/apps/shop/functions").json()] == ["shop-f"]


def v2_walk(client: httpx.Client, path: str, **query: Any) -> list[Any]:
    items: list[Any] = []
    while True:
        answer = client.get(path, params=query).json()
        items += answer.get("data", [])
        if not answer["page"].get("hasMore"):
            assert "cursor" not in answer["page"]
            return items
        assert query.get("cursor") != answer["page"]["cursor"], "the walk stands still"
        query["cursor"] = answer["page"]["cursor"]


@pytest.mark.parametrize("limit", [1, 7, 25, 100])
@pytest.mark.parametrize("order", ["DESC", "asc"])
def test_v2_walk_has_no_gap_and_no_repeat(
    client: httpx.Client, runs: list[str], limit: int, order: str
) -> None:
    walked = [run["id"] for run in v2_walk(client, "/v2/runs", limit=limit, order=order)]
    assert walked == (runs if order == "DESC" else runs[::-1])


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
        ({"timeField": "endedAt"}, 0),
        ({"timeField": "started_at"}, 25),
        ({"isDeferred": "true"}, 0),
        ({"isDeferred": "0"}, 25),
        ({"unknown": "x"}, 25),
    ],
)
def test_v2_filters(
    client: httpx.Client, runs: list[str], query: dict[str, Any], count: int
) -> None:
    assert len(runs) == 25
    assert len(v2_walk(client, "/v2/runs", **query)) == count


def test_v2_tells_the_time_range_it_was_given(client: httpx.Client) -> None:
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
        ("limit=", 'parsing field "limit": strconv.ParseInt: parsing "": invalid syntax'),
        ("limit=3000000000", "value out of range"),
        ("limit=5&limit=6", 'too many values for field "limit": 5, 6'),
        ("cursor=eyJpZCI6IngiLCJjIjp7fX0=", "Cursor is invalid"),
        ("cursor=W10=", "Cursor is invalid"),
        ("status=RUNNING,FAILED", "Status is invalid"),
        ("status.x=1", "invalid path"),
        ("timeField=x", "timeField is invalid"),
        ("order=x", "order is invalid"),
        ("includeOutput=yes", 'parsing field "include_output": strconv.ParseBool'),
        ("from=2026-11-24T18:00:00", 'parsing field "from": parsing time'),
        ("from=2026-11-24T18:00:00Z&until=2026-11-24T18:00:00Z", "from must be before until"),
        ("a=%zz", 'invalid URL escape "%zz"'),
        ("a=1;b=2", "invalid semicolon separator"),
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
    assert client.get("/v2/apps?cursor=x").json()["errors"][0]["message"] == "Cursor is invalid"
    assert "data" not in client.get("/v2/apps?archived=true").json()


def test_v2_lists_of_an_event_take_at_most_40(client: httpx.Client) -> None:
    event_id = client.post("/e/k", json={"name": "app/ok"}).json()["ids"][0]
    for _ in range(3):
        run_id = client.get(f"/v2/events/{event_id}/runs").json()["data"][0]["id"]
        client.post(f"/v2/runs/{run_id}/rerun")
    walked = v2_walk(client, f"/v2/events/{event_id}/runs", limit=2)
    assert [run["id"] for run in walked] == sorted((run["id"] for run in walked), reverse=True)
    assert len(walked) == 4
    assert client.get(f"/v2/events/{event_id}/runs?limit=41").status_code == 400


def test_v2_output_is_an_object_and_wrapped_where_it_is_none(
    client: httpx.Client, mock: MockServer
) -> None:
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
    assert not {"endedAt", "durationMs"} & {key for run in listed for key in run}
    assert len(mock.runs) == 5
