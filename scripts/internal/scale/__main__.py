"""Measure what calls cost on a real server that has many runs, and compare their results with SQL.

Starts a server of a given binary, which stores in a database of its own in PostgreSQL; runs a few
functions on it, and copies their runs by SQL until there are as many as asked for, over the last 30
days. Then it makes the calls whose cost may grow with the number of runs, beside a bare httpx loop,
compares what they return with what SQL counts, and prints a table. With --changes it also adds and
ends runs by SQL, and measures how far behind a watch is. INNGEST_POSTGRES_URI names the PostgreSQL
server.

10,000 runs take about two minutes, a million ten on a quiet machine.

Exit status: 0 every result is that of SQL; 1 one is not; 2 nothing was measured.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from datetime import timedelta
from pathlib import Path

from inngest_rest import InngestClient
from inngest_rest.testing._binary import CannotStartError, run_binary
from scripts.internal.scale.copies import Database, run_templates
from scripts.internal.scale.measures import MEASURES, Bench, measure, table
from scripts.internal.scale.watching import watch_changes
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
        metavar="PART",
        help="only calls whose names have this; may be repeated",
    )
    options.add_argument("--changes", type=int, default=0, help="per second, under a watch")
    options.add_argument("--watched", type=int, default=120, metavar="SECONDS", help="default: 120")
    return options


def main() -> int:
    end_servers_when_terminated()
    options = parser().parse_args()
    postgres_uri = take_keys(os.environ).postgres_uri
    if postgres_uri is None:
        print("Nothing was measured: INNGEST_POSTGRES_URI is not set.", file=sys.stderr)
        return 2
    try:
        with database(postgres_uri) as uri, run_binary(options.binary.absolute(), uri) as url:
            return measure_server(url, Database(uri), options)
    except CannotStartError as error:
        print(f"Nothing was measured: {error}", file=sys.stderr)
        return 2


def measure_server(url: str, server_database: Database, options: argparse.Namespace) -> int:
    """Fill a server, measure the calls on it, and print the table."""
    with warnings.catch_warnings():
        # The official SDK declares its models in a way that pydantic 2 deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        run_templates(url, server_database)
    print(f"copying runs until there are {options.runs:,} ...", file=sys.stderr, flush=True)
    server_database.copy_runs(options.runs)
    bench = Bench(url=url, database=server_database)
    wanted = [
        each
        for each in MEASURES
        if not options.only or any(part in each.name for part in options.only)
    ]
    rows = [measure(each, bench) for each in wanted]
    print(table(rows), flush=True)
    if options.changes:
        with InngestClient(dev=url) as client:
            duration = timedelta(seconds=options.watched)
            watched = watch_changes(client, server_database, options.changes, duration)
        print(f"\n{watched}")
        return int(watched.missed > 0 or any(not row.is_right for row in rows))
    return int(any(not row.is_right for row in rows))


if __name__ == "__main__":
    sys.exit(main())
