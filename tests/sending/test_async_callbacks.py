"""Callbacks of `send_many` that are `async def`: one client awaits them, the other refuses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import AsyncInngestClient, Event, InngestClient, InvalidArgumentError
from inngest_rest_mock import MockServer
from tests.support.peer import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def send(count: int, **options: Any) -> Any:
    async def scenario() -> Any:
        async with AsyncInngestClient(dev=True, transport=MockServer().transport) as client:
            return await client.send_many([Event("a")] * count, **options)

    return asyncio.run(asyncio.wait_for(scenario(), PATIENCE))


def test_each_batch_is_awaited_in_order() -> None:
    seen: list[int] = []

    async def on_batch(batch: Any) -> None:
        await asyncio.sleep(0)
        seen.append(batch.positions[0])

    assert send(6, batch_size=2, on_batch=on_batch).accepted == 6
    assert seen == [0, 2, 4]


def test_a_failing_awaited_callback_ends_the_sending() -> None:
    async def on_batch(_batch: Any) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        send(1, on_batch=on_batch)


async def ignore(_: Any) -> None:
    """Do nothing."""


def test_the_blocking_client_refuses_what_it_cannot_await() -> None:
    mock = MockServer()
    client = InngestClient(dev=True, transport=mock.transport)
    with pytest.raises(InvalidArgumentError, match="AsyncInngestClient") as caught:
        client.send_many([Event("a")], on_batch=ignore)
    assert caught.value.argument == "on_batch"
    assert not mock.requests


def test_the_blocking_client_refuses_events_that_it_cannot_await() -> None:
    async def events() -> AsyncIterator[Event]:
        yield Event("a")

    client = InngestClient(dev=True, transport=MockServer().transport)
    with pytest.raises(InvalidArgumentError, match="iterable of them, not async_generator"):
        client.send_many(events())  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
