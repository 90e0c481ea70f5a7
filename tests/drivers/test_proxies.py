"""Proxies of the environment: what they are asked for, and what they respond."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import ConfigurationError, RequestTimeoutError, ServerError, TransportError
from tests.support.client_kinds import open_client
from tests.support.peer import ANSWER, Peer, answers, take_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import trustme

    from inngest_rest import InngestClient
    from tests.conftest import Connect
    from tests.support.client_kinds import ClientKind

EVENT = {"name": "app/order"}
# base64 of user:secret, after the URL's escapes
CREDENTIALS = b"Proxy-Authorization: Basic dXNlcjpzLw==\r\n"

# Seconds that a proxy gets that never responds, in real time.
SOON = 0.5


@pytest.fixture
def through(client_kind: ClientKind, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Make clients that reach servers elsewhere through a peer on this machine."""
    clients: list[InngestClient] = []
    with asyncio.Runner() as runner:

        def make(peer: Peer, url: str, **options: Any) -> InngestClient:
            proxy = peer.url.replace("http://", "http://user:s%2F@")
            monkeypatch.setenv(f"{url.partition(':')[0]}_proxy", proxy)
            clients.append(
                open_client(
                    client_kind,
                    runner,
                    event_key="k",
                    base_url=url,
                    allow_http=True,
                    **{"retries": 0, **options},
                )
            )
            return clients[-1]

        yield make
        for client in clients:
            client.close()


def send(client_kind: ClientKind, url: str) -> list[str]:
    """Send an event by a client of its own."""
    settings: dict[str, Any] = {"event_key": "k", "base_url": url, "allow_http": True}
    with (
        asyncio.Runner() as runner,
        open_client(client_kind, runner, **settings, retries=0) as client,
    ):
        ids: list[str] = client.send(EVENT)
    return ids


def head_of(connection: socket.socket) -> bytes:
    """Read up to the end of a head, and no further."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    return head


def test_a_request_by_plain_http_is_forwarded_with_its_whole_url(through: Connect) -> None:
    heads: list[bytes] = []

    def forwards(connection: socket.socket) -> None:
        for _ in range(2):
            heads.append(head_of(connection))
            connection.recv(65_536)
            connection.sendall(ANSWER)

    with Peer(forwards) as proxy:
        client = through(proxy, "http://elsewhere.test:81")
        assert [client.send(EVENT), client.send(EVENT)] == [["01"], ["01"]]
    for head in heads:
        assert head.startswith(b"POST http://elsewhere.test:81/e/k HTTP/1.1\r\n")
        assert CREDENTIALS in head


@pytest.fixture
def elsewhere(authority: trustme.CA) -> ssl.SSLContext:
    """Return the context of https://elsewhere.test."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("elsewhere.test").configure_cert(context)
    return context


ESTABLISHED = b"HTTP/1.1 200 Connection established\r\nVia: a proxy\r\n\r\n"


