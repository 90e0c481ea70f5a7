"""The benchmark remembers the ratios of each commit, and fails where one is a tenth worse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scripts.internal.benchmark.__main__ import judge
from scripts.internal.benchmark.cases import CASES
from scripts.internal.benchmark.goals import (
    ASYNC_TRANSPORTS,
    GOALS,
    GROWING,
    LIVE_GOALS,
    PEAK_GOALS,
    through,
)
from scripts.internal.benchmark.history import Entry, add, limit, read

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.internal.benchmark.goals import Goal

FASTER = next(each for each in GOALS if each.asks_for_speed)
CHEAPER = next(each for each in GOALS if not each.asks_for_speed)


def test_the_committed_ratios_are_of_goals() -> None:
    assert {each.goal for each in read()} <= {each.text for each in (*GOALS, *LIVE_GOALS)}


def test_goals_compare_cases() -> None:
    given = [goal for library in ASYNC_TRANSPORTS for goal in through(library)]
    goals = (*GOALS, *LIVE_GOALS, *given)
    compared = {case for goal in goals for case in (goal.case, goal.against)}
    compared |= {*GROWING, *(goal.case for goal in PEAK_GOALS)}
    assert compared == CASES.keys()


def test_what_is_added_is_read(tmp_path: Path) -> None:
    file = tmp_path / "ratios.tsv"
    entries = [Entry("abc1234", 8.5, FASTER.text), Entry("abc1234", 1.25, CHEAPER.text)]
    add(entries[:1], file)
    add(entries[1:], file)
    assert read(file) == entries


def test_a_comparison_of_which_nothing_is_asked_is_neither_met_nor_missed() -> None:
    goal = next(iter(through("pyreqwest")))
    figures = {goal.ours: [{"cpu": 1.0}], goal.other: [{"cpu": 1.2}]}
    verdict = judge(goal, figures, limit=None)
    assert str(verdict).split() == ["1.20", "(1.20-1.20)", *goal.text.split()]
    assert verdict.is_met


@pytest.mark.parametrize(
    ("goal", "others", "good", "bad"),
    [(FASTER, 1.0, 9.0, 8.0), (CHEAPER, 9.0, 2.0, 2.3)],
    ids=["faster", "cheaper"],
)
def test_a_ratio_that_is_a_tenth_worse_than_the_best_is_beyond_the_limit(
    goal: Goal, others: float, good: float, bad: float
) -> None:
    entries = [Entry("a", others, goal.text), Entry("b", good, goal.text)]
    at = limit(goal, entries)
    assert at is not None
    assert goal.is_within(good, at)
    assert not goal.is_within(bad, at)
    assert limit(goal, [Entry("a", good, "another goal")]) is None
