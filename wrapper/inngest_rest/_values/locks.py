"""Locks of threads, renewed in a forked child."""

from __future__ import annotations

import os
import sys
import threading
from weakref import WeakSet

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


def _after_fork_in_child() -> None:
    for each in _forked:
        each.after_fork_in_child()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_after_fork_in_child)
