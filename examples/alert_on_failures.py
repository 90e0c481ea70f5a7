"""Post each failed run to a chat as it fails, and continue after a restart where it ended.

INNGEST_SIGNING_KEY=... python examples/alert_on_failures.py failures.place https://hooks.example/T1

Without a URL the messages are printed. `--seconds N` ends after N seconds, for a job that a
scheduler starts: nothing is missed and nothing is told twice, however often it is started.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import httpx

from inngest_rest import InngestClient, Run

parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
parser.add_argument("place", type=Path, help="file that keeps the place between two starts")
parser.add_argument("url", nargs="?", help='webhook that takes {"text": ...}, as Slack has')
parser.add_argument("--seconds", type=float, help="end after this time")
options = parser.parse_args()


def tell(run: Run) -> None:
    """Post or print one failed run."""
    reason = run.error.message if run.error else "no error was stored"
    text = f"{run.app_id}/{run.function_id} failed: {reason} (run {run.id})"
    if options.url:
        httpx.post(options.url, json={"text": text}).raise_for_status()
    else:
        print(text)


token = options.place.read_text(encoding="utf-8") if options.place.exists() else None
with (
    InngestClient() as client,
    client.runs.watch(
        status="failed", include_output=True, token=token, timeout=options.seconds
    ) as watcher,
):
    for change in watcher:
        tell(change.run)
        # Written after each message: one that could not be posted is tried at the next start.
        options.place.write_text(watcher.token, encoding="utf-8")
    options.place.write_text(watcher.token, encoding="utf-8")
