"""Send a file of events, one JSON object per line, and resume where an earlier attempt ended.

INNGEST_EVENT_KEY=... python examples/backfill.py orders.ndjson

Safe to repeat: within 24 hours, a line that was accepted before starts no second run.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from inngest_rest import InngestClient

if TYPE_CHECKING:
    from inngest_rest import BatchReport


def show_progress(batch: BatchReport) -> None:
    """Print the number of the last line sent."""
    print(f"... line {batch.positions[-1]:,}", file=sys.stderr)


path = sys.argv[1]
with InngestClient() as client:
    report = client.send_file(path, resume=True, max_requests=20, on_batch=show_progress)

print(f"{report.accepted:,} accepted, {report.rejected:,} rejected, {report.unknown:,} unknown")
for failure in report.failures[:10]:
    print(f"  line {failure.position}: {failure.reason}")
if report.rejected:
    print(f"Correct the lines in {path}.rejected.ndjson, and send that file.")
raise SystemExit(0 if report.rejected == report.unknown == 0 else 1)