def test_a_request_by_https_goes_through_a_tunnel_that_is_kept(
    through: Connect, elsewhere: ssl.SSLContext
) -> None:
    heads: list[bytes] = []

    def connects(connection: socket.socket) -> None:
        heads.append(head_of(connection))
        connection.sendall(ESTABLISHED)
        with elsewhere.wrap_socket(connection, server_side=True) as server:
            answers(server)
            answers(server)

    with Peer(connects) as proxy:
        client = through(proxy, "https://elsewhere.test")
        assert [client.send(EVENT), client.send(EVENT)] == [["01"], ["01"]]
    [head] = heads
    assert head.startswith(b"CONNECT elsewhere.test:443 HTTP/1.1\r\n")
    assert b"\r\nhost: elsewhere.test:443\r\n" in head.lower()
    assert CREDENTIALS in head
    assert b"/e/k" not in head


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "407 Proxy"),
        (b"HTTP/1.0 403 Forbidden\r\n\r\nno", "403 Forbidden"),
    ],
)
def test_what_a_proxy_refuses_is_an_undelivered_request(
    through: Connect, response: bytes, reason: str
) -> None:
    def refuses(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(response)

    with Peer(refuses) as proxy, pytest.raises(TransportError, match=reason) as caught:
        through(proxy, "https://elsewhere.test").send(EVENT)
    assert not caught.value.delivered
    assert isinstance(caught.value.__cause__, httpx.ProxyError)


@pytest.mark.parametrize("response", [b"not http\r\n\r\n", b""], ids=["garbage", "nothing"])
def test_a_proxy_that_breaks_is_named(through: Connect, response: bytes) -> None:
    def breaks(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(response)

    with Peer(breaks) as proxy, pytest.raises(TransportError) as caught:
        through(proxy, "https://elsewhere.test").send(EVENT)
    assert f"goes through the proxy {proxy.url}" in caught.value.reason


def test_a_proxy_that_breaks_after_it_connected_was_sent_nothing(
    through: Connect, elsewhere: ssl.SSLContext
) -> None:
    del elsewhere

    def breaks(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(ESTABLISHED)

    with Peer(breaks) as proxy, pytest.raises(TransportError) as caught:
        through(proxy, "https://elsewhere.test").send(EVENT)
    assert f"goes through the proxy {proxy.url}" in caught.value.reason
    assert not caught.value.delivered


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_breaks_in_the_middle_of_a_response_is_named(
    through: Connect, elsewhere: ssl.SSLContext, scheme: str
) -> None:
    def breaks(connection: socket.socket) -> None:
        if scheme == "http":
            take_request(connection)
            connection.sendall(ANSWER[:-1])
            return
        head_of(connection)
        connection.sendall(ESTABLISHED)
        with elsewhere.wrap_socket(connection, server_side=True) as server:
            take_request(server)
            server.sendall(ANSWER[:-1])

    with Peer(breaks) as proxy, pytest.raises(TransportError) as caught:
        through(proxy, f"{scheme}://elsewhere.test").send(EVENT)
    assert f"goes through the proxy {proxy.url}" in caught.value.reason
    assert caught.value.delivered


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_each_variable_leads_to_the_proxy(
    client_kind: ClientKind, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with Peer(answers) as proxy:
        monkeypatch.setenv(name, proxy.url)
        assert send(client_kind, "http://elsewhere.test") == ["01"]


@pytest.mark.parametrize("excepted", ["*", "elsewhere.test", ".test", "a.b,elsewhere.test"])
def test_a_server_in_no_proxy_is_reached_directly(
    client_kind: ClientKind, monkeypatch: pytest.MonkeyPatch, excepted: str
) -> None:
    resolve = socket.getaddrinfo

    def on_this_machine(host: str | bytes, *rest: Any, **options: Any) -> Any:
        is_ours = host in {"elsewhere.test", b"elsewhere.test"}
        return resolve("127.0.0.1" if is_ours else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", on_this_machine)
    with Peer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", excepted)
    with Peer(answers) as server:
        url = server.url.replace("localhost", "elsewhere.test")
        assert send(client_kind, url) == ["01"]


@pytest.mark.parametrize("host", ["a" * 64, "xn--\u00e9", "a..b"])
def test_a_proxy_with_a_name_that_cannot_be_looked_up_is_named(
    client_kind: ClientKind, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://user:hidden@{host}:1")
    with pytest.raises((TransportError, ConfigurationError), match="proxy") as caught:
        send(client_kind, "http://elsewhere.test")
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_down_is_named_and_was_sent_nothing(through: Connect, scheme: str) -> None:
    with Peer() as proxy:
        pass
    with pytest.raises(TransportError) as caught:
        through(proxy, f"{scheme}://elsewhere.test").send(EVENT)
    assert f"proxy {proxy.url}; is that proxy running there?" in caught.value.reason
    assert not caught.value.delivered


def test_a_proxy_that_hangs_is_named(through: Connect) -> None:
    def hangs(connection: socket.socket) -> None:
        while connection.recv(65_536):
            pass

    with Peer(hangs) as proxy, pytest.raises(RequestTimeoutError) as caught:
        through(proxy, "https://elsewhere.test", timeout=SOON).send(EVENT)
    assert f"through the proxy {proxy.url}" in caught.value.reason


def test_a_proxy_that_trickles_a_body_is_named(through: Connect) -> None:
    def trickles(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        connection.settimeout(SOON / 20)
        with suppress(ConnectionError):
            for _ in range(20 * 20):
                connection.sendall(b" ")
                with suppress(TimeoutError):
                    if connection.recv(1) == b"":
                        return

    with Peer(trickles) as proxy, pytest.raises(RequestTimeoutError) as caught:
        through(proxy, "http://elsewhere.test", timeout=SOON).send(EVENT)
    assert f"through the proxy {proxy.url}" in caught.value.reason


def test_a_proxy_that_trickles_is_not_waited_for_longer_than_the_timeout(through: Connect) -> None:
    def trickles(connection: socket.socket) -> None:
        head_of(connection)
        connection.settimeout(SOON / 20)
        for _ in range(20 * 20):
            try:
                connection.sendall(b"HTTP/1.1 102 \r\n\r\n")
                if connection.recv(1) == b"":
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
        raise AssertionError("nobody hung up")

    with Peer(trickles) as proxy, pytest.raises(RequestTimeoutError):
        through(proxy, "https://elsewhere.test", timeout=SOON * 2).send(EVENT)


def test_each_host_is_reached_through_its_own_proxy(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def proxy(host: str, take: Callable[[socket.socket], object]) -> Peer:
        def script(connection: socket.socket) -> None:
            take(connection)
            asked.append(host)
            connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

        return Peer(script)

    with proxy("event", take_request) as event, proxy("api", head_of) as api:
        monkeypatch.setenv("http_proxy", event.url)
        monkeypatch.setenv("https_proxy", api.url)
        urls = {"event_base_url": "http://events.test", "api_base_url": "https://api.test"}
        keys = {"event_key": "k", "signing_key": "signkey-test-ab"}
        client = connect(dev=None, transport=None, retries=0, allow_http=True, **urls, **keys)
        with pytest.raises(ServerError):
            client.send(EVENT)
        with pytest.raises(TransportError):
            client.runs.get("01")
    assert asked == ["event", "api"]
