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

from scripts.internal.evaluation.agent import CHARACTERS_OF_TOKEN, Result, attempt
from scripts.internal.evaluation.jobs import JOBS
from scripts.internal.evaluation.surfaces import SURFACES, NoWayError, Surface
from scripts.internal.tables import aligned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scripts.internal.evaluation.jobs import Job


def follow(job: Job, kind: type[Surface]) -> Result:
    """Take a scripted path through a job."""
    with tempfile.TemporaryDirectory() as folder:
        night, _ = job.begin(Path(folder))
        surface = kind(night)
        try:
            answer = surface.follow(job)
        except NoWayError:
            return Result(None)
        except Exception as error:  # noqa: BLE001 - the path ends where it is not as it was
            answer = repr(error)
        is_right = job.is_right(night, answer)
        return Result(is_right, surface.calls, surface.characters, answer)


def table(columns: Mapping[str, Sequence[Result]], jobs: Sequence[Job]) -> Iterator[str]:
    """Yield the lines of a table: what each job took by each way, and sums."""
    by_job = list(zip(*columns.values(), strict=True))
    common = [results for results in by_job if all(each.is_right for each in results)]
    rows = [["job", *columns]]
    for job, results in zip(jobs, by_job, strict=True):
        rows.append([job.name, *map(str, results)])
    rows.append(["sum of all that it can", *map(_sum, columns.values())])
    sums = map(_sum, zip(*common, strict=True)) if common else ["0/0"] * len(columns)
    rows.append([f"sum of the {len(common)} that all do", *sums])
    if columns.keys() <= SURFACES.keys():
        read = (f"{SURFACES[name].loaded() // CHARACTERS_OF_TOKEN:,}" for name in columns)
        rows.append(["read before the first call", *read])
    rows.append(["right/wrong/no way", *map(_counts, columns.values())])
    return aligned(rows)


def _sum(results: Sequence[Result]) -> str:
    calls = sum(result.calls for result in results)
    return f"{calls}/{sum(result.tokens for result in results):,}"


def _counts(results: Sequence[Result]) -> str:
    outcomes = [result.is_right for result in results]
    return "/".join(str(outcomes.count(outcome)) for outcome in (True, False, None))


def main() -> int:
    options = _options()
    jobs = [job for job in JOBS if not options.job or job.name in options.job]
    columns: dict[str, list[Result]] = {}
    if options.agent:
        columns["agent"] = [attempt(job, options.agent) for job in jobs]
    else:
        for name, kind in SURFACES.items():
            columns[name] = [follow(job, kind) for job in jobs]
    print(*table(columns, jobs), sep="\n")
    status = 0
    for name, results in columns.items():
        for job, result in zip(jobs, results, strict=True):
            if result.is_right is False:
                print(f"\nwrong, {name}: {job.asks}\n{result.answer[:2000]}")
                status = status if name == "vendor's routes" else 1
    return status


def _options() -> argparse.Namespace:
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
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
