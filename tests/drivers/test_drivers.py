"""Drivers: they send, sleep, bound the whole exchange, and always close the plan."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import pytest

from inngest_rest import (
    AsyncInngestClient,
    ConfigurationError,
    InngestClient,
    RequestTimeoutError,
    TransportError,
)
from inngest_rest._core.calls.session import Session
from inngest_rest._core.calls.settings import resolve
from inngest_rest._core.clock import SYSTEM_CLOCK, Clock
from inngest_rest._core.drivers import asynchronous, connection_pool
from inngest_rest._core.drivers.asynchronous import AsyncDriver
from inngest_rest._core.drivers.blocking import Driver
from inngest_rest._core.resources import by_document, run_acts
from inngest_rest._core.sending.batching import Batch
from inngest_rest._core.sending.send import post
from inngest_rest.errors import ClosedError
from inngest_rest_api.api.v1 import send_signal_v1
from tests.support.plans import a_call
from tests.support.server import accepts_all, recorded, says

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from pytest_httpx import HTTPXMock

    from inngest_rest._core.plans import Call, Effects, Plan
    from tests.conftest import Connect
    from tests.support.client_kinds import ClientKind
    from tests.support.clock import Clock as FakeClock
    from tests.support.server import Server

T = TypeVar("T")

HEALTHY = says({"status": 200, "message": "OK"})


class Trickle(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that trickles in, each chunk in time, and never ends."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.pieces = 0
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self._wait()
            yield b" "

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self._wait()
            await asyncio.sleep(0)
            yield b" "

    def _wait(self) -> None:
        self.pieces += 1
        assert self.pieces < 100, "nobody stops this"
        self.clock.advance(1)

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


class Streams(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers every request with one stream."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=self.stream, request=request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def test_the_timeout_bounds_a_trickling_response_as_a_whole(
    connect: Connect, clock: FakeClock
) -> None:
    stream = Trickle(clock)
    client = connect(transport=Streams(stream), timeout=10, retries=0)
    with pytest.raises(RequestTimeoutError, match="no complete response within 10 s") as caught:
        client.health()
    client.close()
    assert 10 <= stream.pieces < 20
    assert stream.closed
    assert caught.value.delivered


class Breaks(Trickle):
    """A body that breaks off."""

    def _wait(self) -> None:
        self.pieces += 1
        if self.pieces > 2:
            raise httpx.ReadError("reset")


def test_a_truncated_response_is_a_transport_error(connect: Connect, clock: FakeClock) -> None:
    stream = Breaks(clock)
    with pytest.raises(TransportError, match="ReadError: reset"):
        connect(transport=Streams(stream), retries=0).health()
    assert stream.closed


def test_a_body_with_a_wrong_content_encoding_is_a_transport_error(
    connect: Connect, server: Server
) -> None:
    server.on("GET /health", says({}, content_encoding="gzip"))
    with pytest.raises(TransportError, match="DecodingError"):
        connect(retries=0).health()


def test_the_timeout_of_a_request_bounds_each_phase_too(connect: Connect, server: Server) -> None:
    server.on("GET /health", HEALTHY)
    connect(timeout=10).health()
    phases = {"connect": 5.0, "read": 10.0, "write": 10.0, "pool": 10.0}
    assert server.requests[0].extensions["timeout"] == phases


def test_a_closed_client_sends_nothing(connect: Connect, server: Server) -> None:
    server.on("GET /health", HEALTHY)
    client = connect()
    client.close()
    assert server.closed == 1
    with pytest.raises(ClosedError, match="client is closed; create a new one"):
        client.health()
    assert server.asked == []


def test_a_with_block_closes_the_client_even_on_an_error(connect: Connect, server: Server) -> None:
    server.on("GET /health", HEALTHY)

    def use() -> None:
        with connect() as client:
            client.health()
            assert server.closed == 0
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use()
    assert server.closed == 1


def test_a_custom_httpx_transport_is_used(connect: Connect) -> None:
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"status": 200, "message": "OK"})
    )
    connect(transport=transport).health()


def test_the_default_transport_is_that_of_httpx(connect: Connect, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"ids": ["01"], "status": 200})
    client = connect(dev=None, event_key="k", transport=None)
    assert client.send({"name": "a"}) == ["01"]
    [request] = httpx_mock.get_requests()
    assert str(request.url) == "https://inn.gs/e/k"


@pytest.mark.parametrize(
    ("environ", "event", "api"),
    [
        ({}, None, None),
        ({"HTTPS_PROXY": "http://proxy:1"}, "http://proxy:1", "http://proxy:1"),
        ({"https_proxy": "proxy:1"}, "http://proxy:1", "http://proxy:1"),
        ({"ALL_PROXY": "http://proxy:1"}, "http://proxy:1", "http://proxy:1"),
        ({"HTTP_PROXY": "http://proxy:1"}, None, None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "inn.gs"}, None, "http://proxy:1"),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "*"}, None, None),
    ],
    ids=str,
)
def test_proxies_set_in_the_environment_are_used(
    environ: dict[str, str], event: str | None, api: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    settings = resolve({})
    assert [each and each.reveal() for each in (settings.event_proxy, settings.api_proxy)] == [
        event,
        api,
    ]


@pytest.mark.parametrize(
    "call",
    [
        lambda it: it.health(),
        lambda it: it.__aexit__(),
        lambda it: it.send_many([{"name": "a"}]),
        lambda it: anext(aiter(it.runs.list())),
        lambda it: anext(aiter(it.runs.watch())),
    ],
    ids=["call", "close", "many", "list", "watch"],
)
def test_where_no_loop_of_asyncio_runs_the_error_says_so(
    call: Callable[[AsyncInngestClient], Awaitable[object]],
) -> None:
    begun = call(AsyncInngestClient(dev=True)).__await__()
    with pytest.raises(ConfigurationError, match="requires asyncio"):
        begun.send(None)  # as another framework, such as trio, begins a coroutine


def test_each_family_of_the_api_goes_to_its_own_host() -> None:
    hosts: list[str] = []

    class Noted(Driver):
        async def call(self, call: Call[T], /) -> T:
            hosts.append(call.host)
            raise ClosedError("noted")

    driver = Noted(connection_pool.pools("BaseTransport", Fails(OSError())), SYSTEM_CLOCK)
    session = Session(resolve({}, dev=True), driver)
    plans: list[Plan[Any]] = [
        post(session, Batch.of([0], [b"{}"])),
        run_acts.cancel(session, "x"),
        by_document.ask(session, send_signal_v1, {"signal": "x"}),
    ]
    for plan in plans:
        with pytest.raises(ClosedError):
            driver.run(plan)
    assert hosts == ["event", "api", "api"]


def watched(
    log: list[str], effect: Callable[[Effects], Plan[None]]
) -> Callable[[Effects], Plan[None]]:
    async def plan(driver: Effects) -> None:
        try:
            await effect(driver)
        except BaseException as error:
            log.append(type(error).__name__)
            raise

    return plan


def run(client_kind: ClientKind, transport: Any, plan: Callable[[Effects], Plan[T]]) -> T:
    """Run a plan by either driver."""
    if client_kind == "blocking":
        driver = Driver(connection_pool.pools("BaseTransport", transport), SYSTEM_CLOCK)
        return driver.run(plan(driver))
    return asyncio.run(run_async(transport, plan))


async def run_async(transport: httpx.AsyncBaseTransport, plan: Callable[[Effects], Plan[T]]) -> T:
    driver = AsyncDriver(connection_pool.pools("AsyncBaseTransport", transport), SYSTEM_CLOCK)
    return await driver.run(plan(driver))


class Hangs(httpx.AsyncBaseTransport):
    """A server that accepts the request and never responds."""

    def __init__(self, when_asked: Callable[[], object] = lambda: None) -> None:
        self.when_asked = when_asked

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.when_asked()
        await asyncio.Event().wait()
        raise AssertionError(request)


class Fails(httpx.BaseTransport, httpx.AsyncBaseTransport):
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        del request
        raise self.error

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, ZeroDivisionError, MemoryError])
def test_a_foreign_exception_goes_through_the_plan(
    client_kind: ClientKind, kind: type[BaseException]
) -> None:
    log: list[str] = []
    with pytest.raises(kind):
        run(client_kind, Fails(kind()), watched(log, a_call))
    # asyncio cancels the task that an interrupt of another one ends.
    assert log in ([kind.__name__], ["CancelledError"])


def test_a_cancelled_task_cancels_its_plan_and_stays_cancelled() -> None:
    log: list[str] = []

    async def scenario() -> None:
        for plan in (a_call, lambda driver: driver.sleep(3_600)):
            task = asyncio.create_task(run_async(Hangs(), watched(log, plan)))
            await asyncio.sleep(0)
            assert not task.done()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(scenario())
    assert log == ["CancelledError"] * 2


def test_a_cancellation_during_a_call_is_not_reported_as_a_timeout() -> None:
    """A deadline set by the caller must be raised as the caller's."""

    async def scenario() -> None:
        async with asyncio.timeout(None) as deadline:
            now = asyncio.get_running_loop().time()
            client = AsyncInngestClient(
                dev=True, transport=Hangs(when_asked=lambda: deadline.reschedule(now))
            )
            await client.health()

    with pytest.raises(TimeoutError) as caught:
        asyncio.run(scenario())
    assert not isinstance(caught.value, RequestTimeoutError)


