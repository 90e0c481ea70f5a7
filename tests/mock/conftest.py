"""A mock server on a frozen clock, with functions of every behaviour and every route."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest_mock import MockServer

from .functions import EVENING_NS, with_functions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .shapes import Serve


@pytest.fixture
def mock() -> MockServer:
    return with_functions(MockServer(v1_routes=True, cloud=True, clock=lambda: EVENING_NS))


@pytest.fixture
def client(mock: MockServer) -> Iterator[httpx.Client]:
    with httpx.Client(transport=mock.transport, base_url="http://mock") as client:
        yield client


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that makes a client of a mock server; all are closed at the end."""
    clients: list[httpx.Client] = []

    def make(mock: MockServer) -> httpx.Client:
        clients.append(httpx.Client(transport=mock.transport, base_url="http://mock"))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def runs(client: httpx.Client, mock: MockServer) -> list[str]:
    """Make 25 runs and return their ids, newest first."""
    names = ("app/ok", "app/boom", "app/slow", "app/text", "app/ok")
    for _ in range(5):
        client.post("/e/k", json=[{"name": name} for name in names])
    return [run.id for run in reversed(mock.runs)]
