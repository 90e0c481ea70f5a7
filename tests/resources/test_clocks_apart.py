"""A client whose clock is minutes off: windows of time are the server's."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from itertools import islice
from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest import InngestClient
from inngest_rest_mock import answers
from tests.resources.conftest import lasting_mock, start

if TYPE_CHECKING:
    from collections.abc import Container

    from inngest_rest import RunChange
    from inngest_rest_mock import MockServer
    from tests.conftest import Connect
    from tests.support.clock import Clock


@pytest.fixture(params=[600, -600], ids=["server ahead", "server behind"])
def mock(clock: Clock, request: pytest.FixtureRequest) -> MockServer:
    ahead: int = request.param
    return lasting_mock(clock=lambda: int((clock.now() + ahead) * 1e9))


def assert_complete(mock: MockServer, changes: list[RunChange], first: int = 0) -> None:
    """Check that each run from the first on appeared once and ended once."""
    counts = Counter((each.kind, each.run.id) for each in changes if each.kind != "changed")
    ids = [run.id for run in mock.runs[first:]]
    assert counts == Counter([(kind, id) for kind in ("appeared", "ended") for id in ids])


def test_a_watch_misses_no_run_and_reports_none_from_before(
    connect: Connect, mock: MockServer, clock: Clock, producer: InngestClient
) -> None:
    start(producer, 5)
    clock.advance(5)
    clock.at_pauses(lambda n: start(producer, 7, seconds=(n * 37) % 90) if n < 40 else None)
    changes = list(connect(transport=mock.transport).runs.watch(timeout=200))
    assert_complete(mock, changes, first=5)


def test_a_watch_forgets_ended_runs_by_the_times_of_newer_ones(
    connect: Connect, mock: MockServer, clock: Clock, producer: InngestClient
) -> None:
    clock.at_pauses(lambda n: start(producer, 3) if n < 120 else None)
    watcher = connect(transport=mock.transport).runs.watch(timeout=150)
    held = [len(json.loads(watcher.token)["ended"]) for _ in watcher]
    assert len(mock.runs) == 360
    # 3 runs a second, for 30 s and a margin of 10 s; a clock that is behind would hold all.
    assert max(held) <= 3 * 41


def test_a_watch_begins_when_it_was_made(
    connect: Connect, mock: MockServer, clock: Clock, producer: InngestClient
) -> None:
    start(producer, 5)
    clock.advance(60)
    watcher = connect(transport=mock.transport).runs.watch(timeout=60)
    clock.advance(10)
    start(producer, 5)
    clock.advance(10)
    assert_complete(mock, list(watcher), first=5)


def test_a_token_from_before_the_first_request_begins_then_too(
    connect: Connect, mock: MockServer, clock: Clock, producer: InngestClient
) -> None:
    start(producer, 5)
    clock.advance(60)
    token = connect(transport=mock.transport).runs.watch().token
    clock.advance(10)
    start(producer, 5)
    clock.advance(60)
    changes: list[RunChange] = []
    for _ in range(4):
        watcher = connect(transport=mock.transport).runs.watch(token=token, timeout=60)
        changes += islice(watcher, 3)
        token = watcher.token
    assert_complete(mock, changes, first=5)


def test_the_ends_of_many_runs_are_listed_by_the_servers_clock(
    connect: Connect, mock: MockServer, clock: Clock, producer: InngestClient
) -> None:
    start(producer, 60, seconds=50)
    ended = list(
        connect(transport=mock.transport).runs.wait_many([run.id for run in mock.runs], timeout=90)
    )
    assert len(ended) == 60
    assert clock.elapsed < 56


def test_a_day_is_searched_for_an_own_id_by_the_servers_clock(
    connect: Connect, mock: MockServer, clock: Clock
) -> None:
    client = connect(transport=mock.transport)
    client.send({"name": "shop/go", "id": "mine", "data": {}})
    clock.advance(86_395)
    client.runs.list().page()
    explanation = client.events.explain("mine")
    assert explanation.event is not None
    assert explanation.event.received_at == datetime.fromtimestamp(
        mock.now.timestamp() - 86_395, UTC
    )


def test_a_span_of_time_before_now_is_by_the_servers_clock_from_the_first_request_on(
    connect: Connect, mock: MockServer, clock: Clock, producer: InngestClient
) -> None:
    start(producer, 3)
    clock.advance(120)
    start(producer, 2)
    clock.advance(30)
    minute = timedelta(minutes=1)
    for _ in range(2):
        client = connect(transport=mock.transport)
        assert len(list(client.runs.list(since=minute))) == 2
        assert len(list(client.runs.list(until=minute, page_size=2))) == 3
        assert len(list(client.events.list(since=minute))) == 2
        assert len(list(client.events.list(since=4 * minute, until=minute))) == 3


class Misdated(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Responds as the mock server does, with the Date of a clock that is off, in some responses."""

    def __init__(self, clock: Clock, mock: MockServer, off: Container[int], ahead: float) -> None:
        self._clock, self._mock, self._off, self._ahead = clock, mock, off, ahead
        self.count = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._dated(self._mock.transport.handle_request(request))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self._dated(await self._mock.transport.handle_async_request(request))

    def _dated(self, response: httpx.Response) -> httpx.Response:
        if self.count in self._off:
            now = self._clock.now() + self._ahead
            response.headers["date"] = formatdate(now, usegmt=True)
        self.count += 1
        return response


