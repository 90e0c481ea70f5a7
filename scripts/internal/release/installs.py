"""Install a distribution in an empty environment, and use it there as a newcomer does."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from inngest_rest_mock import MockServer
from scripts.internal.release.missing import ROOT, read
from scripts.internal.release.steps import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = ("-m", "inngest_rest_tools")

# What meets somebody who has not installed an extra, and the extra that it must name.
WITHOUT_EXTRAS: tuple[tuple[tuple[str, ...], str], ...] = (
    ((*COMMAND, "completion", "bash"), "cli"),
    ((*COMMAND, "mcp"), "mcp"),
)
WITH_EXTRAS: tuple[tuple[str, ...], ...] = (
    (*COMMAND, "--help"),
    (*COMMAND, "runs", "list", "--help"),
    (*COMMAND, "completion", "bash"),
    (*COMMAND, "skill", "show"),
    (*COMMAND, "mcp", "--help"),
)


def create(python: str, folder: Path, distribution: str, *, installer: str) -> Path:
    """Make an environment, install a distribution in it, and return its Python.

    uv takes the locked versions of the rest; pip takes the newest, since hashes in a lock make it
    ask for one of the distribution, too.
    """
    own = folder / "bin" / "python"
    if installer == "uv":
        uv = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", own)
        run(python, "-m", "venv", "--without-pip", folder)
        run(*uv, "--constraint", ROOT / "constraints.txt", distribution)
    else:
        run(python, "-m", "venv", folder)
        run(own, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", distribution)
    return own


def faults(python: Path, *, with_extras: bool) -> Iterator[str]:
    """Run the README's first program and the command; yield what went wrong."""
    with MockServer().serve() as url:
        status, last_line = _run(python, "-c", first_program(), INNGEST_DEV=url)
    if status != 0 or not last_line.startswith("sent app/order.created"):
        yield f"the README's first program ended with: {last_line}"
    if with_extras:
        for arguments in WITH_EXTRAS:
            status, last_line = _run(python, *arguments)
            if status != 0:
                yield f"{' '.join(arguments[1:])} ended with: {last_line}"
    else:
        for arguments, extra in WITHOUT_EXTRAS:
            status, last_line = _run(python, *arguments, INNGEST_DEV="1")
            if status == 0 or f"inngest-rest[{extra}]" not in last_line:
                yield f"{arguments[-1]} does not name [{extra}] last, but: {last_line}"


def first_program() -> str:
    """Return the first program of the README."""
    return read("README.md").partition("```python\n")[2].partition("```")[0]


def _run(python: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run Python without this process's variables for it; return its status and last line."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("INNGEST", "PYTHON"))}
    done = subprocess.run(
        [python, *arguments],
        stdin=subprocess.DEVNULL,
        env={**kept, **variables},
        cwd=python.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, (done.stdout.strip().splitlines() or ["nothing"])[-1]
