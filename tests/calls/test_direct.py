"""`call` and `request`: generated operations and paths, by the keys and rules of every call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    ConfigurationError,
    InngestClient,
    InvalidArgumentError,
    InvalidResponseError,
    MissingKeyError,
    NotFoundError,
    RequestTimeoutError,
    RouteNotFoundError,
    ServerError,
)
from inngest_rest_api.api.ingest import send_events
from inngest_rest_api.api.v1 import delete_webhook_v1, get_run_v1
from inngest_rest_api.api.v2 import get_run_v2, list_runs_v2, rerun_run_v2
from inngest_rest_api.models import Event, SendResult, V2RunEnvelope
from inngest_rest_mock import MockServer
from tests.support.server import Reply, Server, body_of, recorded, says, text

if TYPE_CHECKING:
    from tests.conftest import Connect

RUN_ID = "01M86WNRKHYE50ZF3GG530BHRT"
RUN = f"GET /v2/runs/{RUN_ID}"
NEW = "/v2/news"
KEYS = {
    "dev": False,
    "base_url": "https://inngest.test",
    "event_key": "event-key-0123456789",
    "api_key": "sk-inn-api-0123456789",
    "signing_key": "signkey-prod-0123456789abcdef",
}


def bearers(server: Server) -> list[str | None]:
    return [each.headers.get("authorization") for each in server.requests]


def test_a_generated_operation_returns_its_model(client: InngestClient, server: Server) -> None:
    server.on(RUN, recorded("v2-run-ok"))
    found = client.call(get_run_v2, RUN_ID, include_output=True)
    assert isinstance(found, V2RunEnvelope)
    assert found.data.id == body_of("v2-run-ok")["data"]["id"]
    assert server.asked == [f"{RUN}?includeOutput=true"]


def test_a_path_returns_the_response(client: InngestClient, server: Server) -> None:
    server.on(f"GET {NEW}", says({"data": [1]}, x_request_id="r-1"))
    found = client.request(
        "GET", f"{NEW}?limit=2&old=1", query={"limit": 5, "status": ["A", "B"], "cursor": None}
    )
    assert (found.status, found.json(), found.headers["x-request-id"]) == (
        200,
        {"data": [1]},
        "r-1",
    )
    assert server.asked == [f"GET {NEW}?limit=5&old=1&status=A&status=B"]


def test_a_body_is_sent_as_json_and_none_as_no_body(client: InngestClient, server: Server) -> None:
    server.on(f"PATCH {NEW}", Reply(204))
    assert client.request("PATCH", NEW, body={"name": "é"}).body == b""
    client.request("PATCH", NEW)
    first, second = (each.content for each in server.requests)
    assert json.loads(first) == {"name": "é"}
    assert second == b""


def test_each_api_gets_the_keys_that_it_accepts_and_no_other(
    connect: Connect, server: Server
) -> None:
    for path in ("/v1/news", "/v2/news", "/health", "/dev", "/e/event-key-0123456789"):
        server.on(f"{'POST' if path[1] == 'e' else 'GET'} {path}", says({"data": 1}))
    client = connect(**KEYS)
    for path in ("/v1/news", "/v2/news", "/health", "/dev"):
        client.request("GET", path)
    client.request("POST", "/e/{event_key}", body={"name": "a/b"})
    v1, v2, *others = bearers(server)
    assert v1 not in {None, v2}
    assert v2 == f"Bearer {KEYS['api_key']}"
    assert others == [None] * 3


def test_a_rejected_key_is_followed_by_the_next(connect: Connect, server: Server) -> None:
    server.on(RUN, says({"errors": []}, status=401), recorded("v2-run-ok"))
    assert connect(**KEYS).call(get_run_v2, RUN_ID) is not None
    assert len(set(bearers(server))) == 2


def test_the_clients_own_event_key_is_sent_whatever_is_given(
    connect: Connect, server: Server
) -> None:
    server.on(f"POST /e/{KEYS['event_key']}", says({"ids": ["1"], "status": 200}))
    sent = connect(**KEYS).call(send_events, "another", body=Event(name="a/b"))
    assert isinstance(sent, SendResult)


def test_sending_by_an_operation_without_the_key_that_it_needs_names_that_key(
    connect: Connect, server: Server
) -> None:
    with pytest.raises(MissingKeyError, match="event_key"):
        connect(dev=False, api_key=KEYS["api_key"]).call(
            send_events, "another", body=Event(name="a/b")
        )
    assert not server.requests


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_http_calls_idempotent_is_retried(
    method: Any, client: InngestClient, server: Server
) -> None:
    server.on(f"{method} {NEW}", Reply(503), httpx.ReadTimeout("late"), says({}))
    assert client.request(method, NEW).status == 200
    assert len(server.requests) == 3


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_anything_else_is_not_once_it_may_have_had_an_effect(
    method: Any, client: InngestClient, server: Server
) -> None:
    server.on(f"{method} {NEW}", httpx.ReadTimeout("late"), says({}))
    with pytest.raises(RequestTimeoutError):
        client.request(method, NEW, body={})
    assert len(server.requests) == 1


def test_a_generated_operation_is_retried_by_its_method(
    client: InngestClient, server: Server
) -> None:
    server.on(RUN, Reply(503), recorded("v2-run-ok"))
    server.on(f"POST /v2/runs/{RUN_ID}/rerun", says({"errors": []}, status=502))
    client.call(get_run_v2, RUN_ID)
    with pytest.raises(ServerError) as caught:
        client.call(rerun_run_v2, RUN_ID)
    assert caught.value.may_have_taken_effect
    assert len(server.requests) == 3


def test_a_pause_that_the_server_asked_for_is_kept(client: InngestClient, server: Server) -> None:
    server.on(f"POST {NEW}", Reply(429, headers={"retry-after": "7"}), says({}))
    assert client.request("POST", NEW, body={}).status == 200
    assert len(server.requests) == 2


def test_errors_are_those_of_every_call(client: InngestClient, server: Server) -> None:
    errors = {"errors": [{"code": "not_found", "message": "no news"}]}
    server.on(f"GET {NEW}", says(errors, status=404))
    with pytest.raises(NotFoundError, match="no news") as caught:
        client.request("GET", NEW)
    assert caught.value.response is not None
    assert caught.value.response.json() == errors
    with pytest.raises(RouteNotFoundError, match="GET /v2/older"):
        client.request("GET", "/v2/older")


def test_an_operation_that_the_server_lacks_names_the_release_that_has_it(
    client: InngestClient,
) -> None:
    with pytest.raises(RouteNotFoundError) as caught:
        client.call(list_runs_v2)
    assert caught.value.releases == {"GET /v2/runs": "1.38.0"}


def test_an_error_that_v1_hides_under_http_200_is_raised(
    client: InngestClient, server: Server
) -> None:
    hidden = says({"data": None, "error": "no such news", "status": 404})
    server.on("GET /v1/news", hidden)
    server.on(f"GET /v1/runs/{RUN_ID}", hidden)
    for attempt in (
        lambda: client.request("GET", "/v1/news"),
        lambda: client.call(get_run_v1, RUN_ID),
    ):
        with pytest.raises(NotFoundError, match="no such") as caught:
            attempt()
        assert caught.value.hidden


def test_a_page_of_the_web_ui_is_no_answer(client: InngestClient, server: Server) -> None:
    server.on(f"GET {NEW}", text(200, "<!DOCTYPE html>", "text/html"))
    with pytest.raises(InvalidResponseError, match="web page"):
        client.request("GET", NEW)


def test_a_response_that_is_not_as_documented_is_refused(
    client: InngestClient, server: Server
) -> None:
    server.on(RUN, text(200, "no JSON"))
    with pytest.raises(InvalidResponseError, match="not as documented"):
        client.call(get_run_v2, RUN_ID)


def test_an_empty_answer_of_an_operation_without_a_result_is_none(
    client: InngestClient, server: Server
) -> None:
    server.on("DELETE /v1/webhooks/w-1", Reply(204))
    assert client.call(delete_webhook_v1, "w-1") is None


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.test/v2/runs",
        "//evil.test/v2/runs",
        "@evil.test/v2/runs",
        "v2/runs",
        "/v2",
        "/v2/",
        "/v3/runs",
        "/v2/../admin",
        "/v2/.",
        "/v2/%2e%2e/admin",
        "/v2/x%2F..%2F..%2Fadmin",
        "/v2/x\\..\\admin",
        "/v2/x#y",
        "/v2/a b",
        "/v2/\x00",
        "/v2/\ud800",
        "/e/some-event-key",
        "/e/{event_key}/more",
        "/healthy",
        "",
        7,
    ],
)
def test_a_path_that_may_lead_elsewhere_is_refused_and_not_repeated(
    path: Any, connect: Connect, server: Server
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        connect(**KEYS).request("GET", path)
    assert caught.value.argument == "path"
    assert "some-event-key" not in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("id", ["..", ".", "../x", ""])
def test_an_id_that_would_change_the_path_of_an_operation_is_refused(
    id: str, client: InngestClient, server: Server
) -> None:
    with pytest.raises(InvalidArgumentError, match="path must be below"):
        client.call(get_run_v2, id)
    assert server.requests == []


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        ({"method": "get"}, "method"),
        ({"method": "TRACE"}, "method"),
        ({"query": ["limit"]}, "query"),
        ({"query": {"at": object()}}, "query"),
        ({"body": {"n": float("nan")}}, "body"),
        ({"path": "/v2/x?q=\ud800"}, "path"),
    ],
)
def test_a_malformed_argument_is_named(
    given: Any, argument: str, client: InngestClient, server: Server
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        client.request(**{"method": "GET", "path": NEW, **given})
    assert caught.value.argument == argument
    assert server.requests == []


def test_what_is_no_generated_module_is_refused(client: InngestClient) -> None:
    wrong: Any = get_run_v2.sync
    with pytest.raises(InvalidArgumentError, match=r"as v2\.get_run_v2 is") as caught:
        client.call(wrong, RUN_ID)
    assert caught.value.argument == "operation"


def test_a_client_that_is_pinned_to_one_api_asks_no_other(connect: Connect) -> None:
    with pytest.raises(ConfigurationError, match='api_version="v1"'):
        connect(api_version="v1").request("GET", NEW)
    with pytest.raises(ConfigurationError, match="signing key"):
        connect(**{**KEYS, "signing_key": None}).request("GET", "/v1/news")


def test_what_is_of_no_api_is_asked_whatever_the_client_is_pinned_to(
    connect: Connect, server: Server
) -> None:
    server.on("GET /health", says({"status": 200}))
    assert connect(api_version="v1").request("GET", "/health").status == 200


@pytest.mark.parametrize("key", ["signkey-prod-0123456789abcdef", None])
def test_metrics_are_requested_with_a_key_or_without_one(key: str | None) -> None:
    mock = MockServer(signing_key="signkey-prod-0123456789abcdef")
    base_url = "http://127.0.0.1:8288"
    with InngestClient(base_url=base_url, signing_key=key, transport=mock.transport) as client:
        assert "inngest_queue_depth 0" in client.request("GET", "/metrics").text
