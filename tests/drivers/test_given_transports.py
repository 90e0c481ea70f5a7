"""What holds of our own connections holds through transports that users give, as far as it can."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import httpx_aiohttp
import pytest
from pyreqwest.compatibility.httpx import HttpxTransport

from inngest_rest import (
    AsyncInngestClient,
    AuthenticationError,
    RequestTimeoutError,
    RetryPolicy,
    TransportError,
)
from tests.support.client_kinds import open_client
from tests.support.peer import ANSWER, PATIENCE, Peer, answers, take_request, until_hung_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Connect

EVENT = {"name": "app/order"}
RUN = "01M86WNRKHYE50ZF3GG530BHRT"

# Seconds until a client is to give up, in real time.
SOON = 0.4

TRANSPORTS: dict[str, Callable[[], httpx.AsyncBaseTransport]] = {
    "httpx": httpx.AsyncHTTPTransport,
    "httpx-aiohttp": httpx_aiohttp.AiohttpTransport,
    "pyreqwest": HttpxTransport,
}


THROUGH_AIOHTTP = pytest.mark.parametrize("through", ["httpx-aiohttp"], indirect=True)
THROUGH_OTHERS = pytest.mark.parametrize("through", ["httpx-aiohttp", "pyreqwest"], indirect=True)
"""For what does not hold of the transports left out, as docs/guides/network.md says."""


@pytest.fixture(params=TRANSPORTS)
def through(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Make clients with a transport of a library."""
    with asyncio.Runner() as runner:
        clients: list[Any] = []

        async def made() -> httpx.AsyncBaseTransport:
            return TRANSPORTS[request.param]()

        def make(url: str, **options: Any) -> Any:
            settings: dict[str, Any] = {
                "event_key": "k",
                "signing_key": "signkey-test-00",
                "base_url": url,
                "retries": 0,
                "timeout": PATIENCE,
                **options,
            }
            clients.append(open_client("async", runner, transport=runner.run(made()), **settings))
            return clients[-1]

        yield make
        for client in clients:
            client.close()


def resets(connection: socket.socket) -> None:
    """Read a request, and end the connection as a server that crashes does."""
    take_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("ends", [take_request, resets], ids=["closed", "reset"])
def test_an_act_is_not_repeated_when_the_connection_breaks(
    through: Connect, ends: Callable[[socket.socket], object]
) -> None:
    with Peer(ends) as peer, pytest.raises(TransportError) as caught:
        through(peer.url, retries=2, api_version="v2").runs.replay(RUN)
    assert caught.value.delivered
    assert caught.value.attempts == 1


def test_a_refused_connection_is_an_undelivered_request(through: Connect) -> None:
    with Peer() as peer:
        url = peer.url
    with pytest.raises(TransportError) as caught:
        through(url).send(EVENT)
    assert not caught.value.delivered


def trickles(connection: socket.socket) -> None:
    """Answer one request, and the next one endlessly, each piece in time."""
    answers(connection)
    take_request(connection)
    connection.settimeout(SOON / 20)
    with suppress(ConnectionError):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=")
        for _ in range(20 * 20):  # twenty times as long as the client is to wait
            connection.sendall(b"x")
            with suppress(TimeoutError):
                if connection.recv(1) == b"":
                    return
        raise AssertionError("it is read on")


@THROUGH_OTHERS
def test_a_trickling_response_does_not_extend_the_timeout(through: Connect) -> None:
    async def scenario(client: AsyncInngestClient) -> None:
        await client.send(EVENT)  # making a connection may take a busy machine longer than SOON
        with pytest.raises(RequestTimeoutError, match="no complete response") as caught:
            await client.with_options(timeout=SOON).send(EVENT)
        assert caught.value.delivered
        await asyncio.to_thread(peer.wait_until_served, 1)

    with Peer(trickles) as peer:
        client: Any = through(peer.url)
        client.runner.run(scenario(client.target))


def test_a_connection_closed_by_the_server_costs_no_request(through: Connect) -> None:
    with Peer(answers, answers) as peer:
        # pyreqwest may take the connection before its thread has read that it was closed.
        client = through(peer.url, retries=RetryPolicy(retries=1, initial=0.001))
        client.send(EVENT)
        peer.wait_until_served(1)
        assert client.send(EVENT) == ["01"]


@THROUGH_AIOHTTP
def test_a_cancelled_request_closes_its_connection(through: Connect) -> None:
    asked = threading.Event()

    def keeps_silent(connection: socket.socket) -> None:
        take_request(connection)
        asked.set()
        until_hung_up(connection)

    async def scenario(client: AsyncInngestClient) -> None:
        task = asyncio.create_task(client.send(EVENT))
        await asyncio.to_thread(asked.wait, PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(peer.wait_until_served, 1)

    with Peer(keeps_silent) as peer:
        client: Any = through(peer.url)
        client.runner.run(scenario(client.target))


@THROUGH_OTHERS
def test_a_second_response_is_not_taken_for_that_of_the_next_request(through: Connect) -> None:
    def answers_twice(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(ANSWER + ANSWER)
        until_hung_up(connection)

    def refuses(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(b"HTTP/1.1 401 \r\nContent-Length: 0\r\n\r\n")

    with Peer(answers_twice, refuses) as peer:
        client = through(peer.url)
        client.send(EVENT)
        with pytest.raises(AuthenticationError):
            client.send(EVENT)


@THROUGH_OTHERS
def test_the_head_of_a_request_is_written_with_its_body(through: Connect) -> None:
    pieces: list[bytes] = []

    def takes_one_piece(connection: socket.socket) -> None:
        pieces.append(connection.recv(65_536))
        connection.sendall(ANSWER)

    with Peer(takes_one_piece) as peer:
        through(peer.url).send(EVENT)
    assert pieces[0].startswith(b"POST ")
    assert b"app/order" in pieces[0]
