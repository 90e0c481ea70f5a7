"""Test the tests with mutmut: change the package in small ways, and count what goes unnoticed.

A seeded sample of mutmut's changes is tried, each on the tests of its room that call the changed
function. The texts of messages are not changed, nor are decorated functions and properties.

The trials are kept in `.mutation/`: a second call goes on where the first one stopped. `--again`
begins anew, as is needed once the core or its tests have changed; `--survivors` tries those alone.

Exit status: 0 success; 1 the tests fail without a change, or reach none.
"""

# mutmut won over cosmic-ray 8.7 since it forks a loaded pytest for each mutant, and runs only the
# tests that call the changed function; cosmic-ray starts pytest anew, on all tests of the room.

from __future__ import annotations

import argparse
import os
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mutmut.__main__ import _run, collect_source_file_mutation_data, create_mutants
from mutmut.configuration import config, reset_config
from mutmut.mutation import mutators
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.runners.harness import PytestRunner
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, setup_source_paths
from mutmut.workers import isolation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]

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


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/mutate", description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=300, help="number of mutants; default 300")
    parser.add_argument("--seed", type=int, default=1, help="another one chooses other mutants")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time; default 2")
    parser.add_argument("--room", choices=ROOMS, action="append", help="part of it to change")
    parser.add_argument("--again", action="store_true", help="forget what was tried before")
    parser.add_argument("--survivors", action="store_true", help="try again what survived")
    options = parser.parse_args()
    rooms = options.room or list(ROOMS)
    folder = ROOT / ".mutation" / "-".join(rooms)
    if options.again:
        shutil.rmtree(folder, ignore_errors=True)
    lay_out(folder, [ROOMS[room] for room in rooms])
    os.chdir(folder)
    reset_config()
    adapt_mutmut()
    make_mutants(options.jobs)
    chosen = sample(trials(), options.sample, options.seed)
    open_fates = {"not checked", "survived"} if options.survivors else {"not checked"}
    if untried := [each.name for each in chosen if each.fate in open_fates]:
        _run(untried, options.jobs)
    names = {each.name for each in chosen}
    print(report([each for each in trials() if each.name in names]))
    return 0


def lay_out(folder: Path, rooms: Iterable[Room]) -> None:
    """Copy the repository, the package at the top as mutmut needs it, and write its settings."""
    folder.mkdir(parents=True, exist_ok=True)
    copied = {path.name: path for path in ROOT.glob("[!.]*")}
    copied["inngest_rest"] = ROOT / "wrapper" / "inngest_rest"
    without_caches = shutil.ignore_patterns("__pycache__")
    for name, path in copied.items():
        if path.is_dir():
            shutil.copytree(path, folder / name, ignore=without_caches, dirs_exist_ok=True)
        else:
            shutil.copy2(path, folder / name)
    tests = dict.fromkeys(f"tests/{test}" for room in rooms for test in room.tests)
    settings = {
        "source_paths": ["inngest_rest"],
        "only_mutate": [f"inngest_rest/{room.modules}/*.py" for room in rooms],
        "also_copy": sorted(copied.keys() - {"inngest_rest", "tests"}),
        "pytest_add_cli_args_test_selection": list(tests),
        # What starts processes or takes long is left out, as it is by `scripts/test --quick`.
        "pytest_add_cli_args": ["--without=long", "-pno:cacheprovider", "-ofaulthandler_timeout=0"],
    }
    lines = [f"{name} =\n    " + "\n    ".join(values) for name, values in settings.items()]
    (folder / "setup.cfg").write_text("\n".join(["[mutmut]", *lines, ""]), encoding="utf-8")


class RunnerOfWholeTests(PytestRunner):
    """Runs a test with all of its parameters, and those of the room's own folder first.

    Not each id of a parameter can be given to pytest on its command line.
    """

    def _pytest_args_regular_run(self, tests: Iterable[str]) -> list[str]:
        whole = sorted({name.partition("[")[0] for name in tests})
        folders = config().pytest_add_cli_args_test_selection
        ordered = [name for folder in folders for name in whole if name.startswith(f"{folder}/")]
        return super()._pytest_args_regular_run(ordered)


def adapt_mutmut() -> None:
    """Have mutmut leave texts as they are, and run whole tests."""
    operators: Any = mutators.mutation_operators
    operators[:] = [each for each in operators if each[1] is not mutators.operator_string]
    isolation.PytestRunner = RunnerOfWholeTests  # type: ignore[attr-defined]


def make_mutants(jobs: int) -> None:
    """Write the changed modules, with all mutants of each function."""
    copy_src_dir()
    copy_also_copy_files()
    setup_source_paths()
    create_mutants(jobs)


def trials() -> list[Trial]:
    """Return every mutant."""
    found, _ = collect_source_file_mutation_data(mutant_names=())
    return [Trial(name, str(data.path), status_by_exit_code[code]) for data, name, code in found]


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


def report(tried: Sequence[Trial]) -> str:
    """Return the score of each module, of each room and in all, and what was not noticed."""
    modules: dict[str, Counter[str]] = {}
    rooms: dict[str, Counter[str]] = {}
    for trial in tried:
        path = Path(trial.path).relative_to("inngest_rest")
        modules.setdefault(str(path.with_suffix("")), Counter())[trial.fate] += 1
        rooms.setdefault(f"{path.parent}/", Counter())[trial.fate] += 1
    rooms["all"] = Counter(trial.fate for trial in tried)
    lines = [*scores(modules), *scores(rooms)]
    for trial in tried:
        if trial.fate not in KILLED:
            lines += ["", f"{trial.name}: {trial.fate}", get_diff_for_mutant(trial.name)]
    return "\n".join(lines)


def scores(fates: Mapping[str, Counter[str]]) -> Iterable[str]:
    for name, found in sorted(fates.items(), key=lambda item: (item[0] == "all", item[0])):
        killed, total = sum(found[fate] for fate in KILLED), found.total()
        yield f"{name:32} {killed:4} of {total:4} {killed / total:6.1%}"


if __name__ == "__main__":
    raise SystemExit(main())
