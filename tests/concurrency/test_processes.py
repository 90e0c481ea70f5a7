"""Clients in several processes: forks under way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.concurrency.echo import Echo
from tests.support.peer import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def run(folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program from a file, as `multiprocessing` needs it."""
    file = folder / "program.py"
    file.write_text(script, encoding="utf-8")
    return subprocess.run(
        # Python warns about forking with threads, which is what is tested here.
        [sys.executable, "-W", "ignore:This process", str(file), *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=PATIENCE * 6,
        check=False,
    )


FORK_UNDER_WAY = """
import os, sys, threading
from inngest_rest import InngestClient

client = InngestClient(dev=sys.argv[1], timeout=20)
is_over = threading.Event()
wrong = []

def send(thread):
    number = 0
    while not is_over.is_set():
        name = f"parent/{thread}/{number}"
        if client.send({"name": name}) != [name]:
            wrong.append(name)
        number += 1

threads = [threading.Thread(target=send, args=(thread,)) for thread in range(8)]
for thread in threads:
    thread.start()
children = []
for child in range(5):
    client.send({"name": f"before/{child}"})
    pid = os.fork()
    if not pid:
        names = [f"child/{child}/{number}" for number in range(5)]
        os._exit([client.send({"name": name}) for name in names] != [[name] for name in names])
    children.append(pid)
statuses = [os.waitpid(pid, 0)[1] for pid in children]
is_over.set()
for thread in threads:
    thread.join()
client.close()
assert statuses == [0] * 5, statuses
assert not wrong, wrong
"""


@needs_fork
def test_children_of_a_fork_under_way_use_connections_of_their_own(tmp_path: Path) -> None:
    with Echo() as echo:
        ended = run(tmp_path, FORK_UNDER_WAY, echo.url)
        echo.wait_until_all_hung_up()
    assert (ended.stderr, ended.returncode) == ("", 0)
    children = Counter(name for name in echo.names if name.startswith("child/"))
    assert len(children) == 25
