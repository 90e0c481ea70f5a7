"""Replays by the command, of which a process is killed, interrupted, or runs out of disk."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient
from inngest_rest_mock import MockEvent, MockServer, answers
from tests.cli.test_process import start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

FINISHED = 12


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

    def start(self, *ids: str, **options: Any) -> subprocess.Popen[bytes]:
        tokens = [
            "runs",
            "replay",
            *(ids or self.ids),
            "--yes",
            "-o",
            "json",
            "--report",
            str(self.report),
        ]
        return start(self.environment, *tokens, stdout=subprocess.PIPE, **options)

    def run(self, *ids: str, **options: Any) -> tuple[int, Any]:
        """Run the command; return its status and its answer."""
        with self.start(*ids, **options) as process:
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

    def finish(self) -> None:
        """Run the command to its end, and check that each run was replayed once in all.

        What it leaves unknown was never requested: that is replayed by a second report.
        """
        assert set(self.replayed()) <= set(self.on_disk())
        self.meanwhile = lambda: None
        if self.run()[0] not in {0, FINISHED}:
            self.report = self.report.with_name("second.jsonl")
            self.run(*set(self.ids).difference(self.replayed()))
        assert self.replayed() == sorted(self.ids)


@pytest.fixture
def replays(tmp_path: Path) -> Iterator[Replays]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    replays = Replays(kept | {"TERM": "xterm"}, tmp_path / "report.jsonl")
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
    replays.mock.fault(answers(400, "no"), operation="rerun_run_v2")
    with (
        InngestClient(dev=True, transport=replays.mock.transport) as client,
        pytest.raises(KeyboardInterrupt),
    ):
        client.runs.replay_all(replays.ids, report_path=probe, on_result=interrupt, in_flight=1)
    room = probe.stat().st_size + 300

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
