"""Have an agent do jobs after a night of two apps, each on a server of its own, and judge them.

Without arguments it takes the scripted path through each job by the command, by the tools over MCP
and by the routes that the vendor's command and tools call, and prints what each costs: the number
of calls, and tokens (characters / 4) written and read for them.

With --agent it starts a program instead, once for each job: what the user says is on its standard
input, and its answer on its standard output. The server is in INNGEST_DEV, or INNGEST_BASE_URL with
keys. `inngest-rest` and `inngest-rest-mcp` on its PATH count what it calls:

    scripts/evaluate-agent --agent 'claude -p --allowedTools Bash'
    scripts/evaluate-agent --agent ./my-agent --job causes --job replay

Exit status: 0 if every job was done right, or has no way; 1 otherwise.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from scripts.internal.evaluation.jobs import JOBS
from scripts.internal.evaluation.programs import attempt
from scripts.internal.evaluation.surfaces import CHARACTERS_OF_TOKEN, NoWayError, ours
from scripts.internal.evaluation.vendor import vendors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scripts.internal.evaluation.jobs import Job
    from scripts.internal.evaluation.surfaces import Way

RIGHT = {True: "right", False: "WRONG", None: "no way"}


@frozen
class Result:
    """What came of a job; `is_right` is None if there is no way to do it."""

    is_right: bool | None
    calls: int = 0
    characters: int = 0
    answer: str = ""

    @property
    def tokens(self) -> int:
        return self.characters // CHARACTERS_OF_TOKEN

    def __str__(self) -> str:
        cost = f"{self.calls}/{self.tokens:,}" if self.calls else "-"
        return cost if self.is_right else f"{cost} {RIGHT[self.is_right]}"


def follow(job: Job, way: Way) -> Result:
    """Take a scripted path through a job."""
    with tempfile.TemporaryDirectory() as folder:
        night, _ = job.begin(Path(folder))
        call = way.surface(night)
        try:
            answer = way.do(call, job)
        except NoWayError:
            return Result(None)
        except Exception as error:  # noqa: BLE001 - the path ends where it is not as it was
            answer = repr(error)
        return Result(job.is_right(night, answer), call.calls, call.characters, answer)


def _sum(results: Sequence[Result]) -> str:
    calls, tokens = sum(it.calls for it in results), sum(it.tokens for it in results)
    return f"{calls}/{tokens:,}"


def table(
    columns: Mapping[str, Sequence[Result]], loaded: Mapping[str, int], jobs: Sequence[Job]
) -> str:
    """Return what each job took by each way, and the sum of those that all can do."""
    lines = [["job", *columns]]
    for at, job in enumerate(jobs):
        lines.append([job.name, *(str(results[at]) for results in columns.values())])
    lines.append(["sum of all that it can", *map(_sum, columns.values())])
    common = [at for at in range(len(jobs)) if all(it[at].is_right for it in columns.values())]
    sums = (_sum([results[at] for at in common]) for results in columns.values())
    lines.append([f"sum of the {len(common)} that all do", *sums])
    if loaded:
        read = (f"{loaded[name] // CHARACTERS_OF_TOKEN:,}" for name in columns)
        lines.append(["read before the first call", *read])
    counts = [
        "/".join(str(sum(it.is_right is outcome for it in results)) for outcome in RIGHT)
        for results in columns.values()
    ]
    lines.append(["right/wrong/no way", *counts])
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/evaluate-agent",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--agent", help="a program to evaluate, with its arguments")
    names = [job.name for job in JOBS]
    parser.add_argument(
        "--job",
        choices=names,
        metavar="JOB",
        action="append",
        help=f"do only this one; repeatable: {', '.join(names)}",
    )
    options = parser.parse_args()
    jobs = [job for job in JOBS if job.name in (options.job or names)]
    columns: dict[str, list[Result]] = {}
    loaded: dict[str, int] = {}
    if options.agent:
        columns["agent"] = [Result(*attempt(job, options.agent)) for job in jobs]
    else:
        for name, way in {**ours(), **vendors()}.items():
            columns[name] = [follow(job, way) for job in jobs]
            loaded[name] = way.loaded
    sys.stdout.write(f"{table(columns, loaded, jobs)}\n")
    for name, results in columns.items():
        for job, result in zip(jobs, results, strict=True):
            if result.is_right is False:
                sys.stdout.write(f"\nwrong, {name}: {job.asks}\n{result.answer[:2000]}\n")
    judged = [it for name in ("agent", "command", "tools") for it in columns.get(name, ())]
    return int(any(it.is_right is False for it in judged))


if __name__ == "__main__":
    sys.exit(main())
