"""Compare sending and reading with the official SDK and httpx, and check the ratios against goals.

Each case runs in a fresh process on core 0, the counting server on core 1. Cases of a comparison
take turns, round by round, so that other load on the machine affects them equally; the median of
the rounds' ratios and their quartiles are printed. Exit 1 if a case did not deliver every event, 2
if a goal was missed, or a ratio is a tenth worse than the best commit's.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from scripts.internal.benchmark import history
from scripts.internal.benchmark.goals import (
    GOALS,
    GROWING,
    LIVE_GOALS,
    PEAK_GOALS,
    SIZES,
    Goal,
    PeakGoal,
    Run,
    growing,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PEAK_ROUNDS = 3

# The figures of every round, by run.
Figures = dict[Run, list[dict[str, float]]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/benchmark", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="rounds of each case (9)")
    parser.add_argument(
        "--only", default="", metavar="WORD", help="only goals whose text contains this"
    )
    parser.add_argument(
        "--record", action="store_true", help="add the ratios to ratios.tsv, for the last commit"
    )
    parser.add_argument(
        "--live",
        metavar="URL",
        help="compare on your own dev server instead; it keeps the events",
    )
    parser.add_argument(
        "--growth",
        action="store_true",
        help="print what an item costs with more and more of them, and nothing else",
    )
    options = parser.parse_args()
    if options.growth:
        print(machine())
        for row in growth():
            print(row, flush=True)
        return 0
    chosen = LIVE_GOALS if options.live else GOALS
    goals = [goal for goal in chosen if options.only in goal.text]
    of_peaks = [each for each in PEAK_GOALS if not options.live and options.only in each.text]
    print(machine())
    figures = measure(goals, options.rounds, options.live)
    entries = history.read()
    verdicts = [judge(goal, figures, history.limit(goal, entries)) for goal in goals]
    print(*verdicts, sep="\n", flush=True)
    peaks = [measure_peak(goal) for goal in of_peaks]
    print(*peaks, sep="\n")
    if options.record:
        head = ["git", "rev-parse", "--short", "HEAD"]
        commit = subprocess.check_output(head, text=True).strip()
        history.add([history.Entry(commit, each.ratio, each.goal) for each in verdicts])
    met = [*(each.met for each in verdicts), *(each.met for each in peaks)]
    return 0 if all(met) else 2


def machine() -> str:
    with Path("/proc/cpuinfo").open() as info:
        model = next(
            (row.split(":")[1].strip() for row in info if row.startswith("model name")), "?"
        )
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"{model}, {os.cpu_count()} cores, load {load}, Python {platform.python_version()}"


@contextlib.contextmanager
def server(latency_ms: float) -> Iterator[str]:
    """Run the counting server on the other core."""
    command = [
        sys.executable,
        "-m",
        "scripts.internal.benchmark.null_server",
        "--latency",
        str(latency_ms),
    ]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {1}),  # noqa: PLW1509 - nothing else runs here
    ) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.communicate()


def measure(goals: list[Goal], rounds: int, live: str | None) -> Figures:
    """Run all cases that the goals compare, in turns."""
    runs = list(dict.fromkeys(run for goal in goals for run in (goal.ours, goal.other)))
    figures: Figures = {run: [] for run in runs}
    with contextlib.ExitStack() as stack:
        urls = {
            latency: live or stack.enter_context(server(latency))
            for latency in sorted({run.setting.latency_ms for run in runs})
        }
        for number in range(rounds):
            for run in runs:
                print(f"round {number + 1}/{rounds}: {run.case}", end="\033[K\r", file=sys.stderr)
                figures[run].append(one(run, urls[run.setting.latency_ms], counts=not live))
    print(end="\033[K", file=sys.stderr)
    return figures


def one(run: Run, url: str, *, counts: bool = True) -> dict[str, float]:
    """Run a case once in its own process, and check that every counted event arrived."""
    if counts:
        received(url)
    command = [sys.executable, "-m", "scripts.internal.benchmark.cases", run.case]
    count = str(run.setting.events)
    output = subprocess.run(
        [*command, "--url", url, "--count", count], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    figures: dict[str, float] = json.loads(output)
    if counts and figures["sent"] and (arrived := received(url)) < figures["sent"]:
        print(f"{run.case}: {arrived} of {figures['sent']:.0f} events arrived", file=sys.stderr)
        raise SystemExit(1)
    return figures


def received(url: str) -> int:
    with urllib.request.urlopen(f"{url}/count") as answer:  # noqa: S310 - our own server
        return int(answer.read())


class Peak(NamedTuple):
    """The result of a goal of memory: by how many MiB the large run was above the small one."""

    goal: str
    mib: float
    asked: float
    met: bool

    def __str__(self) -> str:
        mark = "met   " if self.met else "MISSED"
        return f"{mark} {self.mib:6.1f} MiB {'':10} asked {f'<= {self.asked:g}':>7}  {self.goal}"


def measure_peak(goal: PeakGoal) -> Peak:
    """Compare the peak memory of two runs."""
    with server(0.0) as url:
        small, large = (
            statistics.median(one(run, url)["peak_mib"] for _ in range(PEAK_ROUNDS))
            for run in (goal.small, goal.large)
        )
    return Peak(goal.text, large - small, goal.at_most, large - small <= goal.at_most)


def growth() -> Iterator[str]:
    """Yield the rows of a table: processor time per item, and peak memory, by the number of items.

    Each figure is the least of the rounds; memory is that above the smallest number. The largest
    number has one round.
    """
    sizes = " | ".join(f"{size:,}" for size in SIZES)
    yield f"| µs per item, of | {sizes} | MiB more at the most than at {SIZES[0]:,} |"
    yield f"|---|{'---:|' * (len(SIZES) + 1)}"
    with server(0.0) as url:
        for case in GROWING:
            runs = [
                [one(Run(each, case), url) for _ in range(1 if each.events >= 1e6 else PEAK_ROUNDS)]
                for each in growing(case)
            ]
            costs = [
                min(each["cpu"] for each in rounds) / size.events * 1e6
                for rounds, size in zip(runs, growing(case), strict=True)
            ]
            peaks = [min(each["peak_mib"] for each in rounds) for rounds in runs]
            cells = [f"{cost:.3g}" for cost in costs] + ["-"] * (len(SIZES) - len(costs))
            yield f"| {case} | {' | '.join(cells)} | {peaks[-1] - peaks[0]:.1f} |"


class Verdict(NamedTuple):
    """The result of a goal."""

    goal: str
    ratio: float
    low: float
    high: float
    asked: str
    met: bool
    limit: float | None
    leaves_out: str

    def __str__(self) -> str:
        mark = "met   " if self.met else "MISSED"
        spread = f"({self.low:.2f}-{self.high:.2f})"
        about = self.goal
        if self.leaves_out:
            about += f" (which leaves out {self.leaves_out})"
        if self.limit is not None:
            about += f", a tenth worse than the best: {self.limit:.2f}"
        return f"{mark} {self.ratio:6.2f} {spread:14} asked {self.asked:>7}  {about}"


def judge(goal: Goal, figures: Figures, limit: float | None) -> Verdict:
    """Compare two runs round by round.

    Args:
        goal: What is compared.
        figures: The figures of each run.
        limit: The ratio at which the goal is missed because an earlier commit was better.
    """
    ours = [each[goal.figure] for each in figures[goal.ours]]
    other = [each[goal.figure] for each in figures[goal.other]]
    ratios = [goal.ratio(*pair) for pair in zip(ours, other, strict=True)]
    ratio = statistics.median(ratios)
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (ratio,) * 3
    return Verdict(
        goal=goal.text,
        ratio=ratio,
        low=low,
        high=high,
        asked=f">= {goal.at_least:g}" if goal.at_least else f"<= {goal.at_most:g}",
        met=goal.is_met(ratio) and (limit is None or goal.is_within(ratio, limit)),
        limit=limit,
        leaves_out=goal.leaves_out,
    )


if __name__ == "__main__":
    sys.exit(main())
