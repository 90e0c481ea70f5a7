"""Both clients over real sockets, and the connections of the asynchronous one."""

from __future__ import annotations

import asyncio
import gc
import logging
import select
import socket
import ssl
import threading
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import httpx
import pytest
import trustme
import uvloop

from inngest_rest import (
    ApiError,
    AsyncInngestClient,
    AuthenticationError,
    InngestClient,
    InvalidResponseError,
    RequestTimeoutError,
    TransportError,
)
from inngest_rest._core.drivers import blocking_transport, own_transport
from inngest_rest._core.drivers.async_transport import AsyncTransport, Stream
from inngest_rest._core.drivers.connection_pool import pools
from inngest_rest._core.messages import Request, requestable
from tests.support.client_kinds import open_client
from tests.support.peer import ANSWER, PATIENCE, Peer, answers, take_request, until_hung_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

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


def test_a_connection_carries_requests_to_its_own_server_alone(client_kind: ClientKind) -> None:
    """An app that is asked to sync is elsewhere, and has the pool of the API."""
    kind: Any = "BaseTransport" if client_kind == "blocking" else "AsyncBaseTransport"
    bodies: list[bytes] = []

    def takes(connection: socket.socket) -> None:
        bodies.append(take_request(connection))
        connection.sendall(ANSWER)
        until_hung_up(connection)

    def request(peer: Peer, body: bytes) -> Request:
        headers = {"Content-Length": str(len(body))}
        url = requestable(peer.url)
        return Request("POST", url, headers, body, timeout=PATIENCE, shown=peer.url)

    async def send(transport: Any, *requests: Request) -> None:
        for each in requests:
            if client_kind == "blocking":
                stream = transport.send(each).stream
                assert b"".join(stream)
                stream.close()
            else:
                stream = (await transport.send_async(each)).stream
                assert [piece async for piece in stream]
                await stream.aclose()
        if client_kind == "blocking":
            transport.close()
        else:
            await transport.aclose()

    with Peer(takes) as api, Peer(takes) as app:
        transport = pools(kind, None, None, None)["api"].take()
        asyncio.run(send(transport, request(api, b"to the API"), request(app, b"to the app")))
    assert bodies == [b"to the API", b"to the app"]


def test_a_large_body_arrives_whole(reach: Connect) -> None:
    bodies: list[bytes] = []

    def keeps(connection: socket.socket) -> None:
        bodies.append(take_request(connection))
        connection.sendall(ANSWER)

    with Peer(keeps) as peer:
        reach(peer.url).send({**EVENT, "data": {"pad": "x" * 3_000_000}})
    assert len(bodies[0]) > 3_000_000


def test_the_head_of_a_request_is_written_with_its_body(reach: Connect) -> None:
    pieces: list[bytes] = []

    def takes_one_piece_each(connection: socket.socket) -> None:
        for _ in range(2):
            pieces.append(connection.recv(65_536))
            connection.sendall(ANSWER)

    with Peer(takes_one_piece_each) as peer:
        client = reach(peer.url)
        client.send(EVENT)
        client.send(EVENT)
    for piece in pieces:
        assert piece.startswith(b"POST ")
        assert piece.endswith(b"}]")


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


