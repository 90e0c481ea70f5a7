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

from scripts.internal.evaluation.meter import LOG, PROGRAMS

if TYPE_CHECKING:
    from scripts.internal.evaluation.jobs import Job

ROOT = Path(__file__).resolve().parents[3]

MOST_SECONDS = 600


def attempt(job: Job, program: str) -> tuple[bool, int, int, str]:
    """Return whether an agent did a job right, its calls, their characters, and its answer."""
    with tempfile.TemporaryDirectory() as folder:
        work, log = Path(folder, "work"), Path(folder, "log")
        work.mkdir()
        night, said = job.begin(work)
        with night.mock.serve() as url:
            server = {"INNGEST_DEV": url}
            if night.key:
                server = {"INNGEST_BASE_URL": url, "INNGEST_SIGNING_KEY": night.key}
            kept = {name: it for name, it in os.environ.items() if not name.startswith("INNGEST_")}
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
            lines = log.read_text("utf-8").splitlines() if log.exists() else []
            return job.is_right(night, answer), len(lines), sum(map(json.loads, lines)), answer


def _programs(folder: Path) -> Path:
    """Write the programs that count, and return the folder that has them."""
    for name, words in PROGRAMS.items():
        command = [sys.executable, "-m", "scripts.internal.evaluation.meter", *words]
        (folder / name).write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', "utf-8")
        (folder / name).chmod(0o755)
    return folder
