"""The pinned tools, run by this interpreter so that nothing found on PATH takes part."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


OURS = 'lint.isort.known-first-party = ["inngest_rest", "inngest_rest_api"]'


class SourceError(Exception):
    """A source of which nothing can be generated; the message says why."""


def run(module: str, *arguments: str | Path) -> None:
    """Run a tool.

    Raises:
        SourceError: It failed.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stdout, done.stderr, sep="", file=sys.stderr)
        raise SourceError(f"{module} did not accept it")


def tidy(package: Path, *fixes: str, width: int = 100) -> None:
    """Remove unused imports, sort the others, and format; `fixes` are further ruff arguments."""
    # Isolated: the repository's own settings must not decide what is committed here.
    ruff = ("--isolated", "--no-cache", "--quiet", "--line-length", str(width), package)
    run("ruff", "check", "--fix-only", "--select=I,F401", "--config", OURS, *fixes, *ruff)
    run("ruff", "format", *ruff)
