"""The pool of a client: how many there are, which are reused, and which are closed."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    AsyncInngestClient,
    ConfigurationError,
    InngestClient,
    RequestTimeoutError,
    TransportError,
)
from inngest_rest._core.clock import SYSTEM_CLOCK
from inngest_rest._core.clock import Clock as SystemClock
from inngest_rest._core.drivers.asynchronous import AsyncDriver
from inngest_rest._core.drivers.blocking import Driver
from inngest_rest._core.drivers.connection_pool import MAX_AT_ONCE, ConnectionPool
from inngest_rest.errors import ClosedError
from tests.support.chance import drawing
from tests.support.peer import ANSWER, PATIENCE
from tests.support.plans import a_call

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server

EVENT = {"name": "app/order"}

# Seconds that a request waits for its turn, in real time: nothing else happens meanwhile.
A_MOMENT = 0.01


class Own:
    """A fake for a transport of the pool."""

    def __init__(self, act: Callable[[], object] = lambda: None) -> None:
        self.act = act
        self.used = self.closed = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        del request
        self.used += 1
        self.act()
        return httpx.Response(200, stream=httpx.ByteStream(b"{}"))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)

    def abort(self) -> None: ...

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.close()


class Both:
    """Either driver on the client's own pool; its calls block."""

    def __init__(self, client_kind: str, made: list[Own]) -> None:
        def make() -> Any:
            made.append(Own(*([self.acts.pop(0)] if self.acts else [])))
            return made[-1]

        self.acts: list[Callable[[], object]] = []
        self.pool: ConnectionPool[Any] = ConnectionPool(make)
        kind: Any = Driver if client_kind == "blocking" else AsyncDriver
        self.driver: Any = kind({"api": self.pool}, SYSTEM_CLOCK)
        self.client_kind = client_kind

    def do(self, *names: str) -> None:
        """Call these methods of the driver in turn."""

        def call(name: str) -> Any:
            plans = [a_call(self.driver)] if name == "run" else []
            return getattr(self.driver, name)(*plans)

        async def all_of_them() -> None:
            for name in names:
                result = call(name)
                if self.client_kind == "async":
                    await result
            await asyncio.sleep(0)

        if self.client_kind == "async":
            asyncio.run(all_of_them())
        else:
            for name in names:
                call(name)


def raises(error: BaseException) -> Callable[[], object]:
    def act() -> object:
        raise error

    return act


@pytest.mark.parametrize("error", [None, httpx.ReadError("x"), ZeroDivisionError()])
def test_a_connection_with_an_unfinished_exchange_is_closed_and_not_reused(
    client_kind: str, error: Exception | None
) -> None:
    interrupt = KeyboardInterrupt() if client_kind == "blocking" else asyncio.CancelledError()
    made: list[Own] = []
    both = Both(client_kind, made)
    both.acts = [raises(error or interrupt)]
    kind = TransportError if isinstance(error, httpx.ReadError) else type(error or interrupt)
    with pytest.raises(kind):
        both.do("run")
    both.do("run", "run")
    assert [(each.used, each.closed) for each in made] == [(1, 1), (2, 0)]


def test_connections_idle_for_too_long_are_closed() -> None:
    pool = ConnectionPool(Own)
    burst = [pool.take() for _ in range(40)]
    for each in burst:
        assert pool.give_back(each, 100.0, is_whole=True) == []
    warm = pool.take()
    assert warm is burst[-1]
    assert pool.give_back(warm, 104.0, is_whole=True) == []
    assert pool.take() is warm
    assert pool.give_back(warm, 106.0, is_whole=True) == burst[:-1]
    assert pool.close() == [(None, warm)]


def test_closing_a_client_during_a_request_leaves_no_connection_open(client_kind: str) -> None:
    made: list[Own] = []
    both = Both(client_kind, made)
    both.acts = [both.pool.close]
    both.do("run")
    assert [each.closed for each in made] == [1]


