"""Buffers in several processes: multiprocessing, exit under way."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from inngest_rest_mock import MockServer
from tests.concurrency.echo import Echo
from tests.concurrency.test_processes import needs_fork, run

if TYPE_CHECKING:
    from pathlib import Path

MULTIPROCESSING = """
import multiprocessing, sys
from inngest_rest import EventBuffer, InngestClient

def work(url, path, name):
    with InngestClient(dev=url) as client, EventBuffer(client, path) as buffer:
        for number in range(20):
            buffer.add({"name": "a", "id": f"{name}-{number}"})
        client.send({"name": "a", "id": f"{name}-sent"})

if __name__ == "__main__":
    method, url, path = sys.argv[1:]
    context = multiprocessing.get_context(method)
    client = InngestClient(dev=url)
    buffer = EventBuffer(client, path, max_age=0.001)
    buffer.add({"name": "a", "id": "parent-0"})
    children = [
        context.Process(target=work, args=(url, path, f"child {number}")) for number in range(2)
    ]
    for child in children:
        child.start()
    buffer.add({"name": "a", "id": "parent-1"})
    for child in children:
        child.join()
    assert buffer.close() == 0
    client.close()
    assert [child.exitcode for child in children] == [0, 0]
"""


@pytest.mark.parametrize(
    "method",
    [
        pytest.param("fork", marks=needs_fork),
        "spawn",
        pytest.param("forkserver", marks=needs_fork),
    ],
)
def test_processes_of_multiprocessing_share_a_file(method: str, tmp_path: Path) -> None:
    mock = MockServer()
    mock.function("app", "once", trigger="a")
    with mock.serve() as url:
        ended = run(tmp_path, MULTIPROCESSING, method, url, str(tmp_path / "outbox.db"))
    assert (ended.stderr, ended.returncode) == ("", 0)
    names = ("child 0", "child 1")
    expected = {f"{name}-{number}" for name in names for number in (*range(20), "sent")}
    stored = {event.internal_id: event.id for event in mock.events}
    assert {*stored.values()} == expected | {"parent-0", "parent-1"}
    runs = Counter(stored[run.event_id] for run in mock.runs)
    assert {*runs.values()} == {1}


FIRST_REQUEST = """
import sys, threading
import httpx
from inngest_rest import EventBuffer, InngestClient

load_certificates = httpx.create_ssl_context

def load_certificates_here():
    assert threading.current_thread() is threading.main_thread()
    return load_certificates()

httpx.create_ssl_context = load_certificates_here

with InngestClient(dev=sys.argv[1]) as client, EventBuffer(client) as buffer:
    before = set(sys.modules)
    buffer.add({"name": "a"})
    assert buffer.flush()
    print(*sys.modules.keys() - before)
"""


def test_the_thread_of_a_buffer_loads_nothing_that_a_fork_could_cut_off(tmp_path: Path) -> None:
    with Echo() as echo:
        ended = run(tmp_path, FIRST_REQUEST, echo.url.replace("127.0.0.1", "localhost"))
    assert (ended.stdout, ended.stderr) == ("\n", "")


EXIT_UNDER_WAY = """
import itertools, sys, threading
from inngest_rest import EventBuffer, InngestClient, InngestError

client = InngestClient(dev=sys.argv[1])
buffer = EventBuffer(client, max_age=0.001)
added = 0
has_begun = threading.Event()

def send():
    for number in itertools.count():
        client.send({"name": f"sent/{number}"})
        has_begun.set()

def send_many():
    client.send_many({"name": f"many/{number}"} for number in itertools.count())

for work in (send, send_many):
    threading.Thread(target=work, daemon=True).start()
has_begun.wait(20)
for number in range(1_000):
    buffer.add({"name": f"added/{number}"})
"""


def test_exit_with_work_under_way_is_bounded_and_flushes_what_was_added(tmp_path: Path) -> None:
    with Echo() as echo:
        ended = run(tmp_path, EXIT_UNDER_WAY, echo.url)
    assert (ended.stderr, ended.returncode) == ("", 0)
    added = {name for name in echo.names if name.startswith("added/")}
    assert len(added) == 1_000


EXIT_OF_A_LOOP = """
import asyncio, sys
from inngest_rest import AsyncEventBuffer, AsyncInngestClient

async def main():
    client = AsyncInngestClient(dev=sys.argv[1])
    buffer = AsyncEventBuffer(client, max_age=1_000)
    tasks = [asyncio.create_task(client.send({"name": f"{n}"})) for n in range(100)]
    await tasks[0]
    for n in range(7):
        await buffer.add({"name": f"added/{n}"})

asyncio.run(main())
"""


def test_a_loop_that_ends_with_work_under_way_leaves_no_traceback(tmp_path: Path) -> None:
    with Echo() as echo:
        ended = run(tmp_path, EXIT_OF_A_LOOP, echo.url)
    assert ended.returncode == 0
    assert ended.stderr == "7 events were not accepted when the buffer closed; see report\n"
