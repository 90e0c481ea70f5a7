"""Group commit: threads that wait for the disk at the same time share one commit."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class _Ticket:
    """A text on its way to the disk, and its outcome."""

    __slots__ = ("reason", "stored", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.stored: bool | None = None
        self.reason: str | None = None


class GroupCommit:
    """Collects texts of many threads while one of them is storing.

    The first thread stores every text that has been collected, its own included; the others find
    theirs stored when they get the lock. It needs no thread of its own.

    Args:
        store: Stores texts in order and returns how many of them had room, or raises.
    """

    def __init__(self, store: Callable[[Sequence[bytes]], int]) -> None:
        self._store = store
        self.restart()

    def restart(self) -> None:
        """Forget waiting texts, in a forked child."""
        # Reentrant: a finalizer may add an event in the middle of an add.
        self._lock = threading.RLock()
        self._coming: deque[_Ticket] = deque()

    def put(self, text: bytes) -> bool | str:
        """Store a text; return whether there was room, or why it was not stored."""
        ticket = _Ticket(text)
        self._coming.append(ticket)
        with self._lock:
            if ticket.stored is None and ticket.reason is None:
                self._store_all()
        return ticket.reason or bool(ticket.stored)

    def _store_all(self) -> None:
        tickets = [self._coming.popleft() for _ in range(len(self._coming))]
        try:
            count = self._store([ticket.text for ticket in tickets])
        except BaseException as error:
            for ticket in tickets:
                ticket.reason = str(error) or f"interrupted by {type(error).__name__}"
            if not isinstance(error, Exception):
                raise
        else:
            for index, ticket in enumerate(tickets):
                ticket.stored = index < count
