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

_owners: WeakSet[Locked] = WeakSet()


class Locked:
    """Has a lock, for state that threads share.

    A forked child has a new one: another thread of its parent may have held the old one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _owners.add(self)


def lock_file(file: int) -> None:
    """Lock a file until it is closed, or its process ends; BlockingIOError if it is locked."""
    if fcntl is not None:  # pragma: no branch - on Windows
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            pass  # some network file systems have none


def _renew() -> None:
    for each in _owners:
        each._lock = threading.Lock()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_renew)
