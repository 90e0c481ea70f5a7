"""Measure what calls cost on a real server that has many runs, and compare their results with SQL.

Starts a server of a given binary, which stores in a database of its own in PostgreSQL; runs a few
functions on it, and copies their runs by SQL until there are as many as asked for, over the last 30
days. Then it makes the calls whose cost may grow with the number of runs, beside a bare httpx loop,
compares what they return with what SQL counts, and prints a table. With --changes it also adds and
ends runs by SQL, and measures how far behind a watch is.

10,000 runs take about two minutes, a million ten on a quiet machine.

Exit status: 0 every result is that of SQL; 1 one is not; 2 nothing was measured.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from inngest_rest import InngestClient
from inngest_rest.testing._binary import CannotStartError, run_binary
from scripts.internal.live.databases import database
from scripts.internal.scale.copies import Database, run_templates
from scripts.internal.scale.measures import MEASURES, Bench, measure, table
from scripts.internal.scale.watching import watch_changes


@frozen
class Options:
    """What to measure.

    Attributes:
        binary: The server's program.
        postgres_uri: The PostgreSQL server in which it gets a database.
        runs: The number of runs to copy.
        only: Parts of the names of the calls to make; all if empty.
        changes: The number of runs that begin and end per second under a watch; 0 for no watch.
        watched: How long the watch lasts.
    """

    binary: Path
    postgres_uri: str
    runs: int
    only: tuple[str, ...]
    changes: int
    watched: timedelta


def parse(arguments: list[str]) -> Options:
    """Read the command line; the URI of PostgreSQL may come from INNGEST_POSTGRES_URI."""
    parser = argparse.ArgumentParser(
        prog="scripts/scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--binary", type=Path, required=True, help="an Inngest server")
    parser.add_argument("--postgres-uri", help="else INNGEST_POSTGRES_URI")
    parser.add_argument("--runs", type=int, default=10_000, help="default: 10000")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PART",
        help="only calls whose names have this; may be repeated",
    )
    parser.add_argument("--changes", type=int, default=0, help="per second, under a watch")
    parser.add_argument("--watched", type=int, default=120, metavar="SECONDS", help="default: 120")
    given = parser.parse_args(arguments)
    named: str | None = given.postgres_uri
    if named and urlsplit(named).password is not None:
        parser.error("--postgres-uri has a password, which everyone sees: set INNGEST_POSTGRES_URI")
    uri = named or os.environ.get("INNGEST_POSTGRES_URI")
    if not uri:
        parser.error("name a PostgreSQL server: --postgres-uri or INNGEST_POSTGRES_URI")
    return Options(
        binary=given.binary.absolute(),
        postgres_uri=uri,
        runs=given.runs,
        only=tuple(given.only),
        changes=given.changes,
        watched=timedelta(seconds=given.watched),
    )


def main() -> int:
    options = parse(sys.argv[1:])
    # What is meant for a client of another server must not reach ours.
    for name in [each for each in os.environ if each.startswith("INNGEST_")]:
        del os.environ[name]
    with ExitStack() as stack:
        try:
            uri = stack.enter_context(database(options.postgres_uri))
            url = stack.enter_context(run_binary(options.binary, uri))
        except CannotStartError as error:
            print(f"Nothing was measured: {error}", file=sys.stderr)
            return 2
        return measure_server(url, Database(uri), options)


def measure_server(url: str, server_database: Database, options: Options) -> int:
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
            watched = watch_changes(client, server_database, options.changes, options.watched)
        print(f"\n{watched}")
        return int(watched.missed > 0 or any(not row.is_right for row in rows))
    return int(any(not row.is_right for row in rows))


if __name__ == "__main__":
    sys.exit(main())
