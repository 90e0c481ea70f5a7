"""Which path and method meets whom, keys, and what a miss looks like (facts.md 0)."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from inngest_rest.testing import MockServer

from .conftest import EVENING_NS, with_functions

if TYPE_CHECKING:
    import httpx

    from .shapes import Serve

KEY = "0123456789abcdef" * 4
HASHED = hashlib.sha256(bytes.fromhex(KEY)).hexdigest()
UNKNOWN = "01HZZZZZZZZZZZZZZZZZZZZZZZ"
NOT_FOUND = (404, "404 page not found\n")


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/e/k", 405, "POST"),
        ("HEAD", "/e/k", 405, "POST"),
        ("PUT", "/health", 405, "GET"),
        ("OPTIONS", "/e/k", 405, "POST"),
        ("POST", "/v1/events", 405, "GET"),
        ("PUT", f"/v1/runs/{UNKNOWN}", 405, "GET, DELETE"),
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


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/e", "/nope", "//v1/events", "/V1/events", "/api/v1/runs"])
def test_any_other_path_is_the_web_page(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, f"http://mock{path}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["x-inngest-server-kind"] == "dev"


@pytest.mark.parametrize("path", ["/invoke/", "/e/a//", "/nope/?x=1", "/e/k%2F/"])
def test_slash_at_the_end_is_redirected(client: httpx.Client, path: str) -> None:
    answer = client.post(path)
    there, _, query = path.partition("?")
    location = there.removesuffix("/") + (f"?{query}" if query else "")
    assert (answer.status_code, answer.headers["location"]) == (303, location)
    assert answer.content == b""


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
    assert (answer.status_code, answer.json()["error"]) == (200, "Invalid event ID: ")


def test_broken_escape_is_a_bad_request(client: httpx.Client) -> None:
    with pytest.MonkeyPatch.context() as patch:
        request = client.build_request("GET", "/v1/events")
        patch.setattr(type(request.url), "raw_path", b"/v1/%zz")
        assert client.send(request).status_code == 400


def test_server_of_today_lacks_the_routes_of_the_request(serve: Serve) -> None:
    client = serve(MockServer(v1_routes=False))
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


def test_server_without_v2_lacks_all_of_it(serve: Serve) -> None:
    client = serve(MockServer(v2_routes=False))
    for path in ("/v2/runs", "/api/v2/health", "/v2/nope"):
        answer = client.get(path)
        assert (answer.status_code, answer.text) == NOT_FOUND
    assert client.get("/v1/runs").status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {KEY}",
        f"Bearer signkey-prod-{KEY}",
        f"Bearer signkey-test-{KEY}",
        f"Bearer {HASHED}",
        f"bearer signkey-prod-{HASHED}",
        f"BEARER-{HASHED}",
    ],
)
@pytest.mark.parametrize("given", [KEY, f"signkey-branch-{KEY}"])
def test_signing_key_passes_raw_or_hashed_with_or_without_prefix(
    serve: Serve, authorization: str, given: str
) -> None:
    client = serve(MockServer(signing_key=given))
    client.headers["authorization"] = authorization
    for path in ("/v1/events", "/v1/runs", "/v2/runs", "/v2/health"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["x-inngest-server-kind"]) == (200, "cloud")


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        KEY,
        f"Basic {KEY}",
        f"Bearer  {KEY}",
        f"Bearer {KEY.upper()}",
        f"Bearer {hashlib.sha256(KEY.encode()).hexdigest()}",
        "Bearer event-key",
        "Bearer ",
    ],
)
def test_anything_else_is_refused_in_plain_text(serve: Serve, authorization: str | None) -> None:
    client = serve(MockServer(signing_key=KEY, event_keys=["event-key"]))
    if authorization is not None:
        client.headers["authorization"] = authorization
    for path in (
        "/v1/events",
        "/v1/runs",
        "/v1/webhooks",
        "/v2/runs",
        "/v2/nope",
        "/api/v2/health",
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.text) == (401, "Authentication failed\n")
    assert client.get("/v1/nope").status_code == 404, "no route comes first in v1"
    assert client.get("/health").status_code == 200
    assert client.post("/invoke/x", json={}).status_code == 200
    assert client.get("/dev").text == NOT_FOUND[1]


def test_event_key_is_compared_byte_by_byte(serve: Serve) -> None:
    client = serve(MockServer(event_keys=["a-b", "c"]))
    statuses = [
        client.post(f"/e/{key}", json={"name": "x"}).status_code
        for key in ("a-b", "c", "a%2Db", "A-B", "d")
    ]
    assert statuses == [200, 200, 401, 401, 401]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"signing_key": "not hex"}, ValueError),
        ({"signing_key": "signkey-prod-"}, ValueError),
        ({"event_keys": []}, ValueError),
        ({"event_keys": [""]}, ValueError),
        ({"event_keys": "key"}, TypeError),
        ({"visibility_delay": timedelta(seconds=-1)}, ValueError),
    ],
)
def test_malformed_argument_is_refused(
    arguments: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        MockServer(**arguments)  # type: ignore[arg-type]


def test_dev_server_describes_itself(client: httpx.Client) -> None:
    info = client.get("/dev").json()
    assert [each["slug"] for each in info["functions"]][:2] == ["probe-app-ok", "probe-app-boom"]


def test_origin_is_echoed(client: httpx.Client) -> None:
    origin = {"Origin": "https://x.example"}
    headers = client.get("/health", headers=origin).headers
    assert (headers["access-control-allow-origin"], headers["vary"]) == (
        "https://x.example",
        "Origin",
    )
    asked = {**origin, "Access-Control-Request-Method": "PATCH"}
    assert "access-control-allow-origin" not in client.options("/v2/envs", headers=asked).headers


def test_cache_answers_v1_for_some_seconds(serve: Serve) -> None:
    mock = with_functions(MockServer(caching=True, clock=lambda: EVENING_NS))
    client = serve(mock)
    event_id = client.post("/e/k", json={"name": "app/slow"}).json()["ids"][0]
    path = f"/v1/runs/{mock.runs[0].id}"
    miss = client.get(path)
    client.delete(path)
    hit = client.get(path)
    assert miss.headers["cache-control"] == "private, max-age=3"
    assert (hit.text, hit.headers["content-type"]) == (miss.text, "text/plain; charset=utf-8")
    assert "cache-control" not in hit.headers
    assert client.get(path, params={"_": 1}).json()["data"]["status"] == "Cancelled"
    fresh = client.get(path, headers={"Authorization": "Bearer x"})
    assert fresh.json()["data"]["status"] == "Cancelled", "another key is another entry"
    mock.advance(timedelta(seconds=3))
    assert client.get(path).json()["data"]["status"] == "Cancelled"
    empty = f"/v1/events/{UNKNOWN}/runs"
    assert [client.get(empty).headers["content-type"] for _ in range(2)][1].startswith("text/")
    assert len(client.get(f"/v1/events/{event_id}/runs").json()["data"]) == 1


def test_errors_and_lists_are_not_cached(serve: Serve) -> None:
    client = serve(MockServer(caching=True))
    for path in (f"/v1/runs/{UNKNOWN}", "/v1/events", "/v1/runs", "/v1/apps", "/v2/runs"):
        types = {client.get(path).headers["content-type"] for _ in range(2)}
        assert types == {"application/json"}
