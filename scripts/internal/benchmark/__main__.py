"""Compare sending and reading with the official SDK and httpx, and check the ratios against goals.

Each case runs in a fresh process on core 0, the counting server on core 1. Cases of a comparison
take turns, round by round, so that other load on the machine affects them equally; the median of
the rounds' ratios and their quartiles are printed. Exit 1 if a case did not deliver every event, 2
if a goal was missed, or a ratio is a tenth worse than the best commit's.
"""

# pyperf 2.11 has such processes and affinities, but measures wall time alone, and one benchmark
# after the other instead of in turns.

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from scripts.internal.benchmark import history
from scripts.internal.benchmark.goals import (
    ASYNC_TRANSPORTS,
    GOALS,
    GROWING,
    LIVE_GOALS,
    PEAK_GOALS,
    SIZES,
    Goal,
    PeakGoal,
    Run,
    Setting,
    growing,
    through,
)
from scripts.internal.benchmark.null_server import NullServer, null_server

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
        "--transport",
        choices=ASYNC_TRANSPORTS,
        help="compare our sending through the transport of a library with that through our own",
    )
    parser.add_argument(
        "--growth",
        action="store_true",
        help="print what an item costs with more and more of them, and nothing else",
    )
    options = parser.parse_args()
    print(machine(), flush=True)
    if options.growth:
        for row in growth():
            print(row, flush=True)
        return 0
    chosen = LIVE_GOALS if options.live else GOALS
    if options.transport:
        chosen = through(options.transport)
    goals = [goal for goal in chosen if options.only in goal.text]
    figures = measure(goals, options.rounds, options.live)
    entries = history.read()
    verdicts = [judge(goal, figures, history.limit(goal, entries)) for goal in goals]
    print(*verdicts, sep="\n", flush=True)
    peaks = [] if options.live or options.transport else measure_peaks(options.only)
    print(*peaks, sep="\n")
    if options.record:
        head = ["git", "rev-parse", "--short", "HEAD"]
        commit = subprocess.check_output(head, text=True).strip()
        history.add([history.Entry(commit, each.value, each.goal) for each in verdicts])
    return 0 if all(each.is_met for each in (*verdicts, *peaks)) else 2


def machine() -> str:
    with Path("/proc/cpuinfo").open() as info:
        model = next(
            (row.split(":")[1].strip() for row in info if row.startswith("model name")), "?"
        )
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"{model}, {os.cpu_count()} cores, load {load}, Python {platform.python_version()}"


def measure(goals: list[Goal], rounds: int, live: str | None) -> Figures:
    """Run all cases that the goals compare, in turns."""
    runs = list(dict.fromkeys(run for goal in goals for run in (goal.ours, goal.other)))
    figures: Figures = {run: [] for run in runs}
    with contextlib.ExitStack() as stack:
        servers = {}
        for latency in {run.setting.latency_ms for run in runs}:
            given = contextlib.nullcontext(NullServer(live)) if live else null_server(latency)
            servers[latency] = stack.enter_context(given)
        for number in range(rounds):
            for run in runs:
                print(f"round {number + 1}/{rounds}: {run.case}", end="\033[K\r", file=sys.stderr)
                figures[run].append(one(run, servers[run.setting.latency_ms]))
    print(end="\033[K", file=sys.stderr)
    return figures


def one(run: Run, server: NullServer) -> dict[str, float]:
    """Run a case once in its own process, and check that every counted event arrived."""
    server.received.value = 0
    command = [sys.executable, "-m", "scripts.internal.benchmark.cases", run.case]
    arguments = ["--url", server.url, "--count", str(run.setting.events)]
    output = subprocess.run(
        [*command, *arguments], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    figures: dict[str, float] = json.loads(output)
    if server.counts and server.received.value < figures["sent"]:
        arrived = f"{server.received.value} of {figures['sent']:.0f}"
        print(f"{run.case}: {arrived} events arrived", file=sys.stderr)
        raise SystemExit(1)
    return figures


def growth() -> Iterator[str]:
    """Yield the rows of a table: processor time per item, and peak memory, by the number of items.

    Each figure is the least of the rounds; memory is that above the smallest number. The largest
    number has one round.
    """
    sizes = " | ".join(f"{size:,}" for size in SIZES)
    yield f"| µs per item, of | {sizes} | MiB more at the most than at {SIZES[0]:,} |"
    yield f"|---|{'---:|' * (len(SIZES) + 1)}"
    with null_server(latency_ms=0) as server:
        for case in GROWING:
            cells, peaks = ["-"] * len(SIZES), []
            for number, setting in enumerate(growing(case)):
                rounds = 1 if setting.events >= max(SIZES) else PEAK_ROUNDS
                figures = [one(Run(setting, case), server) for _ in range(rounds)]
                cost = min(each["cpu"] for each in figures) / setting.events * 1e6
                cells[number] = f"{cost:.3g}"
                peaks.append(min(each["peak_mib"] for each in figures))
            yield f"| {case} | {' | '.join(cells)} | {peaks[-1] - peaks[0]:.1f} |"


class Verdict(NamedTuple):
    """The result of a goal.

    Attributes:
        goal: The goal's text.
        value: What was measured.
        shown: It as a text of six characters, and what is printed beside it.
        asked: What the goal asks for; empty if nothing is.
        is_met: Whether it is met.
        remark: What is printed behind the goal's text.
    """

    goal: str
    value: float
    shown: tuple[str, str]
    asked: str
    is_met: bool
    remark: str = ""

    def __str__(self) -> str:
        value, beside = self.shown
        measured = f"{value} {beside:14}"
        if not self.asked:
            return f"{measured} {self.goal}{self.remark}"
        mark = "met   " if self.is_met else "MISSED"
        return f"{mark} {measured} asked {self.asked:>7}  {self.goal}{self.remark}"


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
    is_met, remark = goal.is_met(ratio), ""
    if goal.leaves_out:
        remark += f" (which leaves out {goal.leaves_out})"
    if limit is not None:
        remark += f", a tenth worse than the best: {limit:.2f}"
        is_met = is_met and goal.is_within(ratio, limit)
    shown = (f"{ratio:6.2f}", f"({low:.2f}-{high:.2f})")
    return Verdict(goal.text, ratio, shown, goal.asked, is_met, remark)


def measure_peaks(only: str) -> list[Verdict]:
    """Judge the goals of memory whose text contains a word."""
    with null_server(latency_ms=0) as server:
        return [measure_peak(goal, server) for goal in PEAK_GOALS if only in goal.text]


def measure_peak(goal: PeakGoal, server: NullServer) -> Verdict:
    """Compare the peak memory of two runs."""
    small, large = (
        statistics.median(
            one(Run(Setting(events), goal.case), server)["peak_mib"] for _ in range(PEAK_ROUNDS)
        )
        for events in (goal.small, goal.large)
    )
    more = large - small
    shown = (f"{more:6.1f}", "MiB")
    return Verdict(goal.text, more, shown, f"<= {goal.at_most:g}", more <= goal.at_most)


if __name__ == "__main__":
    sys.exit(main())
