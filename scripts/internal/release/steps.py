"""The steps of a release: each prints what it found, and what is wrong ends them."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

T = TypeVar("T")


class WrongError(Exception):
    """The package must not be published like this."""


def step(name: str, check: Callable[[], tuple[T, str]]) -> T:
    """Run a check, and print what it found and how long it took."""
    print(f"{name:<22} ", end="", flush=True)
    start = time.monotonic()
    result, told = check()
    print(f"{told} ({time.monotonic() - start:.0f} s)")
    return result


def run(*command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a command that has to succeed, and return what it printed."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=cwd,
        env=env,
        timeout=600,
    )
    if done.returncode != 0:
        raise WrongError(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout
