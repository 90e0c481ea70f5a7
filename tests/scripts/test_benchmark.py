"""The benchmark remembers the ratios of each commit, and fails where one is a tenth worse."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from scripts.internal.benchmark import workload
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
from scripts.internal.benchmark.pages import page_of_v1, page_of_v2

if TYPE_CHECKING:
    from collections.abc import Callable
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


def test_a_verdict_says_what_the_other_run_leaves_out() -> None:
    goal = next(each for each in GOALS if each.leaves_out)
    figures = {"wall": 1.0, "cpu": 1.0, "peak_mib": 1.0}
    verdict = judge(goal, {goal.ours: [figures], goal.other: [figures]}, None)
    assert f"(which leaves out {goal.leaves_out})" in str(verdict)


def test_nested_events_are_distinct_and_as_long_as_flat_ones() -> None:
    nested, flat = workload.nested_pool(), workload.pool()
    assert len({json.dumps(each) for each in nested}) == len(nested)
    lengths = [len(json.dumps(each, separators=(",", ":"))) for each in (nested[7], flat[7])]
    assert max(lengths) < 1.3 * min(lengths), lengths


@pytest.mark.parametrize("page_of", [page_of_v1, page_of_v2])
def test_two_pages_in_a_row_have_no_run_in_common(page_of: Callable[[int], bytes]) -> None:
    first, second = (set(re.findall(rb"01M86WNR\d{18}", page_of(n))) for n in (1, 2))
    assert len(first) == len(second) == 100
    assert first.isdisjoint(second)


def test_what_is_added_is_read(tmp_path: Path) -> None:
    file = tmp_path / "ratios.tsv"
    entries = [Entry("abc1234", 8.5, FASTER.text), Entry("abc1234", 1.25, CHEAPER.text)]
    add(entries[:1], file)
    add(entries[1:], file)
    assert read(file) == entries


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
