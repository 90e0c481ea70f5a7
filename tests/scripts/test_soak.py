"""scripts/soak accounts for a lap, and says so when something is lost or left open."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from scripts.internal.soak import __main__ as soak
from scripts.internal.soak.books import Books
from scripts.internal.soak.samples import ENOUGH_LAPS, Sample, growth

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
