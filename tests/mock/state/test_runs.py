"""How runs start, wait, continue and end, and the status that each family reports."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from inngest_rest_mock import MockEvent, MockServer, completes, fails, sleeps, waits_for
from inngest_rest_mock._state.ids import ulid
from tests.mock.functions import EVENING_NS

HOUR = timedelta(hours=1)
MS = EVENING_NS // 10**6


def send(client: httpx.Client, name: str, **fields: Any) -> str:
    return str(client.post("/e/k", json={"name": name, **fields}).json()["ids"][0])


def run_of(client: httpx.Client, event_id: str) -> Any:
    """Return the only run of an event, as v1 reports it."""
    (run,) = client.get(f"/v1/events/{event_id}/runs").json()["data"]
    return client.get(f"/v1/runs/{run['run_id']}").json()["data"]


def statuses(client: httpx.Client, event_id: str) -> tuple[str, str, str]:
    """Return the status of an event's run in v1, in v2's list and in v2's single run."""
    run = run_of(client, event_id)
    (listed,) = client.get(f"/v2/events/{event_id}/runs").json()["data"]
    single = client.get(f"/v2/runs/{run['run_id']}").json()["data"]
    return run["status"], listed["status"], single["status"]


@pytest.mark.parametrize(
    ("event", "expected", "output"),
    [
        ("app/ok", ("Completed", "COMPLETED", "COMPLETED"), {"echo": {}, "n": 1}),
        ("app/returns-none", ("Completed", "COMPLETED", "COMPLETED"), None),
        ("app/text", ("Completed", "COMPLETED", "COMPLETED"), "plain"),
    ],
)
def test_run_without_waits_has_ended_when_ingest_answers(
    client: httpx.Client, event: str, expected: tuple[str, str, str], output: Any
) -> None:
    event_id = send(client, event)
    assert statuses(client, event_id) == expected
    run = run_of(client, event_id)
    assert (run["ended_at"], run["output"]) == ("2026-11-24T18:00:00Z", output)


def test_exception_fails_the_run(client: httpx.Client, mock: MockServer) -> None:
    def explode(event: MockEvent) -> object:
        return event.data["missing"]

    mock.function("shop", "explode", trigger="app/explode", run=explode)
    event_id = send(client, "app/explode")
    assert statuses(client, event_id) == ("Failed", "FAILED", "FAILED")
    output = run_of(client, event_id)["output"]
    assert list(output) == ["message", "name", "code", "stack"]
    assert (output["name"], output["message"]) == ("KeyError", "'missing'")
    assert "explode" in output["stack"]


@pytest.mark.parametrize("output", [{1, 2}, object(), float("nan"), 2**70])
def test_output_that_is_not_json_never_breaks_the_server(
    client: httpx.Client, mock: MockServer, output: object
) -> None:
    mock.function("shop", "odd", trigger="app/odd", run=completes(output))
    assert run_of(client, send(client, "app/odd"))["status"] in ("Completed", "Failed")
    assert client.get("/v2/runs", params={"includeOutput": "true"}).status_code == 200


def test_function_may_decide_by_its_event(client: httpx.Client, mock: MockServer) -> None:
    mock.function(
        "shop",
        "choosy",
        trigger="app/choose",
        run=lambda event: fails("no") if event.data.get("bad") else sleeps(HOUR),
    )
    bad, good = send(client, "app/choose", data={"bad": 1}), send(client, "app/choose")
    assert [run_of(client, id)["status"] for id in (bad, good)] == ["Failed", "Running"]


def test_function_cannot_change_the_stored_event(client: httpx.Client, mock: MockServer) -> None:
    mock.function("shop", "rude", trigger="app/rude", run=lambda event: event.data.clear())
    send(client, "app/rude", data={"x": 1})
    assert mock.events[-1].data == {"x": 1}


def test_sleeping_run_runs_until_its_time(client: httpx.Client, mock: MockServer) -> None:
    event_id = send(client, "app/slow")
    assert statuses(client, event_id) == ("Running", "RUNNING", "RUNNING")
    assert "output" not in run_of(client, event_id)
    mock.advance(timedelta(minutes=9, seconds=59))
    assert run_of(client, event_id)["status"] == "Running"
    mock.advance(timedelta(hours=5))
    run = run_of(client, event_id)
    assert (run["status"], run["ended_at"]) == ("Completed", "2026-11-24T18:10:00Z")


def test_sleeps_follow_each_other_at_their_own_times(
    client: httpx.Client, mock: MockServer
) -> None:
    then = sleeps(HOUR, then=lambda event: event.data)
    mock.function("shop", "naps", trigger="app/naps", run=sleeps(HOUR, then=then))
    event_id = send(client, "app/naps", data={"x": 1})
    mock.advance(timedelta(days=1))
    run = run_of(client, event_id)
    assert (run["ended_at"], run["output"]) == ("2026-11-24T20:00:00Z", {"x": 1})


