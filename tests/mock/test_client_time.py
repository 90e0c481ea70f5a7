"""A client on the mock's transport pauses in the mock's time."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import AsyncInngestClient, InngestClient, WaitTimeoutError
from inngest_rest._core.clock import SYSTEM_CLOCK, Clock, clock_of
from inngest_rest_mock import MockServer, answers, completes, sleeps
from tests.support.client_kinds import open_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.client_kinds import ClientKind

NAP = timedelta(minutes=5)
AT_ONCE = 30.0  # for very busy machines; it takes under a second


@pytest.fixture
def mock() -> MockServer:
    mock = MockServer()
    mock.function("shop", "nap", trigger="app/nap", run=sleeps(NAP, completes("rested")))
    return mock


@pytest.fixture
def client(client_kind: ClientKind, mock: MockServer) -> Iterator[InngestClient]:
    with (
        asyncio.Runner() as runner,
        open_client(client_kind, runner, dev=True, transport=mock.transport) as client,
    ):
        yield client


def test_waiting_takes_no_time(client: InngestClient, mock: MockServer) -> None:
    started, real = mock.now, time.monotonic()
    client.send({"name": "app/nap"})
    run = client.runs.wait(mock.runs[0].id, timeout=7200)
    assert run.output == "rested"
    assert NAP <= mock.now - started < NAP + timedelta(seconds=AT_ONCE)
    assert time.monotonic() - real < AT_ONCE


def test_waiting_ends_when_the_time_of_the_mock_is_up(
    client: InngestClient, mock: MockServer
) -> None:
    client.send({"name": "app/nap"})
    started = mock.now
    with pytest.raises(WaitTimeoutError):
        client.runs.wait(mock.runs[0].id, timeout=60)
    assert timedelta(minutes=1) <= mock.now - started < timedelta(minutes=2)


def test_pauses_between_retries_take_no_time(client: InngestClient, mock: MockServer) -> None:
    mock.fault(answers(503, headers={"Retry-After": "45"}))
    started, real = mock.now, time.monotonic()
    client.health()
    assert mock.now - started >= timedelta(seconds=45)
    assert time.monotonic() - real < AT_ONCE


def test_pauses_between_retries_of_batches_take_no_time(
    client: InngestClient, mock: MockServer
) -> None:
    mock.fault(answers(503, headers={"Retry-After": "45"}), operation="send_events")
    started, real = mock.now, time.monotonic()
    client.send_many([{"name": "a"}, {"name": "b"}], batch_size=1)
    assert mock.now - started >= timedelta(seconds=45)
    assert time.monotonic() - real < AT_ONCE


def test_time_stands_still_for_the_pause_of_a_thread_that_was_told_to_stop() -> None:
    mock = MockServer(clock=lambda: 1_795_543_200 * 10**9)
    before, stop = mock.now, threading.Event()
    stop.set()
    clock_of(mock.transport, SYSTEM_CLOCK).wait(stop, 45.0)
    assert mock.now == before


def test_clock_that_stands_still_moves_for_a_pause() -> None:
    mock = MockServer(clock=lambda: 1_795_543_200 * 10**9)
    mock.function("shop", "nap", trigger="app/nap", run=sleeps(NAP))
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send({"name": "app/nap"})
        assert client.runs.wait(mock.runs[0].id, timeout=7200).is_ended


def test_tasks_that_pause_together_wake_together(mock: MockServer) -> None:
    async def wait_for_all() -> list[Any]:
        async with AsyncInngestClient(dev=True, transport=mock.transport) as client:
            await client.send([{"name": "app/nap"}] * 5)
            waits = (client.runs.wait(run.id, timeout=NAP * 1.1) for run in mock.runs)
            return await asyncio.gather(*waits)

    assert [run.output for run in asyncio.run(wait_for_all())] == ["rested"] * 5


def test_threads_may_wait_together(mock: MockServer) -> None:
    with (
        InngestClient(dev=True, transport=mock.transport) as client,
        ThreadPoolExecutor(5) as pool,
    ):
        client.send([{"name": "app/nap"}] * 5)
        found = pool.map(lambda run: client.runs.wait(run.id, timeout=NAP * 5), list(mock.runs))
        assert [run.output for run in found] == ["rested"] * 5


def test_other_clients_pause_in_real_time(mock: MockServer) -> None:
    assert clock_of(mock.transport, SYSTEM_CLOCK) is not SYSTEM_CLOCK
    for transport in (None, httpx.MockTransport(lambda _: httpx.Response(200))):
        assert clock_of(transport, SYSTEM_CLOCK) is SYSTEM_CLOCK


def test_clock_of_a_test_stays(mock: MockServer) -> None:
    clock = Clock(random=lambda: 0.5)
    assert clock_of(mock.transport, clock) is clock
