"""Time, sleeping and randomness in one value that tests can replace; and the server's clock.

A client holds one `Clock`, which its plans, driver and buffers share: a test replaces it once.
"""

from __future__ import annotations

import random
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx


@frozen(kw_only=True)
class Clock:
    """A source of time and randomness; only drivers, and the lock of a file, sleep by it."""

    monotonic: Callable[[], float] = time.monotonic  # for deadlines
    now: Callable[[], float] = time.time  # to be compared with times of other machines
    sleep: Callable[[float], None] = time.sleep
    wait: Callable[[threading.Event, float], object] = threading.Event.wait
    sleep_async: Callable[[float], Awaitable[None]] | None = None  # None for asyncio's
    random: Callable[[], float] = random.random  # for jitter


SYSTEM_CLOCK = Clock()


def clock_of(transport: object, clock: Clock) -> Clock:
    """Return the transport's own clock, if it has one, else `clock`.

    A test's clock is never replaced.
    """
    if clock is not SYSTEM_CLOCK:
        return clock
    own: Clock = getattr(transport, "inngest_time", clock)
    return own


# Two clocks count as one if they differ by so many seconds: the Date header has whole seconds.
SAME_WITHIN = 2.0

# A year outside these is that of a clock that was never set.
_YEARS = range(2020, 2200)


def http_date(text: str | None) -> datetime | None:
    """Return the time in a header such as Date; None if there is none."""
    try:
        date = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return date.replace(tzinfo=date.tzinfo or UTC)


def whole_milliseconds(at: datetime) -> datetime:
    """Truncate a time to the millisecond, as the times of runs are here."""
    # `replace` takes three times as long, which shows in listings.
    return at - timedelta(0, 0, at.microsecond % 1_000)


class ServerClock:
    """The clock of a server, estimated from the Date header of its responses (RFC 9110, 6.6.1).

    The last response decides; it is our clock as long as the two may agree.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ahead = 0.0
        """The seconds by which the server's clock is ahead of ours; 0 if the two may agree."""

    def observe(self, response: httpx.Response, sent_at: float) -> None:
        """Learn from a response that has just arrived, to a request sent at a time of our clock."""
        date = response.headers.get("date")
        # A cached response has an old time.
        if date is None or "age" in response.headers:
            return
        stated = http_date(date)
        if stated is None or stated.year not in _YEARS:
            return
        seconds = stated.timestamp()
        least = seconds - self._clock.now()
        most = seconds + 1 - sent_at
        may_agree = least <= SAME_WITHIN and most >= -SAME_WITHIN
        self.ahead = 0.0 if may_agree else (least + most) / 2

    def at(self, moment: float) -> datetime:
        """Return the server's time at a moment of our clock."""
        return datetime.fromtimestamp(moment + self.ahead, UTC)

    def now(self) -> datetime:
        return self.at(self._clock.now())
