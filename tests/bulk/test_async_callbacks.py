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
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

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


def test_each_row_is_awaited_before_its_request_and_after_it(
    mock: MockServer, ids: list[str]
) -> None:
    journal: list[tuple[str, str, int]] = []

    async def on_start(row: Any) -> None:
        await asyncio.sleep(0)
        journal.append(("start", row.id, acted(mock)))

    async def on_result(row: Any) -> None:
        await asyncio.sleep(0)
        journal.append(("end", row.id, acted(mock)))

    before = acted(mock)
    run(
        mock,
        lambda it: it.runs.replay_all(ids, on_start=on_start, on_result=on_result, in_flight=1),
    )
    assert [(what, id) for what, id, _ in journal] == [
        (what, id) for id in ids for what in ("start", "end")
    ]
    assert [count - before for what, _, count in journal if what == "start"] == [0, 1, 2]


def test_nothing_is_requested_if_an_awaited_callback_fails(
    mock: MockServer, ids: list[str]
) -> None:
    async def on_start(_row: Any) -> None:
        await asyncio.sleep(0)
        raise OSError("disk full")

    before = acted(mock)
    with pytest.raises(OSError, match="disk full"):
        run(mock, lambda it: it.runs.cancel_all(ids, on_start=on_start))
    assert acted(mock) == before


@pytest.mark.parametrize("kind", ["many", "file"])
def test_each_batch_is_awaited_in_order(mock: MockServer, tmp_path: Path, kind: str) -> None:
    seen: list[int] = []

    async def on_batch(batch: Any) -> None:
        await asyncio.sleep(0)
        seen.append(batch.positions[0])

    path = tmp_path / "events"
    path.write_text('{"name": "a"}\n' * 6)
    events = [Event("a")] * 6
    acts: dict[str, Act] = {
        "many": lambda it: it.send_many(events, batch_size=2, on_batch=on_batch),
        "file": lambda it: it.send_file(path, batch_size=2, on_batch=on_batch),
    }
    report = run(mock, acts[kind])
    assert report.accepted == 6
    assert seen == ([0, 2, 4] if kind == "many" else [1, 3, 5])


def test_a_failing_awaited_callback_ends_the_sending(mock: MockServer) -> None:
    async def on_batch(_batch: Any) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run(mock, lambda it: it.send_many([Event("a")], on_batch=on_batch))


async def ignore(_: Any) -> None:
    """Do nothing."""


@pytest.mark.parametrize("name", ["on_start", "on_result", "on_batch"])
def test_the_blocking_client_refuses_what_it_cannot_await(
    mock: MockServer, ids: list[str], name: str
) -> None:
    client = InngestClient(dev=True, transport=mock.transport)
    before = acted(mock)
    act: Any = client.runs.cancel_all
    argument: Any = ids
    if name == "on_batch":
        act, argument = client.send_many, [Event("a")]
    with pytest.raises(InvalidArgumentError, match="AsyncInngestClient") as caught:
        act(argument, **{name: ignore})
    assert caught.value.argument == name
    assert acted(mock) == before


def test_a_file_is_free_again_after_such_a_refusal(mock: MockServer, tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_text('{"name": "a"}\n')
    client = InngestClient(dev=True, transport=mock.transport)
    with pytest.raises(InvalidArgumentError, match="on_batch") as caught:
        client.send_file(path, on_batch=ignore)
    assert client.send_file(path).accepted == 1
    assert caught.value.argument == "on_batch"


@pytest.mark.parametrize("checkpoint", [None, "events.done"])
def test_the_blocking_client_refuses_events_that_it_cannot_await(
    mock: MockServer, tmp_path: Path, checkpoint: str | None
) -> None:
    async def events() -> AsyncIterator[Event]:
        yield Event("a")

    path = checkpoint and tmp_path / checkpoint
    client = InngestClient(dev=True, transport=mock.transport)
    with pytest.raises(InvalidArgumentError, match="iterable of them, not async_generator"):
        client.send_many(events(), checkpoint=path)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
