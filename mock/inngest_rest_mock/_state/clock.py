"""The mock's clock: the wall clock plus an offset that tests advance."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from inngest_rest_mock._times import NS_PER_SECOND, at_millisecond

if TYPE_CHECKING:
    from datetime import timedelta

WallClock: TypeAlias = Callable[[], int]
"""Returns nanoseconds since the epoch, as `time.time_ns` does."""


def nanoseconds(span: timedelta) -> int:
    """Convert a timedelta to nanoseconds, without the rounding of floats."""
    return (
        span.days * 86_400 + span.seconds
    ) * NS_PER_SECOND + span.microseconds * 1_000


class Clock:
    """Monotonic times in nanoseconds since the epoch, which are whole milliseconds.

    An id has no more: so what happens at one time has the same one wherever it is read. It follows
    the wall clock because clients stamp events with theirs: under a frozen clock, every event with
    `ts=now` would be in the future, and its run would never start.
    """

    def __init__(self, wall: WallClock = time.time_ns) -> None:
        self._wall = wall
        self._offset = 0
        self._latest = 0

    def now(self) -> int:
        """Return the mock's time in nanoseconds since the epoch."""
        self._latest = max(self._latest, at_millisecond(self._wall() + self._offset))
        return self._latest

    @property
    def advanced(self) -> int:
        """The offset from the wall clock in nanoseconds."""
        return self._offset

    def advance(self, span: timedelta) -> None:
        """Advance the clock by a non-negative duration."""
        self._offset += nanoseconds(span)
