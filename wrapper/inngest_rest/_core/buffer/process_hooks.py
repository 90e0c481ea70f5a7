"""Buffers that live: told when the interpreter ends, and when the process forks.

Importing this module is what registers the two; only buffers do.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from typing import Protocol

from inngest_rest._core.clock import SYSTEM_CLOCK


class OpenBuffer(Protocol):
    """What is told of exit and forks."""

    def at_exit(self, elapsed: float) -> None:
        """Send what is left; the exit began `elapsed` seconds ago."""

    def before_fork(self) -> None: ...
    def after_fork(self) -> None: ...
    def after_fork_in_child(self) -> None: ...


# Not weak: a buffer that is not closed has events to send, whoever forgot it. In order of birth.
_open: dict[OpenBuffer, None] = {}


def register(buffer: OpenBuffer) -> None:
    """Tell it of exit and forks from now on."""
    _open[buffer] = None


def unregister(buffer: OpenBuffer) -> None:
    """Tell it of nothing more."""
    _open.pop(buffer, None)


def _exit() -> None:
    started = SYSTEM_CLOCK.monotonic()
    for buffer in list(_open):
        buffer.at_exit(SYSTEM_CLOCK.monotonic() - started)


class _Forks:
    """Keeps two threads from forking at once, and knows whom it told."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: list[OpenBuffer] = []

    def before(self) -> None:
        self._lock.acquire()
        self._told = list(_open)
        for buffer in self._told:
            buffer.before_fork()

    def after(self) -> None:
        for buffer in self._told:
            buffer.after_fork()
        self._lock.release()

    def after_in_child(self) -> None:
        self._lock = threading.Lock()
        for buffer in self._told:
            buffer.after_fork_in_child()


atexit.register(_exit)
if sys.platform != "win32":
    _forks = _Forks()
    os.register_at_fork(
        before=_forks.before,
        after_in_parent=_forks.after,
        after_in_child=_forks.after_in_child,
    )
