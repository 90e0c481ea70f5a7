"""The asynchronous buffer: its task, and loops that end."""

from __future__ import annotations

import asyncio
import atexit
import threading
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import (
    AsyncEventBuffer,
    AsyncInngestClient,
    BatchReport,
    ConfigurationError,
    EventBuffer,
    InngestClient,
    InvalidArgumentError,
    SendReport,
)
from inngest_rest.buffer._outbox import Outbox
from tests.buffer.buffers import ROUTE, AsyncGate, full_signal, sent
from tests.support.peer import PATIENCE
from tests.support.server import accepts_all

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.server import Server


def go(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


def test_a_full_batch_and_an_old_one_go_out_by_themselves(server: Server) -> None:
    server.on(ROUTE, accepts_all)

    async def main() -> None:
        batches: asyncio.Queue[BatchReport] = asyncio.Queue()
        async with (
            AsyncInngestClient(dev=True, transport=server) as client,
            AsyncEventBuffer(
                client, batch_size=2, max_age=0.01, on_batch=batches.put_nowait
            ) as buffer,
        ):
            for name in "abc":
                await buffer.add({"name": name})
            for _ in range(2):
                await asyncio.wait_for(batches.get(), 5)

    go(main())
    assert sent(server) == [["a", "b"], ["c"]]


def test_a_task_waits_for_room_by_default(
    server: Server, store: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on(ROUTE, accepts_all)
    is_full = full_signal(monkeypatch)

    async def main() -> None:
        gate = AsyncGate(server)
        async with (
            AsyncInngestClient(dev=True, transport=gate) as client,
            AsyncEventBuffer(client, store, batch_size=1, max_pending=1) as buffer,
        ):
            await buffer.add({"name": "a"})
            await gate.reached.wait()
            second = asyncio.create_task(buffer.add({"name": "b"}))
            assert await asyncio.to_thread(is_full.wait, PATIENCE)
            assert not second.done()
            gate.opened.set()
            assert await asyncio.wait_for(second, PATIENCE)
            assert await buffer.flush(PATIENCE)
            assert buffer.report.accepted == 2

    go(main())


def test_events_in_flight_when_the_buffer_closes_are_kept_or_reported(
    server: Server, store: Path | None
) -> None:
    server.on(ROUTE, accepts_all)

    async def main() -> AsyncEventBuffer:
        gate = AsyncGate(server)
        async with AsyncInngestClient(dev=True, transport=gate) as client:
            buffer = AsyncEventBuffer(client, store, batch_size=1)
            await buffer.add({"name": "a"})
            await gate.reached.wait()
            assert await buffer.aclose(0.02) == 1
            assert buffer.report.unknown == (store is None)
            return buffer

    buffer = go(main())
    if store is not None:
        # Its lease was given back: the next process need not wait for it to end.
        client = InngestClient(dev=True, transport=server)
        with client, EventBuffer(client, store) as again:
            assert again.flush(PATIENCE)
            assert again.report.accepted == 1
    assert buffer.report.accepted == 0


def test_a_buffer_goes_on_in_the_next_event_loop_or_logs_at_exit(
    server: Server, store: Path | None, caplog: pytest.LogCaptureFixture
) -> None:
    server.on(ROUTE, accepts_all)
    client = AsyncInngestClient(dev=True, transport=server)
    buffer = AsyncEventBuffer(client, store, max_age=1_000)
    go(buffer.add({"name": "a"}))
    go(buffer.add({"name": "b"}))
    assert go(buffer.flush(PATIENCE))
    assert sorted(name for body in sent(server) for name in body) == ["a", "b"]
    go(buffer.add({"name": "c"}))
    buffer.at_exit()
    assert "1 events" in caplog.text
    go(buffer.aclose(0.01))
    go(client.aclose())


def test_a_cancellation_at_the_end_of_aclose_loses_no_event_without_a_word(server: Server) -> None:
    async def scenario() -> SendReport:
        gate = AsyncGate(server)
        async with AsyncInngestClient(dev=True, transport=gate) as client:
            buffer = AsyncEventBuffer(client, batch_size=1)
            await buffer.add({"name": "a"})
            await gate.reached.wait()
            unregister = atexit.unregister

            def cancel(function: Any) -> None:
                unregister(function)
                closing.cancel()

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(atexit, "unregister", cancel)
                closing = asyncio.create_task(buffer.aclose(0.01))
                with pytest.raises(asyncio.CancelledError):
                    await closing
            return buffer.report

    report = asyncio.run(asyncio.wait_for(scenario(), PATIENCE))
    assert (report.accepted, report.unknown) == (0, 1)


class Taking:
    """A batch that is being taken from the file, until it is told to go on."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.go_on = threading.Event()

    async def begun(self) -> None:
        assert await asyncio.to_thread(self.began.wait, PATIENCE)


@pytest.fixture
def taking(monkeypatch: pytest.MonkeyPatch) -> Taking:
    taking, take = Taking(), Outbox.take

    def takes_long(self: Outbox) -> object:
        batch = take(self)
        taking.began.set()
        assert taking.go_on.wait(PATIENCE)
        return batch

    monkeypatch.setattr(Outbox, "take", takes_long)
    return taking


def assert_given_back(server: Server, path: Path) -> None:
    """Assert that another buffer gets the only event of the file, which was not sent before."""
    assert sent(server) == []
    with InngestClient(dev=True, transport=server) as client, EventBuffer(client, path) as again:
        assert again.flush(PATIENCE), "its lease was not given back"
    assert sent(server) == [["a"]]


def test_a_batch_that_is_being_taken_when_the_buffer_closes_is_given_back(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taking: Taking
) -> None:
    server.on(ROUTE, accepts_all)
    path = tmp_path / "outbox.db"
    unregister = atexit.unregister

    def unregister_and_tell(function: Any) -> None:
        unregister(function)
        taking.go_on.set()

    async def scenario() -> None:
        async with AsyncInngestClient(dev=True, transport=server) as client:
            buffer = AsyncEventBuffer(client, path, batch_size=1)
            await buffer.add({"name": "a"})
            await taking.begun()
            assert await buffer.aclose(0.01) == 1

    with monkeypatch.context() as patch:
        patch.setattr(atexit, "unregister", unregister_and_tell)
        go(scenario())
    assert_given_back(server, path)


def test_a_batch_that_is_being_taken_when_all_tasks_are_cancelled_is_given_back(
    server: Server, tmp_path: Path, taking: Taking
) -> None:
    server.on(ROUTE, accepts_all)
    path = tmp_path / "outbox.db"

    async def scenario() -> None:
        async with AsyncInngestClient(dev=True, transport=server) as client:
            buffer = AsyncEventBuffer(client, path, batch_size=1)
            await buffer.add({"name": "a"})
            await taking.begun()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for each in others:
                each.cancel()
            taking.go_on.set()
            await asyncio.wait(others)
            buffer.at_exit()

    go(scenario())
    assert_given_back(server, path)


def test_a_batch_that_is_being_taken_is_given_back_however_often_it_is_cancelled(
    server: Server, tmp_path: Path, taking: Taking
) -> None:
    server.on(ROUTE, accepts_all)
    path = tmp_path / "outbox.db"

    async def scenario() -> None:
        async with AsyncInngestClient(dev=True, transport=server) as client:
            buffer = AsyncEventBuffer(client, path, batch_size=1)
            await buffer.add({"name": "a"})
            await taking.begun()
            closing = asyncio.create_task(buffer.aclose())
            [worker] = [it for it in asyncio.all_tasks() if it.get_name() == "inngest-rest-buffer"]
            for _ in range(3):
                await asyncio.sleep(0)
                worker.cancel()
                closing.cancel()
            taking.go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await closing

    go(scenario())
    assert_given_back(server, path)


def test_a_cancellation_at_the_beginning_of_aclose_closes_the_file(
    server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "outbox.db"

    async def scenario() -> None:
        async with AsyncInngestClient(dev=True, transport=server) as client:
            buffer = AsyncEventBuffer(client, path)
            assert path.with_name("outbox.db-wal").exists()
            closing = asyncio.create_task(buffer.aclose())
            await asyncio.sleep(0)
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing

    go(scenario())
    assert not path.with_name("outbox.db-wal").exists()


def test_a_flush_without_a_limit_ends_when_the_buffer_is_closed(
    server: Server, store: Path | None
) -> None:
    async def scenario() -> None:
        gate = AsyncGate(server)
        async with AsyncInngestClient(dev=True, transport=gate) as client:
            buffer = AsyncEventBuffer(client, store)
            await buffer.add({"name": "a"})
            flushing = asyncio.create_task(buffer.flush(None))
            await gate.reached.wait()
            assert await buffer.aclose(0.01) == 1
            assert await asyncio.wait_for(flushing, PATIENCE) is False

    go(scenario())


def test_a_flush_goes_on_after_another_task_has_cancelled_the_buffers_own(
    server: Server, store: Path | None
) -> None:
    server.on(ROUTE, accepts_all)

    async def scenario() -> None:
        gate = AsyncGate(server)
        async with (
            AsyncInngestClient(dev=True, transport=gate) as client,
            AsyncEventBuffer(client, store) as buffer,
        ):
            await buffer.add({"name": "a"})
            flushing = asyncio.create_task(buffer.flush(None))
            await gate.reached.wait()
            [worker] = [it for it in asyncio.all_tasks() if it.get_name() == "inngest-rest-buffer"]
            worker.cancel()
            await asyncio.wait([worker])
            gate.opened.set()
            await buffer.add({"name": "b"})
            assert await asyncio.wait_for(flushing, PATIENCE)

    go(scenario())


async def ignore(_: object) -> None: ...


def test_a_buffer_refuses_an_asynchronous_callback() -> None:
    with pytest.raises(InvalidArgumentError, match="plain functions"):
        AsyncEventBuffer(AsyncInngestClient(dev=True), on_batch=ignore)


@pytest.mark.parametrize(
    "use",
    [lambda it: it.__aenter__(), lambda it: it.add({"name": "a"})],
    ids=["buffer", "add"],
)
def test_where_no_loop_of_asyncio_runs_the_error_says_so(use: Any) -> None:
    begun = use(AsyncEventBuffer(AsyncInngestClient(dev=True))).__await__()
    with pytest.raises(ConfigurationError, match="requires asyncio"):
        begun.send(None)  # as another framework, such as trio, begins a coroutine
