"""Each release has the routes that it introduced, and responds to later ones in its own way."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from inngest_rest_api.api import OPERATIONS
from inngest_rest_mock import MockServer, sleeps
from inngest_rest_mock._api.releases import CURRENT, Release

if TYPE_CHECKING:
    import httpx

    from inngest_rest_api.api import Operation
    from tests.mock.shapes import Serve

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


def later_than(release: str) -> set[str]:
    """Return the operations of v2 that a release does not have, by the document."""
    this = Release.parse(release)
    return {each.name for each in V2 if not this.has(each.since, each.until)}


@pytest.mark.parametrize("root", ["", "/api"])
@pytest.mark.parametrize("release", ["1.33", "1.38", "1.39.2", CURRENT, "1.45.1"])
def test_release_lacks_what_came_later(serve: Serve, release: str, root: str) -> None:
    client = serve(MockServer(release=release))
    absent = {each.name for each in V2 if is_absent(ask(client, each, root))}
    assert absent == later_than(release)


@pytest.mark.parametrize("release", ["1.17", "1.25"])
def test_before_1_26_the_web_ui_responds_to_v2(serve: Serve, release: str) -> None:
    client = serve(MockServer(release=release))
    for operation in V2:
        answer = ask(client, operation)
        assert (answer.status_code, answer.text[: len(PAGE)]) == (200, PAGE)
    assert client.get("/api/v2/health").json()["data"] == {"status": "ok"}
    bare = serve(MockServer(release=release, web_ui=False)).post("/v2/runs/x/cancel")
    assert (bare.status_code, bare.content, bare.headers.get("content-type")) == (200, b"", None)


@pytest.mark.parametrize("release", ["1.17", "1.17.3", "1.25"])
def test_before_1_26_v2_is_elsewhere(serve: Serve, release: str) -> None:
    client = serve(MockServer(release=release))
    absent = {each.name for each in V2 if is_absent(ask(client, each, "/api"))}
    assert absent == later_than(release)


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
