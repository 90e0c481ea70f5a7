"""Threads that wait for the disk at the same time share one commit."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class _Ticket:
    """A text on its way to the disk, and what became of it."""

    __slots__ = ("reason", "stored", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.stored: bool | None = None
        self.reason: str | None = None


class GroupCommit:
    """Collects what threads want to store while another one is storing.

    The first thread stores for all that have come, itself included; the others find it done when
    their turn comes. No thread is needed for it, and none is left behind.

    Args:
        store: Stores texts in order and returns how many of them had room, or raises.
    """

    def __init__(self, store: Callable[[Sequence[bytes]], int]) -> None:
        self._store = store
        self.restart()

    def restart(self) -> None:
        """Forget who waits, in a forked child."""
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
