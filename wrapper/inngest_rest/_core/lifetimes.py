"""Buffers that live: told when the interpreter ends, and when the process forks.

Importing this module is what registers the two; only buffers do.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from typing import Protocol


class Mortal(Protocol):
    """What is told of exit and forks."""

    def at_exit(self, started: float) -> None:
        """Send what is left, within a deadline counted from `started` (time.monotonic)."""

    def before_fork(self) -> None: ...
    def after_fork(self) -> None: ...
    def after_fork_in_child(self) -> None: ...


# Not weak: a buffer that is not closed has events to send, whoever forgot it. In order of birth.
_alive: dict[Mortal, None] = {}


def born(mortal: Mortal) -> None:
    """Tell it of exit and forks from now on."""
    _alive[mortal] = None


def died(mortal: Mortal) -> None:
    """Tell it of nothing more."""
    _alive.pop(mortal, None)


def _exit() -> None:
    started = time.monotonic()
    for mortal in list(_alive):
        mortal.at_exit(started)


class _Forks:
    """Keeps two threads from forking at once, and knows whom it told."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: list[Mortal] = []

    def before(self) -> None:
        self._lock.acquire()
        self._told = list(_alive)
        for mortal in self._told:
            mortal.before_fork()

    def after(self) -> None:
        for mortal in self._told:
            mortal.after_fork()
        self._lock.release()

    def after_in_child(self) -> None:
        self._lock = threading.Lock()
        for mortal in self._told:
            mortal.after_fork_in_child()


atexit.register(_exit)
if sys.platform != "win32":
    _forks = _Forks()
    os.register_at_fork(
        before=_forks.before,
        after_in_parent=_forks.after,
        after_in_child=_forks.after_in_child,
    )
