"""with_options: a copy of a client with other options, which shares what the client has."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import (
    ClosedError,
    ConfigurationError,
    InngestClient,
    NotFoundError,
    RateLimitError,
    RetryPolicy,
    ServerError,
)
from tests.calls.test_keys import FIRST, HASHES, RUN, RUN_ID, SECOND, bearers, only
from tests.support.peer import Peer, answers
from tests.support.server import NO_ROUTE, Reply, recorded, says

if TYPE_CHECKING:
    import socket

    from tests.conftest import Connect
    from tests.support.server import Server

HEALTH = "GET /health"
SECRET = "correct horse battery"


@pytest.fixture
def client(connect: Connect, server: Server) -> InngestClient:
    server.on(HEALTH, says({"status": 200, "message": "OK"}))
    return connect()


def sent_timeout(server: Server) -> float:
    timeout: float = server.requests[-1].extensions["timeout"]["read"]
    return timeout


def test_a_copy_has_its_options_and_the_client_keeps_its_own(
    client: InngestClient, server: Server
) -> None:
    quick = client.with_options(timeout=timedelta(seconds=2), env="b", headers={"X-Trace": "1"})
    quick.health()
    assert sent_timeout(server) == 2
    assert server.requests[-1].headers["x-inngest-env"] == "b"
    assert server.requests[-1].headers["x-trace"] == "1"
    client.health()
    assert sent_timeout(server) == 30
    assert not {"x-inngest-env", "x-trace"} & server.requests[-1].headers.keys()


def test_a_copy_of_a_copy_adds_to_its_options(client: InngestClient, server: Server) -> None:
    first = client.with_options(timeout=2, headers={"A": "1", "User-Agent": "mine"})
    first.with_options(headers={"a": "2", "b": "3"}).health()
    headers = server.requests[-1].headers
    assert (headers["a"], headers["b"], headers["user-agent"]) == ("2", "3", "mine")
    assert headers.get_list("a") == ["2"]
    assert sent_timeout(server) == 2


@pytest.mark.parametrize("retries", [1, RetryPolicy(retries=1)])
def test_a_copy_has_its_own_retries(
    client: InngestClient, server: Server, retries: int | RetryPolicy
) -> None:
    server.on(HEALTH, Reply(500))
    with pytest.raises(ServerError) as caught:
        client.with_options(retries=retries).health()
    assert caught.value.attempts == 2
    with pytest.raises(ServerError) as caught:
        client.health()
    assert caught.value.attempts == 5


def test_a_copy_has_groups_of_its_own(connect: Connect, server: Server) -> None:
    server.on(f"GET {RUN}", recorded("v2-run-ok"))
    client = connect(api_version="v2")
    client.runs.get(RUN_ID)
    client.with_options(headers={"x-trace": "1"}).runs.get(RUN_ID)
    client.runs.get(RUN_ID)
    assert [each.headers.get("x-trace") for each in server.requests] == [None, "1", None]


def test_a_copy_shares_the_keys_that_worked(connect: Connect, server: Server) -> None:
    server.on(f"GET {RUN}", only(HASHES[1], "v2-run-ok"))
    client = connect(dev=False, signing_key=FIRST, signing_key_fallback=SECOND, api_version="v2")
    client.with_options(timeout=5).runs.get(RUN_ID)
    client.runs.get(RUN_ID)
    assert bearers(server) == [HASHES[0], HASHES[1], HASHES[1]]


def test_a_copy_shares_the_routes_that_are_absent(client: InngestClient, server: Server) -> None:
    server.on("GET /v2/apps", NO_ROUTE["v2"])
    server.on("GET /v1/apps", says({"data": []}))
    list(client.with_options(timeout=5).apps.list())
    del server.requests[:]
    list(client.apps.list())
    assert [each.partition("?")[0] for each in server.asked] == ["GET /v1/apps"]


def test_a_copy_keeps_the_pauses_that_the_client_was_asked_for(
    client: InngestClient, server: Server
) -> None:
    server.on(HEALTH, Reply(429, b"", {"retry-after": "500"}))
    with pytest.raises(RateLimitError):
        client.health()
    with pytest.raises(RateLimitError) as caught:
        client.with_options(timeout=5).health()
    assert caught.value.attempts == 0
    assert len(server.requests) == 1


def test_closing_a_copy_leaves_the_client_open(client: InngestClient, server: Server) -> None:
    with client.with_options(timeout=5) as copy:
        copy.health()
    with pytest.raises(ClosedError):
        copy.health()
    client.health()
    assert server.closed == 0


def test_closing_a_client_closes_its_copies(client: InngestClient, server: Server) -> None:
    copies = [client.with_options(timeout=5), client.with_options().with_options(env="b")]
    client.close()
    for copy in (*copies, copies[0].with_options(), client.with_options()):
        with pytest.raises(ClosedError):
            copy.health()
    assert (server.closed, server.requests) == (1, [])


def test_a_copy_of_a_subclass_is_of_that_class_and_keeps_its_attributes(server: Server) -> None:
    class Mine(InngestClient):
        tenant = ""

    with Mine(dev=True, transport=server) as client:
        client.tenant = "acme"
        copy = client.with_options(timeout=5)
        assert type(copy) is Mine
        assert copy.tenant == "acme"


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "HOST",
        "Content-Type",
        "content-length",
        "Content-Encoding",
        "Transfer-Encoding",
        "connection",
        "accept-encoding",
        "x-inngest-event-id-seed",
        "X-Inngest-Env",
        "",
        "a b",
        "a:",
        "a\r\nb",
        "é",
        5,
    ],
)
def test_a_header_that_the_client_sets_or_that_has_no_valid_name_is_refused(
    client: InngestClient, name: Any
) -> None:
    with pytest.raises(ConfigurationError, match="headers") as caught:
        client.with_options(headers={"x-trace": "1", name: SECRET})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["", " a", "a ", "a\nb", "a\rb", "a\r\nx: y", "a\0", "é", None, 5, b"a"]
)
def test_a_header_with_a_malformed_value_is_refused_and_not_shown(
    client: InngestClient, value: Any
) -> None:
    with pytest.raises(ConfigurationError, match="malformed value: that of X-Trace") as caught:
        client.with_options(headers={"X-Trace": value})
    assert repr(value) not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"timeout": float("nan")},
        {"retries": -1},
        {"retries": 1.5},
        {"env": "a\nb"},
        {"headers": "a"},
        {"headers": [("a", "b")]},
    ],
)
def test_a_malformed_option_is_refused_when_the_copy_is_made(
    client: InngestClient, options: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        client.with_options(**options)


def test_a_secret_in_a_header_is_nowhere_shown(
    connect: Connect, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.on(
        f"GET {RUN}",
        lambda request: says({"error": f"bad {request.headers['x-gateway-key']}"}, status=404),
    )
    copy = connect(api_version="v2").with_options(headers={"X-Gateway-Key": SECRET})
    with pytest.raises(NotFoundError) as caught:
        copy.runs.get(RUN_ID)
    assert caught.value.message == "bad ***"
    shown = [repr(copy), repr(caught.value), str(caught.value), caplog.text]
    assert SECRET not in " ".join(shown)


def test_the_value_of_another_header_is_not_masked(connect: Connect, server: Server) -> None:
    server.on(f"GET {RUN}", says({"error": "no run for request-1234"}, status=404))
    copy = connect(api_version="v2").with_options(headers={"x-request-id": "request-1234"})
    with pytest.raises(NotFoundError, match="request-1234"):
        copy.runs.get(RUN_ID)


def test_a_copy_sends_over_the_connections_of_the_client(connect: Connect) -> None:
    def two(connection: socket.socket) -> None:
        answers(connection)
        answers(connection)

    with Peer(two) as peer:
        client = connect(dev=peer.url, transport=None)
        with client.with_options(timeout=5) as copy:
            assert copy.send({"name": "a"}) == ["01"]
        assert client.send({"name": "a"}) == ["01"]
