"""The thread of the blocking buffer, and those of its callers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import (
    BufferFullError,
    ClosedError,
    EventBuffer,
    InngestClient,
)
from inngest_rest.buffer._queue import Queue
from tests.buffer.buffers import ROUTE, Gate, Make, full_signal, sent, workers
from tests.support.peer import PATIENCE
from tests.support.server import accepts_all, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inngest_rest.event import EventLike
    from tests.support.server import Server


@pytest.fixture
def gate(server: Server) -> Gate:
    server.on(ROUTE, accepts_all)
    return Gate(server)


@pytest.fixture
def gated(gate: Gate) -> Iterator[Callable[..., EventBuffer]]:
    client = InngestClient(dev=True, transport=gate)
    made: list[EventBuffer] = []

    def make(**options: Any) -> EventBuffer:
        made.append(EventBuffer(client, **options))
        return made[-1]

    yield make
    gate.opened.set()
    for buffer in made:
        buffer.close(PATIENCE)
    client.close()


def test_add_never_waits_for_the_network(gated: Make, gate: Gate, server: Server) -> None:
    buffer = gated(batch_size=1)
    buffer.add({"name": "a"})
    assert gate.reached.wait(PATIENCE)
    for number in range(1_000):
        buffer.add({"name": f"e{number}"})
    assert buffer.pending == 1_001
    assert server.asked == []


def test_add_waits_for_room_by_default(
    gated: Make, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = gated(batch_size=1, max_pending=1)
    buffer.add({"name": "a"})
    assert gate.reached.wait(PATIENCE)
    changed = buffer._changed  # noqa: SLF001 - nothing public tells when a thread waits
    waits, wait = threading.Event(), changed.wait

    def wait_and_tell(seconds: float | None = None) -> bool:
        waits.set()
        return wait(seconds)

    monkeypatch.setattr(changed, "wait", wait_and_tell)
    added: list[bool] = []
    thread = threading.Thread(target=lambda: added.append(buffer.add({"name": "b"})))
    thread.start()
    assert waits.wait(PATIENCE)
    assert added == []
    gate.opened.set()
    thread.join(PATIENCE)
    assert added == [True]
    assert buffer.flush(PATIENCE)
    assert buffer.report.accepted == 2


def test_a_thread_that_waits_for_room_gets_an_error_when_the_buffer_closes(
    gated: Make, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_full = full_signal(monkeypatch)
    buffer = gated(batch_size=1, max_pending=1)
    buffer.add({"name": "a"})
    assert gate.reached.wait(PATIENCE)
    raised: list[Exception] = []

    def add() -> None:
        try:
            buffer.add({"name": "b"})
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=add)
    thread.start()
    assert is_full.wait(PATIENCE)
    assert buffer.close(0.05) == 1
    thread.join(PATIENCE)
    assert "closed" in str(raised[0])


def test_a_thread_that_found_no_room_does_not_wait_for_a_buffer_closed_meanwhile(
    gated: Make, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, refused = Queue.put, list[object]()

    def close_in_between(store: Queue, event: EventLike) -> bool:
        has_room = put(store, event)
        if not has_room:
            refused.append(event)
        if len(refused) == 2:  # the second time, it was about to wait
            assert buffer.close(0.01) == 1
            monkeypatch.setattr(buffer._changed, "wait", pytest.fail)  # noqa: SLF001
        return has_room

    monkeypatch.setattr(Queue, "put", close_in_between)
    buffer = gated(batch_size=1, max_pending=1)
    buffer.add({"name": "a"})
    assert gate.reached.wait(PATIENCE)
    with pytest.raises(ClosedError):
        buffer.add({"name": "b"})
    assert len(refused) == 2
    monkeypatch.undo()


def test_a_callback_that_adds_to_a_full_buffer_does_not_wait_for_itself(
    gated: Make, gate: Gate
) -> None:
    gate.opened.set()
    raised = threading.Event()

    def add_two(_: object) -> None:
        try:
            for name in "bc":
                buffer.add({"name": name})
        except BufferFullError:
            raised.set()

    buffer = gated(max_pending=1, batch_size=1, on_batch=add_two)
    buffer.add({"name": "a"})
    assert raised.wait(PATIENCE)


def test_events_in_flight_when_the_buffer_closes_are_counted_once(gated: Make, gate: Gate) -> None:
    buffer = gated(batch_size=1)
    buffer.add({"name": "a"})
    assert gate.reached.wait(PATIENCE)
    before = workers()
    assert buffer.close(0.05) == 1
    assert buffer.report.unknown == 1
    gate.opened.set()
    for worker in before:
        worker.join(PATIENCE)
    report = buffer.report
    assert (report.accepted, report.unknown) == (0, 1)


def test_an_interrupt_at_the_end_of_close_loses_no_event_without_a_word(
    gated: Make, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    of_others = set(workers())  # those of the tests before may still end
    buffer = gated(batch_size=1)
    buffer.add({"name": "a"})
    assert gate.reached.wait(PATIENCE)
    [worker] = set(workers()) - of_others
    monkeypatch.setattr(worker, "join", interrupt)
    with pytest.raises(KeyboardInterrupt):
        buffer.close(0.05)
    monkeypatch.undo()
    assert (buffer.report.accepted, buffer.report.unknown) == (0, 1)


def test_an_interrupted_close_does_not_wait_for_the_request_under_way(
    gated: Make, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    of_others = set(workers())  # those of the tests before may still end
    buffer = gated(batch_size=1)
    buffer.add({"name": "a"})
    assert gate.reached.wait(PATIENCE)
    [worker] = set(workers()) - of_others
    waits: list[float] = []
    monkeypatch.setattr(worker, "join", waits.append)
    monkeypatch.setattr(buffer, "_flush", interrupt)
    with pytest.raises(KeyboardInterrupt):
        buffer.close(timeout=None)
    monkeypatch.undo()
    assert max(waits) <= 0.001
    assert (buffer.report.accepted, buffer.report.unknown) == (0, 1)


def test_a_full_batch_goes_out_without_waiting(gated: Make, gate: Gate, server: Server) -> None:
    gate.opened.set()
    done = threading.Event()
    buffer = gated(batch_size=3, max_age=1_000, on_batch=lambda _: done.set())
    for name in "abc":
        assert server.asked == []
        buffer.add({"name": name})
    assert done.wait(PATIENCE)
    assert sent(server) == [["a", "b", "c"]]


def test_a_batch_that_is_not_full_goes_out_when_it_is_old(gated: Make, gate: Gate) -> None:
    gate.opened.set()
    done = threading.Event()
    gated(max_age=0.01, on_batch=lambda _: done.set()).add({"name": "a"})
    assert done.wait(PATIENCE)


def test_events_of_many_threads_are_all_sent_in_order(
    gated: Make, gate: Gate, server: Server
) -> None:
    gate.opened.set()
    buffer = gated(batch_size=50, max_pending=100)

    def add(thread: int) -> None:
        for number in range(500):
            buffer.add({"name": f"{thread}/{number}"})

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert buffer.flush(PATIENCE)
    went = [name for body in sent(server) for name in body]
    assert len(went) == len(set(went)) == 3_000
    for number in range(6):
        mine = [name for name in went if name.startswith(f"{number}/")]
        assert mine == [f"{number}/{each}" for each in range(500)]


@pytest.fixture
def no_new_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to start threads, as an interpreter that is exiting does."""

    def refuse(_: object) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)


@pytest.mark.usefixtures("no_new_threads")
def test_flush_sends_in_its_own_thread_when_no_other_can_start(
    gated: Make, gate: Gate, server: Server
) -> None:
    gate.opened.set()
    buffer = gated()
    buffer.add({"name": "a"})
    assert buffer.close(PATIENCE) == 0
    assert sent(server) == [["a"]]


@pytest.mark.usefixtures("no_new_threads")
def test_flush_in_its_own_thread_pauses_after_a_failure(server: Server) -> None:
    server.on(ROUTE, text(503, "down"))
    with InngestClient(dev=True, transport=server, retries=0) as client:
        buffer = EventBuffer(client)
        buffer.add({"name": "a"})
        assert buffer.close(0.1) == 1
    assert len(server.asked) <= 1
