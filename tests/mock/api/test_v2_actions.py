"""v2 apart from its lists: single runs, traces, invoking, rerunning, cancelling, sending."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from inngest_rest_mock import MockServer

INVOKE = "/v2/apps/probe-app/functions/ok/invoke"


def error_of(response: httpx.Response) -> tuple[int, str, str]:
    (error,) = response.json()["errors"]
    return response.status_code, error["code"], error["message"]


@pytest.fixture
def run_id(client: httpx.Client, mock: MockServer) -> str:
    client.post("/e/k", json={"name": "app/ok"})
    return mock.runs[-1].id


def test_times_of_a_single_run_are_milliseconds_and_its_duration_text(
    client: httpx.Client, mock: MockServer
) -> None:
    client.post("/e/k", json={"name": "app/slow"})
    mock.advance(timedelta(minutes=10, microseconds=1))
    run = client.get(f"/v2/runs/{mock.runs[-1].id}").json()["data"]
    assert (run["endedAt"], run["durationMs"]) == ("2026-11-24T18:10:00Z", "600000")


@pytest.mark.parametrize(
    ("event", "op", "status"),
    [
        ({"name": "app/slow"}, "SLEEP", "RUNNING"),
        ({"name": "app/wait"}, "WAIT_FOR_SIGNAL", "RUNNING"),
        ({"name": "app/ok", "ts": 4102444800000}, "RUN", "WAITING"),
    ],
)
def test_step_of_a_held_run_waits(
    client: httpx.Client, mock: MockServer, event: dict[str, Any], op: str, status: str
) -> None:
    client.post("/e/k", json=event)
    root = client.get(f"/v2/runs/{mock.runs[-1].id}/trace").json()["data"]["rootSpan"]
    (step,) = root["children"]
    assert (root["status"], step["status"], step["stepOp"]) == (status, "WAITING", op)
    assert ("startedAt" in root) == (status == "RUNNING")


def test_used_idempotency_key_is_a_conflict_and_runs_the_function_again(
    client: httpx.Client, mock: MockServer
) -> None:
    body = {"data": {"x": 1}, "idempotency_key": "k"}
    first, second = (client.post(INVOKE, json=body) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 409)
    assert first.json()["data"] == second.json()["data"] == {"runId": mock.runs[0].id}
    assert len(mock.runs) == 3, "the first run, and one of each published event"
    other = client.post(INVOKE.replace("/ok/", "/text/"), json=body)
    assert other.status_code == 200, "a key belongs to one function"
    mock.advance(timedelta(hours=24))
    assert client.post(INVOKE, json=body).status_code == 200


@pytest.mark.parametrize("name", ["ok", "probe-app-ok"])
def test_function_is_found_by_bare_id_and_by_full_slug(client: httpx.Client, name: str) -> None:
    function = client.get(f"/v2/apps/probe-app/functions/{name}").json()["data"]
    assert (function["id"], function["slug"], function["name"]) == ("ok", "ok", "Ok Function")


@pytest.mark.parametrize(
    "body", ["", "{}", '{"fromStep":null}', '{"from_step":{"step_id":"step"}}']
)
def test_rerun_takes_no_body_or_a_known_step(client: httpx.Client, run_id: str, body: str) -> None:
    assert client.post(f"/v2/runs/{run_id}/rerun", content=body).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"fromStep":{"stepId":"zzz"}}', "invalid_request"),
        ('{"fromStep":{}}', "missing_field"),
        ('{"fromStep":"x"}', "api_error"),
        ("[]", "api_error"),
        ("null", "api_error"),
        ("{", "api_error"),
        ('{"x":1}', "invalid_request"),
    ],
)
@pytest.mark.parametrize("action", ["rerun", "cancel"])
def test_malformed_action_changes_nothing(
    client: httpx.Client, mock: MockServer, run_id: str, body: str, code: str, action: str
) -> None:
    status, given, _ = error_of(client.post(f"/v2/runs/{run_id}/{action}", content=body))
    assert (status, given) == (
        400,
        code if action == "rerun" or not body.startswith('{"') else "invalid_request",
    )
    assert len(mock.runs) == 1


def test_single_event_is_stored_and_runs(client: httpx.Client, mock: MockServer) -> None:
    event = {"name": "app/ok", "id": "own", "ts": "1700000000000", "user": {"id": 1}}
    answer = client.post("/v2/events", json=event)
    (stored,) = mock.events
    assert answer.json()["data"] == {"eventId": stored.internal_id}
    assert (stored.id, stored.ts, stored.data) == ("own", 1700000000000, {})
    assert mock.runs[0].status == "completed"


@pytest.mark.parametrize("ts", ["x", 1.5, True, "2.5", 2**63])
def test_single_event_needs_a_whole_time(client: httpx.Client, ts: object) -> None:
    answer = client.post("/v2/events", json={"name": "a", "ts": ts})
    assert error_of(answer)[:2] == (400, "api_error")


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/v2/runs//trace", 400, "Run ID must be a valid ULID"),
        ("/v2/apps/", 404, "App not found"),
        ("/v2/runs//", 404, "Not Found"),
        ("/v2/runs/a%2Fb", 404, "Not Found"),
        ("/v2/events/zz/runs", 400, "Event ID must be a valid ULID"),
    ],
)
def test_empty_and_encoded_segments(
    client: httpx.Client, path: str, status: int, message: str
) -> None:
    answer = error_of(client.get(path))
    assert (answer[0], answer[2]) == (status, message)


def test_encoded_slash_is_a_slash(client: httpx.Client, run_id: str) -> None:
    assert "rootSpan" in client.get(f"/v2/runs/{run_id}%2Ftrace").json()["data"]
