"""An export in a process that is killed: the same call goes on without gap or repeat."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from inngest_rest import InngestClient
from inngest_rest._core import arrow
from inngest_rest_mock import MockServer, completes

if TYPE_CHECKING:
    from pathlib import Path

# Kills itself once it has written so many rows.
PROGRAM = """
import os, signal, sys
from inngest_rest import InngestClient
from inngest_rest._operations.export import formats
url, path, kill_at = sys.argv[1:]
formats.SAVE_AFTER_SECONDS, formats.ROWS_PER_FILE = 0.0, 100
def on_progress(rows, _):
    if rows >= int(kill_at):
        os.kill(os.getpid(), signal.SIGKILL)
with InngestClient(dev=url) as client:
    client.runs.export(path, include=['event'], on_progress=on_progress)
"""


@pytest.mark.parametrize("name", ["runs.csv", "runs.parquet"])
def test_killed_twice_every_run_is_there_once(tmp_path: Path, name: str) -> None:
    mock, path = MockServer(), tmp_path / name
    mock.function("shop", "charge", trigger="order/placed", run=completes())
    with mock.serve() as url:
        with InngestClient(dev=url) as client:
            client.send([{"name": "order/placed"} for _ in range(450)])
        ends = [exported(url, path, at) for at in (150, 301, 10_000)]
    assert ends == [-signal.SIGKILL, -signal.SIGKILL, 0]
    if path.is_dir():
        ids = arrow.load("pyarrow.parquet").read_table(path).column("id").to_pylist()
    else:
        ids = [line.partition(",")[0] for line in path.read_text("utf-8").splitlines()[1:]]
    assert sorted(ids) == sorted(run.id for run in mock.runs)


def exported(url: str, path: Path, kill_at: int) -> int:
    """Export in a process of its own, and return its exit code."""
    command = [sys.executable, "-c", PROGRAM, url, str(path), str(kill_at)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, check=False, env=environment, timeout=60).returncode
