"""scripts/soak accounts for a lap, and says so when something is lost or left open."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import BatchReport, InngestClient, SendReport, TransportError
from inngest_rest.reports import SendFailure
from inngest_rest_mock import MockServer, loses_response
from scripts.internal.soak import __main__ as soak
from scripts.internal.soak.books import KEPT, NOT_STORED, UNKNOWN, Books
from scripts.internal.soak.load import RETRIES, note_send_error
from scripts.internal.soak.samples import ENOUGH_LAPS, Sample, growth
from scripts.internal.soak.server import Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("inngest_rest")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.fixture(autouse=True)
def _short_laps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "ROUNDS_OF_A_THREAD", 2)
    monkeypatch.setattr(soak, "ROUNDS_OF_A_TASK", 1)


def test_a_lap_ends_well_and_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    assert soak.main(["--minutes", "0", "--seed", "7"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "0 minutes, seed 7"
    assert lines[2].split()[0] == "1"
    assert lines[-1] == "Every event is accounted for, and nothing is left open."


def test_what_is_wrong_ends_the_soak(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Books, "check", lambda *_: ["it is lost"])
    assert soak.main(["--minutes", "5"]) == 1
    assert "1 things are wrong:\n  lap 1: it is lost\n" in capfd.readouterr().err


def samples(**more: float) -> list[Sample]:
    """Return the samples of many laps, of which something grows by so much with each."""
    first = Sample(50, 1_000, 20, 5, 1)
    [(name, step)] = more.items()
    return [
        first._replace(**{name: getattr(first, name) + lap * step}) for lap in range(ENOUGH_LAPS)
    ]


@pytest.mark.parametrize(
    ("measure", "step", "is_wrong"),
    [
        *(("memory", 1.0, True), ("objects", 1_000, True), ("descriptors", 2, True)),
        *(("threads", 1, True), ("tasks", 1, True), ("tasks", 0, False), ("memory", 0.1, False)),
    ],
)
def test_what_grows_is_too_much(measure: str, step: float, is_wrong: bool) -> None:
    grown = [each.measure for each in growth(samples(**{measure: step})) if each.is_too_much]
    assert grown == [measure] * is_wrong


def test_a_few_laps_say_nothing_about_growth() -> None:
    assert list(growth(samples(memory=100.0)[1:])) == []


def facts(*stored: dict[str, Any], runs: int = 1) -> Facts:
    return Facts(
        events=[(each["id"], f"internal {each['id']}") for each in stored],
        runs={each["id"]: {"one": runs, "two": 1} for each in stored},
    )


def accepts(books: Books, event: dict[str, Any]) -> None:
    books.accepted([event], [f"internal {event['id']}"])


def rejects(books: Books, event: dict[str, Any]) -> None:
    failure = SendFailure(0, event, "no")
    report = SendReport(rejected=1, failures=(failure,))
    books.batch([event], BatchReport([0], (None,), report))


@pytest.mark.parametrize(
    ("say", "if_stored", "if_not"),
    [
        (lambda *_: None, ["nothing was said of 3.0"], ["nothing was said of 3.0"]),
        (
            accepts,
            [],
            [
                "3.0 is said to be accepted, and is not stored",
                "3.0 is said to be accepted as internal 3.0",
            ],
        ),
        (
            rejects,
            ["3.0 is said to be not stored, and is stored", "more than 0 are stored of ['3.0']"],
            [],
        ),
        (
            lambda books, event: books.accepted([event], ["another"]),
            ["3.0 is said to be accepted as another"],
            [
                "3.0 is said to be accepted, and is not stored",
                "3.0 is said to be accepted as another",
            ],
        ),
        (
            lambda books, event: books.say([event], KEPT),
            [],
            ["3.0 is said to be kept by a buffer, and is not stored"],
        ),
        (
            lambda books, event: books.say([event], NOT_STORED),
            ["3.0 is said to be not stored, and is stored"],
            [],
        ),
        (lambda books, event: books.say([event], UNKNOWN), [], []),
    ],
)
def test_the_books_find_what_is_said_wrongly(
    say: Callable[[Books, dict[str, Any]], object], if_stored: list[str], if_not: list[str]
) -> None:
    books = Books(3)
    event = books.event()
    say(books, event)
    assert books.check(facts(event)) == if_stored
    assert books.check(facts()) == if_not


def test_the_books_find_what_runs_twice_and_what_nobody_sent() -> None:
    books = Books(3)
    event = books.event()
    accepts(books, event)
    assert books.check(facts(event, runs=2)) == ["3.0 runs {'one': 2, 'two': 1}"]
    assert books.check(facts(event, {"id": "4.0"})) == ["4.0 is stored, and nobody sent it"]


def test_a_single_event_whose_response_was_lost_is_not_said_to_be_not_stored() -> None:
    mock = MockServer()
    mock.fault(loses_response(), times=RETRIES.retries + 1)
    books = Books(1)
    events = [books.event()]
    with (
        InngestClient(transport=mock.transport, event_key="key", retries=RETRIES) as client,
        pytest.raises(TransportError) as raised,
    ):
        client.send(events)
    note_send_error(books, events, raised.value)
    found = Facts([(event.id, event.internal_id) for event in mock.events], runs={})
    assert not [line for line in books.check(found) if NOT_STORED in line]
