"""Test the tests: change the package in small ways, one at a time, and count what goes unnoticed.

A change is a comparison, a condition, a number, an operator or a whole statement of one function. A
seeded sample of them is tried on the tests that reach the changed line. What is at the level of a
module, and what is written in a message, is not changed.

The trials are kept in `.mutation/`: a second call goes on where the first one stopped. `--again`
begins anew, as is needed once the core or its tests have changed; `--survivors` tries those alone.

Exit status: 0 success; 2 nothing could be tried.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts.internal.mutation.mutants import Mutant, sample
from scripts.internal.mutation.session import Session, Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "wrapper" / "inngest_rest"
ROOMS = {
    **{room: PACKAGE / "_core" / room for room in ("calls", "sending", "resources")},
    "buffer": PACKAGE / "_durable" / "buffer",
    "programs": PACKAGE / "_programs",
}
TESTS = (
    *("calls", "sending", "buffer", "drivers", "file_import", "resources", "bulk"),
    *("hostile", "secrets", "operations", "cli", "mcp_server", "explain", "diagnosis", "export"),
    *("contract/cases", "testing/api", "commands", "concurrency"),
)

_KILLED = ("killed", "timeout", "types")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/mutate", description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=300, help="number of mutants; default 300")
    parser.add_argument("--seed", type=int, default=1, help="another one chooses other mutants")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time; default 2")
    parser.add_argument(
        "--seconds", type=float, default=30, help="of tests for a mutant, of processor; default 30"
    )
    parser.add_argument("--room", choices=ROOMS, action="append", help="part of it to change")
    parser.add_argument("--again", action="store_true", help="forget what was tried before")
    parser.add_argument("--survivors", action="store_true", help="try again what survived")
    options = parser.parse_args()
    rooms = options.room or ROOMS
    folder = ROOT / ".mutation" / "-".join(rooms)
    if options.again:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    if options.survivors:
        forget_survivors(folder)
    paths = sorted(path for room in rooms for path in ROOMS[room].glob("[!_]*.py"))
    mutants = sample(paths, options.sample, options.seed)
    session = Session(mutants, ROOT, folder, options.jobs, options.seconds)
    arguments = [
        *(f"tests/{room}" for room in TESTS),
        *("--override-ini", "addopts=--import-mode=importlib", "--kill-rounds=1"),
        *("-p", "no:cacheprovider", "-p", "no:terminal", "-o", "faulthandler_timeout=0"),
    ]
    status = pytest.main(arguments, plugins=[session])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        return 2
    print(report(mutants, session.trials))
    return 0


def forget_survivors(folder: Path) -> None:
    """Leave out of the trials what survived, and what the tests reach."""
    (folder / "reach.json").unlink(missing_ok=True)
    file = folder / "trials.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    kept = [line for line in lines if json.loads(line)["fate"] in _KILLED]
    file.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def report(mutants: Sequence[Mutant], trials: Sequence[Trial]) -> str:
    """Return the score of each module and of each room, and the mutants that survived."""
    by_id = {each.id(ROOT): each for each in mutants}
    modules: dict[str, Counter[str]] = {}
    rooms: dict[str, Counter[str]] = {}
    for trial in trials:
        module = by_id[trial.id].path.relative_to(PACKAGE).with_suffix("")
        modules.setdefault(str(module), Counter())[trial.fate] += 1
        rooms.setdefault(f"{module.parent}/", Counter())[trial.fate] += 1
    rooms["all"] = sum(rooms.values(), Counter[str]())
    lines = [
        _score(name, found)
        for fates in (modules, rooms)
        for name, found in sorted(fates.items(), key=lambda it: (it[0] == "all", it[0]))
    ]
    for trial in sorted(trials, key=lambda it: it.id):
        if trial.fate not in _KILLED:
            mutant = by_id[trial.id]
            lines += [
                "",
                f"{trial.id} {mutant.function}: {trial.fate} {trial.tests} tests",
                f"  - {_short(mutant.before)}",
                f"  + {_short(mutant.after)}",
            ]
    return "\n".join(lines)


def _score(name: str, fates: Counter[str]) -> str:
    killed = sum(fates[fate] for fate in _KILLED)
    total = fates.total() - fates["lost"]
    by_types = f", {fates['types']} by mypy" if fates["types"] else ""
    return f"{name:32} {killed:4} of {total:4} {killed / max(total, 1):6.1%}{by_types}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 160 else f"{text[:160]} ..."


if __name__ == "__main__":
    raise SystemExit(main())
