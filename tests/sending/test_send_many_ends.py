"""The end of `send_many` by an error, an interrupt or a cancellation: all outcomes are reported."""

from __future__ import annotations

import asyncio
import pickle
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    AsyncInngestClient,
    AuthenticationError,
    InngestClient,
    PermissionDeniedError,
    RetryPolicy,
    RouteNotFoundError,
    ServerError,
    TransportError,
)
from tests.support.clock import with_clock
from tests.support.many import ROUTE, events, positions
from tests.support.peer import PATIENCE
from tests.support.server import Answer, Reply, accepts_all, recorded, refuses, says, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest import BatchReport
    from tests.conftest import Connect
    from tests.support.client_kinds import ClientKind
    from tests.support.clock import Clock
    from tests.support.server import Server


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (recorded("start-ingest-wrong"), AuthenticationError),
        (text(403, "filtered"), PermissionDeniedError),
        (text(404, "404 page not found"), RouteNotFoundError),
        (says({"error": "closed"}, status=503, retry_after="121"), ServerError),
    ],
    ids=["401", "403", "404", "pause"],
)
def test_it_stops_at_once_if_no_later_batch_can_succeed(
    client: InngestClient, server: Server, answer: Answer, error: type[Exception]
) -> None:
    server.on(ROUTE, accepts_all, answer)
    source = events(1_000)
    with pytest.raises(error) as caught:
        client.send_many(source, batch_size=1, in_flight=1)
    assert len(server.requests) == 2
    assert len(list(source)) == 998
    assert caught.value.__notes__ == [
        "stopped after 1 events were accepted, 0 rejected, 1 left unknown"
    ]


@pytest.mark.parametrize(
    ("answer", "error"),
    [(httpx.ConnectError("refused"), TransportError), (text(503, "down"), ServerError)],
    ids=["no server", "503"],
)
def test_ten_batches_in_a_row_without_a_response_are_an_outage(
    connect: Connect, server: Server, answer: Answer, error: type[Exception]
) -> None:
    server.on(ROUTE, *([answer] * 9), accepts_all, answer)
    source = events(1_000)
    with pytest.raises(error) as caught:
        connect(retries=0).send_many(source, batch_size=2, in_flight=1)
    assert len(server.requests) == 9 + 1 + 10
    assert caught.value.__notes__ == [
        "stopped after 2 events were accepted, 0 rejected, 38 left unknown"
    ]


