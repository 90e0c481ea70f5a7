"""What calls cost on a real server that has many runs: `scripts/soak --binary A --runs N`.

Starts the server, sends as many events, waits until each has a run, and makes the calls whose cost
may grow with the number of runs. Each has to return what was sent.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from inngest_rest import InngestClient
from scripts.internal.servers import started
from tests.contract.live_app import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    # Makes a call; returns the number of rows.
    Call = Callable[[InngestClient], int]

APP = "soak"

DAY = timedelta(days=1)

PATIENCE = 30.0


def measure(binary: Path, runs: int, postgres_uri: str | None) -> Iterator[str]:
    """Yield the rows of a table in Markdown: a call, its seconds, its requests and its rows."""
    # The official SDK declares its models in a way that pydantic 2 deprecates.
    warnings.simplefilter("ignore", DeprecationWarning)
    with started(binary, postgres_uri) as url, serve(url, APP, None, None) as address:
        httpx.put(address, timeout=PATIENCE).raise_for_status()
        with InngestClient(dev=url, timeout=120) as client:
            _run(client, runs)
        yield "| call | seconds | of processor | requests | rows | expected |"
        yield "|---|---|---|---|---|---|"
        for name, (call, expected) in CALLS.items():
            yield _row(name, call, runs if expected is None else expected, url)


def _run(client: InngestClient, runs: int) -> None:
    _wait_until(lambda: bool(_functions(client)), PATIENCE)
    client.send_many({"name": f"{APP}/echoes", "data": {"n": number}} for number in range(runs))
    _wait_until(lambda: client.runs.list().count() >= runs, PATIENCE + runs)


def _functions(client: InngestClient) -> list[object]:
    return [each for app in client.apps.list() for each in client.functions.list(app.id)]


def _wait_until(is_so: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not there within {seconds:g} s")
        time.sleep(1)


class Counting(httpx.HTTPTransport):
    """A transport that counts requests."""

    requests = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        return super().handle_request(request)


def _row(name: str, call: Call, expected: int, url: str) -> str:
    transport = Counting()
    with InngestClient(dev=url, transport=transport, timeout=120) as client:
        began, processor_began = time.perf_counter(), time.process_time()
        rows = call(client)
        seconds = time.perf_counter() - began
        of_processor = time.process_time() - processor_began
    figures = f"{seconds:.2f} | {of_processor:.2f} | {transport.requests:,} | {rows:,}"
    return f"| {name} | {figures} | {'as sent' if rows == expected else f'WRONG: {expected:,}'} |"


def _length(listing: Iterable[object]) -> int:
    return sum(1 for _ in listing)


def _summary(client: InngestClient) -> int:
    groups = client.runs.summary(since=DAY, limit=None).groups
    return sum(sum(group.counts.values()) for group in groups)


def _export(client: InngestClient) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.jsonl"
        client.runs.export(path)
        return _length(path.read_bytes().splitlines())


def _runs_of_an_event(client: InngestClient) -> int:
    run = client.runs.list(limit=1).first()
    assert run is not None
    return _length(client.events.runs(run.event_ids[0]))


CALLS: dict[str, tuple[Call, int | None]] = {
    "runs.list": (lambda client: _length(client.runs.list()), None),
    "runs.list, oldest": (lambda client: _length(client.runs.list(order="oldest")), None),
    "runs.list, failed": (lambda client: _length(client.runs.list(status="failed")), 0),
    "runs.list, ended_since": (lambda client: _length(client.runs.list(ended_since=DAY)), None),
    "runs.list().count": (lambda client: client.runs.list().count(), None),
    "runs.summary": (_summary, None),
    "runs.export": (_export, None),
    "events.runs": (_runs_of_an_event, 1),
}
"""Calls, each with the number of its rows; None stands for all that were sent."""
