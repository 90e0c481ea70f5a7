"""Durations in words, and the ticks of a time axis."""

from __future__ import annotations

from datetime import timedelta

MILLISECOND = timedelta(milliseconds=1)
_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)

# Tick intervals; longer ones are powers of ten in days.
_STEPS = (
    *(MILLISECOND * number for number in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *(_SECOND * number for number in (1, 2, 5, 10, 15, 30)),
    *(_MINUTE * number for number in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * number for number in (1, 2, 3, 6, 12)),
    *(_DAY * number * 10**power for power in range(7) for number in (1, 2, 5)),
)


def text_of(duration: timedelta) -> str:
    """Format a duration with three digits: 57 ms, 4.04 s, 3 min 20 s, 2 h 05 min, 3 d 04 h."""
    if duration < _SECOND:
        return f"{duration // MILLISECOND} ms"
    # Rounded first, so that 59.996 s is a minute.
    seconds = duration.total_seconds()
    if (rounded := round(seconds, 2)) < 10:
        return f"{rounded:.2f} s"
    if (rounded := round(seconds, 1)) < 60:
        return f"{rounded:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02} s"
    hours, minutes = divmod(round(duration / _MINUTE), 60)
    if hours < 24:
        return f"{hours} h {minutes:02} min"
    days, hours = divmod(round(duration / _HOUR), 24)
    return f"{days} d {hours:02} h"


def ticks(total: timedelta, at_most: int) -> list[timedelta]:
    """Return round durations from zero up to a total, no more than `at_most` after the zero."""
    long_enough = [step for step in _STEPS if total < step * (at_most + 1)]
    step = long_enough[0] if long_enough else _STEPS[-1]
    last = min(total // step, at_most)
    return [step * number for number in range(last + 1)]


def tick_text(tick: timedelta) -> str:
    """Format a tick without trailing zeros: 0, 200 ms, 5 s, 1.5 s, 2 min, 3 h, 4 d."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (_SECOND, "s")):
        if tick >= unit:
            return f"{tick / unit:g} {name}"
    return f"{tick // MILLISECOND} ms" if tick else "0"
