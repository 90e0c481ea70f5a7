"""An event that a server never answers as it should: it is found, and holds up no other."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import RetryPolicy, SendReport, TransportError
from inngest_rest._core.sending.batching import BatchOutcome
from inngest_rest.buffer import _schedule as schedule
from inngest_rest.buffer._delivery import Refused
from inngest_rest.buffer._queue import Queue
from inngest_rest.buffer._schedule import MOST_REFUSALS, Schedule
from tests.buffer.buffers import ROUTE, Make, sent
from tests.support.peer import PATIENCE
from tests.support.server import Answer, Reply, accepts_all, says, text

if TYPE_CHECKING:
    from collections.abc import Callable
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
        buffer.flush(0.01)


BROKEN = text(500, "broken")
PAGE = text(400, "<html>Bad Request</html>", "text/html")
ANSWERS = {
    "400 page": (PAGE, "unknown"),
    "400": (text(400, ""), "unknown"),
    "403": (text(403, "<html>blocked</html>", "text/html"), "rejected"),
    "404": (text(404, "<html>not found</html>", "text/html"), "rejected"),
    "500": (BROKEN, "unknown"),
    "200 page": (text(200, "<html>hello</html>", "text/html"), "unknown"),
    "lie": (says({"ids": [], "status": 200}), "unknown"),
    "reset": (httpx.ReadError("reset"), "unknown"),
}


@pytest.mark.parametrize(("answer", "outcome"), ANSWERS.values(), ids=ANSWERS)
def test_an_event_that_the_server_fails_on_is_found_and_set_aside_after_five_refusals(
    make: Make, server: Server, store: Path | None, answer: Answer, outcome: str
) -> None:
    server.on(ROUTE, fails_on("b", answer))
    buffer = make(batch_size=8, max_age=1_000)
    for name in "abcdefgh":
        buffer.add({"name": name})
    flush_until_accepted(buffer, 7)
    assert sent(server)[:5] == [[*"abcdefgh"], [*"abcd"], [*"ab"], ["a"], ["b"]]
    assert buffer.report == SendReport(accepted=7)
    count = 7
    while not buffer.report.failures:
        buffer.add({"name": "x"})
        count += 1
        flush_until_accepted(buffer, count)
    [failure] = buffer.report.failures
    assert (failure.event["name"], failure.outcome) == ("b", outcome)
    assert f"refused {MOST_REFUSALS} times" in failure.reason
    assert buffer.pending == 0
    if store is not None:
        [letter] = buffer.dead_letters()
        assert letter.reason == failure.reason


def test_an_outage_is_known_after_few_requests_however_large_the_batch(
    make: Make, server: Server
) -> None:
    server.on(ROUTE, BROKEN)
    buffer = make(batch_size=256, max_age=1_000)
    for _ in range(256):
        buffer.add({"name": "a"})
    while len(server.requests) < 20:
        assert not buffer.flush(0.01)
    server.on(ROUTE, accepts_all)
    assert buffer.flush(PATIENCE)
    sizes = [len(names) for names in sent(server)]
    assert (max(sizes[1:18]), sizes[18] > 200) == (128, True)


def test_an_event_is_set_aside_only_while_others_are_accepted(make: Make, server: Server) -> None:
    server.on(ROUTE, fails_on("b", BROKEN))
    buffer = make(batch_size=2, max_age=1_000)
    for name in "ab":
        buffer.add({"name": name})
    flush_until_accepted(buffer, 1)
    while len(server.requests) < 30:
        assert not buffer.flush(0.01)
    assert buffer.pending == 1
    server.on(ROUTE, accepts_all)
    assert buffer.flush(PATIENCE)
    assert buffer.report == SendReport(accepted=2)


@pytest.mark.parametrize(
    ("names", "batch_size"),
    [("abcd", 4), ("abcbdb", 2), ("bbbba", 1), ("bbbbbbac", 2), ("b" * 20 + "ac", 22)],
    ids=["one batch", "each batch", "alone", "first batches, as a whole", "most of a batch"],
)
def test_an_event_that_the_server_fails_on_is_found_though_every_batch_fails(
    make: Make, server: Server, names: str, batch_size: int
) -> None:
    server.on(ROUTE, fails_on("b", BROKEN))
    buffer = make(batch_size=batch_size, max_age=1_000)
    for name in names:
        buffer.add({"name": name})
    flush_until_accepted(buffer, len(names) - names.count("b"))
    server.on(ROUTE, accepts_all)
    assert buffer.flush(PATIENCE)
    assert buffer.report.accepted + buffer.report.unknown == len(names)


@pytest.mark.parametrize("answer", [PAGE, text(404, "<html>", "text/html"), BROKEN])
def test_what_answers_everything_makes_a_buffer_drop_nothing(
    make: Make, server: Server, answer: Answer
) -> None:
    server.on(ROUTE, *[answer] * 50, accepts_all)
    buffer = make(batch_size=2, max_age=1_000)
    for name in "abcdef":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    assert buffer.report == SendReport(accepted=6)


def test_an_outage_sees_three_deliveries_and_then_single_events(make: Make, server: Server) -> None:
    server.on(ROUTE, *[BROKEN] * 40, accepts_all)
    buffer = make(batch_size=64, max_age=1_000)
    for _ in range(256):
        buffer.add({"name": "a"})
    assert buffer.flush(PATIENCE)
    assert buffer.report == SendReport(accepted=256)
    sizes = [len(names) for names in sent(server)]
    assert sizes[:7] == [64, 32, 16, 8, 4, 2, 1]
    assert sizes[:40].count(64) <= 3


def test_what_was_not_tried_after_a_server_went_down_is_kept_in_its_order(
    make: Make, server: Server
) -> None:
    server.on(ROUTE, BROKEN, accepts_all, text(503, "down"), accepts_all)
    buffer = make(batch_size=4, max_age=1_000)
    for name in "abcd":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    assert sent(server) == [[*"abcd"], [*"ab"], [*"cd"], [*"cd"]]
    assert buffer.report == SendReport(accepted=4)


@pytest.mark.parametrize(
    "body", [{"error": "too odd"}, {"ids": None, "error": "too odd"}, {"errors": ["too odd"]}]
)
def test_an_error_without_a_receipt_rejects_the_event_that_it_is_about(
    make: Make, server: Server, body: object
) -> None:
    server.on(ROUTE, fails_on("b", says({"status": 400, **body}, status=400)))  # type: ignore[dict-item]
    buffer = make(batch_size=4, max_age=1_000)
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


def again(rule: Schedule) -> int | None:
    """Return what was refused and goes out next."""
    return next((each for each in rule.turns() if each is not None), None)


def test_a_refused_event_is_tried_ever_more_rarely_and_five_times(
    rule: Schedule, clock: Clock
) -> None:
    pauses: list[float] = []
    while not rule.refuse(0):
        rule.succeeded()
        pauses.append(rule.due_in())
        assert again(rule) is None
        clock.advance(pauses[-1])
        assert again(rule) == 0
    assert pauses == [1, 2, 4, 8]
    assert rule.refused() == set()


def test_an_outage_counts_as_one_refusal_and_slows_the_retries(
    rule: Schedule, clock: Clock
) -> None:
    for seq in range(3):
        rule.refuse(seq)
    pauses: list[float] = []
    for number in range(9):
        clock.advance(rule.due_in())
        assert again(rule) == number % 3
        assert not rule.refuse(number % 3)
        pauses.append(rule.due_in())
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    rule.succeeded()
    assert rule.due_in() <= 1


def test_a_flush_tries_at_once_what_was_refused(rule: Schedule) -> None:
    rule.refuse(0)
    rule.refuse(0)
    assert again(rule) is None
    with rule.flush_now():
        assert rule.due_in() == 0
        assert again(rule) == 0


def queue_of(rule: Schedule) -> Queue:
    return Queue(rule, lambda: None, max_pending=100_000)


def answer(queue: Queue, batch: Batch | None, *bad: str) -> list[str]:
    """Accept the events of a batch but these, which are refused; return their names."""
    assert batch is not None
    cause = TransportError("reset", method="POST", url="https://host")
    names = [each["name"] for each in batch.events()]
    each: list[Any] = [Refused("reset") if name in bad else "internal" for name in names]
    queue.settle(BatchOutcome(batch, each, cause if {*bad} & {*names} else None))
    return names


def test_new_events_go_first_after_a_refusal_and_refused_ones_after_a_success(
    clock: Clock,
) -> None:
    queue = queue_of(Schedule(1, 1.0, clock.monotonic))
    for name in "abcd":
        queue.put({"name": name})
    went: list[str] = []
    while queue.pending > 1:
        clock.advance(60)
        went += answer(queue, queue.take(), "a")
    assert went == ["a", "b", "a", "c", "a", "d"]


def test_many_poisoned_events_keep_none_of_the_others(clock: Clock) -> None:
    rule = Schedule(512, 1.0, clock.monotonic)
    queue = queue_of(rule)
    for number in range(3_000):
        queue.put({"name": "poisoned" if number % 100 == 50 else "good"})
    began = clock.monotonic()
    while queue.pending > 30:
        clock.advance(rule.due_in())
        answer(queue, queue.take(), "poisoned")
    assert clock.monotonic() - began < 10


def test_what_was_refused_and_is_put_back_is_refused_still(clock: Clock) -> None:
    rule = Schedule(1, 1.0, clock.monotonic)
    queue = queue_of(rule)
    queue.put({"name": "a"})
    answer(queue, queue.take(), "a")
    clock.advance(60)
    batch = queue.take()
    assert batch is not None
    queue.put_back(batch)
    assert rule.refused() == {0}
    assert rule.waiting == 0
    again = queue.take()
    assert again is not None
    assert again.may_be_stored


def test_a_queue_in_memory_reports_what_was_refused_as_lost_when_it_closes(clock: Clock) -> None:
    queue = queue_of(Schedule(1, 1.0, clock.monotonic))
    for name in "abc":
        queue.put({"name": name})
    answer(queue, queue.take(), "a")
    lost: list[BatchOutcome] = []
    assert queue.close(lost.append) == 3
    assert sorted(at for each in lost for at in each.batch.positions) == [0, 1, 2]
    assert queue.pending == 0
    assert queue.take() is None


def test_an_event_that_is_accepted_at_last_is_refused_no_more(clock: Clock) -> None:
    rule = Schedule(1, 1.0, clock.monotonic)
    queue = queue_of(rule)
    queue.put({"name": "a"})
    answer(queue, queue.take(), "a")
    clock.advance(60)
    answer(queue, queue.take())
    assert rule.refused() == set()
    assert queue.pending == 0
