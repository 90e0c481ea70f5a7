"""Runs of a real server, copied by SQL: the tables in which release 1.43 keeps a run."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from inngest_rest import Event, InngestClient
from scripts.internal.servers import psql
from tests.contract.live_app import serve

if TYPE_CHECKING:
    from collections.abc import Callable

APP = "scale"

TEMPLATES = ("echoes", "fails", "sleeps")
"""The functions whose runs are copied: one completes, one fails, one is open."""

PATIENCE = 30.0

_FOLDER = Path(__file__).parent


def count_runs(database: str, condition: str = "true") -> int:
    """Count the runs that the server can list, by a condition on `trace_runs`."""
    return int(psql(database, f"SELECT count(*) FROM trace_runs WHERE {condition}"))  # noqa: S608


def copy_runs(url: str, database: str, count: int) -> None:
    """Run each function, and copy the runs until there are as many as this."""
    _run_templates(url)
    psql(database, (_FOLDER / "templates.sql").read_text("utf-8"))
    missing = count - count_runs(database)
    psql(database, f"\\set missing {missing}\n{(_FOLDER / 'copies.sql').read_text('utf-8')}")


def _run_templates(url: str) -> None:
    """Let one function complete, one fail and one sleep."""
    began = datetime.now(UTC) - timedelta(minutes=5)
    with serve(url, APP, None, None) as address, InngestClient(dev=url) as client:
        httpx.put(address, timeout=PATIENCE).raise_for_status()
        _wait_until(lambda: _functions(client) >= {*TEMPLATES}, "the functions")
        for name in TEMPLATES:
            client.send(Event(f"{APP}/{name}"))
        _wait_until(
            lambda: _statuses(client, began) == ["completed", "failed", "running"],
            "the runs to copy",
        )


def _functions(client: InngestClient) -> set[str | None]:
    apps = client.apps.list()
    return {function.name for app in apps for function in client.functions.list(app.id)}


def _statuses(client: InngestClient, since: datetime) -> list[str]:
    return sorted(str(run.status) for run in client.runs.list(since=since))


def _wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come to be within {PATIENCE:g} s")
        time.sleep(0.2)