def test_run_of_an_event_one_millisecond_ahead_waits(
    client: httpx.Client, mock: MockServer
) -> None:
    send(client, "app/ok", ts=MS + 1)
    seen = [run.status for run in mock.runs]
    mock.advance(timedelta(milliseconds=1))
    assert [*seen, *(run.status for run in mock.runs)] == ["queued", "completed"]


def test_run_of_a_future_event_waits_for_its_time(client: httpx.Client, mock: MockServer) -> None:
    event_id = send(client, "app/ok", ts=MS + 60_000)
    assert statuses(client, event_id) == ("Running", "QUEUED", "QUEUED")
    (listed,) = client.get("/v2/runs", params={"status": "queued"}).json()["data"]
    single = client.get(f"/v2/runs/{listed['id']}").json()["data"]
    assert single["startedAt"] == "2026-11-24T18:00:00Z"
    assert "endedAt" not in single
    mock.advance(timedelta(minutes=1))
    assert statuses(client, event_id) == ("Completed", "COMPLETED", "COMPLETED")
    assert run_of(client, event_id)["ended_at"] == "2026-11-24T18:01:00Z"


@pytest.mark.parametrize("ts", [0, None, MS, MS - 10**9])
def test_run_of_a_present_or_past_event_starts_at_once(client: httpx.Client, ts: int) -> None:
    assert run_of(client, send(client, "app/ok", ts=ts))["status"] == "Completed"


def test_signal_resumes_the_run_that_waits(client: httpx.Client) -> None:
    event_id = send(client, "app/wait")
    assert statuses(client, event_id) == ("Running", "RUNNING", "RUNNING")
    signal = {"signal": "order-42", "data": {"approved": True}}
    answer = client.post("/v1/signals", json=signal)
    run = run_of(client, event_id)
    assert answer.json()["data"] == {"run_id": run["run_id"]}
    assert (run["status"], run["output"]) == ("Completed", signal)
    assert client.post("/v1/signals", json=signal).status_code == 404


def test_signal_goes_to_what_follows(client: httpx.Client, mock: MockServer) -> None:
    wait = waits_for("go", then=lambda signal: {"got": signal["data"]})
    mock.function("shop", "waiter", trigger="app/waiter", run=wait)
    event_id = send(client, "app/waiter")
    client.post("/v1/signals", content='{"signal":"go"}')
    assert run_of(client, event_id)["output"] == {"got": None}


def test_second_run_that_waits_for_a_signal_fails(client: httpx.Client, mock: MockServer) -> None:
    send(client, "app/wait")
    send(client, "app/wait")
    assert [run.status for run in mock.runs] == ["running", "failed"]


def test_cancelled_run_gets_no_signal_and_frees_it(client: httpx.Client, mock: MockServer) -> None:
    send(client, "app/wait")
    client.delete(f"/v1/runs/{mock.runs[0].id}")
    assert client.post("/v1/signals", json={"signal": "order-42"}).status_code == 404
    send(client, "app/wait")
    assert [run.status for run in mock.runs] == ["cancelled", "running"]


@pytest.mark.parametrize("body", ["[]", "5", "{", "", '{"signal":5}'])
def test_malformed_signal_is_refused(client: httpx.Client, body: str) -> None:
    answer = client.post("/v1/signals", content=body)
    assert (answer.status_code, answer.json()["status"]) == (400, 400)


@pytest.mark.parametrize("fields", [{}, {"ts": MS + 10_000}])
def test_cancelled_run_stays_cancelled(
    client: httpx.Client, mock: MockServer, fields: dict[str, int]
) -> None:
    event_id = send(client, "app/slow", **fields)
    answer = client.delete(f"/v1/runs/{mock.runs[0].id.lower()}")
    assert (answer.status_code, answer.content) == (200, b"")
    mock.advance(timedelta(days=1))
    assert statuses(client, event_id) == ("Cancelled", "CANCELLED", "CANCELLED")
    assert run_of(client, event_id)["output"] == {}


def test_cancelling_an_ended_run_changes_nothing(client: httpx.Client, mock: MockServer) -> None:
    send(client, "app/ok")
    before = mock.runs[0]
    assert client.delete(f"/v1/runs/{before.id}").status_code == 200
    assert mock.runs[0] == before


@pytest.mark.parametrize(
    "path", ["/v1/runs/{}/replay", "/v2/runs/{}/rerun", "/api/v2/runs/{}/rerun"]
)
def test_replay_makes_a_new_run_of_the_same_event(
    client: httpx.Client, mock: MockServer, path: str
) -> None:
    event_id = send(client, "app/ok", data={"x": 1})
    (old,) = mock.runs
    data = client.post(path.format(old.id)).json()["data"]
    new = client.get(f"/v1/runs/{data.get('run_id') or data['runId']}").json()["data"]
    assert new["original_run_id"] == old.id
    assert (new["event_id"], new["output"]) == (event_id, {"echo": {"x": 1}, "n": 1})
    runs = client.get(f"/v1/events/{event_id}/runs").json()["data"]
    assert [run["run_id"] for run in runs] == [old.id, new["run_id"]], "oldest first"


