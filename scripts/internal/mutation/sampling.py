"""The rooms whose tests are tested, which mutants are tried, and how they are counted."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).resolve().parents[3]

KILLED = ("killed", "timeout")


class Room(NamedTuple):
    """A part of the package: the pattern of its modules, and the folders of its tests."""

    modules: str
    tests: tuple[str, ...]


ROOMS = {
    "calls": Room("_core/calls", ("calls", "contract/cases")),
    "sending": Room("_core/sending", ("sending", "contract/cases")),
    "buffer": Room("_durable/buffer", ("buffer",)),
    "resources": Room("_core/resources", ("resources", "contract/cases", "operations")),
    "bulk": Room("_operations/bulk", ("bulk", "operations")),
    "programs": Room("_programs", ("mcp_server", "cli", "commands")),
}


class Trial(NamedTuple):
    """A mutant and what became of it, in mutmut's words."""

    name: str
    path: str
    fate: str


def sample(mutants: Iterable[Trial], size: int, seed: int) -> list[Trial]:
    """Choose mutants at random, the same for the same seed: of each module its share."""
    by_path: dict[str, list[Trial]] = {}
    for each in mutants:
        by_path.setdefault(each.path, []).append(each)
    total = sum(map(len, by_path.values()))
    chosen: list[Trial] = []
    for path, found in by_path.items():
        share = min(len(found), max(3, round(size * len(found) / total)))
        # Of each module by itself, so that a change of another one does not change it.
        chosen += random.Random(f"{seed} {Path(path).name}").sample(found, share)  # noqa: S311
    return chosen


def scores(fates: Mapping[str, Counter[str]]) -> Iterable[str]:
    for name, found in sorted(fates.items(), key=lambda item: (item[0] == "all", item[0])):
        killed, total = sum(found[fate] for fate in KILLED), found.total()
        yield f"{name:32} {killed:4} of {total:4} {killed / total:6.1%}"
