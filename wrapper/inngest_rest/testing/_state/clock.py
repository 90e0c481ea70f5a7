"""The mock's clock: the wall clock plus what a test has advanced it by."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from inngest_rest.testing._go.times import NS_PER_SECOND

if TYPE_CHECKING:
    from datetime import timedelta

WallClock: TypeAlias = Callable[[], int]
"""Returns nanoseconds since the epoch, as `time.time_ns` does."""


def nanoseconds(span: timedelta) -> int:
    """Convert a time span to whole nanoseconds, exactly (floats would round)."""
    return (span.days * 86_400 + span.seconds) * NS_PER_SECOND + span.microseconds * 1_000


class Clock:
    """Nanoseconds since the epoch, never running backwards.

    It follows the wall clock because clients stamp events with theirs: under a frozen clock
    every event with `ts=now` would lie in the future, and its run would never start.
    """

    def __init__(self, wall: WallClock = time.time_ns) -> None:
        self._wall = wall
        self._offset = 0
        self._latest = 0

    def now(self) -> int:
        """Return the mock's time in nanoseconds since the epoch."""
        self._latest = max(self._latest, self._wall() + self._offset)
        return self._latest

    @property
    def advanced(self) -> int:
        """By how many nanoseconds it has been advanced."""
        return self._offset

    def advance(self, span: timedelta) -> None:
        """Move the clock forward by a span, which is not negative."""
        self._offset += nanoseconds(span)
