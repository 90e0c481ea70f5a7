"""Run the contract cases on one server, in a pytest of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.contract.live_report import Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.contract.live_world import Server

ROOT = Path(__file__).resolve().parents[3]


class NothingTestedError(Exception):
    """The cases did not run; the message says why."""


class Tried(NamedTuple):
    """What came of the cases on one server.

    Attributes:
        report: What came of each case.
        status: The exit status of pytest: 0 if none failed.
    """

    report: Report
    status: int


def try_cases(server: Server, arguments: Sequence[str]) -> Tried:
    """Run the cases and return what came of them.

    Raises:
        NothingTestedError: pytest ended early: the app could not be served, or no case was chosen.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            *(sys.executable, "-m", "pytest", "tests/contract/cases", "--live-url", server.url),
            # The reasons are listed at the end, by cause; an argument may ask for tracebacks.
            *("--quiet", "--tb=no", "--no-summary"),
            *("--live-report", str(report)),
            *arguments,
        ]
        done = subprocess.run(command, cwd=ROOT, env=_environment(server), check=False)
        if done.returncode not in (0, 1) or not report.exists():
            raise NothingTestedError(f"pytest ended with status {done.returncode}")
        return Tried(Report.read(report), done.returncode)


def _environment(server: Server) -> dict[str, str]:
    """Return the environment of pytest: keys never belong on a command line, which all can see."""
    keys = {"INNGEST_EVENT_KEY": server.event_key, "INNGEST_SIGNING_KEY": server.signing_key}
    return {**os.environ, **{name: key for name, key in keys.items() if key is not None}}