@pytest.mark.parametrize("path", ["/v1/runs/{}/replay", "/v2/runs/{}/rerun"])
def test_replay_of_no_run_is_not_found(client: httpx.Client, mock: MockServer, path: str) -> None:
    assert client.post(path.format("01HZZZZZZZZZZZZZZZZZZZZZZZ")).status_code == 404
    assert not mock.runs


def test_used_event_id_starts_no_second_run_for_24_hours(
    client: httpx.Client, mock: MockServer
) -> None:
    first, second = (send(client, "app/ok", id="dup", data={"n": n}) for n in (1, 2))
    assert len(mock.events) == 2
    assert first != second
    assert client.get(f"/v1/events/{second}/runs").json()["data"] == []
    mock.advance(timedelta(hours=24, microseconds=-1))
    send(client, "app/ok", id="dup")
    assert len(mock.runs) == 1
    mock.advance(timedelta(microseconds=1))
    assert run_of(client, send(client, "app/ok", id="dup"))["status"] == "Completed"


def test_used_event_id_starts_another_function(client: httpx.Client, mock: MockServer) -> None:
    send(client, "app/ok", id="dup")
    send(client, "app/text", id="dup")
    assert [run.function_id for run in mock.runs] == ["ok", "text"]


def test_one_event_starts_every_function_it_triggers_once(
    client: httpx.Client, mock: MockServer
) -> None:
    mock.function("shop", "both", trigger=["app/*", "app/ok"])
    mock.function("shop", "wild", trigger="app/*")
    mock.function("shop", "other", trigger=["apps/*", "app/okay"])
    event_id = send(client, "app/ok")
    assert [run.function_id for run in mock.runs] == ["ok", "both", "wild"]
    assert len(client.get(f"/v1/events/{event_id}/runs").json()["data"]) == 3


def test_id_of_a_run_holds_the_time_it_was_created(client: httpx.Client, mock: MockServer) -> None:
    send(client, "app/ok")
    mock.advance(HOUR)
    client.post(f"/v2/runs/{mock.runs[0].id}/rerun")
    assert [run.id[:10] for run in mock.runs] == [ulid(ms, 0)[:10] for ms in (MS, MS + 3_600_000)]


def test_function_may_send_events_through_the_mock(client: httpx.Client, mock: MockServer) -> None:
    mock.function("shop", "chain", trigger="app/chain", run=lambda _: send(client, "app/ok"))
    send(client, "app/chain")
    assert [run.status for run in mock.runs] == ["completed", "completed"]


def test_jobs_list_what_a_run_waits_for(client: httpx.Client, mock: MockServer) -> None:
    for name in ("app/slow", "app/wait", "app/ok"):
        send(client, name)
    send(client, "app/ok", ts=MS + 1000)
    jobs = [client.get(f"/v1/runs/{run.id}/jobs").json()["data"] for run in mock.runs]
    assert [[job["kind"] for job in each] for each in jobs] == [["sleep"], ["pause"], [], ["start"]]
    assert jobs[0][0]["at"] == "2026-11-24T18:10:00Z"


def test_unread_until_the_visibility_delay_has_passed() -> None:
    mock = MockServer(
        v1_routes=True,
        visibility_delay=timedelta(milliseconds=250),
        clock=lambda: EVENING_NS,
    )
    mock.function("probe-app", "ok", trigger="app/ok")
    with httpx.Client(transport=mock.transport, base_url="http://mock") as client:
        event_id = send(client, "app/ok")

        def seen() -> list[Any]:
            return [
                client.get(f"/v1/events/{event_id}").json().get("status", 200),
                len(client.get("/v1/events").json()["data"]),
                len(client.get(f"/v1/events/{event_id}/runs").json()["data"]),
                len(client.get("/v1/runs").json()["data"]),
                len(client.get("/v2/runs").json().get("data", [])),
                client.get(f"/v2/runs/{mock.runs[0].id}").status_code,
            ]

        assert seen() == [404, 0, 0, 0, 0, 404]
        mock.advance(timedelta(milliseconds=249))
        assert seen() == [404, 0, 0, 0, 0, 404]
        mock.advance(timedelta(milliseconds=1))
        assert seen() == [200, 1, 1, 1, 1, 200]
        path = "/v2/apps/probe-app/functions/ok/invoke"
        run_id = client.post(path, json={"data": {}}).json()["data"]["runId"]
        assert client.get(f"/v2/runs/{run_id}").status_code == 200, "invoked runs can be read"
