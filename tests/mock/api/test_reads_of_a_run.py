"""The routes report one run differently between attempts, after it was cancelled, in a batch."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest_mock import MockServer, completes, fails, retries, sleeps, works
from tests.mock.functions import EVENING_NS

if TYPE_CHECKING:
    import httpx

    from inngest_rest_mock import Behaviour
    from tests.mock.shapes import Serve

SECOND = timedelta(seconds=1)


class Reads:
    """The run of one function, by each route."""

    def __init__(self, client: httpx.Client, mock: MockServer, event_id: str) -> None:
        self._client = client
        run_id = mock.runs[0].id
        self.v1 = self.get(f"/v1/runs/{run_id}")
        self.v1_event_runs: list[dict[str, Any]] = self.get(f"/v1/events/{event_id}/runs")
        self.v2 = self.get(f"/v2/runs/{run_id}?includeOutput=true")
        (self.v2_event_run,) = self.get(f"/v2/events/{event_id}/runs?includeOutput=true")
        (self.v2_listed,) = self.get("/v2/runs?includeOutput=true")

    def get(self, path: str) -> Any:
        return self._client.get(path).json()["data"]


def start(serve: Serve, run: Behaviour) -> tuple[httpx.Client, MockServer, str]:
    mock = MockServer(clock=lambda: EVENING_NS)
    mock.function("shop", "f", trigger="app/x", run=run)
    client = serve(mock)
    return client, mock, client.post("/e/k", json={"name": "app/x"}).json()["ids"][0]


def test_listed_run_has_its_end(serve: Serve) -> None:
    client, mock, event_id = start(serve, sleeps(SECOND, completes({"ok": True})))
    assert "endedAt" not in Reads(client, mock, event_id).v2_listed
    mock.advance(SECOND)
    reads = Reads(client, mock, event_id)
    for listed in (reads.v2_listed, reads.v2_event_run):
        function = {"id": "f", "name": "f"}
        alone_in_lists = {"isDeferred": False, "function": {**function, "slug": "shop-f"}}
        assert listed == reads.v2 | alone_in_lists
        assert (listed["endedAt"], listed["durationMs"]) == ("2026-11-24T18:00:01Z", "1000")


def test_failed_attempt_is_not_an_end(serve: Serve) -> None:
    client, mock, event_id = start(serve, retries("again", after=SECOND, then=fails("for good")))
    reads = Reads(client, mock, event_id)
    assert (reads.v1["status"], reads.v1["ended_at"]) == ("Running", None)
    (of_event,) = reads.v1_event_runs
    assert (of_event["status"], of_event["ended_at"], "output" in of_event) == (
        "Failed",
        None,
        False,
    )
    assert (reads.v2["status"], reads.v2.keys() & {"endedAt", "output"}) == ("FAILED", set())
    for listed in (reads.v2_listed, reads.v2_event_run):
        assert (listed["status"], "endedAt" in listed) == ("RUNNING", False)
        assert listed["output"]["error"]["message"] == "again"
    assert mock.runs[0].status == "running"
    assert [
        (job["kind"], job["attempt"], job["at"])
        for job in reads.get(f"/v1/runs/{mock.runs[0].id}/jobs")
    ] == [("start", 1, "2026-11-24T18:00:01Z")]
    mock.advance(SECOND)
    reads = Reads(client, mock, event_id)
    assert {reads.v2["status"], reads.v2_listed["status"]} == {"FAILED"}
    assert reads.v2["output"]["message"] == "for good"


def test_cancelled_run_ends_ten_seconds_later_in_lists(serve: Serve) -> None:
    client, mock, event_id = start(serve, sleeps(timedelta(minutes=1)))
    mock.advance(SECOND)
    client.post(f"/v2/runs/{mock.runs[0].id}/cancel")
    reads = Reads(client, mock, event_id)
    assert reads.v1["ended_at"] == reads.v2["endedAt"] == "2026-11-24T18:00:01Z"
    for listed in (reads.v2_listed, reads.v2_event_run):
        assert (listed["endedAt"], listed["durationMs"]) == ("2026-11-24T18:00:11Z", "11000")


def test_cancelled_request_is_followed_by_no_other(serve: Serve) -> None:
    client, mock, event_id = start(serve, works(SECOND, sleeps(SECOND)))
    client.post(f"/v2/runs/{mock.runs[0].id}/cancel")
    mock.advance(timedelta(hours=1))
    assert len(Reads(client, mock, event_id).v1_event_runs) == 1


def test_each_event_of_a_batch_has_its_run_by_v2_and_one_by_v1(serve: Serve) -> None:
    mock = MockServer(clock=lambda: EVENING_NS)
    mock.function(
        "shop",
        "all",
        trigger="app/x",
        batch_size=3,
        run=lambda event: [each.data["n"] for each in event.batch],
    )
    client = serve(mock)
    body = [{"name": "app/x", "data": {"n": n}} for n in range(4)]
    ids = client.post("/e/k", json=body).json()["ids"]
    (run,) = mock.runs
    assert run.output == [0, 1, 2]

    def by(family: str, id: str) -> list[Any]:
        return list(client.get(f"/{family}/events/{id}/runs").json().get("data", ()))

    assert [len(by("v1", id)) for id in ids] == [1, 0, 0, 0]
    assert [len(by("v2", id)) for id in ids] == [1, 1, 1, 0]
    trigger = by("v2", ids[2])[0]["trigger"]
    assert trigger == {"eventIds": [ids[0]], "isBatch": True, "batchId": run.batch_id}
    mock.advance(SECOND)
    assert [run.output for run in mock.runs] == [[0, 1, 2], [3]], "a batch waits for a second"
    assert client.post(f"/v2/runs/{run.id}/rerun").status_code == 200
    assert mock.runs[-1].event_ids == (ids[0],), "a rerun has the first event alone"


def test_run_not_started_is_scheduled_among_those_of_its_event(serve: Serve) -> None:
    mock = MockServer(clock=lambda: EVENING_NS)
    mock.function("shop", "f", trigger="app/x")
    client = serve(mock)
    body = {"name": "app/x", "ts": EVENING_NS // 10**6 + 1000}
    reads = Reads(client, mock, client.post("/e/k", json=body).json()["ids"][0])
    assert (reads.v1["status"], reads.v1_event_runs[0]["status"]) == ("Running", "Scheduled")
    assert (reads.v2["status"], reads.v2_listed["status"]) == ("QUEUED", "QUEUED")


@pytest.mark.parametrize("field", ["queuedAt", "endedAt"])
def test_ascending_pages_repeat_a_run(serve: Serve, field: str) -> None:
    mock = MockServer()
    mock.function("shop", "f", trigger="app/x")
    client = serve(mock)
    client.post("/e/k", json=[{"name": "app/x"}] * 4)
    query = {"order": "ASC", "limit": "2", "timeField": field}
    walked: list[str] = []
    while True:
        answer = client.get("/v2/runs", params=query).json()
        walked += [run["id"] for run in answer["data"]]
        if "cursor" not in answer["page"]:
            break
        query["cursor"] = answer["page"]["cursor"]
    assert list(dict.fromkeys(walked)) == [run.id for run in mock.runs]
    assert len(walked) == 4 + 2


def test_listing_by_end_has_the_latest_change_first(serve: Serve) -> None:
    mock = MockServer(clock=lambda: EVENING_NS)
    for name, behaviour in {
        "late": sleeps(2 * SECOND),
        "soon": sleeps(SECOND),
        "never": sleeps(timedelta(1)),
    }.items():
        mock.function("shop", name, trigger="app/x", run=behaviour)
    client = serve(mock)
    client.post("/e/k", json={"name": "app/x"})
    mock.advance(2 * SECOND)
    answer = client.get("/v2/runs?timeField=endedAt&limit=2").json()
    assert [run["function"]["id"] for run in answer["data"]] == ["late", "soon"]
    query = {"timeField": "endedAt", "cursor": answer["page"]["cursor"]}
    (rest,) = client.get("/v2/runs", params=query).json()["data"]
    assert rest["function"]["id"] == "never"
    since = {"timeField": "endedAt", "from": "2026-11-24T18:00:01.5Z"}
    (found,) = client.get("/v2/runs", params=since).json()["data"]
    assert found["function"]["id"] == "late"
