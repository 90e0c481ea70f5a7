"""What people mock, record, trace and replace httpx with works with both clients as it is."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
import httpx2
import pytest
import respx
import vcr  # type: ignore[import-untyped]
import wrapt
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from inngest_rest import TransportError
from tests.support.client_kinds import open_client
from tests.support.peer import ANSWER, Peer, answers, take_request

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

    from inngest_rest import InngestClient
    from tests.support.client_kinds import ClientKind

EVENT = {"name": "app/order"}
NOWHERE = "http://127.0.0.1:1"

PLACES: dict[str, tuple[type[Any], str]] = {
    "blocking": (httpx.HTTPTransport, "handle_request"),
    "async": (httpx.AsyncHTTPTransport, "handle_async_request"),
}

WHEN = pytest.mark.parametrize("is_first", [True, False], ids=["tool first", "client first"])


class Clients:
    """Makes a client before or after a tool begins."""

    def __init__(self, kind: ClientKind) -> None:
        self.kind: ClientKind = kind

    @contextmanager
    def around(
        self, tool: Any, url: str, *, is_first: bool, **options: Any
    ) -> Iterator[InngestClient]:
        settings: dict[str, Any] = {"event_key": "k", "base_url": url, "retries": 0, **options}
        with asyncio.Runner() as runner:
            if is_first:
                with tool, open_client(self.kind, runner, **settings) as client:
                    yield client
            else:
                with open_client(self.kind, runner, **settings) as client, tool:
                    yield client


@pytest.fixture
def clients(client_kind: ClientKind) -> Clients:
    return Clients(client_kind)


@WHEN
def test_respx_mocks_both_clients(clients: Clients, is_first: bool) -> None:
    mock = respx.mock(assert_all_called=False)
    mock.post(f"{NOWHERE}/e/k").respond(json={"ids": ["01"], "status": 200})
    with clients.around(mock, NOWHERE, is_first=is_first) as client:
        assert client.send(EVENT) == ["01"]


@WHEN
def test_vcr_records_a_request_and_plays_it(
    clients: Clients, is_first: bool, tmp_path: Path
) -> None:
    tape = tmp_path / "tape.yaml"
    matching: Any = {"match_on": ["method", "path"]}
    with Peer(answers) as peer:
        recording = vcr.use_cassette(str(tape), **matching)
        with clients.around(recording, peer.url, is_first=is_first) as client:
            assert client.send(EVENT) == ["01"]
        playing = vcr.use_cassette(str(tape), record_mode="none", **matching)
        with clients.around(playing, peer.url, is_first=is_first) as client:
            assert client.send(EVENT) == ["01"]


@WHEN
@pytest.mark.parametrize("through", ["directly", "through a proxy"])
def test_a_wrapper_of_wrapt_sees_each_request_which_still_goes_through_the_proxy(
    clients: Clients, is_first: bool, through: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    kind, method = PLACES[clients.kind]

    def record(wrapped: Any, _: object, args: Any, kwargs: Any) -> Any:
        seen.append(args[0].method)
        return wrapped(*args, **kwargs)

    @contextmanager
    def wrapped() -> Iterator[None]:
        with monkeypatch.context() as patched:
            patched.setattr(kind, method, wrapt.FunctionWrapper(getattr(kind, method), record))
            yield

    with Peer(answers) as peer:
        url = peer.url
        if through == "through a proxy":
            monkeypatch.setenv("http_proxy", peer.url)
            url = "http://elsewhere.test"
        options = {"allow_http": True}
        with clients.around(wrapped(), url, is_first=is_first, **options) as client:
            assert client.send(EVENT) == ["01"]
    assert seen == ["POST"]


@WHEN
def test_instrumentation_of_httpx_makes_no_span_with_the_event_key(
    clients: Clients, is_first: bool
) -> None:
    """Ours are in their place; a request of somebody else's is still traced."""
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    instrumentor = HTTPXClientInstrumentor()

    @contextmanager
    def instrumented() -> Iterator[None]:
        instrumentor.instrument(tracer_provider=provider)
        try:
            yield
        finally:
            instrumentor.uninstrument()

    with (
        Peer(answers, answers) as peer,
        clients.around(instrumented(), peer.url, is_first=is_first) as client,
    ):
        client.send(EVENT)
        assert spans.get_finished_spans() == ()
        with httpx.Client(trust_env=False) as other:
            other.post(peer.url, json={})
        assert len(spans.get_finished_spans()) == 1


@WHEN
def test_a_mock_of_unittest_gets_requests(clients: Clients, is_first: bool) -> None:
    kind, method = PLACES[clients.kind]
    mock = patch.object(kind, method, autospec=True, side_effect=httpx.ConnectError("mocked"))
    with (
        clients.around(mock, NOWHERE, is_first=is_first) as client,
        pytest.raises(TransportError, match="mocked"),
    ):
        client.send(EVENT)


OF_HTTPX2: dict[str, type[Any]] = {
    "blocking": httpx2.HTTPTransport,
    "async": httpx2.AsyncHTTPTransport,
}


def test_a_transport_of_httpx2_carries_requests(client_kind: ClientKind) -> None:
    bodies: list[bytes] = []

    def takes(connection: socket.socket) -> None:
        bodies.append(take_request(connection))
        connection.sendall(ANSWER)

    with Peer(takes) as peer, asyncio.Runner() as runner:
        options: Any = {"event_key": "k", "base_url": peer.url, "retries": 0}
        transport = OF_HTTPX2[client_kind]()
        with open_client(client_kind, runner, transport=transport, **options) as client:
            assert client.send(EVENT) == ["01"]
    assert b"app/order" in bodies[0]


def test_an_error_of_httpx2_is_a_transport_error(client_kind: ClientKind) -> None:
    with Peer() as peer:
        url = peer.url
    with asyncio.Runner() as runner:
        options: Any = {"event_key": "k", "base_url": url, "retries": 0}
        transport = OF_HTTPX2[client_kind]()
        with (
            open_client(client_kind, runner, transport=transport, **options) as client,
            pytest.raises(TransportError, match="is a server running there") as caught,
        ):
            client.send(EVENT)
    assert not caught.value.delivered
