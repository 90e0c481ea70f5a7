"""Cancel the runs of an app that have been queued or running for more than an hour.

python examples/stop_stuck_runs.py shop          # only lists them
python examples/stop_stuck_runs.py shop --yes    # cancels them, at most 20 per second
"""

from __future__ import annotations

import sys
from datetime import timedelta

from inngest_rest import InngestClient

app, *options = sys.argv[1:]
with InngestClient() as client:
    plan = client.runs.cancel_all(app=app, until=timedelta(hours=1), dry_run=True)
    print(plan)
    for row in plan.rows[:20]:
        print(f"  {row.id}  {row.outcome}")
    if "--yes" in options:
        # This cancels the runs that the plan lists, and none that started since.
        print(client.runs.cancel_all(plan, max_requests=20))
