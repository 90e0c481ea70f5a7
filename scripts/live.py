"""Run the contract cases, which MockServer passes in every test run, on a real Inngest server.

Serves its own app (written with the official SDK, on 127.0.0.1, so the server must run on this
machine), registers it, runs the cases, cancels their remaining runs and removes the app. Everything
else on the server is left alone.

With --fuzz it sends hundreds of random requests instead, and checks the responses against
openapi/inngest.yaml.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.contract.exercised import LIVE_RECORD
from tests.contract.fuzzing import Verdict, fuzz, prepare
from tests.contract.live_world import Server, serve_app, why_unreachable

ROOT = Path(__file__).resolve().parent.parent
DEV_SERVER = "http://127.0.0.1:8288"

WARNING = """\
Fuzzing {url} will
- store some hundred events with random names and data,
- cancel and rerun runs of its own app, and of no other unless a random id happens to exist,
- create webhooks where the server has them.
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/test-live",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Other arguments go to pytest: scripts/test-live -k cancel",
    )
    parser.add_argument("--url", default=DEV_SERVER, help=f"the server ({DEV_SERVER})")
    parser.add_argument("--event-key", help="the server's event key, if it requires one")
    parser.add_argument("--signing-key", help="the server's signing key, if it requires one")
    parser.add_argument("--fuzz", action="store_true", help="fuzz instead of running the cases")
    parser.add_argument("--yes", action="store_true", help="fuzz without asking first")
    options, arguments = parser.parse_known_args()
    if (options.event_key is None) != (options.signing_key is None):
        parser.error("a server that requires keys needs both --event-key and --signing-key")
    server = Server(options.url.rstrip("/"), options.event_key, options.signing_key, app="")
    why = why_unreachable(server)
    if why is not None:
        print(f"Nothing was tested. No usable server at {server.url}: {why}", file=sys.stderr)
        print("Start one with: inngest dev --no-discovery", file=sys.stderr)
        return 2
    if not options.fuzz:
        return try_cases(server, arguments)
    if arguments:
        parser.error(f"--fuzz does not accept {' '.join(arguments)}")
    return fuzz_server(server) if options.yes or is_wanted(server) else 2


def try_cases(server: Server, arguments: list[str]) -> int:
    keys = {"--live-event-key": server.event_key, "--live-signing-key": server.signing_key}
    command = [
        *(sys.executable, "-m", "pytest", "tests/contract/cases", "--live-url", server.url),
        *(f"{name}={key}" for name, key in keys.items() if key is not None),
        # For scripts/contract-report; a run of some cases would overwrite the record of all.
        *([] if arguments else ["--exercised", str(LIVE_RECORD)]),
        *arguments,
    ]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


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
    with (
        serve_app(server.url, server.event_key, server.signing_key) as served,
        served.connect() as client,
        tempfile.TemporaryDirectory() as folder,
    ):
        words = prepare(client, served.app)
        headers = {}
        if server.signing_key is not None:
            words["event_keys"] = [server.event_key]
            headers["Authorization"] = f"Bearer {server.signing_key}"
        verdict = fuzz(server.url, words, Path(folder), headers=headers)
    report(verdict)
    return 1 if verdict.failures or verdict.tested < verdict.of else 0


def report(verdict: Verdict) -> None:
    if verdict.failures:
        print(verdict.log)
    for failure in verdict.failures:
        print(f"FAILED {failure.title}: {', '.join(failure.operations)}")
    print(f"{verdict.cases} requests to {verdict.tested} of {verdict.of} operations, none skipped")
    print(f"{len(verdict.failures)} kinds of answers are not as documented")


if __name__ == "__main__":
    sys.exit(main())