def test_a_request_waiting_for_a_connection_is_not_sent_if_the_client_is_closed() -> None:
    pool: ConnectionPool[Any] = ConnectionPool(Own)
    driver = Driver({"api": pool}, SYSTEM_CLOCK)
    for _ in range(MAX_AT_ONCE):
        assert pool.slots.take(0.0)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(driver.run, a_call(driver))
        driver.close()
        pool.slots.give_back()
        with pytest.raises(ClosedError):
            waiting.result(PATIENCE)
    assert pool.close() == []


def test_more_than_64_concurrent_requests_wait_and_are_known_not_to_be_sent_blocking() -> None:
    opened, all_in = threading.Event(), threading.Barrier(MAX_AT_ONCE + 1)

    def hold() -> None:
        all_in.wait(PATIENCE)
        assert opened.wait(PATIENCE)

    driver = Driver({"api": ConnectionPool(lambda: Own(hold))}, SYSTEM_CLOCK)
    with ThreadPoolExecutor(MAX_AT_ONCE) as pool:
        held = [pool.submit(driver.run, a_call(driver)) for _ in range(MAX_AT_ONCE)]
        all_in.wait(PATIENCE)
        with pytest.raises(RequestTimeoutError, match="64 requests were in flight") as caught:
            driver.run(a_call(driver, A_MOMENT))
        opened.set()
        for each in held:
            each.result(PATIENCE)
    assert not caught.value.delivered
    driver.close()


class Held(Own):
    """Responds once all are released."""

    def __init__(self, opened: list[asyncio.Event]) -> None:
        super().__init__()
        self.opened = opened

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self.opened[-1].wait()
        return self.handle_request(request)


def test_more_than_64_concurrent_requests_per_event_loop_wait_and_are_known_not_to_be_sent() -> (
    None
):
    events: list[asyncio.Event] = []
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []
    driver = AsyncDriver({"api": ConnectionPool(lambda: Held(events))}, SYSTEM_CLOCK)

    async def scenario() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        events.append(asyncio.Event())
        held = [asyncio.ensure_future(driver.run(a_call(driver))) for _ in range(MAX_AT_ONCE + 6)]
        await asyncio.sleep(0)
        with pytest.raises(RequestTimeoutError, match="64 requests were in flight") as caught:
            await driver.run(a_call(driver, A_MOMENT))
        assert not caught.value.delivered
        events[-1].set()
        await asyncio.gather(*held)

    asyncio.run(scenario())
    asyncio.run(scenario())
    events.clear()
    gc.collect()
    assert loops[0]() is None


