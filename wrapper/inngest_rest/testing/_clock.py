"""The mock's clock: the wall clock plus whatever a test has advanced."""

import time
from collections.abc import Callable
from datetime import timedelta

NS_PER_SECOND = 1_000_000_000
NS_PER_MILLISECOND = 1_000_000

WallClock = Callable[[], int]


def nanoseconds(span: timedelta) -> int:
    """Convert a time span to whole nanoseconds, exactly (floats would round)."""
    return (span.days * 86_400 + span.seconds) * NS_PER_SECOND + span.microseconds * 1_000


class Clock:
    """Nanoseconds since the epoch, never running backwards.

    It follows the wall clock because clients stamp events with theirs: under a frozen clock
    every event with `ts=now` would lie in the future, and its run would wait for ever.
    """

    def __init__(self, wall: WallClock = time.time_ns) -> None:
        self._wall = wall
        self._offset = 0
        self._latest = 0

    def now(self) -> int:
        """Return the mock's time in nanoseconds since the epoch."""
        self._latest = max(self._latest, self._wall() + self._offset)
        return self._latest

    def advance(self, span: timedelta) -> None:
        """Move the clock forward by `span`; raise ValueError when it is negative."""
        if span < timedelta(0):
            raise ValueError(f"the mock's clock only moves forward, not by {span}")
        self._offset += nanoseconds(span)
