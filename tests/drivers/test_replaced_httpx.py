"""What replaces httpx's transport sees the requests of this client: mocks, recorders, tracers."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpcore
import httpx
import pytest

from inngest_rest import TransportError
from tests.support.client_kinds import open_client
from tests.support.peer import Peer, answers

if TYPE_CHECKING:
    from tests.support.client_kinds import ClientKind

EVENT = {"name": "app/order"}

PLACES: dict[tuple[str, str], tuple[type[Any], str]] = {
    ("httpx", "blocking"): (httpx.HTTPTransport, "handle_request"),
    ("httpx", "async"): (httpx.AsyncHTTPTransport, "handle_async_request"),
    ("httpcore", "blocking"): (httpcore.ConnectionPool, "handle_request"),
    ("httpcore", "async"): (httpcore.AsyncConnectionPool, "handle_async_request"),
}


@pytest.mark.parametrize("library", ["httpx", "httpcore"])
@pytest.mark.parametrize("is_first", [True, False], ids=["before", "after the first request"])
def test_a_wrapper_around_httpx_sees_each_request_while_it_is_there(
    client_kind: ClientKind, library: str, is_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []
    kind, method = PLACES[library, client_kind]
    inner = getattr(kind, method)

    @functools.wraps(inner)  # as tools do, so that it looks like what it wraps
    def wrapper(self: Any, request: Any) -> Any:
        seen.append(request.url)
        return inner(self, request)

    scripts = [answers] * 2 if is_first else [answers, answers, answers]
    with (
        asyncio.Runner() as runner,
        Peer(*scripts) as peer,
        open_client(client_kind, runner, event_key="k", base_url=peer.url) as client,
    ):
        if not is_first:
            client.send(EVENT)
            assert seen == []
        with monkeypatch.context() as patch:
            patch.setattr(kind, method, wrapper)
            client.send(EVENT)
        assert len(seen) == 1
        client.send(EVENT)
        assert len(seen) == 1


@pytest.mark.parametrize("library", ["httpx", "httpcore"])
def test_what_stands_in_for_httpx_needs_to_be_no_function(
    client_kind: ClientKind, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, method = PLACES[library, client_kind]
    seen: list[object] = []

    class Mock:
        """A callable without the attributes of functions, such as a MagicMock."""

        def __call__(self, *_: object) -> Any:
            seen.append(self)
            raise httpx.ConnectError("mocked")

    monkeypatch.setattr(kind, method, Mock())
    options: Any = {"event_key": "k", "base_url": "http://localhost:1", "retries": 0}
    with (
        asyncio.Runner() as runner,
        open_client(client_kind, runner, **options) as client,
        pytest.raises(Exception, match="mocked"),
    ):
        client.send(EVENT)
    assert len(seen) == 1


@pytest.mark.parametrize("library", ["httpx", "httpcore"])
def test_a_mock_of_unittest_with_the_signature_of_what_it_replaces_gets_requests(
    client_kind: ClientKind, library: str
) -> None:
    """Its function is made by `exec`, in globals without the name of a module."""
    kind, method = PLACES[library, client_kind]
    fault = httpx.ConnectError("mocked") if library == "httpx" else httpcore.ConnectError("mocked")
    options: Any = {"event_key": "k", "base_url": "http://localhost:1", "retries": 0}
    with (
        patch.object(kind, method, autospec=True, side_effect=fault) as mock,
        asyncio.Runner() as runner,
        open_client(client_kind, runner, **options) as client,
        pytest.raises(TransportError, match="mocked"),
    ):
        client.send(EVENT)
    assert mock.call_count == 1
