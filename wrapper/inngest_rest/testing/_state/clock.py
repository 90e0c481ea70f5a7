"""The mock's clock: the wall clock plus what a test has advanced it by."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias

from inngest_rest.testing._go.times import NS_PER_SECOND

WallClock: TypeAlias = Callable[[], int]
"""Returns nanoseconds since the epoch, as `time.time_ns` does."""


def as_timedelta(span: object, name: str) -> timedelta:
    """Return a time span given as a timedelta or in seconds.

    Raise TypeError or ValueError, naming the argument, when it is neither or is negative.
    """
    if isinstance(span, bool) or not isinstance(span, timedelta | int | float):
        raise TypeError(f"{name} must be a timedelta or a number of seconds, not {span!r}")
    try:
        result = span if isinstance(span, timedelta) else timedelta(seconds=span)
    except (OverflowError, ValueError):  # infinite, too long, or NaN
        raise ValueError(f"{name} is not a possible time span: {span!r} seconds") from None
    if result < timedelta(0):
        raise ValueError(f"{name} must not be negative, and is {span!r}")
    return result


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

    def advance(self, span: timedelta) -> None:
        """Move the clock forward by a span, which is not negative."""
        self._offset += nanoseconds(span)
