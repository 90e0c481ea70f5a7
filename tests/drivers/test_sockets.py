"""Both clients over real sockets, through httpx's transports as they make them."""

from __future__ import annotations

import asyncio
import gc
import logging
import select
import socket
import ssl
import threading
import time
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trustme
import uvloop

from inngest_rest import (
    ApiError,
    AsyncInngestClient,
    InngestClient,
    InvalidResponseError,
    RequestTimeoutError,
    TransportError,
)
from tests.support.client_kinds import open_client
from tests.support.peer import ANSWER, PATIENCE, Peer, answers, take_request, until_hung_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Connect
    from tests.support.client_kinds import ClientKind

EVENT = {"name": "app/order"}
SIGNING_KEY = "signkey-test-00"

# Seconds until a client is to give up, in real time: the kernel or the loop counts them.
# A client on a busy machine still gets to send its request within them.
SOON = 0.5

LOOPS = {"blocking": None, "async": None, "async on uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def reach(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Make clients with their default transport."""
    clients: list[InngestClient] = []
    client_kind: ClientKind = "blocking" if request.param == "blocking" else "async"
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:

        def make(url: str, **options: Any) -> InngestClient:
            clients.append(
                open_client(
                    client_kind, runner, event_key="k", base_url=url, **{"retries": 0, **options}
                )
            )
            return clients[-1]

        yield make
        for client in clients:
            client.close()


def answers_twice(connection: socket.socket) -> None:
    answers(connection)
    answers(connection)


def test_a_connection_serves_one_request_after_another(reach: Connect) -> None:
    with Peer(answers_twice) as peer:
        client = reach(peer.url)
        assert [client.send(EVENT), client.send(EVENT)] == [["01"], ["01"]]


@pytest.mark.parametrize("through_proxy", [False, True], ids=["direct", "proxy"])
def test_what_comes_behind_a_response_is_not_the_response_to_the_next_request(
    reach: Connect, monkeypatch: pytest.MonkeyPatch, through_proxy: bool
) -> None:
    def says_more(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(ANSWER + ANSWER.replace(b"01", b"99"))
        until_hung_up(connection)

    with Peer(says_more, answers) as peer:
        url = peer.url
        if through_proxy:
            monkeypatch.setenv("HTTP_PROXY", peer.url)
            url = "http://inngest.example"
        client = reach(url, allow_http=True)
        assert [client.send(EVENT), client.send(EVENT)] == [["01"], ["01"]]


def test_a_large_body_arrives_whole(reach: Connect) -> None:
    bodies: list[bytes] = []

    def keeps(connection: socket.socket) -> None:
        bodies.append(take_request(connection))
        connection.sendall(ANSWER)

    with Peer(keeps) as peer:
        reach(peer.url).send({**EVENT, "data": {"pad": "x" * 3_000_000}})
    assert len(bodies[0]) > 3_000_000


def test_a_large_response_arrives_whole(reach: Connect) -> None:
    body = b'{"ids":[%b],"status":200}' % b",".join([b'"01"'] * 500_000)

    def overwhelms(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    with (
        Peer(overwhelms) as peer,
        pytest.raises(InvalidResponseError, match="500000 ids for 1 event"),
    ):
        reach(peer.url).send(EVENT)


def test_a_response_sent_before_the_request_was_read_is_used(reach: Connect) -> None:
    def refuses_early(connection: socket.socket) -> None:
        connection.recv(1_000)
        connection.sendall(
            b"HTTP/1.1 413 \r\nConnection: close\r\nContent-Length: 9\r\n\r\ntoo large"
        )
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65_536):
            pass

    with Peer(refuses_early) as peer, pytest.raises(ApiError, match="too large") as caught:
        reach(peer.url).send({**EVENT, "data": {"pad": "x" * 3_000_000}})
    assert caught.value.status == 413


@pytest.mark.parametrize("unasked", [b"", b"HTTP/1.1 408 Request Timeout\r\n\r\n"])
def test_a_connection_closed_by_the_server_is_not_reused(reach: Connect, unasked: bytes) -> None:
    answer_was_read = threading.Event()

    def answers_and_closes(connection: socket.socket) -> None:
        answers(connection)
        assert answer_was_read.wait(PATIENCE)
        connection.sendall(unasked)

    with Peer(answers_and_closes, answers) as peer:
        client = reach(peer.url)
        client.send(EVENT)
        answer_was_read.set()
        peer.wait_until_served(1)
        assert client.send(EVENT) == ["01"]


def test_a_connection_idle_for_more_than_five_seconds_is_not_reused(
    reach: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load balancer may have forgotten it without a word."""
    later = 0.0
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + later)
    monkeypatch.setattr("httpcore._sync.http11.time", clock)
    monkeypatch.setattr("httpcore._async.http11.time", clock)

    def answers_once_and_stays(connection: socket.socket) -> None:
        answers(connection)
        until_hung_up(connection)

    with Peer(answers_once_and_stays, answers) as peer:
        client = reach(peer.url)
        client.send(EVENT)
        later = 6.0
        assert client.send(EVENT) == ["01"]


def test_a_connection_with_an_unread_rest_of_an_error_is_not_reused(reach: Connect) -> None:
    def fails_at_length(connection: socket.socket) -> None:
        take_request(connection)
        page = b"x" * 100_000
        # A client that hangs up with the rest unread resets the connection.
        with suppress(ConnectionError):
            connection.sendall(b"HTTP/1.1 404 \r\nContent-Length: 100000\r\n\r\n" + page)
            while connection.recv(1):
                pass

    with Peer(fails_at_length, answers) as peer:
        client = reach(peer.url)
        with pytest.raises(ApiError):
            client.send(EVENT)
        assert client.send(EVENT) == ["01"]


def test_a_broken_connection_may_have_delivered_the_request(reach: Connect) -> None:
    with Peer(take_request) as peer:
        client = reach(peer.url)
        with pytest.raises(TransportError) as caught:
            client.send(EVENT)
    assert caught.value.delivered


def test_a_refused_connection_is_an_undelivered_request(reach: Connect) -> None:
    with Peer() as peer:
        url = peer.url
    with pytest.raises(TransportError) as caught:
        reach(url).send(EVENT)
    assert not caught.value.delivered


def connected(reach: Connect, peer: Peer) -> InngestClient:
    """Return a client with a connection: making one may take a busy machine longer than SOON."""
    client = reach(peer.url, timeout=PATIENCE)
    client.send(EVENT)
    return client


def test_a_missing_response_times_out(reach: Connect) -> None:
    def keeps_silent(connection: socket.socket) -> None:
        answers(connection)
        take_request(connection)
        until_hung_up(connection)

    with Peer(keeps_silent) as peer, pytest.raises(RequestTimeoutError):
        connected(reach, peer).with_options(timeout=SOON).send(EVENT)


TRICKLES = {
    "headers": [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"],
    "interim answers": [b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"],
    "chunk extension": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=", b"x"],
}


# asyncio ends a request whatever it reads; a thread looks at the time between two reads.
@pytest.mark.parametrize(
    ("reach", "trickle"),
    [
        *(("blocking", each) for each in TRICKLES),
        ("async", "headers"),
        ("async", "interim answers"),
        ("async on uvloop", "chunk extension"),
    ],
    indirect=["reach"],
)
def test_trickling_headers_or_chunks_do_not_extend_the_timeout(
    reach: Connect, trickle: str
) -> None:
    begins, goes_on = TRICKLES[trickle]
    stopped: list[bool] = []

    def trickles(connection: socket.socket) -> None:
        answers(connection)
        take_request(connection)
        connection.sendall(begins)
        connection.settimeout(SOON / 20)  # each piece comes in time
        for _ in range(20 * 20):  # twenty times as long as the client is to wait
            try:
                connection.sendall(goes_on)
                if connection.recv(1) == b"":
                    raise ConnectionError
            except TimeoutError:
                continue
            except ConnectionError:
                stopped.append(True)
                return

    with Peer(trickles) as peer, pytest.raises(RequestTimeoutError):
        connected(reach, peer).with_options(timeout=SOON).send(EVENT)
    assert stopped


def test_a_stalled_tls_handshake_is_an_undelivered_request(
    reach: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine, loading certificates alone may take as long as the request has.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    monkeypatch.setattr(httpx, "create_ssl_context", lambda: context)

    def keeps_silent(connection: socket.socket) -> None:
        while connection.recv(65_536):
            pass

    with Peer(keeps_silent) as peer, pytest.raises(RequestTimeoutError) as caught:
        reach(peer.url.replace("http", "https"), timeout=SOON).send(EVENT)
    assert not caught.value.delivered


def certified(authority: trustme.CA, host: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host).configure_cert(context)
    return context


def test_requests_go_through_tls(reach: Connect, authority: trustme.CA) -> None:
    with Peer(answers_twice, tls=certified(authority, "localhost")) as peer:
        client = reach(peer.url)
        assert [client.send(EVENT), client.send(EVENT)] == [["01"], ["01"]]


def test_a_large_response_arrives_whole_although_tls_ends_unannounced(
    reach: Connect, authority: trustme.CA
) -> None:
    body = b'{"ids":[%b],"status":200}' % b",".join([b'"01"'] * 1_000_000)

    def hangs_up(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    with (
        Peer(hangs_up, tls=certified(authority, "localhost")) as peer,
        pytest.raises(InvalidResponseError, match="1000000 ids for 1 event"),
    ):
        reach(peer.url).send(EVENT)


@pytest.mark.parametrize("fault", ["another host", "another authority"])
def test_an_untrusted_tls_certificate_is_rejected_before_sending(
    reach: Connect, authority: trustme.CA, fault: str
) -> None:
    tls = (
        certified(authority, "elsewhere.test")
        if fault == "another host"
        else certified(trustme.CA(), "localhost")
    )

    def never(_: socket.socket) -> None:
        raise AssertionError("it was trusted")

    with pytest.raises(ssl.SSLError), Peer(never, tls=tls) as peer:  # noqa: PT012 - the peer's own
        with pytest.raises(TransportError, match="certificate verify failed") as caught:
            reach(peer.url).send(EVENT)
        assert (caught.value.delivered, caught.value.attempts) == (False, 1)
        named = "for another name" if fault == "another host" else "SSL_CERT_FILE"
        assert named in caught.value.advice


# The asynchronous client's own


def test_a_cancelled_request_closes_its_connection() -> None:
    async def scenario() -> None:
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()

        def keeps_silent(connection: socket.socket) -> None:
            take_request(connection)
            loop.call_soon_threadsafe(asked.set)
            until_hung_up(connection)

        with Peer(keeps_silent) as peer:
            client = AsyncInngestClient(event_key="k", base_url=peer.url)
            task = asyncio.create_task(client.send(EVENT))
            await asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await client.aclose()

    asyncio.run(scenario())


def test_a_cancelled_request_through_a_given_transport_ends_however_slowly_its_body_comes() -> None:
    async def scenario() -> None:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def drips(connection: socket.socket) -> None:
            take_request(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
            for sent in range(1_000):
                if select.select([connection], [], [], 0.01)[0]:  # hung up
                    return
                connection.sendall(b" ")
                if sent == 20:
                    loop.call_soon_threadsafe(begun.set)
            raise AssertionError("it is read on")

        with Peer(drips) as peer:
            client = AsyncInngestClient(
                event_key="k", base_url=peer.url, transport=httpx.AsyncHTTPTransport()
            )
            task = asyncio.create_task(client.send(EVENT))
            await begun.wait()
            task.cancel()
            await asyncio.to_thread(peer.wait_until_served, 1)
            await client.aclose()

    asyncio.run(scenario())


def test_asyncio_does_not_log_how_a_cancelled_request_failed_later() -> None:
    told: list[object] = []
    cancelled = threading.Event()

    async def scenario() -> None:
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(context))

        def hangs_up(connection: socket.socket) -> None:
            take_request(connection)
            loop.call_soon_threadsafe(asked.set)
            assert cancelled.wait(PATIENCE)

        with Peer(hangs_up, answers) as peer:
            client = AsyncInngestClient(
                event_key="k", base_url=peer.url, transport=httpx.AsyncHTTPTransport()
            )
            task = asyncio.create_task(client.send(EVENT))
            await asked.wait()
            task.cancel()
            await asyncio.wait([task])
            cancelled.set()
            await asyncio.to_thread(peer.wait_until_served, 1)
            await client.send(EVENT)
            gc.collect()
            await client.aclose()

    asyncio.run(scenario())
    assert told == []


def test_a_request_cancelled_during_the_tls_handshake_closes_its_connection() -> None:
    async def scenario() -> None:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def keeps_silent(connection: socket.socket) -> None:
            connection.recv(65_536)
            loop.call_soon_threadsafe(begun.set)
            while connection.recv(65_536):
                pass

        with Peer(keeps_silent) as peer:
            client = AsyncInngestClient(
                event_key="k", base_url=peer.url.replace("http", "https"), timeout=PATIENCE * 9
            )
            task = asyncio.create_task(client.send(EVENT))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(peer.wait_until_served, 1)
            await client.aclose()

    asyncio.run(scenario())


def test_a_connection_that_does_not_close_as_it_should_fails_no_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "inngest_rest")

    async def breaks(self: httpx.AsyncHTTPTransport) -> None:
        monkeypatch.undo()
        await self.aclose()
        raise RuntimeError("a bug")

    async def scenario(url: str) -> None:
        async with AsyncInngestClient(event_key="k", base_url=url, retries=1) as client:
            assert await client.send(EVENT) == ["01"]

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "aclose", breaks)
    with Peer(take_request, answers) as peer:
        asyncio.run(scenario(peer.url))
    assert "did not close cleanly" in caplog.text


@pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_one_client_serves_one_event_loop_after_another(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    open_still: list[socket.socket] = []

    def answers_and_stays(connection: socket.socket) -> None:
        open_still.append(connection.dup())
        answers(connection)

    def send_twice(url: str) -> list[list[str]]:
        client = AsyncInngestClient(event_key="k", base_url=url, retries=0)

        def send() -> list[str]:
            with asyncio.Runner(loop_factory=new_loop) as runner:
                return runner.run(client.send(EVENT))

        return [send(), send()]

    with Peer(answers_and_stays, answers) as peer:
        assert send_twice(peer.url) == [["01"], ["01"]]
        gc.collect()  # asyncio closes no socket with its loop, and warns when it is collected
        until_hung_up(open_still[0])
    open_still[0].close()
