"""`send_many`: any number of events, in order, in bounded memory, invalid ones among them."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    AsyncInngestClient,
    ConfigurationError,
    InngestClient,
    InvalidArgumentError,
    SendReport,
)
from tests.support.many import ROUTE, events, positions
from tests.support.peer import PATIENCE
from tests.support.server import accepts_all, refuses, says

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from inngest_rest import BatchReport
    from tests.conftest import Connect
    from tests.support.server import Reply, Server


class Stage(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Responds only once a given number of requests is in flight at the same time.

    The last of them gets its response first, the first one last.
    """

    def __init__(self, cast: int) -> None:
        self.present = 0
        self.most = 0
        self.answered: list[str] = []
        self._cast = cast
        self._lock = threading.Lock()
        self._all_here = threading.Event()
        self._left = [threading.Event() for _ in range(cast)]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        number = self._enter(request)
        assert all(each.wait(PATIENCE) for each in self._cues(number)), "fewer than asked for"
        return self._leave(number, request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        number = self._enter(request)
        for _ in range(1_000):
            if all(each.is_set() for each in self._cues(number)):
                return self._leave(number, request)
            await asyncio.sleep(0)
        raise AssertionError("fewer than asked for")

    def _cues(self, number: int) -> list[threading.Event]:
        """Wait until all requests are in flight and the next one has its response."""
        return [self._all_here, *self._left[number + 1 :][:1]]

    def _enter(self, request: httpx.Request) -> int:
        with self._lock:
            self.present += 1
            self.most = max(self.most, self.present)
            if self.present == self._cast:
                self._all_here.set()
        return int(json.loads(request.content)[0]["name"].removeprefix("e"))

    def _leave(self, number: int, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.present -= 1
            self.answered.append(json.loads(request.content)[0]["name"])
        if number < self._cast:
            self._left[number].set()
        reply = accepts_all(request)
        return httpx.Response(200, headers=reply.headers, stream=httpx.ByteStream(reply.body))


@pytest.mark.parametrize(
    ("count", "options", "sizes"),
    [
        (0, {}, []),
        (1, {}, [1]),
        (1_025, {}, [512, 512, 1]),
        (5_001, {"batch_size": 5_000}, [5_000, 1]),
        (3, {"batch_size": 1, "in_flight": 64}, [1, 1, 1]),
    ],
)
def test_every_event_goes_out_once_in_batches(
    client: InngestClient, server: Server, count: int, options: dict[str, Any], sizes: list[int]
) -> None:
    server.on(ROUTE, accepts_all)
    told: list[BatchReport] = []
    report = client.send_many(events(count), on_batch=told.append, **options)
    assert report == SendReport(accepted=count)
    assert [len(each.positions) for each in told] == sizes
    assert positions(told) == list(range(count))
    assert [each for report in told for each in report.ids] == [f"e{i}" for i in range(count)]
    sent = [event["id"] for body in server.bodies() for event in body]
    assert sorted(sent) == sorted(f"own-{index}" for index in range(count))


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0},
        {"batch_size": 5_001},
        {"in_flight": 0},
        {"in_flight": 65},
        {"in_flight": 1.5},
        {"max_requests": 0},
        {"period": 0},
        {"on_batch": 5},
    ],
    ids=repr,
)
def test_a_bad_option_is_rejected_by_name_before_an_event_is_drawn(
    client: InngestClient, wrong: dict[str, Any]
) -> None:
    source = events(3)
    with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
        client.send_many(source, **wrong)
    assert len(list(source)) == 3


def test_a_missing_key_raises_before_an_event_is_drawn(connect: Connect) -> None:
    source = events(3)
    with pytest.raises(ConfigurationError, match="INNGEST_EVENT_KEY"):
        connect(dev=False).send_many(source)
    assert len(list(source)) == 3