def test_a_job_is_passed_on_although_a_cancellation_comes_while_an_exception_ends_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asynchronous, "_GRACE", 0.001)
    results: list[object] = []

    async def scenario() -> None:
        ending = asyncio.Event()

        async def ends_late(_: float) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ending.set()
                await asyncio.sleep(0)
                raise

        def source() -> Iterator[str]:
            yield "job"
            raise ZeroDivisionError

        def on_result(job: str, result: None) -> bool:
            results.append((job, result))
            return True

        driver = AsyncDriver(
            connection_pool.pools("AsyncBaseTransport", Hangs()), Clock(sleep_async=ends_late)
        )
        task = asyncio.create_task(
            driver.run_many(source(), lambda _: driver.sleep(1), on_result, in_flight=2)
        )
        await ending.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(scenario(), 20))
    assert results == [("job", None)]


def test_a_plan_may_catch_the_error_of_a_call(client_kind: ClientKind) -> None:
    async def plan(driver: Effects) -> str:
        try:
            await a_call(driver)
        except TransportError as error:
            return error.reason
        return "no error"

    assert run(client_kind, Fails(httpx.ReadError("reset")), plan) == "ReadError: reset"


def test_one_client_serves_many_threads(server: Server) -> None:
    server.on("POST /e/NO_EVENT_KEY_SET", accepts_all)
    with InngestClient(dev=True, transport=server) as client, ThreadPoolExecutor(8) as pool:
        names = [f"e{each}" for each in range(200)]
        assert [*pool.map(lambda name: client.send({"name": name}), names)] == [
            [it] for it in names
        ]


