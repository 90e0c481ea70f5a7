"""The ratios of the commits that were measured: a commit, a ratio and a goal in each line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from scripts.internal.benchmark.goals import Goal

FILE = Path(__file__).with_name("ratios.tsv")

# What a ratio may lose to the best that landed: runs on a quiet machine differ by less.
_TOLERANCE = 1.1


class Entry(NamedTuple):
    """A line of the file."""

    commit: str
    ratio: float
    goal: str


def read(file: Path = FILE) -> list[Entry]:
    """Return all lines, the oldest first."""
    lines = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines())
    return [Entry(commit, float(ratio), goal) for commit, ratio, goal in lines]


def add(entries: list[Entry], file: Path = FILE) -> None:
    """Append lines."""
    with file.open("a", encoding="utf-8") as lines:
        lines.writelines(f"{each.commit}\t{each.ratio:.2f}\t{each.goal}\n" for each in entries)


def limit(goal: Goal, entries: list[Entry]) -> float | None:
    """Return the ratio at which a goal is a tenth worse than its best; None if it has no best."""
    ratios = [each.ratio for each in entries if each.goal == goal.text]
    if not ratios:
        return None
    return max(ratios) / _TOLERANCE if goal.asks_for_speed else min(ratios) * _TOLERANCE
