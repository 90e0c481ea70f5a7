"""Keys: the hashed signing key goes to the API, the event key to the event host."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from inngest_rest import (
    AuthenticationError,
    ConfigurationError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
)
from tests.support.server import Reply, about, accepts_all, recorded, says

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Connect
    from tests.support.server import Answer, Server

FIRST, SECOND = "signkey-prod-12345678", "signkey-prod-abcdef01"


def hashed(key: str) -> str:
    return hashlib.sha256(bytes.fromhex(key.rpartition("-")[2])).hexdigest()


HASHES = [hashed(key) for key in (FIRST, SECOND)]
RUN = "/v2/runs/01M86WNRKHYE50ZF3GG530BHRT"
RUN_ID = RUN.rpartition("/")[2]


def only(bearer: str, good: str, *, status: int = 401) -> Answer:
    """Accept requests with this bearer token; reject all others."""

    def answer(request: httpx.Request) -> Reply:
        if request.headers.get("authorization") == f"Bearer {bearer}":
            return about(RUN_ID, good)
        return recorded("start-v1-wrong") if status == 401 else says({"error": "no"}, status=403)

    return answer


def bearers(server: Server) -> list[str | None]:
    return [
        each.headers.get("authorization", "").removeprefix("Bearer ") for each in server.requests
    ]


def bearer_of(connect: Connect, server: Server, key: str) -> str | None:
    server.on(f"GET {RUN}", about(RUN_ID, "v2-run-ok"))
    connect(dev=None, signing_key=key).runs.get(RUN_ID)
    return bearers(server)[-1]


def test_the_bearer_is_the_hash_the_official_sdks_send(connect: Connect, server: Server) -> None:
    bearer = bearer_of(connect, server, FIRST)
    assert bearer == HASHES[0]
    assert bearer.startswith("b2ed9921")


@pytest.mark.parametrize(
    "key", ["abcdef01", "ABCDEF01", "signkey-test-abcdef01", "signkey-my_branch-abcdef01"]
)
def test_of_a_signing_key_the_hex_is_hashed_in_either_case_and_no_prefix(
    connect: Connect, server: Server, key: str
) -> None:
    assert bearer_of(connect, server, key) == HASHES[1]


@pytest.mark.parametrize("status", [401, 403])
def test_a_fallback_key_is_tried_if_the_first_is_rejected_and_then_preferred(
    connect: Connect, server: Server, status: int
) -> None:
    server.on(f"GET {RUN}", only(HASHES[1], "v2-run-ok", status=status))
    client = connect(dev=None, signing_key=FIRST, signing_key_fallback=SECOND)
    for _ in range(2):
        client.runs.get(RUN_ID)
    assert bearers(server) == [HASHES[0], HASHES[1], HASHES[1]]


@pytest.mark.parametrize(
    ("status", "error"), [(401, AuthenticationError), (403, PermissionDeniedError)]
)
def test_if_every_key_is_rejected_each_is_tried_once_and_the_first_refusal_is_told(
    connect: Connect, server: Server, status: int, error: type[Exception]
) -> None:
    server.on(f"GET {RUN}", *(says({"error": it}, status=status) for it in ("one", "two")))
    client = connect(dev=None, signing_key=FIRST, signing_key_fallback=SECOND)
    with pytest.raises(error, match="one"):
        client.runs.get(RUN_ID)
    assert bearers(server) == HASHES


def test_a_fallback_key_is_not_tried_after_other_errors(connect: Connect, server: Server) -> None:
    server.on(f"POST {RUN}/cancel", recorded("v2-cancel-unknown"))
    client = connect(dev=None, signing_key=FIRST, signing_key_fallback=SECOND)
    with pytest.raises(NotFoundError):
        client.runs.cancel(RUN_ID)
    assert {*bearers(server)} == {*HASHES[:1]}


def test_with_only_an_api_key_only_v2_is_used(connect: Connect, server: Server) -> None:
    server.on("GET /v2/runs", recorded("v2-runs-list"))
    server.on(f"GET /v2/runs/{RUN_ID}", recorded("v2-run-ok"))
    client = connect(dev=None, api_key="sk-inn-api-1")
    client.runs.list().page()
    client.runs.get(RUN_ID)
    assert bearers(server) == ["sk-inn-api-1", "sk-inn-api-1"]
    assert all(" /v2/" in each for each in server.asked)


def test_with_only_an_api_key_an_operation_of_v1_names_the_key_it_needs(
    connect: Connect, server: Server
) -> None:
    client = connect(dev=None, api_key="sk-inn-api-1")
    with pytest.raises(
        ConfigurationError, match=r"only in v1, .* Set signing_key \(INNGEST_SIGNING_KEY\)"
    ):
        client.events.get("01")
    assert server.asked == []


def test_a_dev_server_is_asked_by_v1_whatever_the_keys(connect: Connect, server: Server) -> None:
    server.on(f"GET /v1/events/{RUN_ID}", about(RUN_ID, "v1-event"))
    connect(dev=True, api_key="sk-inn-api-1").events.get(RUN_ID)
    assert bearers(server) == [""]


def test_v2_gets_the_api_key_first_and_v1_never_gets_it(connect: Connect, server: Server) -> None:
    server.on("GET /v2/apps/a", only(HASHES[0], "v2-app"))
    server.on(f"GET /v1/events/{RUN_ID}", about(RUN_ID, "v1-event"))
    client = connect(dev=None, api_key="sk-1", signing_key=FIRST)
    client.apps.get("a")
    client.events.get(RUN_ID)
    assert bearers(server) == ["sk-1", HASHES[0], HASHES[0]]


def test_a_configured_key_is_sent_to_a_dev_server(connect: Connect, server: Server) -> None:
    server.on(f"GET {RUN}", recorded("v2-run-ok"))
    connect(signing_key=FIRST).runs.get(RUN_ID)
    connect().runs.get(RUN_ID)
    assert bearers(server) == [HASHES[0], ""]


def test_the_event_host_never_gets_an_authorization_header(
    connect: Connect, server: Server
) -> None:
    server.on("POST /e/my-key", accepts_all)
    server.on("GET /health", recorded("health"))
    client = connect(dev=None, event_key="my-key", signing_key=FIRST, api_key="sk-1")
    client.send({"name": "a"})
    client.health()
    assert ["authorization" in each.headers for each in server.requests] == [False, False]
    assert {each.url.host for each in server.requests} == {"inn.gs"}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(connect: Connect, server: Server, status: int) -> None:
    elsewhere = Reply(status, headers={"location": "https://elsewhere.test/v1/events"})
    server.on("GET /v1/events", elsewhere)
    with pytest.raises(InvalidResponseError):
        connect(dev=None, signing_key=FIRST).events.list().page()
    assert {each.url.host for each in server.requests} == {"api.inngest.com"}


def test_an_event_key_stays_one_path_segment(connect: Connect, server: Server) -> None:
    server.on("POST /e/a%b?c#d", accepts_all)
    connect(event_key="a%b?c#d").send({"name": "a"})
    assert server.requests[0].url.raw_path == b"/e/a%25b%3Fc%23d"


def test_the_last_working_key_is_tried_first_by_all_copies_of_a_client(
    connect: Connect, server: Server
) -> None:
    server.on(f"GET {RUN}", only(HASHES[1], "v2-run-ok"))
    server.on("GET /v1/events/01", recorded("v1-event"))
    keys = {"signing_key": FIRST, "signing_key_fallback": SECOND, "api_key": "key"}
    client = connect(dev=None, **keys)
    client.with_options(timeout=5).runs.get(RUN_ID)
    assert bearers(server) == ["key", *HASHES]
    client.runs.get(RUN_ID)
    assert bearers(server)[3:] == [HASHES[1]]
    client.events.get("01")
    assert bearers(server)[4:] == [HASHES[0]], "v1 is asked by the keys of its own"
