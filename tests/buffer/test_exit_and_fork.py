"""Buffers when the interpreter ends, and when the process forks."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from inngest_rest import EventBuffer, InngestClient, InvalidArgumentError
from inngest_rest_mock import MockServer
from tests.support.peer import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


PREAMBLE = """
import os, sys, threading
from inngest_rest import EventBuffer, InngestClient
url, path = sys.argv[1], sys.argv[2] or None
client = InngestClient(dev=url, retries=0)
def buffer_of(**options):
    return EventBuffer(client, path, max_age=1_000, **{"exit_timeout": 60, **options})
"""


def run_script(script: str, url: str, path: Path | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        # Python warns about forking with threads, which is what is tested here.
        [
            sys.executable,
            "-W",
            "ignore:This process",
            "-c",
            PREAMBLE + script,
            url,
            str(path or ""),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


def test_interpreter_exit_sends_what_is_left(store: Path | None) -> None:
    mock = MockServer()
    script = "b = buffer_of(); [b.add({'name': 'a', 'id': str(i)}) for i in range(1_000)]"
    with mock.serve() as url:
        ended = run_script(script, url, store)
    assert (ended.stdout, ended.stderr) == ("", "")
    assert [each.id for each in mock.events] == [str(number) for number in range(1_000)]


def test_interpreter_exit_waits_no_longer_than_exit_timeout(store: Path | None) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        ended = run_script("buffer_of(exit_timeout=0.1).add({'name': 'a'})", url, store)
    expected = "1 events were not accepted when" if store is None else "1 events are left in"
    assert expected in ended.stderr


def test_many_buffers_wait_no_longer_at_exit_than_one() -> None:
    script = """
import atexit, time
atexit.register(lambda: print(time.monotonic() - began))
for _ in range(30):
    buffer_of(exit_timeout=1).add({'name': 'a'})
began = time.monotonic()
"""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        ended = run_script(script, f"http://127.0.0.1:{silent.getsockname()[1]}", None)
    assert float(ended.stdout) < 15


SIGTERM = """
import signal, time
def end():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(20)
"""


def test_sigterm_can_be_made_an_ordinary_exit(store: Path | None) -> None:
    mock = MockServer()
    script = f"""{SIGTERM}
b = buffer_of(exit_on_sigterm=True)
b.add({{'name': 'a'}})
end()
"""
    with mock.serve() as url, pytest.raises(subprocess.CalledProcessError) as caught:
        run_script(script, url, store)
    assert caught.value.returncode == 128 + signal.SIGTERM
    assert caught.value.stderr == ""
    assert len(mock.events) == 1


def test_a_handler_for_sigterm_that_the_program_has_stays() -> None:
    script = f"""{SIGTERM}
signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
b = buffer_of(exit_on_sigterm=True)
end()
"""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run_script(script, "http://127.0.0.1:1", None)
    assert caught.value.returncode == 5


@pytest.fixture
def sigterm() -> Iterator[None]:
    """Let SIGTERM end the process as in a program that has no handler, for one test."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("sigterm")
def test_sigterm_raises_system_exit_once_where_the_program_has_no_handler() -> None:
    with InngestClient(dev=True) as client, EventBuffer(client, exit_on_sigterm=True):
        with pytest.raises(SystemExit) as caught:
            signal.raise_signal(signal.SIGTERM)
        assert caught.value.code == 128 + signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        signal.signal(signal.SIGTERM, end := print)
        EventBuffer(client, exit_on_sigterm=True).close()
        assert signal.getsignal(signal.SIGTERM) is end


def test_a_second_sigterm_ends_the_process_at_once() -> None:
    script = f"""{SIGTERM}
import atexit
b = buffer_of(exit_on_sigterm=True, exit_timeout=20)
atexit.register(end)
end()
"""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run_script(script, "http://127.0.0.1:1", None)
    assert caught.value.returncode == -signal.SIGTERM


def test_sigterm_is_left_alone_outside_of_the_main_thread() -> None:
    client = InngestClient(dev=True)

    def make() -> None:
        EventBuffer(client, exit_on_sigterm=True)

    with ThreadPoolExecutor(1) as pool, pytest.raises(InvalidArgumentError, match="main thread"):
        pool.submit(make).result()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_parent_goes_on_with_its_buffer_after_a_fork(store: Path | None) -> None:
    mock = MockServer()
    with (
        InngestClient(dev=True, transport=mock.transport) as client,
        EventBuffer(client, store, max_age=1_000) as buffer,
    ):
        buffer.add({"name": "a"})
        with warnings.catch_warnings():
            # Python warns of threads, as the buffer has one.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        buffer.add({"name": "b"})
        assert buffer.flush(PATIENCE)
    assert [each.name for each in mock.events] == ["a", "b"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_starts_empty_and_both_send_their_own(store: Path | None) -> None:
    mock = MockServer()
    mock.function("app", "once", trigger="*")
    script = """
b = buffer_of()
b.add({"name": "warm", "id": "warm"})
assert b.flush(60)
b.add({"name": "a", "id": "of the parent"})
pid = os.fork()
if not pid:
    assert b.report.accepted == b.dropped == 0
    if path is None:
        assert b.pending == 0
    elif os.path.isdir("/proc/self/fd"):
        open_files = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
        assert not [file for file in open_files if path in file], "a connection was carried over"
    for number in range(100):
        b.add({"name": "a", "id": f"of the child {number}"})
        b.add({"name": "a", "id": f"second of the child {number}"})
        assert b.flush(60)
    sys.exit()
for number in range(100):
    b.add({"name": "a", "id": f"of the parent {number}"})
    assert b.flush(60)
assert os.waitpid(pid, 0)[1] == 0
"""
    with mock.serve() as url:
        ended = run_script(script, url, store)
    assert (ended.stdout, ended.stderr) == ("", "")
    ids = [each.id for each in mock.events]
    assert len(set(ids)) == 302
    assert len(mock.runs) == 302
    if store is None:
        assert len(ids) == 302
