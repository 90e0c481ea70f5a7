"""Report the runs that failed in the last 24 hours, by function and error, as a nightly job.

They were queued within a week: give more if yours sleep for longer.

INNGEST_SIGNING_KEY=... python examples/failed_runs.py

Exits with 1 if any run failed, so that the scheduler sends its mail.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from inngest_rest import InngestClient

failed: Counter[tuple[str, str]] = Counter()
latest: dict[tuple[str, str], str] = {}
with InngestClient() as client:
    day = timedelta(days=1)
    found = client.runs.list(status="failed", since=7 * day, ended_since=day, include_output=True)
    for run in found:
        message = (run.error and run.error.message) or "no error was stored"
        kind = f"{run.app_id}/{run.function_id}", message.partition("\n")[0][:60]
        failed[kind] += 1
        latest.setdefault(kind, run.id)

for kind, count in failed.most_common():
    print(f"{count:>6} x {': '.join(kind)}  (latest: {latest[kind]})")
raise SystemExit(1 if failed else 0)
