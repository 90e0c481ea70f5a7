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

    from inngest_rest._core.messages import Response


@frozen(kw_only=True)
class Clock:
    """A source of time and randomness; only drivers, and a file that is locked, sleep by it."""

    monotonic: Callable[[], float] = time.monotonic  # for deadlines
    now: Callable[[], float] = time.time  # to be compared with times of other machines
    sleep: Callable[[float], None] = time.sleep
    wait: Callable[[threading.Event, float], object] = threading.Event.wait
    sleep_async: Callable[[float], Awaitable[None]] | None = None  # None for asyncio's
    random: Callable[[], float] = random.random  # for jitter


SYSTEM_CLOCK = Clock()


def clock_of(transport: object, clock: Clock) -> Clock:
    """Return the transport's own clock, if it has one, else `clock`.

    A clock that a test has put in the place of the system's stays.
    """
    own: Clock = getattr(transport, "inngest_time", clock)
    return own if clock is SYSTEM_CLOCK else clock


# Seconds by which two clocks may differ and count as one: the header Date has whole seconds.
SAME_WITHIN = 2.0

# A date outside these is of a clock that was never set.
_YEARS = range(2020, 2200)


def http_date(text: str | None) -> datetime | None:
    """Return the time in a header such as Date; None if there is none."""
    try:
        date = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return date.replace(tzinfo=date.tzinfo or UTC)


def whole_milliseconds(at: datetime) -> datetime:
    """Cut a time to the millisecond, which is all that the times of runs have here."""
    # `replace` takes three times as long, as each run of a listing shows.
    return at - timedelta(0, 0, at.microsecond % 1_000)


class ServerClock:
    """The clock of a server, known by the header Date of its responses (RFC 9110, 6.6.1).

    Until two responses in a row have shown another, and where it agrees with ours, it is ours: a
    single one may be of a node whose clock is off, or have the time of a proxy.

    Windows of time begin and end by `now`, the likely time. Either clock may be wrong, so whatever
    depends on time having passed goes by both, as `earliest` and `elapsed` do: because one is
    wrong, nothing is lost and nothing done twice.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: str | None = None
        # The server's clock is ahead of ours by a number of seconds between these two.
        self._bounds = (-SAME_WITHIN, SAME_WITHIN)
        # The bounds by the last response, if it contradicts all before it: the next one decides.
        self.in_doubt: tuple[float, float] | None = None

    def observe(self, response: Response, sent_at: float) -> None:
        """Learn from a response that has just arrived, to a request sent at a time of our clock."""
        date = response.headers.get("date")
        # One of a cache shows another time, and the next of the same second little, unless the
        # first was a surprise.
        if date is None or "age" in response.headers:
            return
        if date == self._seen and self.in_doubt is None:
            return
        self._seen = date
        stated = http_date(date)
        if stated is not None and stated.year in _YEARS:
            seconds = stated.timestamp()
            low, high = seconds - self._clock.now(), seconds + 1 - sent_at
            for before in (self._bounds, self.in_doubt):
                if before is not None and max(low, before[0]) <= min(high, before[1]):
                    self._bounds = max(low, before[0]), min(high, before[1])
                    self.in_doubt = None
                    return
            self.in_doubt = low, high

    @property
    def ahead(self) -> float:
        """By how many seconds the server's clock is ahead of ours; 0 if the two agree."""
        low, high = self._bounds
        return 0.0 if low <= SAME_WITHIN and high >= -SAME_WITHIN else (low + high) / 2

    def at(self, moment: float) -> datetime:
        """Return the server's time at a moment of our clock."""
        return datetime.fromtimestamp(moment + self.ahead, UTC)

    def now(self) -> datetime:
        return self.at(self._clock.now())

    def earliest(
        self, moment: float | None = None, *, shown: datetime | None = None
    ) -> datetime:
        """Return the time that it is at least, at a moment of our clock: as far as both clocks say.

        Ours is behind if what the server has is of a later time, `shown`.
        """
        ours, *theirs = self._opinions(moment)
        return whole_milliseconds(min(max(ours, shown or ours), *theirs))

    def elapsed(
        self, at: datetime, here: datetime | None
    ) -> tuple[timedelta, timedelta]:
        """Return how long ago a moment was at least, and at most: the two clocks may differ.

        It was noted by the server's clock, and by that of a machine, `here`.
        """
        ours, *theirs = self._opinions(None)
        spans = [each - at for each in theirs] + ([ours - here] if here else [])
        return min(spans), max(spans)

    def here(self) -> datetime:
        """Return the time by our own clock."""
        return datetime.fromtimestamp(self._clock.now(), UTC)

    def _opinions(self, moment: float | None) -> Iterator[datetime]:
        """Yield a moment by our clock, by the server's, and by that of a response in doubt."""
        at = self._clock.now() if moment is None else moment
        for ahead in (0.0, self.ahead, *(self.in_doubt or ())):
            yield datetime.fromtimestamp(at + ahead, UTC)
