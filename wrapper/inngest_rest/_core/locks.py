"""Locks renewed in a forked child: another thread of its parent may have held them."""

from __future__ import annotations

import os
import sys
import threading
from weakref import WeakSet

_owners: WeakSet[Locked] = WeakSet()


class Locked:
    """Has a lock, for state that threads share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _owners.add(self)


def _renew() -> None:
    for each in _owners:
        each._lock = threading.Lock()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_renew)
