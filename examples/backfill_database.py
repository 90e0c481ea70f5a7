"""Send an event for each row of a table, and resume where an earlier attempt ended.

INNGEST_EVENT_KEY=... python examples/backfill_database.py shop.db

Safe to repeat: the ids of the events come from the rows, so within 24 hours a row that was sent
before starts no second run, unless a function debounces or batches events.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from typing import Any

from inngest_rest import InngestClient

ROWS = "SELECT id, total FROM orders WHERE id > ? ORDER BY id LIMIT 5000"


def event_of(row: tuple[int, float]) -> dict[str, Any]:
    """Return the event of a row."""
    order_id, total = row
    data = {"order_id": order_id, "total": total}
    return {"name": "app/order.paid", "id": f"order-{order_id}-paid", "data": data}


with closing(sqlite3.connect(sys.argv[1])) as database, InngestClient() as client:
    database.execute("CREATE TABLE IF NOT EXISTS backfill_place (id INTEGER NOT NULL)")
    (place,) = database.execute("SELECT coalesce(max(id), 0) FROM backfill_place").fetchone()
    while rows := database.execute(ROWS, (place,)).fetchall():
        report = client.send_many(map(event_of, rows), max_requests=20)
        for failure in report.failures:
            print(f"order {rows[failure.position][0]}: {failure.outcome}, {failure.reason}")
        if report.unknown:  # the place stays, so that these are sent again
            raise SystemExit(f"{report.unknown} of unknown outcome: run this again")
        place = rows[-1][0]
        with database:
            database.execute("INSERT INTO backfill_place VALUES (?)", (place,))
        print(f"... order {place:,}", file=sys.stderr)
print("done")
