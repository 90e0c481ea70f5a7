"""A mock server on a frozen clock, with functions of every behaviour."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest.testing import MockServer, completes, fails, sleeps, waits_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .shapes import Serve

EVENING_NS = 1_795_543_200 * 10**9  # 2026-11-24T18:00:00Z


@pytest.fixture
def mock() -> MockServer:
    return with_functions(MockServer(clock=lambda: EVENING_NS))


@pytest.fixture
def client(mock: MockServer) -> Iterator[httpx.Client]:
    with httpx.Client(transport=mock.transport, base_url="http://mock") as client:
        yield client


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Make clients of further mock servers, all closed at the end."""
    clients: list[httpx.Client] = []

    def make(mock: MockServer) -> httpx.Client:
        clients.append(httpx.Client(transport=mock.transport, base_url="http://mock"))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def with_functions(mock: MockServer) -> MockServer:
    """Register what the recordings were made with."""
    mock.function(
        "probe-app",
        "ok",
        name="Ok Function",
        trigger="app/ok",
        run=lambda event: {"echo": event["data"], "n": 1},
    )
    mock.function("probe-app", "boom", trigger="app/boom", run=fails("boom happened"))
    mock.function("probe-app", "slow", trigger="app/slow", run=sleeps(timedelta(minutes=10)))
    steps = completes([{"a": 1}, "b-result"])
    mock.function("probe-app", "steps", trigger="app/steps", run=steps)
    mock.function("probe-app", "text", trigger="app/text", run=completes("plain"))
    mock.function("probe-app", "none", trigger="app/returns-none")
    mock.function("probe-app", "waitevent", trigger="app/wait", run=waits_for("order-42"))
    return mock
