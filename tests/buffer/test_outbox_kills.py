"""An outbox under `kill -9`: every event that was added is accepted or still in the file.

Two processes at a time share one file, are killed at random moments, and come back with clocks
that are hours off. `pytest tests/buffer/test_outbox_kills.py --kill-rounds 5000` runs longer.
"""

from __future__ import annotations

import os
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from inngest_rest import EventBuffer, InngestClient
from inngest_rest_mock import MockServer, drops, loses_response
from tests.support.chance import drawing
from tests.support.clock import with_clock

if TYPE_CHECKING:
    import pytest

VICTIM = Path(__file__).with_name("outbox_victim.py")
SEED = 20_261_124
THREADS = 2


class Lane:
    """A row of victims, one at a time.

    Attributes:
        added: The ids whose `add` had returned.
    """

    def __init__(self, path: Path, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(VICTIM), str(path), url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._victim = 0
        self._text = b""
        self.added: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._input.close()
        while self._read(None):
            pass
        self._output.close()
        assert self._process.wait() == 0

    def start(self, name: str, skew: float) -> None:
        self._input.write(f"{name} {skew}\n".encode())
        self._input.flush()
        while not self._victim:
            assert self._read(None), "the process that makes victims is gone"

    def listen(self, until: float) -> None:
        """Collect the ids that the victim prints, until then."""
        while (left := until - time.monotonic()) > 0:
            self._read(left)

    def kill(self) -> None:
        if self._victim:
            os.kill(self._victim, signal.SIGKILL)
            self._victim = 0

    def _read(self, timeout: float | None) -> bool:
        readable, _, _ = select.select([self._output], [], [], timeout)
        chunk = os.read(self._output.fileno(), 65_536) if readable else b""
        *lines, self._text = (self._text + chunk).split(b"\n")
        for line in lines:
            kind, what = line.decode().split()
            if kind == "victim":
                self._victim = int(what)
            else:
                self.added.append(what)
        return bool(chunk)


# On a machine whose clock is four hours ahead.
Later = with_clock(InngestClient, now=lambda: time.time() + 14_400)


def ids_in(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as db:
        return {
            msgspec.json.decode(text)["id"] for (text,) in db.execute("SELECT text FROM entries")
        }


def test_every_event_is_accepted_or_in_the_file_and_runs_once(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    rounds: int = pytestconfig.getoption("--kill-rounds")
    chance = drawing(SEED)
    path = tmp_path / "outbox.db"
    mock = MockServer()
    mock.function("app", "once", trigger="kill/*")
    faults = [
        mock.fault(drops(), times=max(rounds // 4, 1), after=20),
        mock.fault(loses_response(), times=max(rounds // 4, 1), after=40),
    ]
    with mock.serve() as url:
        with ExitStack() as stack:
            lanes = [stack.enter_context(Lane(path, url)) for _ in range(2)]
            number = 0
            # On a busy machine a victim adds little before it is killed: then there are more, and
            # they live longer.
            while number < rounds or sum(len(lane.added) for lane in lanes) <= rounds:
                lane = lanes[number % 2]
                lane.kill()
                lane.start(f"{number}", chance.uniform(-7_200, 7_200))
                lifetime = 0.06 * (1 + number // rounds)
                lane.listen(time.monotonic() + chance.expovariate(1 / lifetime))
                number += 1
        added = {id for lane in lanes for id in lane.added}
        accepted = {each.id for each in mock.events}
        kept = ids_in(path)
        assert added <= accepted | kept

        # Per thread, at most one event was stored whose `add` did not return.
        unheard = Counter(id.rpartition("-")[0] for id in (accepted | kept) - added)
        assert set(unheard.values()) <= {1}
        assert len(unheard) <= number * THREADS

        # The next buffer to open the file sends the rest, and nothing runs twice.
        for fault in faults:
            fault.clear()
        with Later(dev=url) as client, EventBuffer(client, path) as buffer:
            assert buffer.flush(60)
            assert buffer.dead_letters() == []
        assert ids_in(path) == set()
    internal = {each.internal_id: each.id for each in mock.events}
    runs = Counter(internal[each.event_id] for each in mock.runs)
    assert runs.keys() == accepted | kept
    assert set(runs.values()) == {1}
