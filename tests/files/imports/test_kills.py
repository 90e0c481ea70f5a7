"""`send_file` in a process that is killed, and goes on after it.

Nothing is lost, and nothing runs twice.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from inngest_rest_mock import MockServer
from tests.files.imports.ndjson import write

if TYPE_CHECKING:
    from pathlib import Path


# Kills itself once it is told of so many batches, while others are under way.
PROGRAM = """
import os, signal, sys
from inngest_rest import InngestClient
url, path, batches = sys.argv[1:]
told = []
def on_batch(report):
    told.append(report)
    if len(told) == int(batches):
        os.kill(os.getpid(), signal.SIGKILL)
with InngestClient(event_key="k", dev=url) as client:
    about = {"columns": {"name": "name", "n": "data.n:int"}} if path.endswith(".csv") else {}
    client.send_file(path, batch_size=5, resume=True, on_batch=on_batch, **about)
"""


@pytest.mark.parametrize(
    ("name", "batches"),
    [("e.ndjson", 1), ("e.ndjson", 7), ("e.ndjson", 30), ("e.csv", 30)],
)
def test_killed_and_resumed_every_line_or_row_runs_once(
    tmp_path: Path, name: str, batches: int
) -> None:
    mock = MockServer()
    mock.function("shop", "charge", trigger="e*")
    file = tmp_path / name
    if name == "e.csv":
        file.write_text("name,n\n" + "".join(f'"e{n}",{n}\n' for n in range(400)))
    else:
        write(file, 400)
    with mock.serve() as url:
        assert send(url, file, kill_at=batches) == -signal.SIGKILL
        assert len(mock.events) < 400
        assert send(url, file, kill_at=0) == 0
    assert sorted({each.name for each in mock.events}) == sorted(f"e{n}" for n in range(400))
    assert len(mock.runs) == 400


def send(url: str, file: Path, *, kill_at: int) -> int:
    """Send a file in a process of its own and return its exit code."""
    command = [sys.executable, "-c", PROGRAM, url, str(file), str(kill_at)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, check=False, env=environment, timeout=60).returncode
