"""Callbacks that are `async def`: the asynchronous client awaits them, the blocking one refuses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import (
    AsyncInngestClient,
    Event,
    InngestClient,
    InvalidArgumentError,
)
from inngest_rest_mock import MockServer, fails
from tests.support.peer import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Act = Callable[..., Awaitable[Any]]


@pytest.fixture
def mock() -> MockServer:
    mock = MockServer()
    mock.function("shop", "boom", trigger="app/boom", run=fails("boom"))
    return mock


@pytest.fixture
def ids(mock: MockServer) -> list[str]:
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send([Event("app/boom") for _ in range(3)])
    return [run.id for run in mock.runs]


def acted(mock: MockServer) -> int:
    """Count the requests that change something."""
    return len([it for it in mock.requests if it.method == "POST"])


def run(mock: MockServer, act: Callable[[AsyncInngestClient], Awaitable[Any]]) -> Any:
    async def scenario() -> Any:
        async with AsyncInngestClient(dev=True, transport=mock.transport) as client:
            return await act(client)

    return asyncio.run(asyncio.wait_for(scenario(), PATIENCE))


def test_each_row_is_awaited_after_its_request(mock: MockServer, ids: list[str]) -> None:
    journal: list[tuple[str, int]] = []

    async def on_result(row: Any) -> None:
        await asyncio.sleep(0)
        journal.append((row.id, acted(mock) - before))

    before = acted(mock)
    run(mock, lambda it: it.runs.replay_all(ids, on_result=on_result, in_flight=1))
    assert journal == [(id, count) for count, id in enumerate(ids, start=1)]


async def ignore(_: Any) -> None:
    """Do nothing."""


def test_the_blocking_client_refuses_what_it_cannot_await(mock: MockServer, ids: list[str]) -> None:
    client = InngestClient(dev=True, transport=mock.transport)
    before = acted(mock)
    act: Any = client.runs.cancel_all
    with pytest.raises(InvalidArgumentError, match="AsyncInngestClient") as caught:
        act(ids, on_result=ignore)
    assert caught.value.argument == "on_result"
    assert acted(mock) == before