@pytest.mark.parametrize("ghost", [ANSWER, b"HTTP/1.1 2"], ids=["whole", "its beginning"])
def test_a_second_response_is_not_taken_for_that_of_the_next_request(
    reach: Connect, ghost: bytes
) -> None:
    def answers_too_much(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(ANSWER + ghost)
        until_hung_up(connection)

    def refuses(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(b"HTTP/1.1 401 \r\nContent-Length: 0\r\n\r\n")

    with Peer(answers_too_much, refuses) as peer:
        client = reach(peer.url)
        client.send(EVENT)
        with pytest.raises(AuthenticationError):
            client.send(EVENT)


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


def test_an_invalid_host_name_is_an_undelivered_request(reach: Connect) -> None:
    url = "http://localhost"
    client = reach(url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", raises_unicode_error)
        with pytest.raises(TransportError, match="label empty or too long") as caught:
            client.send(EVENT)
    assert not caught.value.delivered


def raises_unicode_error(*_: object, **__: object) -> NoReturn:
    raise UnicodeError("label empty or too long")


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


@pytest.mark.parametrize(
    "trickle",
    [
        [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"],
        [b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=", b"x"],
    ],
    ids=["headers", "interim answers", "chunk extension"],
)
def test_trickling_headers_or_chunks_do_not_extend_the_timeout(
    reach: Connect, trickle: list[bytes]
) -> None:
    stopped: list[bool] = []

    def trickles(connection: socket.socket) -> None:
        answers(connection)
        take_request(connection)
        connection.sendall(trickle[0])
        connection.settimeout(SOON / 20)  # each piece comes in time
        for _ in range(20 * 20):  # twenty times as long as the client is to wait
            try:
                connection.sendall(trickle[1])
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


def test_the_addresses_of_a_host_share_the_connect_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[str, float]] = []

    def connect(address: tuple[str, int], timeout: float) -> NoReturn:
        tried.append((address[0], timeout))
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", connect)
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{n}", 80)) for n in range(8)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with (
        InngestClient(event_key="k", base_url="http://localhost", timeout=80, retries=0) as client,
        pytest.raises(RequestTimeoutError) as caught,
    ):
        client.send(EVENT)
    assert not caught.value.delivered
    assert [host for host, _ in tried] == [f"192.0.2.{n}" for n in range(8)]
    assert tried[0][1] == pytest.approx(40 / 8, abs=0.5)
    assert tried[-1][1] <= 40


def test_no_further_address_is_tried_when_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    now = 1_000.0

    def connect(address: tuple[str, int], _: float) -> NoReturn:
        nonlocal now
        tried.append(address[0])
        now += 100.0
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(blocking_transport, "time", SimpleNamespace(monotonic=lambda: now))
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{n}", 80)) for n in range(8)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with (
        InngestClient(event_key="k", base_url="http://localhost", timeout=80, retries=0) as client,
        pytest.raises(RequestTimeoutError) as caught,
    ):
        client.send(EVENT)
    assert not caught.value.delivered
    assert tried == ["192.0.2.0"]


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


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> trustme.CA:
    """Return a certificate authority that the clients trust."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return authority


def certified(authority: trustme.CA, host: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host).configure_cert(context)
    return context


def test_requests_go_through_tls(reach: Connect, authority: trustme.CA) -> None:
    with Peer(answers_twice, tls=certified(authority, "localhost")) as peer:
        client = reach(peer.url)
        assert [client.send(EVENT), client.send(EVENT)] == [["01"], ["01"]]


def has_no_syncs(connection: socket.socket) -> None:
    take_request(connection)
    body = b'{"errors":[{"code":"not_implemented","message":"App sync not implemented in OSS"}]}'
    connection.sendall(b"HTTP/1.1 501 \r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    until_hung_up(connection)


def registers(connection: socket.socket) -> None:
    take_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def test_an_app_by_https_registers_itself_with_a_server_by_http(
    reach: Connect, authority: trustme.CA
) -> None:
    with (
        Peer(has_no_syncs) as server,
        Peer(registers, tls=certified(authority, "localhost")) as app,
    ):
        client = reach(server.url, signing_key=SIGNING_KEY)
        sync = client.apps.sync("shop", app.url)
        client.close()
    assert (sync.status, sync.error) == ("success", None)


def test_an_app_on_this_machine_is_reached_without_the_proxy_of_its_server(
    reach: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Peer(has_no_syncs) as proxy, Peer(registers) as app:
        monkeypatch.setenv("http_proxy", proxy.url)
        client = reach("http://elsewhere.test", signing_key=SIGNING_KEY, allow_http=True)
        sync = client.apps.sync("shop", app.url)
        client.close()
    assert (sync.status, sync.error) == ("success", None)


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


def send_blocking() -> None:
    with InngestClient(
        event_key="k", base_url="http://localhost", timeout=0.2, retries=0
    ) as client:
        client.send(EVENT)


def send_in_a_loop_of_its_own() -> None:
    async def send() -> None:
        async with AsyncInngestClient(
            event_key="k", base_url="http://localhost", timeout=0.2, retries=0
        ) as client:
            await client.send(EVENT)

    asyncio.run(send())  # ends once the threads of asyncio's have ended


@pytest.mark.parametrize("send", [send_blocking, send_in_a_loop_of_its_own])
def test_a_host_that_takes_too_long_to_look_up_is_an_undelivered_request(
    send: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    is_over = threading.Event()

    def resolve(*_: object, **__: object) -> list[object]:
        assert is_over.wait(PATIENCE)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(RequestTimeoutError) as caught:
        send()
    assert isinstance(caught.value.__cause__, httpx.ConnectTimeout)
    assert not caught.value.delivered
    is_over.set()


def test_a_host_is_looked_up_also_if_no_thread_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with Peer(answers) as peer, InngestClient(event_key="k", base_url=peer.url) as client:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        assert client.send(EVENT)


def test_a_connection_that_does_not_close_as_it_should_fails_no_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "inngest_rest")

    async def breaks(self: AsyncTransport) -> None:
        monkeypatch.undo()
        await self.aclose()
        raise RuntimeError("a bug")

    async def scenario(url: str) -> None:
        async with AsyncInngestClient(event_key="k", base_url=url, retries=1) as client:
            assert await client.send(EVENT) == ["01"]

    monkeypatch.setattr(AsyncTransport, "aclose", breaks)
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
        until_hung_up(open_still[0])
    open_still[0].close()
    gc.collect()  # asyncio closes no socket with its loop, and warns when it is collected


def test_a_connection_closed_while_the_event_loop_was_busy_is_detected() -> None:
    async def scenario() -> None:
        is_idle_seen = threading.Event()

        def closes_then(_: socket.socket) -> None:
            assert is_idle_seen.wait(PATIENCE)

        with Peer(closes_then) as peer:
            stream = await connected_to(peer)
            assert stream.is_idle
            is_idle_seen.set()
            peer.wait_until_served(1)
            assert not stream.is_idle
            assert await stream.receive() == b""
            assert not stream.is_idle
            stream.close()

    asyncio.run(scenario())


async def connected_to(peer: Peer) -> Stream:
    return await Stream.connected("127.0.0.1", int(peer.url.rpartition(":")[2]))


def sends(total: int) -> Callable[[socket.socket], None]:
    """Return a peer that sends so many bytes at once, whether or not anybody reads them."""

    def peer(connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        with suppress(OSError):
            connection.sendall(b"x" * total)
            until_hung_up(connection)

    return peer


def test_a_server_that_is_faster_than_the_client_does_not_hold_up_the_event_loop() -> None:
    async def scenario() -> None:
        turns: list[int] = []
        with Peer(sends(1_048_576)) as peer:
            stream = await connected_to(peer)
            while sum(turns) < 1_048_576:
                asyncio.get_running_loop().call_soon(turns.append, 0)
                turns.append(len(await stream.receive()))
            stream.close()
            await asyncio.sleep(0)  # asyncio closes the socket in its next turn
        assert max(turns) <= 16_384
        assert turns[::2] == [0] * (len(turns) // 2)  # others had a turn at each read

    asyncio.run(scenario())


def test_what_nobody_reads_stays_with_the_server() -> None:
    async def scenario() -> None:
        stuck = asyncio.Event()
        loop = asyncio.get_running_loop()

        def sends_until_stuck(connection: socket.socket) -> None:
            connection.setblocking(False)
            sent = 0
            while select.select([], [connection], [], 0.2)[1] and sent < 2**26:
                sent += connection.send(b"x" * 65_536)
            if sent < 2**26:
                loop.call_soon_threadsafe(stuck.set)
            connection.setblocking(True)
            with suppress(ConnectionError):  # what is unread when a socket closes resets it
                until_hung_up(connection)

        with Peer(sends_until_stuck) as peer:
            stream = await connected_to(peer)
            await stream.receive()
            async with asyncio.timeout(PATIENCE):
                await stuck.wait()
            stream.close()
            await asyncio.sleep(0)  # asyncio closes the socket in its next turn

    asyncio.run(scenario())


@pytest.mark.parametrize("is_encrypted", [False, True])
@pytest.mark.parametrize("loop", ["async", "async on uvloop"])
def test_a_response_to_half_a_request_is_used_and_the_connection_is_not_used_again(
    loop: str, authority: trustme.CA, is_encrypted: bool
) -> None:
    def answers_unread(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(ANSWER)
        assert was_used.wait(PATIENCE)

    async def scenario() -> None:
        tls = certified(authority, "localhost") if is_encrypted else None
        with Peer(answers_unread, tls=tls) as peer:
            stream = await connected_to(peer)
            if is_encrypted:
                await stream.encrypt(ssl.create_default_context(), "localhost")
            async with asyncio.timeout(PATIENCE):
                await stream.send(b"x" * 2**26)
                assert await stream.receive() == ANSWER
            assert not stream.is_idle
            stream.close()
            was_used.set()
            await asyncio.sleep(0)  # the event loop closes the socket in its next turn

    was_used = threading.Event()
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(scenario())


@pytest.mark.parametrize("loop", ["async", "async on uvloop"])
def test_no_tls_handshake_is_waited_for_once_the_server_has_hung_up(loop: str) -> None:
    async def scenario() -> None:
        with Peer(lambda _: None) as peer:
            stream = await connected_to(peer)
            assert await stream.receive() == b""
            async with asyncio.timeout(PATIENCE):
                with pytest.raises(ConnectionError, match="before the TLS handshake"):
                    await stream.encrypt(ssl.create_default_context(), "a.b")
            stream.close()
            await asyncio.sleep(0)  # the event loop closes the socket in its next turn

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(scenario())


def test_an_error_of_a_socket_without_words_is_named(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resets(*_: object) -> NoReturn:
        raise ConnectionResetError

    monkeypatch.setattr(own_transport, "request_bytes", resets)
    with Peer(until_hung_up) as peer, pytest.raises(TransportError, match="ConnectionResetError"):
        connect(base_url=peer.url, event_key="k", transport=None, retries=0).send(EVENT)


def test_a_tls_handshake_that_is_broken_off_is_a_failed_connection() -> None:
    async def scenario() -> None:
        with Peer(until_hung_up_after_hello) as peer:
            stream = await connected_to(peer)
            context = ssl.create_default_context()
            upgrade = asyncio.ensure_future(stream.encrypt(context, "a.b"))
            await asyncio.sleep(0)
            stream.close()
            with pytest.raises(OSError):  # noqa: PT011 - of either loop's kind
                await upgrade

    asyncio.run(scenario())


def until_hung_up_after_hello(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass
