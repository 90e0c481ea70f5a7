"""Routing: paths and methods, unknown routes of each family, and CORS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inngest_rest_mock import MockServer

if TYPE_CHECKING:
    import httpx

    from tests.mock.shapes import Serve

UNKNOWN = "01HZZZZZZZZZZZZZZZZZZZZZZZ"
NOT_FOUND = (404, "404 page not found\n")
HTML = "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/e/k", 405, "POST"),
        ("HEAD", "/e/k", 405, "POST"),
        ("PUT", "/health", 405, "GET"),
        ("OPTIONS", "/e/k", 405, "POST"),
        ("POST", "/v1/events", 405, "GET"),
        ("PUT", f"/v1/runs/{UNKNOWN}", 405, "DELETE, GET"),
        ("POST", "/v1/runs", 405, "GET"),
        ("POST", "/dev", 405, "GET"),
        ("PUT", "/v2/runs", 501, None),
        ("OPTIONS", "/v2/runs", 501, None),
        ("GET", f"/v2/runs/{UNKNOWN}/rerun", 501, None),
    ],
)
def test_wrong_method(
    client: httpx.Client, method: str, path: str, status: int, allow: str | None
) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers.get("allow")) == (status, allow)
    assert (answer.content == b"") == (status == 405)


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nope", "/v1/runs/", "/v1/events/a/b/c"])
def test_unknown_route_of_v1_is_a_text(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.text) == NOT_FOUND


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/e", "/nope", "//v1/events", "/V1/events", "/api/v1/runs"])
def test_any_other_path_is_the_web_page(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, f"http://mock{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, HTML)
    assert answer.text.startswith("<!DOCTYPE html>") == (method != "HEAD")
    assert answer.headers["x-inngest-server-kind"] == "dev"


@pytest.mark.parametrize(
    ("path", "echo"),
    [("%2e%2e", "%2e%2e"), ("a%20b", "a b"), ("a%2Fb", "a%2Fb"), ("%3A", "%3A")],
)
def test_only_canonical_escapes_of_v1_are_decoded(
    client: httpx.Client, path: str, echo: str
) -> None:
    answer = client.get(f"/v1/events/{path}").json()
    assert answer["error"] == f"Invalid event ID: {echo}"


def test_empty_segment_in_the_middle_is_an_empty_id(client: httpx.Client) -> None:
    answer = client.get("/v1/events//runs")
    assert (answer.status_code, answer.json()["error"]) == (400, "Invalid event ID: ")


def test_server_without_v1_routes_lacks_the_routes_that_were_asked_for(serve: Serve) -> None:
    client = serve(MockServer())
    hook = f"/v1/webhooks/{UNKNOWN}"
    for method, path in [
        ("GET", "/v1/runs"),
        ("GET", "/v1/apps"),
        ("POST", f"/v1/runs/{UNKNOWN}/replay"),
        ("GET", "/v1/webhooks"),
        ("POST", "/v1/webhooks"),
        ("GET", hook),
        ("PUT", hook),
        ("DELETE", hook),
    ]:
        answer = client.request(method, path)
        assert (answer.status_code, answer.text) == NOT_FOUND
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert client.get(f"/v1/runs/{UNKNOWN}").json()["status"] == 500
    assert client.get("/v2/runs").status_code == 200


def test_dev_server_tells_its_release(serve: Serve) -> None:
    client = serve(MockServer(release="1.33.1"))
    assert client.get("/dev").json() == {"version": "1.33.1-mock"}
