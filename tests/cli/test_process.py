"""The command as a process of its own: pipes, signals, streams that are closed or full."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import resource
import signal
import struct
import subprocess
import sys
import termios
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient
from inngest_rest_mock import MockEvent, MockServer, completes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

COMMAND = [sys.executable, "-m", "inngest_rest_tools"]

F_SETPIPE_SZ = 1031

FINISHED = 12


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Serve 60 runs, and events with a letter that ASCII lacks."""
    mock = MockServer()
    mock.function("shop", "charge", trigger="order/placed", run=completes({"paid": 1}))
    client = InngestClient(dev=True, transport=mock.transport)
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
    tokens = ["runs", "watch", "--since", "1h", "--every", "60"]
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

    tokens = ["runs", "watch", "--since", "1h", "--every", "60"]
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
        while b"shop/charge" not in written:
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


def interrupt(_: object) -> None:
    raise KeyboardInterrupt


class Replays:
    """Nine failed runs, and what happens while one of them is replayed."""

    def __init__(self, environment: Mapping[str, str], report: Path) -> None:
        self.report, self.environment = report, dict(environment)
        self.meanwhile: Callable[[], object] = lambda: None
        self.mock = MockServer()
        self.mock.function("shop", "boom", trigger="order/placed", run=self._boom)
        InngestClient(dev=True, transport=self.mock.transport).send([{"name": "order/placed"}] * 9)
        self.ids = [run.id for run in self.mock.runs]

    def _boom(self, _event: MockEvent) -> None:
        self.meanwhile()
        raise RuntimeError

    def start(self, **options: Any) -> subprocess.Popen[bytes]:
        tokens = ["runs", "replay", *self.ids, "--yes", "-o", "json", "--report", str(self.report)]
        return start(self.environment, *tokens, stdout=subprocess.PIPE, **options)

    def run(self, **options: Any) -> tuple[int, Any]:
        """Run the command; return its status and its answer."""
        with self.start(**options) as process:
            out, err = process.communicate()
        assert b"Traceback" not in err
        return process.returncode, json.loads(out or "null")

    def on_disk(self) -> list[str]:
        """Return the runs whose request may have been sent, by the report."""
        _, *rows = map(json.loads, self.report.read_text().splitlines())
        return sorted({row["id"] for row in rows if row["outcome"] != "not_tried"})

    def replayed(self) -> list[str]:
        """Return the original of each replay."""
        return sorted(it.original_run_id for it in self.mock.runs if it.original_run_id)

    def age(self) -> None:
        """Let ten minutes pass, of the clock of this machine, too."""
        rows = list(map(json.loads, self.report.read_text().splitlines()))
        for row in rows:
            for name in {"requested_at", "requested_at_here"} & row.keys():
                before = datetime.fromisoformat(row[name]) - timedelta(minutes=10)
                row[name] = before.isoformat()
        self.report.write_text("".join(f"{json.dumps(row)}\n" for row in rows))

    def finish(self) -> None:
        """Run the command to its end, and check that each run was replayed once in all."""
        assert set(self.replayed()) <= set(self.on_disk())
        self.meanwhile = lambda: None
        if self.run()[0] not in {0, FINISHED}:
            self.age()  # a request that was never sent has had its time to arrive
            self.run()
        assert self.replayed() == sorted(self.ids)


@pytest.fixture
def replays(environment: dict[str, str], tmp_path: Path) -> Iterator[Replays]:
    replays = Replays(environment, tmp_path / "report.jsonl")
    with replays.mock.serve() as url:
        replays.environment["INNGEST_DEV"] = url
        yield replays


def test_no_run_is_replayed_twice_if_a_kill_hits_replays_under_way(replays: Replays) -> None:
    with replays.start() as process:
        replays.meanwhile = process.kill
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert 0 < len(replays.replayed()) < 9
    replays.finish()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_no_run_is_replayed_twice_however_often_ctrl_c_is_pressed(
    replays: Replays, count: int
) -> None:
    with replays.start() as process:
        presses = iter(range(count))

        def press() -> None:
            for _ in presses:
                process.send_signal(signal.SIGINT)

        replays.meanwhile = press
        process.communicate()
    assert process.returncode in {130, -signal.SIGINT}
    replays.finish()


def test_of_two_processes_on_one_report_one_acts(replays: Replays) -> None:
    answers: list[tuple[int, Any]] = []

    def once() -> None:
        replays.meanwhile = lambda: None
        answers.append(replays.run())

    replays.meanwhile = once
    assert replays.run()[1]["data"]["counts"] == {"done": 9}
    ((status, answer),) = answers
    assert (status, answer["error"]["field"]) == (2, "report")
    assert "in use by another process" in answer["error"]["message"]
    assert replays.replayed() == sorted(replays.ids)
    assert replays.run()[0] == FINISHED


def test_a_full_disk_ends_replays_with_the_counts_of_what_was_done(replays: Replays) -> None:
    probe = replays.report.with_name("probe")
    with (
        InngestClient(dev=True, transport=replays.mock.transport) as client,
        pytest.raises(KeyboardInterrupt),
    ):
        client.runs.replay_all(replays.ids, report_path=probe, on_start=interrupt)
    room = probe.stat().st_size + 700

    def fill() -> None:
        # As on a full disk, a write fails or takes a part; bytecode is none of it.
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    replays.environment["PYTHONDONTWRITEBYTECODE"] = "1"
    status, answer = replays.run(preexec_fn=fill)
    assert status == 6
    counts = answer["data"]["counts"]
    assert "File too large" in answer["error"]["message"]
    assert counts["done"] + counts["not_tried"] == 9
    replays.finish()