def test_one_client_serves_many_tasks(server: Server) -> None:
    server.on("GET /v1/runs/01", recorded("v1-run-ok"))

    async def scenario() -> list[Any]:
        async with AsyncInngestClient(dev=True, transport=server) as client:
            return await asyncio.gather(*(client.runs.get("01") for _ in range(50)))

    assert len(asyncio.run(scenario())) == 50


class Meeting(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A server that answers two requests once both are there; a third one fails."""

    def __init__(self) -> None:
        self.barrier = threading.Barrier(2, timeout=30)
        self.arrived = 0
        self.are_both_there = asyncio.Event()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.barrier.wait()
        return httpx.Response(200, request=request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.arrived += 1
        if self.arrived == 2:
            self.are_both_there.set()
        await asyncio.wait_for(self.are_both_there.wait(), 30)
        return httpx.Response(200, request=request)


async def failing(_: int) -> int:
    raise ClosedError("no")


async def recovering(driver: Effects) -> list[int]:
    try:
        return await driver.together(failing, [1, 2])
    except ClosedError:
        return []


async def numbered(driver: Effects, numbers: list[int]) -> list[int]:
    async def plan(number: int) -> int:
        await a_call(driver)
        return number

    return await driver.together(plan, numbers)


@pytest.mark.parametrize("kind", ["blocking", "async"])
def test_plans_run_together_overlap_and_their_results_are_in_order(kind: ClientKind) -> None:
    assert run(kind, Meeting(), lambda driver: numbered(driver, [1, 2])) == [1, 2]
    assert run(kind, Meeting(), lambda driver: numbered(driver, [])) == []


@pytest.mark.parametrize("kind", ["blocking", "async"])
def test_a_plan_may_catch_the_error_of_one_that_it_runs_together_with_others(
    kind: ClientKind,
) -> None:
    assert run(kind, Meeting(), recovering) == []
