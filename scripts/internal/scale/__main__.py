"""Measure what calls cost on a real server that has many runs, and compare their results with SQL.

Starts a server of a given binary, which stores in a database of its own in PostgreSQL; runs a few
functions on it, and copies their runs by SQL until there are as many as asked for, over the last 30
days. Then it makes the calls whose cost may grow with the number of runs, beside a bare httpx loop,
compares what they return with what SQL counts, and prints a table. INNGEST_POSTGRES_URI names the
PostgreSQL server.

10,000 runs take about two minutes, a million ten on a quiet machine.

Exit status: 0 every result is that of SQL; 1 one is not; 2 nothing was measured.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path

from inngest_rest_mock._binary import CannotStartError, run_binary
from scripts.internal.scale.copies import copy_runs, count_runs
from scripts.internal.scale.measures import MEASURES, measure
from scripts.internal.servers import database, end_servers_when_terminated, take_keys


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = argparse.ArgumentParser(
        prog="scripts/scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("--binary", type=Path, required=True, help="an Inngest server")
    options.add_argument("--runs", type=int, default=10_000, help="default: 10000")
    options.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PART",
        help="only calls whose names have this; may be repeated",
    )
    return options


def main() -> int:
    end_servers_when_terminated()
    options = parser().parse_args()
    postgres_uri = take_keys(os.environ).postgres_uri
    if postgres_uri is None:
        print("Nothing was measured: INNGEST_POSTGRES_URI is not set.", file=sys.stderr)
        return 2
    # The official SDK declares its models in a way that pydantic 2 deprecates.
    warnings.simplefilter("ignore", DeprecationWarning)
    names = [
        name for name in MEASURES if not options.only or any(part in name for part in options.only)
    ]
    try:
        with database(postgres_uri) as own, run_binary(options.binary.absolute(), own) as url:
            print(f"copying runs until there are {options.runs:,} ...", file=sys.stderr, flush=True)
            copy_runs(url, own, options.runs)
            return measure_server(url, own, names)
    except CannotStartError as error:
        print(f"Nothing was measured: {error}", file=sys.stderr)
        return 2


def measure_server(url: str, database: str, names: list[str]) -> int:
    """Measure calls, and print a table of them in Markdown."""
    print(
        "| call | seconds | of processor | requests | rows | |",
        "|---|---|---|---|---|---|",
        sep="\n",
    )
    status = 0
    for name in names:
        call, condition = MEASURES[name]
        cost = measure(call, url)
        expected = condition if isinstance(condition, int) else count_runs(database, condition)
        verdict = cost.error or "as in SQL"
        if not cost.error and cost.rows != expected:
            verdict = f"SQL has {expected:,}"
        status = status if verdict == "as in SQL" else 1
        print(
            f"| {name} | {cost.seconds:.2f} | {cost.processor_seconds:.2f} "
            f"| {cost.requests:,} | {cost.rows:,} | {verdict} |",
            flush=True,
        )
    return status


if __name__ == "__main__":
    sys.exit(main())
