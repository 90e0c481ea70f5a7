"""Locks: of threads, renewed in a forked child, and of files, freed when their process ends."""

from __future__ import annotations

import os
import sys
import threading
from weakref import WeakSet

try:
    import fcntl
except ImportError:  # pragma: no cover - on Windows
    fcntl = None  # type: ignore[assignment]

_forked: WeakSet[Forked] = WeakSet()


class Forked:
    """Has state that a forked child has to renew."""

    def __init__(self) -> None:
        _forked.add(self)

    def after_fork_in_child(self) -> None: ...


class Locked(Forked):
    """Has a lock, for state that threads share.

    A forked child has a new one: another thread of its parent may have held the old one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        super().__init__()

    def after_fork_in_child(self) -> None:
        self._lock = threading.Lock()


def lock_file(file: int) -> None:
    """Lock a file until it is closed, or its process ends; BlockingIOError if it is locked."""
    if fcntl is not None:  # pragma: no branch - on Windows
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            pass  # some network file systems have none


def _after_fork_in_child() -> None:
    for each in _forked:
        each.after_fork_in_child()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_after_fork_in_child)
