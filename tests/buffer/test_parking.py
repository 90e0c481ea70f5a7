"""An event that a server never answers as it should: it holds up no other, and is not given up."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import SendReport
from inngest_rest._core.buffer import parking
from inngest_rest._core.buffer.parking import Parking
from inngest_rest._core.buffer.schedule import Schedule
from tests.support.buffers import ROUTE, Make, sent
from tests.support.peer import PATIENCE
from tests.support.server import Answer, Reply, accepts_all, says, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import EventBuffer
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


def test_an_outage_parks_a_bounded_number_of_batches(
    make: Make, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "_MOST_PARKED", 3)
    server.on(ROUTE, *[text(500, "broken")] * 20, accepts_all)
    buffer = make(batch_size=1, max_age=1_000)
    for name in "abcdef":
        buffer.add({"name": name})
    assert buffer.flush(PATIENCE)
    assert buffer.report == SendReport(accepted=6)
    first_tried = [each for [each] in sent(server)[:20]]
    assert {*first_tried} == {"a", "b", "c"}
    assert first_tried[3:6] == ["a", "b", "c"]


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


def halves(text: str) -> list[str]:
    return [text[: len(text) // 2], text[len(text) // 2 :]] if len(text) > 1 else [text]


@pytest.fixture
def parked(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Parking[str]:
    monkeypatch.setattr(parking, "_LONGEST_PAUSE", 60.0)
    return Parking(Schedule(10, 1.0, clock.monotonic), halves)


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
    for _ in range(5):
        assert fails(parked) == "abcd"
    succeeds(parked)
    assert fails(parked) == "abcd"
    assert [*parked] == ["abcd"]
    assert parked.take() is None
    clock.advance(1)
    assert fails(parked) == "abcd"
    assert [*parked] == ["ab", "cd"]


def test_while_nothing_is_accepted_one_of_many_is_tried_ever_more_rarely(
    parked: Parking[str], clock: Clock
) -> None:
    parked.failed("abcdefgh")
    succeeds(parked)
    fails(parked)
    clock.advance(1)
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
    parked = Parking(schedule, halves)
    parked.failed("a")
    succeeds(parked)
    fails(parked)
    assert parked.take() is None
    with schedule.hurrying():
        assert parked.take() is not None
        parked.failed("a")
        assert parked.take() is None


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
