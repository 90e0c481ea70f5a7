"""Servers that ask for a certificate of the client, which a transport of the user's presents."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest
import trustme

from inngest_rest import TransportError
from tests.support.client_kinds import open_client
from tests.support.peer import PATIENCE, Peer, answers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Connect
    from tests.support.client_kinds import ClientKind

EVENT = {"name": "app/order"}
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]

TRANSPORTS: dict[tuple[str, ClientKind], type[Any]] = {
    ("httpx", "blocking"): httpx.HTTPTransport,
    ("httpx", "async"): httpx.AsyncHTTPTransport,
    ("httpx2", "blocking"): httpx2.HTTPTransport,
    ("httpx2", "async"): httpx2.AsyncHTTPTransport,
}


@pytest.fixture
def reach(client_kind: ClientKind) -> Iterator[Connect]:
    clients: list[Any] = []
    with asyncio.Runner() as runner:

        def make(peer: Peer, **options: Any) -> Any:
            url = peer.url.replace("http", "https")
            settings: dict[str, Any] = {"event_key": "k", "base_url": url, "retries": 2, **options}
            clients.append(open_client(client_kind, runner, **settings))
            return clients[-1]

        yield make
        for client in clients:
            client.close()


def asks(authority: trustme.CA, version: ssl.TLSVersion) -> Callable[[socket.socket], object]:
    """Return a script that serves those with a certificate, and tells others that they lack it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)

    def serve(connection: socket.socket) -> None:
        server = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        try:
            server.do_handshake()
        except ssl.SSLError:
            # Closed with a request unread, it would be reset, and the alert lost.
            with socket.socket(fileno=server.detach()) as plain:
                plain.settimeout(PATIENCE)
                plain.shutdown(socket.SHUT_WR)
                while plain.recv(65_536):
                    pass
        else:
            with server:
                answers(server)

    return serve


def trusting(authority: trustme.CA, own: trustme.CA) -> ssl.SSLContext:
    """Return a context that trusts an authority, with a certificate of another."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    own.issue_cert("client@example.com").configure_cert(context)
    return context


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_a_server_that_asks_for_a_certificate_gets_that_of_the_transport(
    reach: Connect,
    client_kind: ClientKind,
    authority: trustme.CA,
    version: ssl.TLSVersion,
    library: str,
) -> None:
    transport = TRANSPORTS[library, client_kind](verify=trusting(authority, authority))
    with Peer(asks(authority, version)) as peer:
        assert reach(peer, transport=transport).send(EVENT) == ["01"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_certificate_that_is_missing_is_named_at_the_first_attempt(
    reach: Connect, authority: trustme.CA, version: ssl.TLSVersion
) -> None:
    with Peer(asks(authority, version)) as peer, pytest.raises(TransportError) as caught:
        reach(peer).send(EVENT)
    assert (caught.value.permanent, caught.value.attempts) == (True, 1)
    assert "a certificate of the client" in caught.value.advice


@pytest.mark.parametrize("version", VERSIONS)
def test_a_certificate_that_the_server_does_not_trust_is_named_at_the_first_attempt(
    reach: Connect, client_kind: ClientKind, authority: trustme.CA, version: ssl.TLSVersion
) -> None:
    context = trusting(authority, trustme.CA())
    transport = TRANSPORTS["httpx", client_kind](verify=context)
    with Peer(asks(authority, version)) as peer, pytest.raises(TransportError) as caught:
        reach(peer, transport=transport).send(EVENT)
    assert (caught.value.permanent, caught.value.attempts) == (True, 1)
    assert "refuses the certificate of the client" in caught.value.advice
