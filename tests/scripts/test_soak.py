"""scripts/soak accounts for a lap, and says so when something is lost or left open."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from inngest_rest.reports import SendFailure, SendReport
from scripts.internal.soak import __main__ as soak
from scripts.internal.soak.books import ACCEPTED, KEPT, NOT_STORED, UNKNOWN, Books
from scripts.internal.soak.samples import ENOUGH_LAPS, Sample, growth
from scripts.internal.soak.server import FUNCTIONS, Facts

if TYPE_CHECKING:
    from collections.abc import Iterator


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


ONCE = dict.fromkeys(FUNCTIONS, 1)
STORED = Facts(events=[("1.0", "internal")], runs={"1.0": ONCE})
NOT_THERE = Facts(events=[], runs={})


@pytest.mark.parametrize(
    ("said", "facts", "wrong"),
    [
        (None, NOT_THERE, ["nothing was said of 1.0"]),
        (ACCEPTED, NOT_THERE, ["1.0 is said to be accepted, and is not stored"]),
        (KEPT, NOT_THERE, ["1.0 is said to be kept by a buffer, and is not stored"]),
        (NOT_STORED, STORED, ["1.0 is said to be not stored, and is stored"]),
        (ACCEPTED, STORED._replace(runs={}), ["1.0 runs None"]),
        (ACCEPTED, STORED._replace(runs={"1.0": {"one": 2}}), ["1.0 runs {'one': 2}"]),
        (KEPT, STORED, []),
        (NOT_STORED, NOT_THERE, []),
        (UNKNOWN, STORED, []),
        (UNKNOWN, NOT_THERE, []),
    ],
)
def test_what_was_said_of_an_event_is_held_against_what_is_stored(
    said: str | None, facts: Facts, wrong: list[str]
) -> None:
    books = Books(1)
    event = books.event()
    if said is not None:
        books.say([event], said)
    assert books.check(facts) == wrong


def test_an_event_that_nobody_sent_is_wrong() -> None:
    assert Books(1).check(STORED) == ["1.0 is stored, and nobody sent it"]


def test_an_event_is_stored_under_the_id_that_was_returned_for_it() -> None:
    books = Books(1)
    books.accepted([books.event()], ["internal"])
    assert books.check(STORED) == []
    other = STORED._replace(events=[("1.0", "other")])
    assert books.check(other) == ["1.0 is said to be accepted as internal"]


def test_of_rejected_and_unknown_events_no_more_are_stored_than_are_unknown() -> None:
    books = Books(1)
    failures = [SendFailure(position, books.event(), "lost") for position in (0, 1)]
    books.failed(failures, SendReport(rejected=1, unknown=1))
    assert books.check(STORED) == []
    both = Facts(events=[("1.0", "internal"), ("1.1", "other")], runs={"1.0": ONCE, "1.1": ONCE})
    assert books.check(both) == ["more than 1 are stored of ['1.0', '1.1']"]


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
