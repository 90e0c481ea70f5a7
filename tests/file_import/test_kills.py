"""`send_file` in a process that is killed: resumed, it loses nothing and repeats nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from inngest_rest.testing import MockServer
from tests.support.ndjson import write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "orders.ndjson"


PROGRAM = """
import sys
from inngest_rest import InngestClient
url, path = sys.argv[1:]
with InngestClient(event_key="k", dev=url) as client:
    client.send_file(path, batch_size=5, resume=True, on_batch=lambda _: print(flush=True))
"""


@pytest.mark.parametrize("batches", [1, 7, 30])
def test_killed_and_resumed_every_line_runs_once(file: Path, batches: int) -> None:
    mock = MockServer()
    mock.function("shop", "charge", trigger="e*")
    write(file, 400)
    with mock.serve() as url:
        command = [sys.executable, "-c", PROGRAM, url, str(file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as process:
            assert process.stdout is not None
            for _ in range(batches):
                assert process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert len(mock.events) < 400
        subprocess.run(command, check=True, capture_output=True, env=environment(), timeout=30)
    assert sorted({each.name for each in mock.events}) == sorted(f"e{n}" for n in range(400))
    assert len(mock.runs) == 400


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