class LateSlot:
    """A slot of the blocking client that comes as late as it may, and later."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock = clock
        self.seconds = seconds

    def take(self, seconds: float) -> bool:
        if seconds:
            self.clock.advance(self.seconds)
        return seconds > 0

    def give_back(self) -> None: ...


@pytest.mark.parametrize(("seconds", "is_sent"), [(7.4, True), (7.6, False), (10.1, False)])
def test_a_request_whose_turn_comes_with_little_time_left_is_not_sent(
    client_kind: str, clock: Clock, seconds: float, is_sent: bool
) -> None:
    """It would not be answered in time, and nobody would know whether it took effect."""
    transport = Own()
    pool: Any = ConnectionPool(lambda: transport)
    outcome: Any = None
    try:
        if client_kind == "blocking":
            pool.slots = LateSlot(clock, seconds)
            system = SystemClock(monotonic=clock.monotonic)
            driver = Driver({"api": pool}, system)
            driver.run(a_call(driver))
        else:
            with asyncio.Runner(loop_factory=clock.make_loop) as runner:
                runner.run(wait_for_a_turn(pool, clock, seconds))
    except RequestTimeoutError as error:
        outcome = error.delivered, error.reason
    reason = "64 requests were in flight for 7.5 s; this one was not sent"
    assert outcome == (None if is_sent else (False, reason))
    assert transport.used == is_sent


async def wait_for_a_turn(pool: ConnectionPool[Any], clock: Clock, seconds: float) -> None:
    """Run a request whose turn comes in the same moment in which its time is up."""
    driver = AsyncDriver({"api": pool}, SystemClock(monotonic=clock.monotonic))
    slots = driver._slots_of("api", asyncio.get_running_loop())  # noqa: SLF001
    for _ in range(MAX_AT_ONCE):
        await slots.acquire()
    waiting = asyncio.create_task(driver.run(a_call(driver)))
    await asyncio.sleep(0)
    clock.advance(seconds)
    slots.release()
    await waiting


class Wrapped(httpx.AsyncBaseTransport):
    """A transport of the caller's around httpx's, such as one that logs."""

    def __init__(self, **options: Any) -> None:
        self.inner = httpx.AsyncHTTPTransport(**options)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self.inner.aclose()


# asyncio's race of addresses leaves a socket to the collector where it is cancelled as one wins.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("of", [None, httpx.AsyncHTTPTransport, Wrapped])
@pytest.mark.parametrize("by", ["cancellation", "timeout"])
def test_cancelled_requests_do_not_exhaust_the_pool(by: str, of: Any) -> None:
    chance, own = drawing(8), of is None

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                [length] = [
                    int(each.split(b":")[1])
                    for each in head.lower().splitlines()
                    if each.startswith(b"content-length:")
                ]
                await reader.readexactly(length)
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        transport = None if own else of(limits=httpx.Limits(max_connections=5))
        options: Any = {"event_key": "k", "base_url": url, "retries": 0, "transport": transport}
        async with AsyncInngestClient(**options, timeout=20) as client:
            for _ in range(1_500 if own else 100):
                if by == "timeout":
                    with pytest.raises(TimeoutError):
                        async with asyncio.timeout(0.0):
                            await client.send(EVENT)
                    continue
                tasks = [asyncio.create_task(client.send(EVENT)) for _ in range(1 if own else 20)]
                for _ in range(chance.randrange(40)):
                    await asyncio.sleep(0)
                    chance.choice(tasks).cancel()  # some of them twice
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for _ in range(3):
                assert await client.send(EVENT) == ["01"]
        server.close()

    asyncio.run(scenario())
    gc.collect()


def test_a_transport_of_the_wrong_kind_is_refused(connect: Connect, server: Server) -> None:
    del server
    with pytest.raises(ConfigurationError, match=r"must be a \w*BaseTransport of httpx"):
        connect(transport=httpx.Client())
    with pytest.raises(ConfigurationError, match="not AsyncHTTPTransport"):
        InngestClient(dev=True, transport=httpx.AsyncHTTPTransport())  # type: ignore[arg-type]


def test_a_forked_child_closes_no_connection_of_its_parent() -> None:
    pool = ConnectionPool(Own)
    used, idle = pool.take(), pool.take()
    pool.give_back(idle, 0.0, is_whole=True)
    pool.after_fork_in_child()
    assert pool.take() not in (used, idle)
    assert pool.close() == []
    assert {used, idle}.isdisjoint(pool.in_flight)
    assert used.closed == idle.closed == 0


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "socks5://user:secret@a.b:1080"),
        ("ALL_PROXY", "socks4://user:secret@a.b:1080"),
        ("ALL_PROXY", "http://user:secret@a.b:port"),
        ("ALL_PROXY", "http://user:secret@a.b:99999"),
        ("ALL_PROXY", "http://user:secret@\x01"),
        ("SSL_CERT_FILE", __file__),
    ],
)
def test_an_environment_that_cannot_be_used_is_a_clear_error(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    client = connect(base_url="https://a.b", transport=None)
    with pytest.raises(ConfigurationError, match="proxy or the certificates") as caught:
        client.send(EVENT)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("https://a.b", ConfigurationError),
        ("HTTPS://a.b", ConfigurationError),
        ("http://127.0.0.1:1", TransportError),
    ],
)
def test_certificates_are_loaded_for_https_alone(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, url: str, error: type[Exception]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", __file__)
    client = connect(base_url=url, transport=None, retries=0)
    with pytest.raises(error):
        client.send(EVENT)
