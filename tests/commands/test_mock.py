"""`inngest-rest mock` serves a mock server until a signal ends it, and says how to use it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient, TransportError
from inngest_rest_tools.command import local
from inngest_rest_tools.command.program import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Seconds after which a command that hangs fails its test.
PATIENCE = 60.0


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "inngest_rest_tools", "mock", "--port", "0", *arguments]
    with subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_is_a_dev_server_with_the_shop_until_a_signal_ends_it(ending: signal.Signals) -> None:
    with serving() as process:
        envelope = json.loads(read_line(process))
        assert envelope["ok"]
        with InngestClient(dev=envelope["data"]["url"]) as client:
            totals = [{"total": total} for total in (5, 900, None, "a lot")]
            client.send([{"name": "app/order.created", "data": each} for each in totals])
            client.send_and_wait({"name": "app/order.paid", "data": {}}, timeout=PATIENCE)
            statuses = [
                (run.function_id, run.status)
                for run in client.runs.list()
                if run.status != "running"
            ]
        assert sorted(statuses) == [
            *[("charge", "completed")] * 3,
            ("charge", "failed"),
            ("receipt", "completed"),
        ]
        process.send_signal(ending)
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert process.stderr.read().startswith("5 events, ")


def test_a_person_is_told_what_to_do_with_it() -> None:
    with serving("-o", "table", "--release", "1.33", "--host", "127.0.0.2") as process:
        first = read_line(process)
        assert first.startswith("A mock server of Inngest is at http://127.0.0.2:")
        url = first.split()[7].rstrip(",")
        with InngestClient(dev=url) as client:
            assert client.diagnose().release == "1.33.0"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert process.stdout is not None
        assert f"export INNGEST_DEV={url}\n" in process.stdout.read()


class Ended(threading.Event):
    """What the command waits for: a signal comes as soon as it does, after what is done first."""

    def __init__(self, ending: signal.Signals, first: Callable[[], object]) -> None:
        super().__init__()
        self._ending, self._first = ending, first

    def wait(self, timeout: float | None = None) -> bool:
        self._first()
        signal.raise_signal(self._ending)
        return super().wait(PATIENCE if timeout is None else timeout)


@pytest.fixture
def end_with(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """End a command of this process by a signal once it waits for one."""

    def end_with(ending: signal.Signals, first: Callable[[], object] = bool) -> None:
        event = partial(Ended, ending, first)
        monkeypatch.setattr(local, "threading", SimpleNamespace(Event=event))

    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield end_with
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_as_long_as_it_waits(
    ending: signal.Signals, end_with: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    served: list[str] = []

    def send() -> None:
        served.append(json.loads(capsys.readouterr().out)["data"]["url"])
        with InngestClient(dev=served[0]) as client:
            client.send({"name": "app/order.paid", "data": {}})

    end_with(ending, send)
    assert run(["mock", "--port", "0"]) == 0
    assert capsys.readouterr() == ("", "1 events, 1 requests.\n")
    with InngestClient(dev=served[0], retries=0) as client, pytest.raises(TransportError):
        list(client.runs.list())


def test_a_table_is_what_to_do_with_it_and_ids_are_none(
    end_with: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    end_with(signal.SIGTERM)
    assert run(["mock", "--port", "0", "-o", "table"]) == 0
    out = capsys.readouterr().out
    (url,) = re.findall(r"is at (http://127.0.0.1:\d+), until Ctrl-C", out)
    assert f"\n  export INNGEST_DEV={url}\n" in out
    named = re.findall(r"^  shop/(\w+) +([\w./]+) +(.*)$", out, re.MULTILINE)
    assert named == [
        ("charge", "app/order.created", "fails if data.total is above 100"),
        ("ship", "app/order.created", "sleeps for a day"),
        ("receipt", "app/order.paid", "completes"),
    ]
    assert run(["mock", "--port", "0", "-o", "id"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("form", ["table", "json"])
def test_where_it_is_can_be_read_in_a_file_while_it_serves(
    form: str, end_with: Callable[..., None], tmp_path: Path
) -> None:
    path, read = tmp_path / "mock.txt", list[str]()
    end_with(signal.SIGTERM, lambda: read.append(path.read_text()))
    assert run(["mock", "--port", "0", "-o", form, "--output-file", str(path)]) == 0
    assert "http://127.0.0.1:" in read[0]


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    status = run(["mock", *arguments])
    return status, json.loads(capsys.readouterr().out)["error"]


def test_a_port_that_is_taken_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, error = failure(capsys, "--port", port)
    assert (status, error["code"], error["field"]) == (2, "usage", "port")
    assert port in error["message"]
    assert "--port 0" in error["message"]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["--port", "70000"], "port"),
        (["--release", "newest"], "release"),
        (["--fields", "x"], "fields"),
    ],
)
def test_a_malformed_option_is_named(
    arguments: list[str], field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, error = failure(capsys, *arguments)
    assert (status, error["code"], error["field"]) == (2, "usage", field)
