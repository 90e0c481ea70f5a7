"""Closing or interrupting a client during a request: it fails at once, and leaves no connection."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from inngest_rest import (
    AsyncInngestClient,
    AuthenticationError,
    InngestClient,
    PartialSendError,
    TransportError,
)
from inngest_rest._core.drivers import blocking
from tests.support.many import events
from tests.support.peer import PATIENCE, Peer, take_request, until_hung_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from inngest_rest import BatchReport

EVENT = {"name": "app/order"}


class Stalls:
    """A script that takes a request, or only a connection, and never responds."""

    def __init__(self, *, takes_request: bool = True) -> None:
        self.arrived = threading.Event()
        self._takes_request = takes_request

    def __call__(self, connection: socket.socket) -> None:
        if self._takes_request:
            take_request(connection)
            self.arrived.set()
            until_hung_up(connection)
        else:
            connection.recv(100)  # the beginning of a TLS handshake, or nothing
            self.arrived.set()
            while connection.recv(65_536):
                pass


def test_closing_a_blocking_client_ends_the_requests_of_other_threads() -> None:
    stalls = Stalls()
    with Peer(stalls) as peer, ThreadPoolExecutor(1) as pool:
        client = InngestClient(event_key="k", base_url=peer.url, retries=0, timeout=PATIENCE * 9)
        sending = pool.submit(client.send, EVENT)
        assert stalls.arrived.wait(PATIENCE)
        client.close()
        with pytest.raises(TransportError, match="the client was closed"):
            sending.result(PATIENCE)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_closing_an_asynchronous_client_ends_the_requests_of_other_tasks(scheme: str) -> None:
    async def scenario(url: str) -> None:
        client = AsyncInngestClient(event_key="k", base_url=url, retries=0, timeout=PATIENCE * 9)
        sending = asyncio.create_task(client.send(EVENT))
        assert await asyncio.to_thread(stalls.arrived.wait, PATIENCE)
        await client.aclose()
        async with asyncio.timeout(PATIENCE):
            with pytest.raises((PartialSendError, TransportError), match="the client was closed"):
                await sending

    stalls = Stalls(takes_request=scheme == "http")
    with Peer(stalls) as peer:
        asyncio.run(scenario(peer.url.replace("http", scheme)))


def test_a_client_closed_while_it_connects_leaves_no_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connecting, closed = threading.Event(), threading.Event()
    resolve = socket.getaddrinfo

    def waits(*args: Any, **kwargs: Any) -> Any:
        connecting.set()
        assert closed.wait(PATIENCE)
        return resolve(*args, **kwargs)

    async def scenario() -> None:
        client = AsyncInngestClient(event_key="k", base_url="http://localhost", retries=0)
        sending = asyncio.create_task(client.send(EVENT))
        assert await asyncio.to_thread(connecting.wait, PATIENCE)
        await client.aclose()
        closed.set()
        with pytest.raises(TransportError, match="the client was closed"):
            await sending

    monkeypatch.setattr(socket, "getaddrinfo", waits)
    asyncio.run(scenario())


def test_a_blocking_client_closed_while_it_connects_leaves_no_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connecting, closed = threading.Event(), threading.Event()
    resolve = socket.getaddrinfo

    def waits(*args: Any, **kwargs: Any) -> Any:
        connecting.set()
        assert closed.wait(PATIENCE)
        return resolve(*args, **kwargs)

    with Peer(until_hung_up) as peer, ThreadPoolExecutor(1) as pool:
        url = peer.url.replace("localhost", "127.0.0.1")
        client = InngestClient(event_key="k", base_url=url, retries=0)
        monkeypatch.setattr(socket, "getaddrinfo", waits)
        sending = pool.submit(client.send, EVENT)
        assert connecting.wait(PATIENCE)
        client.close()
        monkeypatch.undo()
        closed.set()
        with pytest.raises(TransportError, match="the client was closed") as caught:
            sending.result(PATIENCE)
        assert not caught.value.delivered


def test_an_interrupted_send_many_breaks_off_requests_that_stall(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blocking, "_GRACE_OF_INTERRUPT", 0.01)
    stalls = Stalls()
    told: list[BatchReport] = []

    def source() -> Iterator[dict[str, Any]]:
        yield from events(1)
        assert stalls.arrived.wait(PATIENCE)
        raise KeyboardInterrupt

    with Peer(stalls) as peer:
        client = InngestClient(event_key="k", base_url=peer.url, timeout=PATIENCE * 9)
        with pytest.raises(KeyboardInterrupt):
            client.send_many(source(), batch_size=1, on_batch=told.append)
        for thread in threading.enumerate():
            if thread.name.startswith("inngest-rest_"):
                thread.join(PATIENCE)
                assert not thread.is_alive()
    client.close()
    assert [each.report.unknown for each in told] == [1]


def test_the_threads_of_a_send_many_do_not_keep_the_interpreter() -> None:
    kinds: list[bool] = []

    def source() -> Iterator[dict[str, Any]]:
        yield from events(1)
        ours = [each for each in threading.enumerate() if each.name.startswith("inngest-rest_")]
        kinds.extend(each.daemon for each in ours)

    def refuses(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(b"HTTP/1.1 401 \r\nContent-Length: 0\r\n\r\n")

    with (
        Peer(refuses) as peer,
        InngestClient(event_key="k", base_url=peer.url) as client,
        pytest.raises(AuthenticationError),
    ):
        client.send_many(source(), batch_size=1)
    assert kinds == [True]
