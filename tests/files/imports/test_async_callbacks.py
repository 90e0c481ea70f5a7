"""Callbacks of `send_file` that are `async def`: one client awaits them, the other refuses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import AsyncInngestClient, InngestClient, InvalidArgumentError
from tests.files.imports.ndjson import write
from tests.support.peer import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.server import Server


def test_each_batch_is_awaited_in_order(server: Server, file: Path) -> None:
    seen: list[int] = []

    async def on_batch(batch: Any) -> None:
        await asyncio.sleep(0)
        seen.append(batch.positions[0])

    async def scenario() -> Any:
        async with AsyncInngestClient(dev=True, transport=server) as client:
            return await client.send_file(file, batch_size=2, on_batch=on_batch)

    write(file, 6)
    assert asyncio.run(asyncio.wait_for(scenario(), PATIENCE)).accepted == 6
    assert seen == [1, 3, 5]


async def ignore(_: Any) -> None:
    """Do nothing."""


def test_a_file_is_free_again_after_a_callback_that_cannot_be_awaited(
    server: Server, file: Path
) -> None:
    write(file, 1)
    client = InngestClient(dev=True, transport=server)
    with pytest.raises(InvalidArgumentError, match="on_batch") as caught:
        client.send_file(file, on_batch=ignore)
    assert client.send_file(file).accepted == 1
    assert caught.value.argument == "on_batch"
