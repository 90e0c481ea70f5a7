"""Raw responses: status, headers and body, beside a result and on an error."""

from __future__ import annotations

import asyncio
import contextvars
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest import (
    AsyncInngestClient,
    InngestClient,
    InvalidResponseError,
    NotFoundError,
    RateLimitError,
    RouteNotFoundError,
    ServerError,
)
from inngest_rest.responses import RawResponse
from tests.support.server import WEB_UI, Reply, Server, accepts_all, body_of, recorded, says, text

if TYPE_CHECKING:
    from tests.conftest import Connect

RUN_ID = "01M86WNRKHYE50ZF3GG530BHRT"
RUN = f"GET /v1/runs/{RUN_ID}"
HEALTH = "GET /health"
EVENTS = "POST /e/NO_EVENT_KEY_SET"
UP = says({"status": 200, "message": "OK"}, x_request_id="r-1")


@pytest.fixture
def client(connect: Connect, server: Server) -> InngestClient:
    server.on(HEALTH, UP)
    server.on(RUN, recorded("v1-run-ok"))
    return connect(api_version="v1")


def test_a_block_has_the_response_beside_the_result(client: InngestClient) -> None:
    with client.raw() as responses:
        run = client.runs.get(RUN_ID)
    [response] = responses
    assert response.status == 200
    assert response.headers["Content-Type"] == response.headers["content-type"]
    assert response.json() == body_of("v1-run-ok")
    assert response.json()["data"]["run_id"] == run.id
    assert (response.method, response.url) == ("GET", f"http://127.0.0.1:8288/v1/runs/{RUN_ID}")


def test_calls_before_and_after_the_block_are_not_in_it(client: InngestClient) -> None:
    client.health()
    with client.raw() as responses:
        client.health()
    client.health()
    assert [each.headers["x-request-id"] for each in responses] == ["r-1"]


def test_a_block_has_the_responses_of_retries_and_of_both_routes(
    connect: Connect, server: Server
) -> None:
    server.on("GET /v2/apps", text(404, "404 page not found"))
    server.on("GET /v1/apps", Reply(503), says({"data": [], "metadata": {}}))
    client = connect()
    with client.raw() as responses:
        client.apps.list().page()
    assert [each.status for each in responses] == [404, 503, 200]


@pytest.mark.parametrize("in_flight", [1, 4])
def test_a_block_has_the_last_hundred_responses_of_a_long_call(
    client: InngestClient, server: Server, in_flight: int
) -> None:
    server.on(EVENTS, accepts_all)
    with client.raw() as responses:
        client.send_many(({"name": f"e{n}"} for n in range(150)), batch_size=1, in_flight=in_flight)
    assert len(responses) == 100
    if in_flight == 1:
        assert responses[-1].json()["ids"] == ["e149"]


def test_a_block_has_the_response_of_an_error(client: InngestClient, server: Server) -> None:
    server.on("GET /v1/events/01", recorded("v1-event-unknown"))
    with client.raw() as responses, pytest.raises(NotFoundError) as caught:
        client.events.get("01")
    assert caught.value.response == responses[-1]
    assert (responses[-1].status, caught.value.hidden) == (200, True)


def test_blocks_may_be_nested_and_know_copies_of_the_client_but_no_other_client(
    client: InngestClient, connect: Connect
) -> None:
    other = connect()
    with client.raw() as outer:
        client.with_options(timeout=5).health()
        with client.raw() as inner:
            client.health()
            other.health()
        client.health()
    assert (len(outer), len(inner)) == (3, 1)


def test_a_thread_and_a_task_have_blocks_of_their_own(server: Server) -> None:
    server.on(HEALTH, UP)
    with (
        InngestClient(dev=True, transport=server) as client,
        ThreadPoolExecutor() as pool,
        client.raw() as responses,
    ):
        pool.submit(contextvars.Context().run, client.health).result()
    assert len(responses) == 0

    async def main() -> tuple[int, ...]:
        async with AsyncInngestClient(dev=True, transport=server) as client:

            async def calls(count: int) -> int:
                with client.raw() as responses:
                    for _ in range(count):
                        await client.health()
                return len(responses)

            return tuple(await asyncio.gather(calls(1), calls(2), calls(3)))

    assert asyncio.run(main()) == (1, 2, 3)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (says({"error": "no"}, status=404, x_request_id="r"), NotFoundError),
        (text(404, "404 page not found"), RouteNotFoundError),
        (Reply(500, b"oops", {"x-request-id": "r"}), ServerError),
        (says({"data": 5}), InvalidResponseError),
        (WEB_UI, InvalidResponseError),
    ],
)
def test_an_error_has_the_response(
    client: InngestClient, server: Server, reply: Reply, kind: type[InvalidResponseError]
) -> None:
    server.on(RUN, reply)
    with pytest.raises(kind) as caught:
        client.with_options(retries=0).runs.get(RUN_ID)
    response = caught.value.response
    assert response is not None
    assert (response.status, response.body) == (reply.status, reply.body)
    assert dict(response.headers) == reply.headers
    copy = pickle.loads(pickle.dumps(caught.value))
    assert copy.response == response


def test_a_call_refused_for_a_rate_limit_has_the_response_that_asked_for_it(
    client: InngestClient, server: Server
) -> None:
    server.on(HEALTH, Reply(429, b"slow down", {"retry-after": "500"}))
    for attempts in (1, 0):
        with pytest.raises(RateLimitError) as caught:
            client.health()
        assert caught.value.attempts == attempts
        assert caught.value.response is not None
        assert caught.value.response.text == "slow down"


def test_keys_that_a_server_quotes_are_masked(connect: Connect, server: Server) -> None:
    key = "event-key-12345678"
    server.on(f"POST /e/{key}", Reply(404, f"\xff no {key}".encode(), {"x-echo": f"/e/{key}"}))
    client = connect(dev=False, event_key=key)
    with client.raw() as responses, pytest.raises(RouteNotFoundError) as caught:
        client.send({"name": "a"})
    [response] = responses
    assert caught.value.response == response
    assert response.text == "\xff no ***"
    assert response.headers["x-echo"] == "/e/***"
    assert response.url == "https://inn.gs/e/***"


def test_the_repr_of_a_response_has_neither_headers_nor_body() -> None:
    response = RawResponse(
        status=200,
        method="GET",
        url="https://inn.gs/health",
        headers=httpx.Headers({"set-cookie": "secret"}),
        body=b"secret",
    )
    assert repr(response) == "RawResponse(status=200, method='GET', url='https://inn.gs/health')"
