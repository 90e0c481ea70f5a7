"""The command as a process of its own: pipes, signals, streams that are closed or full."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient
from inngest_rest_mock import MockServer, completes, sleeps

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-m", "inngest_rest_tools"]

F_SETPIPE_SZ = 1031


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Serve 60 runs that ended and an open one, and events with a letter that ASCII lacks."""
    # The command may start in less time than events take to appear.
    mock = MockServer(visibility_delay=0)
    mock.function("shop", "charge", trigger="order/placed", run=completes({"paid": 1}))
    mock.function("shop", "ship", trigger="order/paid", run=sleeps(timedelta(days=1)))
    client = InngestClient(dev=True, transport=mock.transport)
    client.send({"name": "order/paid"})
    client.send([{"name": "order/placed", "data": {"name": "René"}}] * 60)
    with mock.serve() as url:
        yield url


@pytest.fixture
def environment(server: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    return kept | {"INNGEST_DEV": server, "TERM": "xterm"}


def start(environment: dict[str, str], *tokens: str, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, *tokens],
        env=environment,
        **{"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, **options},
    )


def loaded_by(environment: dict[str, str], *tokens: str) -> set[bytes]:
    imports = [sys.executable, "-X", "importtime", *COMMAND[1:], *tokens]
    done = subprocess.run(imports, env=environment, capture_output=True, check=False)
    return {line.rpartition(b"|")[2].strip() for line in done.stderr.splitlines()}


def test_help_imports_no_httpx(environment: dict[str, str]) -> None:
    for tokens in (["--help"], ["runs", "list", "--help"]):
        assert b"httpx" not in loaded_by(environment, *tokens)


def test_what_the_command_of_httpx_needs_is_not_imported(environment: dict[str, str]) -> None:
    environment["INNGEST_DEV"] = "http://127.0.0.1:1"
    loaded = loaded_by(environment, "--retries", "0", "runs", "list")
    assert b"httpx" in loaded
    assert not loaded & {b"click", b"pygments"}


def test_a_reader_that_stops_ends_it_quietly(environment: dict[str, str]) -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, F_SETPIPE_SZ, 4096)
    with start(environment, "runs", "list", "--all", "-o", "ndjson", stdout=writing) as process:
        os.close(writing)
        begin = os.read(reading, 100)
        os.close(reading)
        _, err = process.communicate()
    assert begin.startswith(b'{"id":"')
    assert (process.returncode, err) == (141, b"")


def test_ctrl_c_ends_it_without_a_traceback(environment: dict[str, str]) -> None:
    tokens = ["runs", "watch", "--every", "60"]
    with start(environment, *tokens, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130
    assert json.loads(first)["kind"] == "appeared"
    assert json.loads(out.splitlines()[-1])["error"]["code"] == "interrupted"
    (announced,) = err.splitlines()
    assert announced.startswith(b"Watching runs at http://")
    assert announced.endswith(b" until Ctrl-C.")


def test_ctrl_c_on_a_terminal_ends_a_watch(environment: dict[str, str]) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))

    def take_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    tokens = ["runs", "watch", "--every", "60"]
    streams = {"stdin": slave, "stdout": slave, "stderr": slave}
    written = b""
    with start(
        environment,
        *tokens,
        **streams,
        start_new_session=True,
        preexec_fn=take_terminal,
    ) as process:
        os.close(slave)
        while b"shop/ship" not in written:
            written += os.read(master, 65536)
        os.write(master, b"\x03")
        try:
            while found := os.read(master, 65536):
                written += found
        except OSError:  # the other end is closed
            pass
    os.close(master)
    assert process.returncode == 130
    assert b"Traceback" not in written
    assert b"inngest-rest: interrupted" in written


@pytest.mark.parametrize("tokens", [["runs", "list"], ["--help"], ["--version"]])
def test_an_answer_that_cannot_be_written_is_an_error(
    environment: dict[str, str], tokens: list[str]
) -> None:
    with (
        open("/dev/full", "w") as full,  # noqa: PTH123
        start(environment, *tokens, stdout=full) as process,
    ):
        _, err = process.communicate()
    assert process.returncode == 1
    assert b"the answer cannot be written" in err
    assert b"Traceback" not in err


def test_output_that_is_closed_is_done_without(environment: dict[str, str]) -> None:
    process = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "runs", "list", "-q"],
        env=environment,
        stderr=subprocess.PIPE,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, b"")


def test_input_that_is_closed_is_empty(environment: dict[str, str]) -> None:
    process = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, "mcp"],
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, b"", b"")


def test_json_is_utf_8_whatever_the_locale(environment: dict[str, str]) -> None:
    environment |= {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with start(environment, "events", "list", "-q", stdout=subprocess.PIPE) as process:
        out, _ = process.communicate()
    assert process.returncode == 0
    assert json.loads(out.decode("utf-8"))["data"]["items"][0]["data"] == {"name": "René"}
