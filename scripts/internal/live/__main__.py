"""Run the contract cases, which MockServer passes in every test run, on real Inngest servers.

Serves its own app (written with the official SDK, on 127.0.0.1, so the servers must run on this
machine), registers it, runs the cases, cancels their remaining runs and removes the app. Everything
else on a server is left alone.

A server may be of any release. A case is skipped as absent if none of the routes that do its job
are there, and the reason names the first release that has them. With --bins it starts several
servers (`inngest dev`) one after the other, each in an empty folder, and ends with a table of what
works on which, the reasons of failed cases, each once, and a list of what each answers otherwise
than the document: operations that it lists, statuses, fields and bodies. For a release that is
newer than all recordings, it is what has to be written into the document. What a server sends in
addition (a field, a value) is in that list alone: it fails no case. --tb=short shows tracebacks.

Statuses and times of runs are judged strictly, which is fair only to a faithful server: one that
stores in PostgreSQL, or in SQLite by the driver that its releases have. A server that was built
with another SQLite driver stores times in another form, reads them back in a random order and
drops what it cannot write at once: it reports wrong statuses, and these cases fail on it.

With --fuzz it sends hundreds of random requests instead, and checks the responses against
openapi/inngest.yaml.

Exit status: 0 nothing failed; 1 something did; 2 nothing was tested.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import httpx

from inngest_rest import InngestError
from inngest_rest_mock._binary import CannotStartError
from scripts.internal.live.cases import NothingTestedError, Tried, try_cases
from scripts.internal.live.fuzzing import fuzz_server, is_wanted
from scripts.internal.live.options import parse
from scripts.internal.live.table import differences, failures, table
from scripts.internal.servers import Keys, end_servers_when_terminated, started, take_keys
from tests.contract.live_report import Report
from tests.contract.live_world import find_server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.internal.live.options import Options
    from tests.contract.live_world import Server


def main() -> int:
    end_servers_when_terminated()
    options = parse(sys.argv[1:], os.environ, __doc__ or "")
    keys = take_keys(os.environ)
    try:
        return try_binaries(options, keys) if options.bins else try_one(options, keys)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def try_one(options: Options, keys: Keys) -> int:
    try:
        server = usable(options.url, keys)
    except NothingTestedError as error:
        print(f"Nothing was tested. {error}", file=sys.stderr)
        print("Start one with: inngest dev --no-discovery", file=sys.stderr)
        return 2
    if options.fuzz:
        return fuzz_server(server) if options.yes or is_wanted(server) else 2
    try:
        tried = try_cases(server, options.arguments)
    except NothingTestedError as error:
        print(f"Nothing was tested: {error}", file=sys.stderr)
        return 2
    show([tried])
    return tried.status


def try_binaries(options: Options, keys: Keys) -> int:
    """Run the cases on a server of each binary; print what came of them."""
    found = list[Tried]()
    for binary in options.bins:
        print(f"\n== {binary}", flush=True)
        try:
            with started(binary, keys.postgres_uri) as url:
                tried = try_cases(usable(url, keys), options.arguments)
        except (CannotStartError, NothingTestedError) as error:
            print(f"Not tested: {error}", file=sys.stderr)
            tried = Tried(Report.of_nothing(binary.name, str(error)), 1)
        found.append(tried)
    show(found)
    return int(any(tried.status for tried in found))


def show(found: Sequence[Tried]) -> None:
    """Print what came of the cases."""
    reports = [tried.report for tried in found]
    print("", *table(reports), *failures(reports), *differences(reports), sep="\n")


def usable(url: str, keys: Keys) -> Server:
    try:
        return find_server(url, keys.event_key, *keys.signing_keys)
    except (InngestError, httpx.HTTPError, ValueError) as error:
        raise NothingTestedError(f"No usable server at {url}: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