@pytest.fixture
def right(clock: Clock) -> MockServer:
    """Return a server whose clock is ours."""
    return lasting_mock(clock=clock.nanoseconds)


@pytest.mark.parametrize("ahead", [72, 3_600, -3_600])
@pytest.mark.parametrize(
    "off",
    [[0], [1], [2], [7], [8]],
    ids=["first", "second", "third", "8th", "9th"],
)
def test_a_watch_misses_no_run_for_dates_that_are_off(
    connect: Connect, right: MockServer, clock: Clock, off: Container[int], ahead: float
) -> None:
    producer = InngestClient(dev=True, transport=right.transport)
    start(producer, 3)
    clock.advance(5)
    clock.at_pauses(lambda n: start(producer, 3, seconds=(n * 37) % 90) if n < 40 else None)
    client = connect(transport=Misdated(clock, right, off, ahead))
    reported = {(it.kind, it.run.id) for it in client.runs.watch(timeout=200)}
    ids = [run.id for run in right.runs[3:]]
    assert {(kind, id) for kind in ("appeared", "ended") for id in ids} <= reported


def test_a_watch_whose_first_poll_failed_misses_no_run_for_dates_that_are_off(
    connect: Connect, right: MockServer, clock: Clock
) -> None:
    right.fault(answers(503), operation="list_runs_v2", after=3)
    producer = InngestClient(dev=True, transport=right.transport)
    clock.at_pauses(lambda n: start(producer, 1) if 100 <= n < 140 else None)
    client = connect(transport=Misdated(clock, right, range(1_000), 3_600), retries=0)
    reported = {(it.kind, it.run.id) for it in client.runs.watch(timeout=200)}
    assert len(right.runs) == 40
    assert {("ended", run.id) for run in right.runs} <= reported


class Dated(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Lists runs, a page per response, each with the Date of a clock that is so far ahead."""

    def __init__(self, clock: Clock, *hours: int) -> None:
        self._clock, self._left, self.since = clock, [*hours], list[str]()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.since.append(request.url.params["from"])
        ahead = self._left.pop(0) * 3_600
        date = formatdate(self._clock.now() + ahead, usegmt=True)
        page = {"hasMore": bool(self._left), "cursor": str(len(self._left))}
        run = {"id": str(len(self._left)), "status": "RUNNING", "queuedAt": "2026-11-24T00:00:00Z"}
        return httpx.Response(200, json={"data": [run], "page": page}, headers={"date": date})

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def test_the_first_page_is_asked_for_once_more_if_the_time_was_wrong(
    connect: Connect, clock: Clock
) -> None:
    transport = Dated(clock, 5, 5, 5, 5, 5)
    connect(transport=transport).runs.list(since=timedelta(hours=1)).page()
    first, second = map(datetime.fromisoformat, transport.since)
    assert second - first == pytest.approx(timedelta(hours=5), abs=timedelta(seconds=1))


def test_all_pages_of_a_listing_are_of_the_same_time(connect: Connect, clock: Clock) -> None:
    transport = Dated(clock, 0, 5, 5, 5)
    assert len(list(connect(transport=transport).runs.list(since=timedelta(hours=1)))) == 4
    assert len(set(transport.since)) == 1
