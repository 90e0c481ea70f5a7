"""Both buffers, with both stores: `add` returns at once, and every outcome is reported."""

from __future__ import annotations

import gc
import json
import weakref
from collections import UserDict
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    AsyncEventBuffer,
    BatchReport,
    BufferFullError,
    ConfigurationError,
    Event,
    EventBuffer,
    InngestClient,
    InvalidArgumentError,
    InvalidEventError,
    SendReport,
)
from tests.buffer.buffers import ROUTE, Make, flush_until_logged, sent, workers
from tests.support.peer import PATIENCE
from tests.support.server import accepts_all, refuses, says, text

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Connect
    from tests.support.client_kinds import ClientKind
    from tests.support.server import Reply, Server

DOWN = text(503, "down")


class Broken(UserDict[str, Any]):
    def keys(self) -> Any:
        raise LookupError("lost")


# Both buffers, both stores.


def test_events_go_out_in_order_and_in_batches(make: Make, server: Server) -> None:
    server.on(ROUTE, accepts_all)
    buffer = make(batch_size=3, max_age=1_000)
    for name in "abcdefg":
        assert buffer.add({"name": name}) is True
    assert buffer.flush(PATIENCE) is True
    assert sent(server) == [["a", "b", "c"], ["d", "e", "f"], ["g"]]
    assert buffer.report == SendReport(accepted=7)
    assert buffer.pending == 0


def test_an_event_object_goes_out_as_it_is(make: Make, server: Server) -> None:
    server.on(ROUTE, accepts_all)
    buffer = make()
    buffer.add(Event("a", {"k": 1}, id="own", user={"id": 1}, v="1"))
    buffer.add({"name": "b"})
    assert buffer.flush(PATIENCE)
    [first, second] = [event for body in server.bodies() for event in body]
    assert first == {"name": "a", "data": {"k": 1}, "id": "own", "user": {"id": 1}, "v": "1"}
    assert second["id"]


def test_a_mapping_and_its_data_may_change_after_it_was_added(make: Make, server: Server) -> None:
    server.on(ROUTE, accepts_all)
    buffer = make(max_age=1_000)
    event: dict[str, Any] = {"data": {}}
    for name in "ab":
        event["name"] = event["data"]["of"] = name
        buffer.add(event)
    assert buffer.flush(PATIENCE)
    [body] = server.bodies()
    assert [(each["name"], each["data"]["of"]) for each in body] == [("a", "a"), ("b", "b")]
    assert event == {"name": "b", "data": {"of": "b"}}


def test_any_mapping_is_an_event(make: Make, server: Server) -> None:
    server.on(ROUTE, accepts_all)
    buffer = make(max_age=1_000)
    buffer.add(UserDict({"name": "a"}))
    assert buffer.flush(PATIENCE)
    assert sent(server) == [["a"]]


