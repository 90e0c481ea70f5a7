"""A bulk operation that is stopped sends no request that acts on another run."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest import AsyncInngestClient, Event, InngestClient, PartialActionError
from inngest_rest._core.drivers import blocking
from inngest_rest_mock import MockServer, answers, fails
from tests.support.peer import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest.bulk import ActionRow

STARTED = 5


@pytest.fixture
def mock() -> MockServer:
    mock = MockServer(v1_routes=False)
    mock.function("shop", "boom", trigger="app/boom", run=fails("boom"))
    return mock


@pytest.fixture
def ids(mock: MockServer) -> list[str]:
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send([Event("app/boom") for _ in range(STARTED)])
    return [run.id for run in mock.runs]


class Looks(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Passes requests on; all but the first that look at a run have to wait."""

    def __init__(self, mock: MockServer, first: str, may_go_on: Callable[[], bool]) -> None:
        self.mock = mock
        self.first = first
        self.may_go_on = may_go_on

    def is_held(self, request: httpx.Request) -> bool:
        path = request.url.path
        return path.startswith("/v2/runs/") and self.first not in path and request.method == "GET"

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.is_held(request):
            assert self.may_go_on()
        return self.mock.transport.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        while self.is_held(request) and not self.may_go_on():  # noqa: ASYNC110 - two kinds of clients
            await asyncio.sleep(0)
        return await self.mock.transport.handle_async_request(request)


def replays(mock: MockServer) -> int:
    return sum(each.path.endswith("/rerun") for each in mock.requests)


class CancelledError(Exception):
    """Raised by a callback."""


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, CancelledError])
def test_an_exception_stops_runs_that_are_looked_up_before_they_are_replayed(
    mock: MockServer, ids: list[str], error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    stops: list[blocking.Stop] = []

    class Stop(blocking.Stop):
        def __init__(self) -> None:
            super().__init__()
            stops.append(self)

    monkeypatch.setattr(blocking, "Stop", Stop)
    rows: list[ActionRow] = []

    def note(row: ActionRow) -> None:
        rows.append(row)
        if row.position == 0:
            raise error

    looks = Looks(mock, ids[0], lambda: stops[0].wait(PATIENCE))
    with InngestClient(dev=True, transport=looks) as client, pytest.raises(error):
        client.runs.replay_all(ids, in_flight=STARTED, on_result=note)
    assert replays(mock) == 1
    outcomes = sorted(str(row.outcome) for row in rows)
    assert outcomes == ["done", *["not_tried"] * (STARTED - 1)]


def test_an_exception_stops_tasks_that_look_runs_up_before_they_replay_them(
    mock: MockServer, ids: list[str]
) -> None:
    has_raised = threading.Event()

    def note(row: ActionRow) -> None:
        if row.position == 0:
            has_raised.set()
            raise CancelledError

    async def act() -> None:
        looks = Looks(mock, ids[0], has_raised.is_set)
        async with AsyncInngestClient(dev=True, transport=looks) as client:
            await client.runs.replay_all(ids, in_flight=STARTED, on_result=note)

    with pytest.raises(CancelledError):
        asyncio.run(act())
    assert replays(mock) == 1


def test_a_cancelled_task_replays_nothing_more(mock: MockServer, ids: list[str]) -> None:
    async def act() -> None:
        looks = Looks(mock, ids[0], lambda: False)
        async with AsyncInngestClient(dev=True, transport=looks) as client:
            is_first_done = asyncio.Event()
            task = asyncio.create_task(
                client.runs.replay_all(
                    ids, in_flight=STARTED, on_result=lambda _: is_first_done.set()
                )
            )
            await is_first_done.wait()
            looks.may_go_on = lambda: True
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(act())
    assert replays(mock) == 1


def test_an_error_that_ends_the_operation_stops_runs_that_are_looked_up(
    mock: MockServer, ids: list[str]
) -> None:
    mock.fault(answers(401, "no"), operation="rerun_run_v2", times=None)

    async def act() -> None:
        is_tallied = threading.Event()
        looks = Looks(mock, ids[0], is_tallied.is_set)
        async with AsyncInngestClient(dev=True, transport=looks) as client:
            await client.runs.replay_all(
                ids, in_flight=STARTED, on_result=lambda _: is_tallied.set()
            )

    with pytest.raises(PartialActionError, match=f"1 failed, {STARTED - 1} not tried"):
        asyncio.run(act())
    assert replays(mock) == 1
