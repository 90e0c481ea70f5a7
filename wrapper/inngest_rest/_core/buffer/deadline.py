"""A moment by which something has to be done, for threads that wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.arguments import check_seconds
from inngest_rest._core.buffer.schedule import LONGEST_WAIT

if TYPE_CHECKING:
    from inngest_rest._core.clock import Clock
    from inngest_rest.typing import Seconds


class Deadline:
    """Counts down from a timeout; None never ends."""

    def __init__(self, timeout: Seconds | None, clock: Clock) -> None:
        seconds = None if timeout is None else check_seconds("timeout", timeout)
        self._clock = clock
        self._end = None if seconds is None else clock.monotonic() + seconds

    def left(self) -> float | None:
        """Return the seconds that are left, as many as a system can wait at once; or None."""
        if self._end is None:
            return None
        return min(max(self._end - self._clock.monotonic(), 0.0), LONGEST_WAIT)
