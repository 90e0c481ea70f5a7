"""Each release has the routes that it introduced, and responds to later ones in its own way."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from inngest_rest.testing import MockServer, sleeps
from inngest_rest.testing._api.releases import CURRENT
from inngest_rest_api.api import OPERATIONS

if TYPE_CHECKING:
    import httpx

    from inngest_rest_api.api import Operation
    from tests.testing.shapes import Serve

V2 = [each for each in OPERATIONS if each.tag == "v2"]
PAGE = "<!DOCTYPE html>"
MISSING = {"errors": [{"code": "api_error", "message": "Not Found"}]}


def ask(client: httpx.Client, operation: Operation, root: str = "") -> httpx.Response:
    path = operation.path
    for name in ("app_id", "function_id"):
        path = path.replace(f"{{{name}}}", "x")
    for name in ("run_id", "event_id"):
        path = path.replace(f"{{{name}}}", "01HZZZZZZZZZZZZZZZZZZZZZZZ")
    return client.request(operation.method, root + path)


def is_absent(response: httpx.Response) -> bool:
    return response.text.startswith(PAGE) or (
        response.status_code == 404 and response.json() == MISSING
    )


OF_1_42 = {"list_operations_v2", "send_event_v2"}
OF_1_35 = {
    "list_experiments_v2",
    "list_function_experiments_v2",
    "get_experiment_v2",
    "list_session_keys_v2",
    "list_sessions_v2",
    "list_session_runs_v2",
}
OF_1_12 = {
    "get_account_v2",
    "list_envs_v2",
    "create_env_v2",
    "update_env_v2",
    "list_event_keys_v2",
    "list_signing_keys_v2",
    "list_webhooks_v2",
    "create_webhook_v2",
}


@pytest.mark.parametrize("root", ["", "/api"])
@pytest.mark.parametrize(
    ("release", "absent"),
    [
        (CURRENT, set()),
        ("1.45.1", set()),
        ("1.39.2", {*OF_1_42, "list_apps_v2"}),
        ("1.38", {*OF_1_42, "list_apps_v2", "cancel_run_v2"}),
        (
            "1.33",
            {
                *OF_1_42,
                *OF_1_35,
                "create_scores_v2",
                "list_apps_v2",
                "cancel_run_v2",
                "list_runs_v2",
                "list_function_runs_v2",
            },
        ),
    ],
)
def test_release_lacks_what_came_later(
    serve: Serve, release: str, absent: set[str], root: str
) -> None:
    client = serve(MockServer(release=release))
    assert {each.name for each in V2 if is_absent(ask(client, each, root))} == absent


@pytest.mark.parametrize("release", ["1.17", "1.25"])
def test_before_1_26_the_web_ui_responds_to_v2(serve: Serve, release: str) -> None:
    client = serve(MockServer(release=release))
    for operation in V2:
        answer = ask(client, operation)
        assert (answer.status_code, answer.text[: len(PAGE)]) == (200, PAGE)
    assert client.get("/api/v2/health").json()["data"] == {"status": "ok"}
    bare = serve(MockServer(release=release, web_ui=False)).post("/v2/runs/x/cancel")
    assert (bare.status_code, bare.content, bare.headers.get("content-type")) == (200, b"", None)


@pytest.mark.parametrize(
    ("release", "present"),
    [
        ("1.17", {*OF_1_12, "get_health_v2"}),
        ("1.17.3", {*OF_1_12, "get_health_v2", "invoke_function_v2"}),
        (
            "1.25",
            {
                *OF_1_12,
                "sync_app_v2",
                "query_insights_v2",
                "list_insights_tables_v2",
                "list_event_schemas_v2",
                "get_health_v2",
                "invoke_function_v2",
                "get_run_v2",
                "get_run_trace_v2",
                "list_event_runs_v2",
            },
        ),
    ],
)
def test_before_1_26_v2_is_elsewhere(serve: Serve, release: str, present: set[str]) -> None:
    client = serve(MockServer(release=release))
    there = {each.name for each in V2 if not is_absent(ask(client, each, "/api"))}
    assert there == present


def test_before_1_11_6_there_is_no_v2(serve: Serve) -> None:
    client = serve(MockServer(release="1.11.5"))
    assert client.get("/api/v2/health").text.startswith(PAGE)


def test_v1_lacks_what_came_later(serve: Serve) -> None:
    client = serve(MockServer(release="1.5"))
    answer = client.post("/v1/signals", json={"signal": "x"})
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")
    assert client.get("/v1/events").json()["data"] == []


def test_releases_before_1_27_1_name_functions_by_their_slug(serve: Serve) -> None:
    assert [function_of_single_run(serve, release) for release in ("1.25", "1.33")] == [
        "shop-f",
        "f",
    ]


def function_of_single_run(serve: Serve, release: str) -> str:
    mock = MockServer(release=release)
    mock.function("shop", "f", trigger="app/x")
    client = serve(mock)
    client.post("/e/k", json={"name": "app/x"})
    function: str = client.get(f"/api/v2/runs/{mock.runs[0].id}").json()["data"]["function"]["id"]
    return function


def test_old_releases_on_postgresql_miss_states_of_runs(serve: Serve) -> None:
    mock = MockServer(release="1.25", store="postgresql")
    mock.function("shop", "f", trigger="app/x")
    client = serve(mock)
    (event_id,) = client.post("/e/k", json={"name": "app/x"}).json()["ids"]
    (by_v1,) = client.get(f"/v1/events/{event_id}/runs").json()["data"]
    assert (by_v1["status"], by_v1["ended_at"] is None) == ("Running", False)
    (by_v2,) = client.get(f"/api/v2/events/{event_id}/runs").json()["data"]
    assert (by_v2["status"], "endedAt" in by_v2) == ("QUEUED", False)
    single = client.get(f"/api/v2/runs/{mock.runs[0].id}").json()["data"]
    assert (single["status"], "endedAt" in single) == ("COMPLETED", True)


def test_1_17_on_postgresql_loads_no_open_run(serve: Serve) -> None:
    mock = MockServer(release="1.17", store="postgresql")
    mock.function("shop", "f", trigger="app/x", run=sleeps(timedelta(seconds=1)))
    client = serve(mock)
    client.post("/e/k", json={"name": "app/x"})
    path = f"/v1/runs/{mock.runs[0].id}"
    assert [client.get(it).json()["status"] for it in (path, f"{path}/jobs")] == [500, 500]
    mock.advance(timedelta(seconds=1))
    assert client.get(path).json()["data"]["status"] == "Completed"