@pytest.mark.parametrize("in_flight", [1, 3])
def test_events_are_drawn_only_when_there_is_room_for_them(
    client: InngestClient, server: Server, in_flight: int
) -> None:
    server.on(ROUTE, accepts_all)
    drawn = 0

    def source() -> Iterator[dict[str, Any]]:
        nonlocal drawn
        for drawn, event in enumerate(events(100), 1):  # noqa: B007
            yield event

    seen: list[int] = []
    client.send_many(
        source(), batch_size=10, in_flight=in_flight, on_batch=lambda _: seen.append(drawn)
    )
    assert [each // 10 for each in seen] == [min(10, index + in_flight) for index in range(10)]


@pytest.mark.parametrize("in_flight", [1, 2, 5])
def test_requests_in_flight_are_bounded_and_reported_in_order(
    connect: Connect, in_flight: int
) -> None:
    stage = Stage(in_flight)
    told: list[BatchReport] = []
    connect(transport=stage).send_many(
        events(20), batch_size=1, in_flight=in_flight, on_batch=told.append
    )
    assert stage.most == in_flight
    assert stage.answered[:in_flight] == [f"e{i}" for i in reversed(range(in_flight))]
    assert positions(told) == list(range(20))


@pytest.mark.parametrize(
    "bad", [{}, {"name": ""}, {"name": "inngest/x"}, {"name": "a", "data": [1]}, 5, None], ids=repr
)
def test_an_invalid_event_is_reported_and_the_rest_is_sent(
    client: InngestClient, server: Server, bad: Any
) -> None:
    server.on(ROUTE, accepts_all)
    source = list(events(30))
    source[7] = bad
    report = client.send_many(source, batch_size=4)
    assert (report.accepted, report.rejected, report.unknown) == (29, 1, 0)
    [failure] = report.failures
    assert failure.position == 7
    assert failure.reason


def test_an_event_the_server_rejects_is_reported_and_the_rest_is_sent(
    client: InngestClient, server: Server
) -> None:
    server.on(ROUTE, refuses("e5"))
    told: list[BatchReport] = []
    report = client.send_many(events(30), batch_size=4, on_batch=told.append)
    assert (report.accepted, report.rejected) == (29, 1)
    assert [each.reason for each in report.failures] == ["e5 is refused"]
    assert told[1].ids == ("e4", None, "e6", "e7")


def test_a_report_is_bounded_and_on_batch_gets_every_failure(
    client: InngestClient, server: Server
) -> None:
    server.on(ROUTE, accepts_all)
    told: list[BatchReport] = []
    source = ({"name": "" if index % 2 else "good"} for index in range(3_000))
    report = client.send_many(source, batch_size=100, on_batch=told.append)
    assert (report.accepted, report.rejected) == (1_500, 1_500)
    assert [each.position for each in report.failures] == list(range(1, 2_000, 2))
    failures = [each.position for batch in told for each in batch.report.failures]
    assert failures == list(range(1, 3_000, 2))
    assert len({id(each) for batch in told for each in batch.report.failures}) == 1_500


def test_an_asynchronous_source_is_drawn_only_when_there_is_room(server: Server) -> None:
    server.on(ROUTE, accepts_all)
    drawn = 0
    seen: list[int] = []

    async def source() -> AsyncIterator[dict[str, Any]]:
        nonlocal drawn
        for event in events(25):
            drawn += 1
            await asyncio.sleep(0)
            yield event

    async def main() -> SendReport:
        async with AsyncInngestClient(dev=True, transport=server) as client:
            return await client.send_many(
                source(), batch_size=5, in_flight=2, on_batch=lambda _: seen.append(drawn)
            )

    assert asyncio.run(main()) == SendReport(accepted=25)
    assert [each // 5 for each in seen] == [2, 3, 4, 5, 5]


def test_a_blocking_source_does_not_starve_the_event_loop() -> None:
    beats: list[int] = []
    drawn = 0

    async def heart() -> None:
        while True:
            beats.append(drawn)
            await asyncio.sleep(0)

    def source() -> Iterator[dict[str, Any]]:
        nonlocal drawn
        for drawn, event in enumerate(events(100), 1):  # noqa: B007
            yield event

    async def main() -> None:
        task = asyncio.create_task(heart())
        transport = httpx.MockTransport(
            lambda request: httpx.Response(200, content=accepts_all(request).body)
        )
        async with AsyncInngestClient(dev=True, transport=transport) as client:
            await client.send_many(source(), batch_size=5, in_flight=20)
        task.cancel()

    asyncio.run(main())
    assert len({each // 5 for each in beats}) > 10


class Sink(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Accepts everything and stores nothing."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        ids = ["01M86WMR2REMKV8DQ54EQPCS5T"] * len(json.loads(request.content))
        return httpx.Response(200, stream=httpx.ByteStream(says({"ids": ids, "status": 200}).body))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def test_memory_is_bounded_for_any_number_of_events(connect: Connect) -> None:
    client = connect(transport=Sink())

    def peak(count: int) -> int:
        gc.collect()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        client.send_many(events(count), batch_size=100, in_flight=2)
        return tracemalloc.get_traced_memory()[1] - before

    tracemalloc.start()
    try:
        peak(1_000)
        # As a list, 20,000 of them take 6 MB; how far threads are apart takes some 0.2.
        assert peak(20_000) < peak(1_000) + 1_000_000
    finally:
        tracemalloc.stop()


def test_events_are_sent_in_the_calling_thread_when_no_other_can_start(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses_to_start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    callers: list[threading.Thread] = []

    def answer(request: httpx.Request) -> Reply:
        callers.append(threading.current_thread())
        return accepts_all(request)

    server.on(ROUTE, answer)
    monkeypatch.setattr(threading.Thread, "start", refuses_to_start)
    told: list[BatchReport] = []
    with InngestClient(dev=True, transport=server) as client:
        report = client.send_many(events(3), batch_size=1, on_batch=told.append)
    assert report == SendReport(accepted=3)
    assert positions(told) == [0, 1, 2]
    assert callers == [threading.current_thread()] * 3
