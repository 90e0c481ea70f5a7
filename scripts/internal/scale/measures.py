"""The calls whose cost may grow with the number of runs, each with the count that SQL expects."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from attrs import frozen

from inngest_rest import InngestClient, InngestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    # Makes a call with a client of the server of a URL; returns the number of rows.
    Call = Callable[[InngestClient, str], int]


@frozen
class Cost:
    """What a call took.

    Attributes:
        seconds: Until it returned.
        processor_seconds: Those of this process.
        requests: The number of requests.
        rows: The number of rows that it returned.
        error: What it raised, if it did.
    """

    seconds: float
    processor_seconds: float
    requests: int
    rows: int
    error: str


class Counting(httpx.HTTPTransport):
    """A transport that counts requests."""

    requests = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        return super().handle_request(request)


def measure(call: Call, url: str) -> Cost:
    """Make a call, and count what it returned and what it took."""
    transport = Counting()
    rows, error = 0, ""
    with InngestClient(dev=url, transport=transport) as client:
        began, processor_began = time.perf_counter(), time.process_time()
        try:
            rows = call(client, url)
        except InngestError as raised:
            error = f"{type(raised).__name__}: {raised}"
        return Cost(
            seconds=time.perf_counter() - began,
            processor_seconds=time.process_time() - processor_began,
            requests=transport.requests,
            rows=rows,
            error=error,
        )


def length(listing: Iterable[object]) -> int:
    """Read a listing, and count what it yields."""
    return sum(1 for _ in listing)


def bare_pages(_: InngestClient, url: str) -> int:
    """List all runs with httpx alone, as the client asks for them."""
    count, cursor, until = 0, "", datetime.now(UTC) + timedelta(minutes=1)
    with httpx.Client(base_url=url, timeout=120) as http:
        while True:
            end = until + timedelta(milliseconds=1)
            query = {"limit": "100", "from": "2020-01-01T00:00:00Z"}
            query["until"] = end.isoformat().replace("+00:00", "Z")
            if cursor:
                query["cursor"] = cursor
            page = http.get("/v2/runs", params=query).raise_for_status().json()
            count += len(page["data"])
            if not page["page"].get("hasMore"):
                return count
            cursor = page["page"]["cursor"]
            until = datetime.fromisoformat(page["data"][-1]["startedAt"])


def summary(client: InngestClient, _: str) -> int:
    groups = client.runs.summary(since=timedelta(days=31), limit=None).groups
    return sum(sum(group.counts.values()) for group in groups)


def export(client: InngestClient, _: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.jsonl"
        client.runs.export(path)
        with path.open("rb") as file:
            return length(file)


def runs_of_an_event(client: InngestClient, _: str) -> int:
    run = client.runs.list(status="completed", limit=1).first()
    assert run is not None
    return length(client.events.runs(run.event_ids[0]))


DAY = timedelta(days=1)

_YESTERDAY = "(extract(epoch FROM now() - INTERVAL '1 day') * 1000)"
_FAILED_TODAY = f"status = 400 AND ended_at >= {_YESTERDAY}"

MEASURES: dict[str, tuple[Call, str | int]] = {
    "httpx, narrowed pages": (bare_pages, "true"),
    "runs.list": (lambda client, _: length(client.runs.list()), "true"),
    "runs.list, oldest": (lambda client, _: length(client.runs.list(order="oldest")), "true"),
    "runs.list, failed": (
        lambda client, _: length(client.runs.list(status="failed")),
        "status = 400",
    ),
    "runs.list().count": (lambda client, _: client.runs.list().count(), "true"),
    "runs.summary": (summary, "true"),
    "runs.export, JSON lines": (export, "true"),
    "events.runs": (runs_of_an_event, 1),
    "runs.list, failed, since=1 day, ended_since=1 day": (
        lambda client, _: length(client.runs.list(status="failed", since=DAY, ended_since=DAY)),
        f"{_FAILED_TODAY} AND queued_at >= {_YESTERDAY}",
    ),
    "runs.list, failed, ended_since=1 day": (
        lambda client, _: length(client.runs.list(status="failed", ended_since=DAY)),
        _FAILED_TODAY,
    ),
}
"""Calls, each with the condition on `trace_runs` for the rows that it returns, or their number."""