def test_a_pause_that_a_retry_can_make_does_not_end_the_sending(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(ROUTE, says({"error": "closed"}, status=503, retry_after="100"), accepts_all)
    assert client.send_many(events(4), batch_size=2, in_flight=1).accepted == 4
    assert sum(clock.pauses) >= 100


def test_nine_batches_without_a_response_are_reported_as_unknown(
    connect: Connect, server: Server
) -> None:
    server.on(ROUTE, *([text(503, "down")] * 9), accepts_all)
    report = connect(retries=0).send_many(events(20), batch_size=2, in_flight=1)
    assert (report.accepted, report.rejected, report.unknown) == (2, 0, 18)


def test_a_refused_retry_of_what_may_be_stored_is_unknown_in_every_report(
    connect: Connect, server: Server
) -> None:
    server.on(ROUTE, httpx.ReadError("reset"), text(413, "no"), accepts_all)
    told: list[BatchReport] = []
    report = connect(retries=1).send_many(
        events(4), batch_size=2, in_flight=1, on_batch=told.append
    )
    assert (report.accepted, report.rejected, report.unknown) == (2, 0, 2)
    assert [each.event["id"] for each in told[0].report.failures] == ["own-0", "own-1"]


def test_requests_are_evenly_spaced(client: InngestClient, server: Server, clock: Clock) -> None:
    server.on(ROUTE, accepts_all)
    client.send_many(events(5), batch_size=1, in_flight=1, max_requests=4, period=2)
    assert [each for each in clock.pauses if each] == [0.5, 0.5, 0.5, 0.5]


def test_pacing_neither_slows_a_slow_source_nor_catches_up(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(ROUTE, accepts_all)

    def slow() -> Iterator[dict[str, Any]]:
        for index, event in enumerate(events(4)):
            clock.advance(10 if index == 1 else 0)
            yield event

    client.send_many(slow(), batch_size=1, in_flight=1, max_requests=1)
    assert [each for each in clock.pauses if each] == [1.0, 1.0]


@pytest.mark.parametrize("in_flight", [1, 4])
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_if_the_source_raises_earlier_batches_are_reported_first(
    client: InngestClient, server: Server, error: type[BaseException], in_flight: int
) -> None:
    server.on(ROUTE, accepts_all)
    told: list[BatchReport] = []

    def source() -> Iterator[dict[str, Any]]:
        yield from events(6)
        raise error

    with pytest.raises(error):
        client.send_many(source(), batch_size=2, in_flight=in_flight, on_batch=told.append)
    assert [each.report.accepted for each in told] == [2, 2, 2]


def test_an_interrupt_during_a_request_reports_accepted_and_unknown_events(server: Server) -> None:
    def interrupt(_: httpx.Request) -> Reply:
        raise KeyboardInterrupt

    server.on(ROUTE, accepts_all, interrupt)
    told: list[BatchReport] = []
    with (
        InngestClient(dev=True, transport=server) as client,
        pytest.raises(KeyboardInterrupt),
    ):
        client.send_many(events(6), batch_size=2, in_flight=1, on_batch=told.append)
    assert [(each.report.accepted, each.report.unknown) for each in told] == [(2, 0), (0, 2)]
    assert told[1].report.failures[0].event == {"name": "e2", "id": "own-2", "data": {}}


def test_interrupted_its_threads_neither_pause_nor_try_again() -> None:
    class Failing(httpx.BaseTransport):
        asked = 0
        both = threading.Barrier(3)

        def handle_request(self, request: httpx.Request) -> httpx.Response:  # noqa: ARG002
            self.asked += 1
            self.both.wait(PATIENCE)
            raise httpx.ReadError("reset")

    def source() -> Iterator[dict[str, Any]]:
        yield from events(2)
        failing.both.wait(PATIENCE)
        raise KeyboardInterrupt

    failing = Failing()
    told: list[BatchReport] = []
    patient = RetryPolicy(initial=60, maximum=60, total=600)
    never_early = with_clock(InngestClient, random=lambda: 1.0)
    of_other_tests = set(threading.enumerate())
    with (
        never_early(dev=True, transport=failing, retries=patient) as client,
        pytest.raises(KeyboardInterrupt),
    ):
        client.send_many(source(), batch_size=1, in_flight=8, on_batch=told.append)
    threads = set(threading.enumerate()) - of_other_tests
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(each.is_alive() for each in threads)
    assert failing.asked == 2
    assert [(each.report.accepted, each.report.unknown) for each in told] == [(0, 1), (0, 1)]


def test_an_on_batch_that_raises_ends_the_sending_and_gets_the_rest(
    client: InngestClient, server: Server
) -> None:
    server.on(ROUTE, accepts_all)
    told: list[BatchReport] = []

    def on_batch(report: BatchReport) -> None:
        told.append(report)
        raise ZeroDivisionError(len(told))

    source = events(100)
    with pytest.raises(ZeroDivisionError):
        client.send_many(source, batch_size=1, in_flight=3, on_batch=on_batch)
    drawn = 100 - len(list(source))
    assert positions(told) == list(range(drawn))
    assert drawn <= 3


class Silent(httpx.AsyncBaseTransport):
    """Responds to the first request only; the others wait forever."""

    def __init__(self) -> None:
        self.waiting = asyncio.Event()
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.asked > 1:
            self.waiting.set()
            await asyncio.Event().wait()
        return httpx.Response(200, stream=httpx.ByteStream(accepts_all(request).body))


def test_a_cancellation_does_not_wait_and_reports_accepted_events() -> None:
    told: list[BatchReport] = []

    async def main() -> None:
        silent = Silent()
        async with AsyncInngestClient(dev=True, transport=silent) as client:
            task = asyncio.create_task(
                client.send_many(events(50), batch_size=2, in_flight=2, on_batch=told.append)
            )
            await silent.waiting.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(asyncio.wait_for(main(), PATIENCE))
    outcome = [(each.report.accepted, each.report.unknown) for each in told]
    assert outcome[0] == (2, 0)
    assert set(outcome[1:]) == {(0, 2)}
    assert positions(told) == list(range(2 * len(told)))


def test_reports_pickle_and_add_up(client: InngestClient, server: Server) -> None:
    server.on(ROUTE, refuses("e3"))
    told: list[BatchReport] = []
    report = client.send_many(events(5), on_batch=told.append)
    assert pickle.loads(pickle.dumps(report)) == report
    assert pickle.loads(pickle.dumps(told)) == told
    assert (report + report).accepted == 8
    assert len((report + report).failures) == 2


def test_threads_end_with_the_sending(
    client_kind: ClientKind, connect: Connect, server: Server
) -> None:
    server.on(ROUTE, accepts_all)
    before = threading.active_count()
    connect().send_many(events(50), batch_size=1, in_flight=8)
    for thread in threading.enumerate():
        if thread.name.startswith("inngest-rest"):
            thread.join(PATIENCE)
    assert threading.active_count() <= before + (client_kind == "async")
