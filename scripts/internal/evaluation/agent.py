"""Run an agent of any make on a job, and count what it calls."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from scripts.internal.evaluation.meter import LOG, PROGRAMS

if TYPE_CHECKING:
    from scripts.internal.evaluation.jobs import Job

ROOT = Path(__file__).resolve().parents[3]

MOST_SECONDS = 600

CHARACTERS_OF_TOKEN = 4


@frozen
class Result:
    """What came of a job; `is_right` is None if there is no way to do it."""

    is_right: bool | None
    calls: int = 0
    characters: int = 0
    answer: str = ""

    @property
    def tokens(self) -> int:
        return self.characters // CHARACTERS_OF_TOKEN

    def __str__(self) -> str:
        cost = f"{self.calls}/{self.tokens:,}" if self.calls else "-"
        outcome = {True: "", False: " WRONG", None: " no way"}
        return cost + outcome[self.is_right]


def attempt(job: Job, program: str) -> Result:
    """Let an agent do a job."""
    with tempfile.TemporaryDirectory() as folder:
        work, log = Path(folder, "work"), Path(folder, "log")
        work.mkdir()
        log.touch()
        night, said = job.begin(work)
        with night.mock.serve() as url:
            server = {"INNGEST_DEV": url}
            if night.key:
                server = {"INNGEST_BASE_URL": url, "INNGEST_SIGNING_KEY": night.key}
            kept = {name: text for name, text in os.environ.items() if name[:8] != "INNGEST_"}
            path = f"{_programs(Path(folder))}{os.pathsep}{os.environ['PATH']}"
            try:
                answer = subprocess.run(
                    shlex.split(program),
                    input=said,
                    cwd=work,
                    env={**kept, **server, LOG: str(log), "PATH": path, "PYTHONPATH": str(ROOT)},
                    stdout=subprocess.PIPE,
                    text=True,
                    timeout=MOST_SECONDS,
                    check=False,
                ).stdout
            except subprocess.TimeoutExpired as error:
                answer = str(error)
            costs = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
            return Result(job.is_right(night, answer), len(costs), sum(costs), answer)


def _programs(folder: Path) -> Path:
    """Write the programs that count, and return the folder that has them."""
    for name, words in PROGRAMS.items():
        command = [sys.executable, "-m", "scripts.internal.evaluation.meter", *words]
        (folder / name).write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', "utf-8")
        (folder / name).chmod(0o755)
    return folder
