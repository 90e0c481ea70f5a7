"""Print what both clients make of each fault: the result, how many requests, how long.

The faults, the operations and the rules are those of tests/faults, which hold every trial to them.

Exit status: 0 success; 1 a trial is not as its rule demands; 2 no fault has the given name.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.complaints import complaints
from tests.faults.faults import FAULTS
from tests.faults.server import FaultServer
from tests.faults.trials import load_everything, run_trials

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.faults.trials import Trial


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/fault-report", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("name", nargs="?", default="", help="only faults whose name has this text")
    options = parser.parse_args()
    faults = [each for each in FAULTS if options.name in each.name]
    if not faults:
        print(f"no fault has {options.name!r} in its name", file=sys.stderr)
        return 2
    trials: list[Trial] = []
    wrong: list[str] = []
    with silence(), FaultServer() as server, tempfile.TemporaryDirectory() as folder:
        load_everything(server, Path(folder))
        for fault in faults:
            of_fault = list(run_trials(server, Path(folder), [fault]))
            trials += of_fault
            wrong += [f"{trial}: {what}" for trial in of_fault for what in complaints(trial)]
            print(*table(of_fault), sep="\n", flush=True)
    print(summary(trials, wrong))
    print(*wrong, sep="\n", end="\n" if wrong else "", file=sys.stderr)
    return 1 if wrong else 0


@contextmanager
def silence() -> Iterator[None]:
    """Keep buffers from logging what they keep: every trial is reported."""
    logger = logging.getLogger("inngest_rest")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def table(trials: Iterable[Trial]) -> Iterator[str]:
    """Format the trials of one fault: a line for each result that it led to."""
    trials = list(trials)
    fault = trials[0].fault
    yield f"\n{fault.name} ({fault.verdict.value})"
    by_result: dict[tuple[str, str], list[Trial]] = defaultdict(list)
    for trial in trials:
        by_result[trial.result, requests(trial)].append(trial)
    for (result, count), same in by_result.items():
        names = dict.fromkeys(each.operation.name for each in same)
        slowest = max(each.seconds for each in same)
        yield f"  {result:<30} {count:>9}  {slowest:5.2f} s  {' '.join(names)}"


def requests(trial: Trial) -> str:
    """Say how many requests the server read, and of which kind."""
    count = len(trial.requests)
    writes = sum(each.method != "GET" for each in trial.requests)
    return f"{count}" if writes in (0, count) else f"{count} ({writes} w)"


def summary(trials: list[Trial], wrong: list[str]) -> str:
    """Count what was tried, and explain the columns."""
    faults = {each.fault.name for each in trials}
    operations = {each.operation.name for each in trials}
    return (
        "\nColumns: the result or the class of the error; requests that the server read (w: those "
        "that are no GET);\nthe slowest trial; the operations. A number of events is what a report "
        f"says of them.\n{len(faults)} faults, {len(operations)} operations, both clients: "
        f"{len(trials)} trials, {len(wrong)} wrong."
    )


if __name__ == "__main__":
    sys.exit(main())