@pytest.mark.parametrize(
    "event",
    [
        None,
        "app/x",
        [{"name": "a"}],
        {},
        {"name": ""},
        {"name": 5},
        {"name": "inngest/x"},
        {"name": "Inngest/x"},
        {"name": "a", "data": [1]},
        {"name": "a", "data": {"k": float("nan")}},
        {"name": "a", "data": Broken()},
        Event("", id="1"),
        Event("a", [1], id="1"),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_an_invalid_event_raises_in_add(make: Make, server: Server, event: Any) -> None:
    buffer = make()
    with pytest.raises(InvalidEventError):
        buffer.add(event)
    assert buffer.flush(PATIENCE)
    assert server.asked == []
    assert buffer.pending == 0


@pytest.mark.parametrize("settings", [{"event_name_check": "refuse"}])
def test_a_name_that_the_client_refuses_raises_in_add(make: Make, server: Server) -> None:
    server.on(ROUTE, accepts_all)
    buffer = make(max_age=1_000)
    for event in ({"name": "created"}, Event("shop/Order.created", {})):
        with pytest.raises(InvalidEventError, match=r"does not follow domain/noun\.verb"):
            buffer.add(event)
    buffer.add(Event("shop/order.created"))
    assert buffer.flush(PATIENCE)
    assert sent(server) == [["shop/order.created"]]
    assert buffer.report == SendReport(accepted=1)


@pytest.mark.parametrize("settings", [{"event_name_check": "warn"}])
def test_a_name_that_the_client_warns_of_goes_out(
    make: Make, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.on(ROUTE, accepts_all)
    buffer = make(max_age=1_000)
    for _ in range(20):
        buffer.add({"name": "created"})
    assert buffer.flush(PATIENCE)
    assert sent(server) == [["created"] * 20]
    assert [each.levelname for each in caplog.records] == ["WARNING"]


def test_a_rejected_event_is_reported_and_the_rest_is_accepted(make: Make, server: Server) -> None:
    server.on(ROUTE, refuses("b"))
    reported: list[BatchReport] = []
    buffer = make(max_age=1_000, on_batch=reported.append)
    for name in "abc":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    report = buffer.report
    assert (report.accepted, report.rejected, report.unknown) == (2, 1, 0)
    assert [(each.event["name"], each.reason) for each in report.failures] == [
        ("b", "b is refused")
    ]
    [batch] = reported
    assert batch.ids == ("a", None, "c")
    assert batch.positions[1] == report.failures[0].position
    assert batch.report == report


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(
    "answer", [says({"error": "no such upstream"}, status=404), text(402, "pay"), text(451, "no")]
)
def test_events_outlast_a_refusal_that_is_not_about_them(
    make: Make, server: Server, answer: Reply
) -> None:
    server.on(ROUTE, answer, accepts_all)
    buffer = make(max_age=1_000)
    for name in "abc":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    assert sent(server) == [["a", "b", "c"], ["a"], ["b", "c"]]
    assert buffer.report == SendReport(accepted=3)


@pytest.mark.parametrize("store", ["file"], indirect=True)
def test_a_rejected_event_is_a_dead_letter_until_it_is_discarded(
    make: Make, server: Server
) -> None:
    server.on(ROUTE, refuses("b"))
    buffer = make(max_age=1_000)
    for name in "abc":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    [letter] = buffer.dead_letters()
    assert (letter.event["name"], letter.reason) == ("b", "b is refused")
    assert (buffer.report.accepted, buffer.report.rejected) == (2, 1)
    assert buffer.report.failures == (letter,)
    buffer.discard([letter])
    assert buffer.dead_letters() == []


def test_closing_without_a_limit_sends_what_is_left(make: Make, server: Server) -> None:
    server.on(ROUTE, accepts_all)
    buffer = make(max_age=1_000)
    buffer.add({"name": "a"})
    assert buffer.close(timeout=None) == 0
    assert buffer.report == SendReport(accepted=1)


def test_closing_with_a_bad_timeout_closes_nothing(make: Make, server: Server) -> None:
    server.on(ROUTE, accepts_all)
    buffer = make(max_age=1_000)
    buffer.add({"name": "a"})
    with pytest.raises(InvalidArgumentError, match="timeout"):
        buffer.close(timeout=0)
    buffer.add({"name": "b"})
    assert buffer.close(PATIENCE) == 0
    assert buffer.report == SendReport(accepted=2)


@pytest.mark.usefixtures("no_pauses")
def test_events_without_an_answer_are_sent_again_until_accepted(
    make: Make, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.on(ROUTE, DOWN, httpx.ConnectError("refused"), text(401, "no"), accepts_all)
    reported: list[BatchReport] = []
    buffer = make(batch_size=2, max_age=1_000, on_batch=reported.append)
    for name in "abc":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    assert sent(server) == [["a", "b"]] * 3 + [["a"], ["b", "c"]]
    assert len({json.dumps(each[0]) for each in server.bodies()}) == 2
    assert buffer.report == SendReport(accepted=3)
    assert [each.ids for each in reported] == [("a",), ("b", "c")]
    assert "2 events were not accepted and are kept; trying again in 0 s" in caplog.text


@pytest.mark.usefixtures("no_pauses")
def test_after_a_partial_answer_only_the_rest_is_sent_again(make: Make, server: Server) -> None:
    server.on(ROUTE, refuses("b"), DOWN, accepts_all)
    buffer = make(max_age=1_000)
    for name in "abcd":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    assert sent(server) == [list("abcd"), list("cd"), list("cd")]
    assert (buffer.report.accepted, buffer.report.rejected) == (3, 1)


def test_a_request_rejected_as_a_whole_is_sent_in_halves(make: Make, server: Server) -> None:
    def too_large(request: httpx.Request) -> Any:
        names = [each["name"] for each in json.loads(request.content)]
        return text(413, "too large") if len(names) > 2 or "c" in names else accepts_all(request)

    server.on(ROUTE, too_large)
    buffer = make(max_age=1_000)
    for name in "abcde":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    assert (buffer.report.accepted, buffer.report.rejected) == (4, 1)
    [failure] = buffer.report.failures
    assert failure.event["name"] == "c"
    assert "413" in failure.reason


@pytest.mark.parametrize(
    ("first", "reopened", "counts"),
    [
        (httpx.ReadError("reset"), False, (0, 0, 1)),
        (httpx.ReadError("reset"), True, (0, 0, 1)),
        (httpx.ConnectError("refused"), False, (0, 1, 0)),
    ],
    ids=["maybe stored", "maybe stored, by another process", "not delivered"],
)
def test_an_event_that_may_be_stored_is_not_reported_as_rejected(
    make: Make,
    server: Server,
    store: Path | None,
    first: Exception,
    reopened: bool,
    counts: tuple[int, int, int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.on(ROUTE, first)
    buffer = make(max_age=1_000)
    buffer.add({"name": "a"})
    flush_until_logged(buffer, "trying again in", caplog)
    if store is not None and reopened:
        assert buffer.close(0.01) == 1
        for each in workers():  # one that is still sending has the lease
            each.join(PATIENCE)
        buffer = make(max_age=1_000)
    server.on(ROUTE, text(413, "too large"))
    assert buffer.flush(PATIENCE)
    report = buffer.report
    assert (report.accepted, report.rejected, report.unknown) == counts
    assert [each.event["name"] for each in report.failures] == ["a"]
    if store is not None:
        [letter] = buffer.dead_letters()
        assert letter.event["name"] == "a"
        assert ("may have stored it" in letter.reason) == (report.unknown == 1)


@pytest.mark.usefixtures("no_pauses")
def test_a_half_without_an_answer_is_sent_again(make: Make, server: Server) -> None:
    server.on(ROUTE, text(413, ""), accepts_all, DOWN, accepts_all)
    buffer = make(max_age=1_000)
    for name in "abcd":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    assert sent(server) == [list("abcd"), list("ab"), list("cd"), list("cd")]
    assert buffer.report == SendReport(accepted=4)


@pytest.mark.usefixtures("no_pauses")
def test_nothing_overtakes_a_half_without_an_answer(
    make: Make, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.on(ROUTE, text(413, ""), DOWN, accepts_all)
    buffer = make(max_age=1_000)
    for name in "abcd":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    assert sent(server) == [list("abcd"), list("ab"), list("abcd")]
    assert buffer.report == SendReport(accepted=4)
    assert "the buffer's worker failed" not in caplog.text


def test_add_to_a_full_buffer_raises_with_when_full_raise(make: Make, server: Server) -> None:
    server.on(ROUTE, accepts_all)
    buffer = make(max_pending=2, max_age=1_000, when_full="raise")
    buffer.add({"name": "a"})
    buffer.add({"name": "b"})
    with pytest.raises(BufferFullError, match="2 events are waiting"):
        buffer.add({"name": "c"})
    assert buffer.flush(PATIENCE)
    assert buffer.add({"name": "d"})
    assert buffer.flush(PATIENCE)
    assert sent(server) == [["a", "b"], ["d"]]


def test_add_to_a_full_buffer_drops_and_logs_with_when_full_drop(
    make: Make, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.on(ROUTE, accepts_all)
    buffer = make(max_pending=2, max_age=1_000, when_full="drop")
    assert [buffer.add({"name": name}) for name in "abcd"] == [True, True, False, False]
    assert buffer.dropped == 2
    assert "the buffer is full: 1 events dropped so far" in caplog.text
    assert buffer.flush(PATIENCE)
    assert sent(server) == [["a", "b"]]


def test_a_callback_that_raises_is_logged_and_the_buffer_goes_on(
    make: Make, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.on(ROUTE, accepts_all)

    def fails(_: object) -> None:
        raise RuntimeError("mine")

    buffer = make(on_batch=fails)
    for name in "ab":
        buffer.add({"name": name})
        assert buffer.flush(PATIENCE)
    assert buffer.report.accepted == 2
    assert "on_batch failed" in caplog.text


def test_a_closed_buffer_takes_no_events(make: Make, server: Server) -> None:
    server.on(ROUTE, accepts_all)
    buffer = make()
    buffer.add({"name": "a"})
    assert buffer.close(PATIENCE) == 0
    assert sent(server) == [["a"]]
    assert buffer.close(PATIENCE) == 0
    with pytest.raises(RuntimeError, match="closed"):
        buffer.add({"name": "b"})


def test_leaving_the_block_sends_what_is_left(make: Make, server: Server) -> None:
    server.on(ROUTE, accepts_all)
    with make(max_age=1_000) as buffer:
        buffer.add({"name": "a"})
    assert sent(server) == [["a"]]


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 5_001}, "batch_size"),
        ({"max_age": 0}, "max_age"),
        ({"max_pending": 0}, "max_pending"),
        ({"when_full": "explode"}, "when_full"),
        ({"on_batch": 5}, "on_batch"),
    ],
)
def test_arguments_are_checked_and_named(make: Make, options: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidArgumentError, match=what):
        make(**options)


def test_a_missing_key_raises_at_construction(connect: Connect) -> None:
    client: Any = connect(dev=False)
    is_blocking = isinstance(client, InngestClient)
    make: Any = EventBuffer if is_blocking else AsyncEventBuffer
    with pytest.raises(ConfigurationError, match="INNGEST_EVENT_KEY"):
        make(client if is_blocking else client.target)


def test_no_key_is_in_the_repr() -> None:
    with InngestClient(event_key="key-abc") as client, EventBuffer(client) as buffer:
        assert repr(buffer) == "EventBuffer('https://inn.gs', None)"


# In memory.


in_memory = pytest.mark.parametrize("store", [None], ids=["memory"])


@in_memory
def test_close_reports_lost_events(
    make: Make, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.on(ROUTE, accepts_all, DOWN)
    reported: list[BatchReport] = []
    buffer = make(batch_size=2, max_age=1_000, on_batch=reported.append)
    for name in "ab":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    for name in "cde":
        buffer.add({"name": name})
    assert buffer.close(0.05) == 3
    report = buffer.report
    assert (report.accepted, report.rejected, report.unknown) == (2, 0, 3)
    assert [each.event["name"] for each in report.failures] == ["c", "d", "e"]
    assert [each.position for each in report.failures] == [2, 3, 4]
    # How they are batched depends on when the worker took the first of them.
    assert [at for each in reported for at in each.positions] == [0, 1, 2, 3, 4]
    assert "3 events were not accepted when the buffer closed" in caplog.text
    assert buffer.pending == 0


@in_memory
def test_events_left_by_a_client_closed_too_early_are_reported(
    make: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    buffer = make(max_age=1_000)
    buffer.add({"name": "a"})
    client.close()
    flush_until_logged(buffer, "this client is closed", caplog)
    assert buffer.close(0.05) == 1
    assert buffer.report.unknown == 1


def test_a_buffer_of_the_other_kind_refuses_a_client(client: Any, client_kind: ClientKind) -> None:
    ours = client if client_kind == "blocking" else client.target
    refusing, kind = (
        (AsyncEventBuffer, "AsyncInngestClient")
        if client_kind == "blocking"
        else (EventBuffer, "InngestClient")
    )
    wrong: Any
    for wrong in (ours, None, "client"):
        with pytest.raises(InvalidArgumentError, match=f"client must be an {kind}, not "):
            refusing(wrong)


def test_a_closed_buffer_is_not_kept(server: Server) -> None:
    with InngestClient(dev=True, transport=server) as client:
        buffer = EventBuffer(client)
        buffer.close()
        closed = weakref.ref(buffer)
        del buffer
        gc.collect()
        assert closed() is None


def test_an_open_buffer_is_kept_though_its_caller_dropped_it(server: Server) -> None:
    with InngestClient(dev=True, transport=server) as client:
        dropped = weakref.ref(EventBuffer(client))
        gc.collect()
        buffer = dropped()
        assert buffer is not None
        buffer.close()


def test_an_idle_buffer_looks_into_its_file_and_not_into_memory(
    server: Server, tmp_path: Path
) -> None:
    with InngestClient(dev=True, transport=server) as client:
        for store in (None, tmp_path / "outbox.db"):
            with EventBuffer(client, store) as buffer:
                due = buffer._schedule.due_in()  # noqa: SLF001
                assert due is not None
                assert (due <= 30) is (store is not None)
