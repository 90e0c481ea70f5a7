"""Durations in words, and the ticks of a time axis."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)

# The longest first.
_UNITS = {
    _DAY: "d",
    _HOUR: "h",
    _MINUTE: "min",
    _SECOND: "s",
}

# The numbers of each unit that are between two ticks.
_ROUND_NUMBERS = {
    MILLISECOND: (1, 2, 5, 10, 20, 50, 100, 200, 500),
    _SECOND: (1, 2, 5, 10, 15, 30),
    _MINUTE: (1, 2, 5, 10, 15, 30),
    _HOUR: (1, 2, 3, 6, 12),
}


def _intervals() -> Iterator[timedelta]:
    """Yield the intervals that two ticks may have, the shortest first."""
    for unit, numbers in _ROUND_NUMBERS.items():
        for number in numbers:
            yield unit * number
    for power in range(7):
        days = _DAY * 10**power
        for number in (1, 2, 5):
            yield days * number


_INTERVALS = tuple(_intervals())


def text_of(duration: timedelta) -> str:
    """Format a duration with three digits: 57 ms, 4.04 s, 3 min 20 s, 2 h 05 min, 3 d 04 h."""
    if duration < _SECOND:
        return f"{duration // MILLISECOND} ms"
    # Rounded first, so that 59.996 s is a minute.
    exact = duration.total_seconds()
    to_hundredths = round(exact, 2)
    if to_hundredths < 10:
        return f"{to_hundredths:.2f} s"
    to_tenths = round(exact, 1)
    if to_tenths < 60:
        return f"{to_tenths:.1f} s"
    minutes, seconds = divmod(round(exact), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02} s"
    hours, minutes = divmod(round(duration / _MINUTE), 60)
    if hours < 24:
        return f"{hours} h {minutes:02} min"
    days, hours = divmod(round(duration / _HOUR), 24)
    return f"{days} d {hours:02} h"


def ticks(total: timedelta, at_most: int) -> list[timedelta]:
    """Return round durations from zero up to a total, no more than `at_most` after the zero."""
    interval = _shortest_interval(total, at_most)
    last = min(total // interval, at_most)
    return [interval * number for number in range(last + 1)]


def _shortest_interval(total: timedelta, at_most: int) -> timedelta:
    """Return the shortest interval with no more ticks than that; the longest for many years."""
    for interval in _INTERVALS:
        if total < interval * (at_most + 1):
            return interval
    return _INTERVALS[-1]


def tick_text(tick: timedelta) -> str:
    """Format a tick without trailing zeros: 0, 200 ms, 5 s, 1.5 s, 2 min, 3 h, 4 d."""
    if not tick:
        return "0"
    for unit, name in _UNITS.items():
        if tick >= unit:
            return f"{tick / unit:g} {name}"
    return f"{tick // MILLISECOND} ms"
