"""A buffer under failure: nothing is lost, everything is logged, and it goes on."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest import Event, EventBuffer, InngestClient, OutboxError, SendReport
from inngest_rest.buffer._outbox import Outbox
from inngest_rest.buffer._outbox_file import OutboxFile
from inngest_rest.buffer._queue import Queue
from tests.buffer.buffers import ROUTE, Make, flush_until_logged, sent, workers
from tests.hostile.test_log_lines import HOSTILE
from tests.support.peer import PATIENCE
from tests.support.server import accepts_all, refuses, says, text

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.support.server import Reply, Server


@pytest.mark.parametrize("method", ["take", "settle"])
@pytest.mark.usefixtures("no_pauses")
def test_an_event_is_delivered_although_its_store_once_failed(
    make: Make,
    server: Server,
    store: Path | None,
    method: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    kind = Queue if store is None else Outbox
    works = getattr(kind, method)
    calls: list[object] = []

    def fails_once(self: object, *args: object) -> object:
        calls.append(self)
        if len(calls) == 1:
            raise RuntimeError("a bug")
        return works(self, *args)

    monkeypatch.setattr(kind, method, fails_once)
    server.on(ROUTE, accepts_all)
    buffer = make(max_age=1_000)
    buffer.add({"name": "a"})
    assert buffer.flush(PATIENCE)
    assert buffer.report == SendReport(accepted=1)
    assert "a bug" in caplog.text
    assert {each.name for each in caplog.records} == {"inngest_rest"}, "and not asyncio's"


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("client_kind", ["blocking"])  # in a task, it ends the event loop
def test_a_callback_that_exits_does_not_end_the_worker(
    make: Make, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    def exits(_: object) -> None:
        raise SystemExit

    server.on(ROUTE, accepts_all)
    buffer = make(on_batch=exits)
    for name in "ab":
        buffer.add({"name": name})
        assert buffer.flush(PATIENCE)
    assert buffer.report == SendReport(accepted=2)
    assert "SystemExit" in caplog.text


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("client_kind", ["blocking"])  # in a task, it ends the event loop
def test_a_transport_that_exits_loses_no_event_and_does_not_end_the_worker(
    make: Make, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    def exits(_: httpx.Request) -> Reply:
        raise SystemExit

    server.on(ROUTE, exits, accepts_all)
    buffer = make(max_age=1_000)
    buffer.add({"name": "a"})
    assert buffer.flush(PATIENCE)
    assert buffer.report == SendReport(accepted=1)
    assert "the buffer's worker failed" in caplog.text


def test_each_batch_with_rejected_events_is_logged_once_without_their_data(
    make: Make, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.on(ROUTE, refuses("b"))
    buffer = make(batch_size=3, max_age=1_000)
    for name in "abbaaabab":
        buffer.add(Event(name, {"card": "4242"}))
    assert buffer.flush(PATIENCE)
    assert buffer.report.rejected == 4
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("WARNING", "2 of 3 events rejected, the first: b is refused"),
        ("WARNING", "2 of 3 events rejected, the first: b is refused"),
    ]
    assert "4242" not in caplog.text


@pytest.mark.parametrize(("status", "requests"), [(429, 1), (503, 2)])
def test_a_server_that_asks_to_wait_is_obeyed_but_flush_hurries_if_it_is_no_rate_limit(
    make: Make, server: Server, status: int, requests: int, caplog: pytest.LogCaptureFixture
) -> None:
    server.on(ROUTE, says({"error": "busy"}, status=status, retry_after="600"), accepts_all)
    buffer = make(batch_size=1)
    buffer.add({"name": "a"})
    flush_until_logged(buffer, "trying again in 600 s", caplog)
    assert buffer.flush(PATIENCE if requests == 2 else 0.01) == (requests == 2)
    assert sent(server) == [["a"]] * requests


@pytest.mark.parametrize("store", ["file"], indirect=True)
def test_flush_and_close_end_in_time_while_another_process_writes(
    make: Make, server: Server, store: Path
) -> None:
    server.on(ROUTE, accepts_all)
    buffer = make(max_age=1_000)
    buffer.add({"name": "a"})
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        assert not buffer.flush(0.05)
        assert buffer.close(0.05) == 1
        assert time.monotonic() - began < 5
        other.execute("ROLLBACK")
    assert make().flush(PATIENCE)
    assert sent(server) == [["a"]]


@pytest.mark.parametrize("store", ["file"], indirect=True)
@pytest.mark.parametrize("client_kind", ["blocking"])  # a task has ended when its buffer is closed
def test_a_worker_that_a_close_did_not_wait_for_takes_no_event_from_the_next_buffer(
    make: Make, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    transaction = OutboxFile.transaction
    reached, is_closed = threading.Event(), threading.Event()

    def waits(self: OutboxFile, doing: str) -> AbstractContextManager[sqlite3.Connection]:
        if doing == "cannot lease" and not reached.is_set():
            reached.set()
            assert is_closed.wait(PATIENCE)
        return transaction(self, doing)

    monkeypatch.setattr(OutboxFile, "transaction", waits)
    server.on(ROUTE, accepts_all)
    of_others = set(workers())
    buffer = make(batch_size=1)
    buffer.add({"name": "a"})
    [worker] = set(workers()) - of_others
    assert reached.wait(PATIENCE)
    assert buffer.close(0.01) == 1
    is_closed.set()
    worker.join(PATIENCE)
    assert sent(server) == []
    assert make().flush(PATIENCE)
    assert sent(server) == [["a"]]


@pytest.mark.parametrize("store", ["file"], indirect=True)
@pytest.mark.parametrize("is_up", [False, True])
def test_a_buffer_on_disk_tries_once_as_it_is_closed_and_says_how_many_events_wait(
    make: Make, server: Server, is_up: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def is_down(request: httpx.Request) -> Reply:
        raise httpx.ConnectError("refused", request=request)

    server.on(ROUTE, says({"error": "busy"}, status=503) if is_up else is_down)
    buffer = make(max_age=1_000)
    for name in "ab":
        buffer.add({"name": name})
    assert buffer.close() == 2
    assert sent(server) == [["a", "b"]]
    assert caplog.messages[-1].startswith("2 events are left in ")


@pytest.mark.parametrize("store", ["file"], indirect=True)
def test_a_buffer_on_disk_that_pauses_is_closed_at_once(
    make: Make, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.on(ROUTE, says({"error": "busy"}, status=503, retry_after="600"))
    buffer = make(max_age=1_000)
    buffer.add({"name": "a"})
    flush_until_logged(buffer, "trying again in 600 s", caplog, step=0.5)
    before = len(server.requests)
    assert buffer.close() == 1
    assert len(server.requests) == before


@pytest.mark.parametrize("store", ["file"], indirect=True)
def test_a_file_that_fails_as_it_is_closed_leaves_no_worker(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Outbox) -> int:
        raise OutboxError("damaged", path="")

    of_others = set(workers())  # those of the tests before may still end
    buffer = make()
    monkeypatch.setattr(Outbox, "mark", fail)
    with pytest.raises(OutboxError, match="damaged"):
        buffer.close()
    assert set(workers()) <= of_others
    assert buffer.close() == 0


def test_what_is_left_after_a_rejected_event_goes_out_in_halves_of_its_own(
    make: Make, server: Server
) -> None:
    refuse = refuses("b")

    def answer(request: httpx.Request) -> Reply:
        names = [each["name"] for each in json.loads(request.content)]
        return text(413, "") if names == ["c", "d", "e"] else refuse(request)

    server.on(ROUTE, answer)
    buffer = make(batch_size=5, max_age=1_000)
    for name in "abcde":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    assert sent(server) == [[*"abcde"], [*"cde"], ["c"], [*"de"]]
    assert (buffer.report.accepted, buffer.report.rejected) == (4, 1)


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(
    ("status", "body", "is_rejected"),
    [
        (400, '{"error": "no"}', True),
        (400, '{"errors": []}', True),
        (400, '{"error": "no", "ids": ["1"]}', False),
        (400, '{"ids": []}', False),
        (400, '["error"]', False),
        (400, "<html>", False),
        (200, '{"error": "no"}', False),
    ],
)
def test_a_response_without_a_receipt_blames_the_events_only_if_it_is_a_refusal(
    make: Make, server: Server, status: int, body: str, is_rejected: bool
) -> None:
    server.on(ROUTE, text(status, body, "application/json"), accepts_all)
    buffer = make(max_age=1_000)
    buffer.add({"name": "a"})
    assert buffer.flush(PATIENCE)
    assert (buffer.report.accepted, buffer.report.rejected) == (not is_rejected, is_rejected)


def test_a_logged_message_is_one_line_whatever_a_server_says(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = httpx.MockTransport(lambda _: httpx.Response(400, json={"error": HOSTILE}))
    with InngestClient(dev=True, transport=server) as client, EventBuffer(client) as buffer:
        buffer.add({"name": "shop/x"})
    messages = [each.getMessage() for each in caplog.records]
    assert any("forged" in each for each in messages)
    assert all(each.isprintable() for each in messages)
