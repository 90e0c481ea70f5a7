"""Space the requests of many threads or tasks evenly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.locks import Locked

if TYPE_CHECKING:
    from collections.abc import Callable


# Requests per period that nobody reaches.
_NO_LIMIT = 10**12


class Pacer(Locked):
    """Spaces requests evenly; shared by all threads or tasks of one bulk operation.

    Args:
        requests: Maximum number of requests per period; None for no limit.
        period: The period, in seconds.
        clock: Returns monotonic seconds.
    """

    def __init__(self, requests: int | None, period: float, clock: Callable[[], float]) -> None:
        super().__init__()
        # A division by an integer beyond all floats would fail.
        self._interval = 0.0 if requests is None else period / min(requests, _NO_LIMIT)
        self._clock = clock
        self._next = clock()

    def take(self) -> float:
        """Reserve the next slot and return the seconds until it comes."""
        if not self._interval:
            return 0.0
        with self._lock:
            now = self._clock()
            slot = max(self._next, now)
            self._next = slot + self._interval
            return slot - now
