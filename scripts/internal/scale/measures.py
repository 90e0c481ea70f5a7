"""The calls whose cost may grow with the number of runs, each with the count that SQL expects."""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from attrs import frozen

from inngest_rest import InngestClient, InngestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from scripts.internal.scale.copies import Database

TIMEOUT = timedelta(minutes=2)
"""What a call may take by default; listings of a million runs take that long for each page."""


@frozen
class Bench:
    """Where to measure."""

    url: str
    database: Database


@frozen
class Measure:
    """A call, and how many rows SQL says that it returns.

    Attributes:
        name: As the table shows it.
        call: Makes the call with a client; returns the number of rows.
        expected: The condition on `trace_runs` for these rows, or their number.
    """

    name: str
    call: Callable[[InngestClient, Bench], int]
    expected: str | int


@frozen
class Row:
    """What a call took."""

    name: str
    seconds: float
    processor_seconds: float
    requests: int
    rows: int
    expected: int
    error: str

    @property
    def is_right(self) -> bool:
        return not self.error and self.rows == self.expected


class Counting(httpx.HTTPTransport):
    """A transport that counts requests."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        return super().handle_request(request)


def measure(what: Measure, bench: Bench) -> Row:
    """Make a call, and count what it returned and what it took."""
    expected = what.expected
    transport = Counting()
    found, error = 0, ""
    with InngestClient(dev=bench.url, transport=transport) as client:
        began, processor_began = time.perf_counter(), time.process_time()
        try:
            found = what.call(client, bench)
        except InngestError as raised:
            error = f"{type(raised).__name__}: {raised}"
        seconds = time.perf_counter() - began
        processor_seconds = time.process_time() - processor_began
    print(f"{what.name}: {seconds:.2f} s", file=sys.stderr, flush=True)
    return Row(
        name=what.name,
        seconds=seconds,
        processor_seconds=processor_seconds,
        requests=transport.requests,
        rows=found,
        expected=expected if isinstance(expected, int) else bench.database.count(expected),
        error=error,
    )


def table(rows: Sequence[Row]) -> str:
    """Return the table, in Markdown."""
    head = ["| call | seconds | of processor | requests | rows | |", "|---|---|---|---|---|---|"]
    return "\n".join(head + [_line(row) for row in rows])


def _line(row: Row) -> str:
    verdict = row.error or ("as in SQL" if row.is_right else f"SQL has {row.expected:,}")
    return (
        f"| {row.name} | {row.seconds:.2f} | {row.processor_seconds:.2f} "
        f"| {row.requests:,} | {row.rows:,} | {verdict} |"
    )


def rows(listing: Iterable[object]) -> int:
    """Read a listing, and count what it yields."""
    return sum(1 for _ in listing)


def _bare_pages(window: Callable[[datetime], dict[str, str]], bench: Bench) -> int:
    """List all runs with httpx alone, as the client asks for them."""
    count, cursor, until = 0, None, datetime.now(UTC) + timedelta(minutes=1)
    with httpx.Client(base_url=bench.url, timeout=120) as client:
        while True:
            asked = {"limit": "100", **window(until), **({"cursor": cursor} if cursor else {})}
            body = client.get("/v2/runs", params=asked).raise_for_status().json()
            count += len(body["data"])
            if not body["page"].get("hasMore"):
                return count
            cursor = body["page"]["cursor"]
            until = datetime.fromisoformat(body["data"][-1]["startedAt"])


def _bare_narrowed(_: InngestClient, bench: Bench) -> int:
    def window(until: datetime) -> dict[str, str]:
        end = until + timedelta(milliseconds=1)
        return {"from": "2020-01-01T00:00:00Z", "until": end.isoformat().replace("+00:00", "Z")}

    return _bare_pages(window, bench)


def _summary(client: InngestClient, _: Bench) -> int:
    groups = client.runs.summary(since=timedelta(days=31), limit=None).groups
    return sum(sum(group.counts.values()) for group in groups)


def _export(client: InngestClient, _: Bench) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.jsonl"
        client.runs.export(path)
        with path.open("rb") as file:
            return rows(file)


def _runs_of_an_event(client: InngestClient, _: Bench) -> int:
    run = client.runs.list(status="completed", limit=1).first()
    assert run is not None
    return len(list(client.events.runs(run.event_ids[0])))


DAY = timedelta(days=1)

_ALL = "true"
_YESTERDAY = "(extract(epoch FROM now() - INTERVAL '1 day') * 1000)"
_FAILED_TODAY = f"status = 400 AND ended_at >= {_YESTERDAY}"

MEASURES = (
    Measure("httpx, narrowed pages", _bare_narrowed, _ALL),
    Measure("runs.list", lambda client, _: rows(client.runs.list()), _ALL),
    Measure(
        "runs.list, oldest",
        lambda client, _: rows(client.runs.list(order="oldest")),
        _ALL,
    ),
    Measure(
        "runs.list, failed",
        lambda client, _: rows(client.runs.list(status="failed")),
        "status = 400",
    ),
    Measure("runs.list().count", lambda client, _: client.runs.list().count(), _ALL),
    Measure("runs.summary", _summary, _ALL),
    Measure("runs.export, JSON lines", _export, _ALL),
    Measure("events.runs", _runs_of_an_event, 1),
    Measure(
        "runs.list, failed, since=1 day, ended_since=1 day",
        lambda client, _: rows(client.runs.list(status="failed", since=DAY, ended_since=DAY)),
        f"{_FAILED_TODAY} AND queued_at >= {_YESTERDAY}",
    ),
    Measure(
        "runs.list, failed, ended_since=1 day",
        lambda client, _: rows(client.runs.list(status="failed", ended_since=DAY)),
        _FAILED_TODAY,
    ),
)
