"""An event that a server never answers as it should: it holds up no other, and is not given up."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import OutboxError, RetryPolicy, SendReport, TransportError
from inngest_rest._core.sending.batching import BatchOutcome, Unknown
from inngest_rest.buffer import _outbox as outbox
from inngest_rest.buffer import _schedule as schedule
from inngest_rest.buffer._outbox import Outbox
from inngest_rest.buffer._queue import Queue
from inngest_rest.buffer._schedule import Schedule
from tests.buffer.buffers import ROUTE, Make, sent
from tests.support.peer import PATIENCE
from tests.support.server import Answer, Reply, accepts_all, says, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from inngest_rest import EventBuffer
    from inngest_rest._core.sending.batching import Batch
    from tests.support.clock import Clock
    from tests.support.server import Server


pytestmark = pytest.mark.usefixtures("no_pauses")


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
    make: Make, server: Server, names: str, batch_size: int
) -> None:
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


def test_an_outage_sees_three_whole_batches_and_then_single_events(
    make: Make, server: Server
) -> None:
    server.on(ROUTE, *[text(500, "broken")] * 30, accepts_all)
    buffer = make(batch_size=2, max_age=1_000)
    for name in "abcdefghijkl":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    assert buffer.report == SendReport(accepted=12)
    whole = {name for names in sent(server)[:30] if len(names) > 1 for name in names}
    assert len(whole) <= 6


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


@pytest.fixture
def rule(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Schedule:
    """Return a schedule that makes pauses, of batches of four events."""
    monkeypatch.setattr(schedule, "_PACE", RetryPolicy(initial=1.0, maximum=60.0))
    return Schedule(4, 1.0, clock.monotonic)


def again(rule: Schedule) -> list[int]:
    """Return what has failed and goes out next."""
    return [*next((each for each in rule.turns() if each is not None), [])]


def fails(rule: Schedule) -> list[int]:
    """Let what goes out next fail."""
    seqs = again(rule)
    rule.failed_on(seqs)
    return seqs


def pause(rule: Schedule) -> float:
    """Return for how long all that has failed rests, the first time."""
    seconds = rule.due_in()
    assert seconds is not None
    return seconds


def test_it_goes_out_in_halves_once_it_fails_while_others_are_accepted(rule: Schedule) -> None:
    assert not rule.failed_on([0, 1, 2, 3])
    rule.succeeded()
    assert again(rule) == [0, 1]
    assert rule.failed_on([0, 1])
    rule.succeeded()
    assert again(rule) == [2, 3]
    rule.forget([2, 3])
    rule.succeeded()
    assert again(rule) == [0]


def test_a_small_batch_goes_out_in_halves_of_its_own(clock: Clock) -> None:
    rule = Schedule(512, 1.0, clock.monotonic)
    rule.failed_on([0, 1, 2, 3])
    rule.succeeded()
    assert fails(rule) == [0, 1, 2, 3]
    assert again(rule) == [0, 1]


def test_what_fails_alone_is_tried_ever_more_rarely(rule: Schedule, clock: Clock) -> None:
    rule.failed_on([0])
    pauses: list[float] = []
    for _ in range(8):
        rule.succeeded()
        assert fails(rule) == [0]
        assert again(rule) == []
        pauses.append(pause(rule))
        clock.advance(pauses[-1])
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_an_outage_counts_as_one_failure(rule: Schedule, clock: Clock) -> None:
    rule.failed_on([0, 1, 2])
    for _ in range(50):
        fails(rule)
        clock.advance(rule.failed())
    rule.succeeded()
    assert pause(rule) == 0
    assert len(again(rule)) == 2


def test_from_the_third_failure_in_a_row_single_events_are_tried_by_turns(rule: Schedule) -> None:
    turns: list[object] = []
    new = iter(range(8, 100))
    for seqs in ([0, 1, 2, 3], [4, 5, 6, 7]):
        rule.failed_on(seqs)
    for _ in range(7):
        turn = next(rule.turns())
        turns.append(turn)
        rule.failed_on([next(new)] if turn is None else turn)
    assert turns == [None, [0], None, [1], None, [2], None]
    assert rule.most == 1
    rule.succeeded()
    assert rule.most == 4


def test_while_nothing_is_accepted_one_event_is_tried_of_each_in_turn(rule: Schedule) -> None:
    rule.failed_on([0, 1, 2, 3])
    assert [fails(rule) for _ in range(2)] == [[0, 1], [2, 3]]
    assert [fails(rule) for _ in range(8)] == [[each] for each in (0, 1, 2, 3, 0, 1, 2, 3)]


def test_while_nothing_is_accepted_those_to_blame_are_tried_ever_more_rarely(
    rule: Schedule, clock: Clock
) -> None:
    for each in range(12):
        rule.failed_on([each])
    rule.succeeded()
    for _ in range(3):
        rule.failed_on(again(rule)[:1])
    pauses: list[float] = []
    for each in range(3, 11):
        rule.failed_on([each])
        assert again(rule) == []
        pauses.append(pause(rule))
        clock.advance(pauses[-1])
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    rule.succeeded()
    assert again(rule)


def test_what_is_to_blame_rests_for_as_long_as_it_took(rule: Schedule, clock: Clock) -> None:
    for each in range(2):
        rule.failed_on([each])
    rule.succeeded()
    [first, _] = again(rule)
    clock.advance(30)
    rule.failed_on([first])
    rule.succeeded()
    assert again(rule) == []
    assert pause(rule) == 30
    clock.advance(30)
    assert again(rule)


def test_several_that_are_to_blame_are_halved_at_once_however_long_they_took(
    rule: Schedule, clock: Clock
) -> None:
    rule.failed_on([0, 1, 2, 3])
    rule.succeeded()
    assert again(rule) == [0, 1]
    clock.advance(30)
    rule.failed_on([0, 1])
    rule.succeeded()
    assert again(rule)


def test_a_flush_ends_the_rest_of_what_took_long_and_of_an_outage(
    rule: Schedule, clock: Clock
) -> None:
    rule.failed_on([0])
    rule.succeeded()
    for _ in range(5):
        with rule.flush_now():
            assert again(rule) == [0]
            clock.advance(30)
            rule.failed_on([0])
            assert again(rule) == []


def test_what_failed_most_rarely_is_tried_first(rule: Schedule, clock: Clock) -> None:
    rule.failed_on([0])
    rule.succeeded()
    fails(rule)
    rule.failed_on([1])
    clock.advance(60)
    assert again(rule) == [1]


def test_a_flush_tries_at_once_what_has_failed(rule: Schedule) -> None:
    rule.failed_on([0])
    rule.succeeded()
    fails(rule)
    assert again(rule) == []
    with rule.flush_now():
        assert rule.due_in() == 0
        assert fails(rule) == [0]
        assert again(rule) == []


def test_what_another_process_has_sent_is_forgotten(rule: Schedule) -> None:
    rule.failed_on([0])
    assert list(rule.turns()) == [None, [0]]
    assert rule.failing() == set()


def queue_of(rule: Schedule) -> Queue:
    return Queue(rule, lambda: None, max_pending=100_000)


def test_new_events_go_first_after_a_failure_and_failed_ones_after_a_success(clock: Clock) -> None:
    queue = queue_of(Schedule(1, 1.0, clock.monotonic))
    for name in "abcd":
        queue.put({"name": name})
    sent = ""
    while queue.pending:
        batch = queue.take()
        assert batch is not None
        sent += names(batch)[0]
        queue.settle(
            lost(batch, delivered=True) if len(sent) < 3 else BatchOutcome(batch, ["internal"])
        )
    assert sent == "abcabd"


def test_many_poisoned_events_keep_none_of_the_others(clock: Clock) -> None:
    rule = Schedule(512, 1.0, clock.monotonic)
    queue = queue_of(rule)
    for number in range(3_000):
        queue.put({"name": "poisoned" if number % 100 == 50 else "good"})
    accepted = requests = 0
    began = clock.monotonic()
    while accepted < 2_970:
        clock.advance(rule.due_in() or 0.0)
        batch = queue.take()
        assert batch is not None
        requests += 1
        if any(each["name"] == "poisoned" for each in batch.events()):
            queue.settle(lost(batch, delivered=True))
        else:
            accepted += len(batch.positions)
            queue.settle(BatchOutcome(batch, ["internal"] * len(batch.positions)))
    assert requests < 600
    assert clock.monotonic() - began < 120
    assert queue.pending == 30


@pytest.fixture(params=["memory", "file"])
def any_queue(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> Iterator[Queue]:
    """Make a queue with two events that are to blame for their failure, and with nothing else."""
    rule = Schedule(2, 1.0, clock.monotonic)
    queue: Queue = queue_of(rule)
    if request.param == "file":
        path = tmp_path / "outbox.db"
        queue = Outbox(path, rule, lambda: None, max_pending=9, lease=100.0, now=clock.now)
    for name in "abcd":
        queue.put({"name": name})
    queue.settle(lost(queue.take(), delivered=True))
    batch = queue.take()
    assert batch is not None
    queue.settle(BatchOutcome(batch, ["internal"] * 2))
    yield queue
    queue.close(lambda _: None)


def lost(batch: Batch | None, *, delivered: bool) -> BatchOutcome:
    assert batch is not None
    error = TransportError("reset", method="POST", url="https://host", delivered=delivered)
    return BatchOutcome(batch, [Unknown("lost")] * len(batch.positions), error)


def names(batch: Batch | None) -> list[str]:
    return [] if batch is None else [each["name"] for each in batch.events()]


def test_what_is_to_blame_is_so_after_a_request_that_told_nothing(
    any_queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        batch = any_queue.take()
        assert names(batch) == ["a"]
        any_queue.settle(lost(batch, delivered=False))
    batch = any_queue.take()
    assert batch is not None
    any_queue.put_back(batch)
    again = any_queue.take()
    assert names(again) == ["a"]
    assert again is not None
    assert again.may_be_stored
    caplog.clear()
    any_queue.settle(lost(again, delivered=True))
    assert "1 events fail while others are accepted" in caplog.text


@pytest.mark.parametrize("any_queue", ["file"], indirect=True)
def test_what_is_to_blame_is_so_after_a_lease_that_could_not_be_written(
    any_queue: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "_LEASE", "UPDATE missing SET owner = ?, leased_until = ?, seq = ?")
        with pytest.raises(OutboxError, match="cannot lease"):
            any_queue.take()
    assert names(any_queue.take()) == ["a"]


def test_a_queue_in_memory_forgets_a_failure_of_what_it_does_not_have(rule: Schedule) -> None:
    rule.failed_on([5])
    queue = queue_of(rule)
    assert queue.take() is None
    assert rule.failing() == set()


def test_a_queue_in_memory_reports_what_has_failed_as_lost_when_it_closes(clock: Clock) -> None:
    queue = queue_of(Schedule(1, 1.0, clock.monotonic))
    for name in "abc":
        queue.put({"name": name})
    queue.settle(lost(queue.take(), delivered=True))
    assert names(queue.take()) == ["b"]
    lost_events: list[BatchOutcome] = []
    assert queue.close(lost_events.append) == 3
    assert sorted(at for each in lost_events for at in each.batch.positions) == [0, 1, 2]
    assert queue.pending == 0
    assert queue.take() is None


def test_an_event_that_is_accepted_at_last_is_failing_no_more(clock: Clock) -> None:
    schedule = Schedule(1, 1.0, clock.monotonic)
    queue = queue_of(schedule)
    queue.put({"name": "a"})
    queue.settle(lost(queue.take(), delivered=True))
    assert schedule.failing() == {0}
    again = queue.take()
    assert again is not None
    queue.settle(BatchOutcome(again, ["internal"]))
    assert schedule.failing() == set()
    assert queue.pending == 0
