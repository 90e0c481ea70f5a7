"""Fuzz a real server, if that is wanted: it leaves events and runs behind."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.contract.fuzzing import Verdict, fuzz, prepare
from tests.contract.live_world import serve_app

if TYPE_CHECKING:
    from tests.contract.live_world import Server

WARNING = """\
Fuzzing {url} will
- store some hundred events with random names and data,
- cancel and rerun runs of its own app, and of no other unless a random id happens to exist,
- create webhooks where the server has them.
"""


def is_wanted(server: Server) -> bool:
    print(WARNING.format(url=server.url))
    if not sys.stdin.isatty():
        print(
            "Nothing was done: no terminal to ask for confirmation on, and --yes was not given.",
            file=sys.stderr,
        )
        return False
    return input("Go on? [y/N] ").strip().lower() in ("y", "yes")


def fuzz_server(server: Server) -> int:
    with serve_app(server) as served:
        verdict = fuzzed(server, served.app)
    if verdict.failures:
        print(verdict.log)
    for failure in verdict.failures:
        print(f"FAILED {failure.title}: {', '.join(failure.operations)}")
    print(f"{verdict.cases} requests to {verdict.tested} of {verdict.of} operations, none skipped")
    print(f"{len(verdict.failures)} kinds of answers are not as documented")
    return 1 if verdict.failures or verdict.tested < verdict.of else 0


def fuzzed(server: Server, app: str) -> Verdict:
    """Fuzz a server that has the app under test."""
    with server.connect() as client, tempfile.TemporaryDirectory() as folder:
        words = prepare(client, app)
        if server.signing_key is not None:
            words["event_keys"] = [server.event_key]
        return fuzz(
            server.url,
            words,
            Path(folder),
            signing_key=server.signing_key,
            only=server.routes.present(),
        )
