"""An event that a server never answers as it should: it holds up no other, and is not given up."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import OutboxError, SendReport, TransportError
from inngest_rest._core.buffer import outbox, parking
from inngest_rest._core.buffer.memory_store import MemoryStore
from inngest_rest._core.buffer.outbox import Outbox
from inngest_rest._core.buffer.parking import Parking
from inngest_rest._core.buffer.schedule import Schedule
from inngest_rest._core.sending.fates import Fates, Unknown
from tests.support.buffers import ROUTE, Make, sent
from tests.support.peer import PATIENCE
from tests.support.server import Answer, Reply, accepts_all, says, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from inngest_rest import EventBuffer
    from inngest_rest._core.sending.batching import Batch
    from tests.support.clock import Clock
    from tests.support.server import Server


@pytest.fixture(autouse=True)
def no_pauses_of_parking(no_pauses: None, monkeypatch: pytest.MonkeyPatch) -> None:
    del no_pauses
    monkeypatch.setattr(parking, "_LONGEST_PAUSE", 0.0)


def fails_on(name: str, answer: Answer) -> Callable[[httpx.Request], Reply]:
    """Accept every request but those that have an event with this name."""

    def respond(request: httpx.Request) -> Reply:
        if all(each["name"] != name for each in json.loads(request.content)):
            return accepts_all(request)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Reply)
        return answer

    return respond


def flush_until_accepted(buffer: EventBuffer, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while buffer.report.accepted < count:
        assert time.monotonic() < deadline, buffer.report
        assert not buffer.flush(0.01)


PAGE = text(400, "<html>Bad Request</html>", "text/html")


@pytest.mark.parametrize(
    "answer",
    [
        PAGE,
        text(400, ""),
        text(403, "<html>blocked</html>", "text/html"),
        text(404, "<html>not found</html>", "text/html"),
        text(500, "broken"),
        text(200, "<html>hello</html>", "text/html"),
        says({"ids": [], "status": 200}),
        httpx.ReadError("reset"),
    ],
    ids=["400 page", "400", "403", "404", "500", "200 page", "lie", "reset"],
)
def test_an_event_that_the_server_fails_on_holds_up_no_other_and_is_kept(
    make: Make, server: Server, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    server.on(ROUTE, fails_on("b", answer))
    buffer = make(batch_size=4, max_age=1_000)
    for name in "abcdefgh":
        buffer.add({"name": name})
    flush_until_accepted(buffer, 7)
    assert buffer.pending == 1
    assert "fail while others are accepted" in caplog.text
    buffer.add({"name": "i"})
    flush_until_accepted(buffer, 8)
    server.on(ROUTE, accepts_all)
    assert buffer.flush(PATIENCE)
    assert buffer.report == SendReport(accepted=9)
    assert sent(server)[-1] == ["b"]


@pytest.mark.parametrize(
    ("names", "batch_size"),
    [("abcd", 4), ("abcbdb", 2), ("bbbba", 1), ("bbbbbbac", 2)],
    ids=["one batch", "each batch", "first batches, of one event", "first batches, as a whole"],
)
def test_an_event_that_the_server_fails_on_is_found_though_every_batch_fails(
    make: Make, server: Server, monkeypatch: pytest.MonkeyPatch, names: str, batch_size: int
) -> None:
    monkeypatch.setattr(parking, "_MOST_EVENTS", 4)
    server.on(ROUTE, fails_on("b", text(500, "broken")))
    buffer = make(batch_size=batch_size, max_age=1_000)
    for name in names:
        buffer.add({"name": name})
    bad = names.count("b")
    flush_until_accepted(buffer, len(names) - bad)
    assert buffer.pending == bad
    server.on(ROUTE, accepts_all)
    assert buffer.flush(PATIENCE)
    assert buffer.report == SendReport(accepted=len(names))


@pytest.mark.parametrize("answer", [PAGE, text(404, "<html>", "text/html"), text(502, "<html>")])
def test_a_page_that_answers_everything_makes_a_buffer_drop_nothing(
    make: Make, server: Server, answer: Answer
) -> None:
    server.on(ROUTE, *[answer] * 7, accepts_all)
    buffer = make(batch_size=2, max_age=1_000)
    for name in "abcdef":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    assert buffer.report == SendReport(accepted=6)


def test_what_was_set_aside_is_tried_again_at_once_after_a_lost_connection(
    make: Make, server: Server
) -> None:
    refused = httpx.ConnectError("refused")
    server.on(ROUTE, text(500, "broken"), accepts_all, refused, accepts_all)
    buffer = make(batch_size=1, max_age=1_000)
    buffer.add({"name": "a"})
    buffer.add({"name": "b"})
    assert buffer.flush(PATIENCE)
    assert buffer.report == SendReport(accepted=2)
    assert sent(server) == [["a"], ["b"], ["a"], ["a"]]


def test_an_outage_parks_a_bounded_number_of_whole_batches(
    make: Make, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "_MOST_EVENTS", 4)
    server.on(ROUTE, *[text(500, "broken")] * 30, accepts_all)
    buffer = make(batch_size=2, max_age=1_000)
    for name in "abcdefghijkl":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    assert buffer.report == SendReport(accepted=12)
    whole = {name for names in sent(server)[:30] if len(names) > 1 for name in names}
    # One may have gone out before its batch was full.
    assert len(whole) <= 5


@pytest.mark.parametrize(
    "body", [{"error": "too odd"}, {"ids": None, "error": "too odd"}, {"errors": ["too odd"]}]
)
def test_an_error_without_a_receipt_rejects_the_event_that_it_is_about(
    make: Make, server: Server, body: object
) -> None:
    told: list[Any] = []
    server.on(ROUTE, fails_on("b", says({"status": 400, **body}, status=400)))  # type: ignore[dict-item]
    buffer = make(batch_size=4, max_age=1_000, on_batch=told.append)
    for name in "abcd":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    assert (buffer.report.accepted, buffer.report.rejected, buffer.report.unknown) == (3, 1, 0)
    [failure] = buffer.report.failures
    assert failure.event["name"] == "b"
    assert "too odd" in failure.reason
    assert sent(server) == [["a", "b", "c", "d"], ["a", "b"], ["a"], ["b"], ["c", "d"]]


def part(text: str, start: int, end: int | None) -> str:
    return text[start:end]


@pytest.fixture
def parked(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Parking[str]:
    monkeypatch.setattr(parking, "_LONGEST_PAUSE", 60.0)
    return Parking(Schedule(10, 1.0, clock.monotonic), len, part)


def fails(parked: Parking[str]) -> str:
    found = parked.take()
    assert found is not None
    parked.failed(found.item)
    return found.item


def succeeds(parked: Parking[str]) -> None:
    """Let another batch be accepted."""
    parked.taken = None
    parked.succeeded()


def test_it_is_split_only_if_it_fails_twice_after_others_were_accepted(
    parked: Parking[str], clock: Clock
) -> None:
    parked.failed("abcd")
    for _ in range(2):
        assert fails(parked) == "abcd"
    succeeds(parked)
    assert fails(parked) == "abcd"
    assert [*parked] == ["abcd"]
    assert parked.take() is None
    clock.advance(1)
    assert fails(parked) == "abcd"
    assert [*parked] == ["ab", "cd"]


def test_while_nothing_is_accepted_one_event_is_tried_of_each_in_turn(
    parked: Parking[str],
) -> None:
    for each in ("abc", "def"):
        parked.failed(each)
    assert fails(parked) == "abc"
    assert [fails(parked) for _ in range(8)] == [*"daedbafe"]
    assert sorted("".join(parked)) == [*"abcdef"]


def test_while_nothing_is_accepted_others_and_those_that_failed_take_turns(
    parked: Parking[str],
) -> None:
    turns: list[bool] = []
    for _ in range(7):
        turns.append(parked.comes_first)
        if parked.comes_first:
            fails(parked)
        else:
            parked.failed("new")
    assert turns == [False, False, False, True, False, True, False]


def test_while_nothing_is_accepted_those_to_blame_are_tried_ever_more_rarely(
    parked: Parking[str], clock: Clock
) -> None:
    for each in [*"abcdefghijkl"]:
        parked.failed(each)
    succeeds(parked)
    for _ in range(3):
        fails(parked)
    pauses: list[float] = []
    for _ in range(8):
        fails(parked)
        assert parked.take() is None
        due = parked.next_due()
        assert due is not None
        pauses.append(due - clock.monotonic())
        clock.advance(pauses[-1])
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    succeeds(parked)
    assert parked.take() is not None


def test_what_is_to_blame_rests_for_as_long_as_it_took(parked: Parking[str], clock: Clock) -> None:
    for each in "ab":
        parked.failed(each)
    succeeds(parked)
    assert parked.take() is not None
    clock.advance(30)
    parked.failed("a")
    succeeds(parked)
    assert parked.take() is None
    clock.advance(30)
    assert parked.take() is not None


def test_what_failed_most_rarely_is_tried_first(parked: Parking[str], clock: Clock) -> None:
    for each in "ab":
        parked.failed(each)
    succeeds(parked)
    assert fails(parked) == "a"
    succeeds(parked)
    parked.failed("c")
    clock.advance(60)
    assert [fails(parked) for _ in range(2)] == ["b", "c"]


def test_those_to_blame_do_not_count_as_an_outage(
    parked: Parking[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "_MOST_EVENTS", 3)
    for each in ("ab", "c"):
        parked.failed(each)
    assert parked.is_full
    succeeds(parked)
    fails(parked)
    assert not parked.is_full
    assert not parked.comes_first


def test_what_is_put_back_is_still_to_blame(parked: Parking[str]) -> None:
    parked.failed("abc")
    succeeds(parked)
    assert parked.take() is not None
    parked.put_back("bc")
    taken = parked.take()
    assert taken is not None
    assert (taken.item, taken.is_to_blame) == ("bc", True)


def test_what_fails_alone_is_tried_ever_more_rarely(parked: Parking[str], clock: Clock) -> None:
    parked.failed("a")
    succeeds(parked)
    pauses: list[float] = []
    for _ in range(8):
        fails(parked)
        due = parked.next_due()
        assert due is not None
        pauses.append(due - clock.monotonic())
        clock.advance(pauses[-1])
        succeeds(parked)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_flush_tries_at_once_what_has_failed(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "_LONGEST_PAUSE", 60.0)
    schedule = Schedule(10, 1.0, clock.monotonic)
    parked = Parking(schedule, len, part)
    parked.failed("a")
    succeeds(parked)
    fails(parked)
    assert parked.take() is None
    with schedule.hurrying():
        assert parked.take() is not None
        parked.failed("a")
        assert parked.take() is None


def test_a_flush_during_an_attempt_makes_the_others_due_at_once(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "_LONGEST_PAUSE", 60.0)
    schedule = Schedule(10, 1.0, clock.monotonic)
    parked = Parking(schedule, len, part)
    for each in "ab":
        parked.failed(each)
    succeeds(parked)
    for _ in "ab":
        fails(parked)
    assert parked.next_due() == clock.monotonic() + 1
    clock.advance(1)
    assert parked.take() is not None
    parked.failed("a")
    parked.succeeded()
    with schedule.hurrying():
        assert parked.next_due() == clock.monotonic()


def test_new_events_go_first_after_a_failure_and_failed_ones_after_a_success(
    make: Make, server: Server
) -> None:
    server.on(ROUTE, text(500, "broken"), text(500, "broken"), accepts_all)
    buffer = make(batch_size=1, max_age=1_000)
    for name in "abcd":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    names = [name for [name] in sent(server)]
    assert names == ["a", "b", "c", "a", "b", "d"]


@pytest.fixture(params=["memory", "file"])
def any_store(
    request: pytest.FixtureRequest, clock: Clock, tmp_path: Path
) -> Iterator[MemoryStore | Outbox]:
    """Make a store with a batch that is to blame for its failure, and with nothing else."""
    schedule = Schedule(2, 1.0, clock.monotonic)
    store: MemoryStore | Outbox = MemoryStore(
        schedule, lambda: None, batch_size=2, max_pending=1_000
    )
    if request.param == "file":
        store = Outbox(
            tmp_path / "outbox.db",
            schedule,
            lambda: None,
            batch_size=2,
            max_pending=1_000,
            lease=100.0,
            now=clock.now,
        )
    for name in "abcd":
        store.put({"name": name})
    store.settle(lost(store.take(), delivered=True))
    batch = store.take()
    assert batch is not None
    store.settle(Fates(batch, ["internal"] * 2))
    yield store
    store.close(lambda _: None)


def lost(batch: Batch | None, *, delivered: bool) -> Fates:
    assert batch is not None
    error = TransportError("reset", method="POST", url="https://host", delivered=delivered)
    return Fates(batch, [Unknown("lost")] * len(batch.positions), error)


def test_what_is_to_blame_is_so_after_a_request_that_told_nothing(
    any_store: MemoryStore | Outbox,
) -> None:
    for _ in range(2):
        batch = any_store.take()
        assert batch is not None
        assert (len(batch.positions), batch.is_to_blame) == (2, True)
        any_store.settle(lost(batch, delivered=False))
    batch = any_store.take()
    assert batch is not None
    any_store.put_back(batch)
    batch = any_store.take()
    assert batch is not None
    assert batch.is_to_blame


@pytest.mark.parametrize("any_store", ["file"], indirect=True)
def test_what_is_to_blame_is_so_after_a_lease_that_could_not_be_written(
    any_store: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "_LEASE", "UPDATE missing SET owner = ?, leased_until = ?, seq = ?")
        with pytest.raises(OutboxError, match="cannot lease"):
            any_store.take()
    batch = any_store.take()
    assert batch is not None
    assert batch.is_to_blame
