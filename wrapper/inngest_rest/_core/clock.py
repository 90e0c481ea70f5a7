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
    from collections.abc import Awaitable, Callable, Iterator

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

    It is ours until two responses in a row show another time: a single one may come from a node
    with a wrong clock, or have the time of a proxy.

    Windows of time begin and end by `now`, the likely time. Either clock may be wrong, so any
    decision about elapsed time considers both, as `earliest` and `elapsed` do: a wrong clock loses
    nothing, and repeats nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: str | None = None
        # The least and the most seconds by which the server's clock is ahead of ours.
        self._bounds = (-SAME_WITHIN, SAME_WITHIN)
        # The bounds by the last response, if it contradicts all earlier ones: the next one decides.
        self.in_doubt: tuple[float, float] | None = None

    def observe(self, response: httpx.Response, sent_at: float) -> None:
        """Learn from a response that has just arrived, to a request sent at a time of our clock."""
        date = response.headers.get("date")
        # A cached response has an old time.
        if date is None or "age" in response.headers:
            return
        # Another response in the same second shows nothing new, except to confirm a doubt.
        if date == self._seen and self.in_doubt is None:
            return
        self._seen = date
        stated = http_date(date)
        if stated is None or stated.year not in _YEARS:
            return
        seconds = stated.timestamp()
        least = seconds - self._clock.now()
        most = seconds + 1 - sent_at
        observed = (least, most)
        for known in (self._bounds, self.in_doubt):
            overlap = None if known is None else _overlap(observed, known)
            if overlap is not None:
                self._bounds = overlap
                self.in_doubt = None
                return
        self.in_doubt = observed

    @property
    def ahead(self) -> float:
        """The seconds by which the server's clock is ahead of ours; 0 if the two agree."""
        low, high = self._bounds
        may_agree = low <= SAME_WITHIN and high >= -SAME_WITHIN
        return 0.0 if may_agree else (low + high) / 2

    def at(self, moment: float) -> datetime:
        """Return the server's time at a moment of our clock."""
        return datetime.fromtimestamp(moment + self.ahead, UTC)

    def now(self) -> datetime:
        return self.at(self._clock.now())

    def earliest(
        self, moment: float | None = None, *, shown: datetime | None = None
    ) -> datetime:
        """Return the earliest possible time, by both clocks, at a moment of our clock.

        Ours is behind if the server has shown a later time, `shown`.
        """
        ours, *theirs = self._opinions(moment)
        if shown is not None:
            ours = max(ours, shown)
        return whole_milliseconds(min(ours, *theirs))

    def elapsed(
        self, at: datetime, here: datetime | None
    ) -> tuple[timedelta, timedelta]:
        """Return the least and the most time since a moment: the two clocks may differ.

        The moment is `at` by the server's clock, and `here` by that of the machine, if known.
        """
        ours, *theirs = self._opinions(None)
        spans = [time - at for time in theirs]
        if here is not None:
            spans.append(ours - here)
        return min(spans), max(spans)

    def here(self) -> datetime:
        """Return the time by our own clock."""
        return datetime.fromtimestamp(self._clock.now(), UTC)

    def _opinions(self, moment: float | None) -> Iterator[datetime]:
        """Yield a moment by our clock, by the server's, and by that of a response in doubt."""
        seconds = self._clock.now() if moment is None else moment
        in_doubt = self.in_doubt or ()
        for ahead in (0.0, self.ahead, *in_doubt):
            yield datetime.fromtimestamp(seconds + ahead, UTC)


def _overlap(
    one: tuple[float, float], other: tuple[float, float]
) -> tuple[float, float] | None:
    """Return the overlap of two intervals; None if they have none."""
    low = max(one[0], other[0])
    high = min(one[1], other[1])
    return (low, high) if low <= high else None
