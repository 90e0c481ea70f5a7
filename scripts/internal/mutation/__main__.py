"""Test the tests with mutmut: change the package in small ways, and count what goes unnoticed.

A seeded sample of mutmut's changes is tried, each on the tests of its room that call the changed
function. The texts of messages are not changed, nor are decorated functions and properties.

The trials are kept in `.mutation/`: a second call goes on where the first one stopped. `--again`
begins anew, as is needed once the core or its tests have changed.

Exit status: 0 success; 1 the tests fail without a change, or reach none.
"""

# mutmut won over cosmic-ray 8.7 since it forks a loaded pytest for each mutant, and runs only the
# tests that call the changed function; cosmic-ray starts pytest anew, on all tests of the room.

from __future__ import annotations

import argparse
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.internal.mutation.sampling import KILLED, ROOMS, ROOT, Room, Trial, sample, scores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/mutate", description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=300, help="number of mutants; default 300")
    parser.add_argument("--seed", type=int, default=1, help="another one chooses other mutants")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time; default 2")
    parser.add_argument("--room", choices=ROOMS, action="append", help="part of it to change")
    parser.add_argument("--again", action="store_true", help="forget what was tried before")
    options = parser.parse_args()
    rooms = options.room or list(ROOMS)
    folder = ROOT / ".mutation" / "-".join(rooms)
    if options.again:
        shutil.rmtree(folder, ignore_errors=True)
    lay_out(folder, [ROOMS[room] for room in rooms])
    os.chdir(folder)
    from scripts.internal.mutation import trials  # noqa: PLC0415 - mutmut reads the folder's settings

    trials.adapt_mutmut()
    trials.make_mutants(options.jobs)
    chosen = sample(trials.trials(), options.sample, options.seed)
    if untried := [each for each in chosen if each.fate == "not checked"]:
        trials.run(untried, options.jobs)
    names = {each.name for each in chosen}
    print(report([each for each in trials.trials() if each.name in names], trials.difference))
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
        "pytest_add_cli_args": ["--without=long", "-pno:cacheprovider", "-pno:faulthandler"],
    }
    lines = [f"{name} =\n    " + "\n    ".join(values) for name, values in settings.items()]
    (folder / "setup.cfg").write_text("\n".join(["[mutmut]", *lines, ""]), encoding="utf-8")


def report(tried: Sequence[Trial], difference: Callable[[Trial], str]) -> str:
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
            lines += ["", f"{trial.name}: {trial.fate}", difference(trial)]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
