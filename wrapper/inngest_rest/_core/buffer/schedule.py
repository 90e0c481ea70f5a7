"""Schedule of a buffer: when it sends, by count and age, and how long it pauses after failures."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from inngest_rest._core.arguments import check_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from inngest_rest._core.clock import Clock
    from inngest_rest.typing import Seconds

LONGEST_WAIT = 3_600.0
"""Maximum seconds to wait at once; longer waits may overflow in the operating system."""

_LONGEST_PAUSE = 60.0

# Enough to exceed the longest pause; without a bound, the power would overflow.
_DOUBLINGS = 10


class Schedule:
    """Decides how long a buffer's worker may rest. It may be called from any thread.

    Args:
        batch_size: Number of waiting events that are sent without delay.
        max_age: Seconds after which fewer are sent.
        clock: Returns monotonic seconds.
        poll: Seconds after which an idle buffer looks for events anyway; None for never.

    Attributes:
        lock: Held by each method but `count_one`; hold it to do several things at once.
        clock: Returns monotonic seconds.
        hurry_count: How many times everything was to be sent at once.
    """

    def __init__(
        self,
        batch_size: int,
        max_age: float,
        clock: Callable[[], float],
        *,
        poll: float | None = None,
    ) -> None:
        self._batch_size = batch_size
        self._max_age = max_age
        self.clock = clock
        self._poll = poll
        self.restart()

    def restart(self) -> None:
        """Forget everything, as a forked child must."""
        # Reentrant: a signal handler or a finalizer may add an event in the middle of an add.
        self.lock = threading.RLock()
        self._waiting = 0
        self._parked_until: float | None = None
        self._hurries = 0
        self.hurry_count = 0
        self._since = self.clock()
        self._failures = 0
        self._not_before = 0.0

    def added(self, count: int = 1) -> bool:
        """Count new events; return whether a resting worker has to wake up."""
        with self.lock:
            before = self._waiting
            if before == 0:
                self._since = self.clock()
            self._waiting = after = before + count
            return before == 0 or before < self._batch_size <= after

    def count_one(self) -> bool:
        """Do what `added` does, for a caller that holds the lock: taking it again costs time."""
        waiting = self._waiting + 1
        if waiting == 1:
            self._since = self.clock()
        self._waiting = waiting
        return waiting == 1 or waiting == self._batch_size  # noqa: PLR1714 - a set takes longer

    def took(self, left: int, *, is_full: bool = False, parked_until: float | None = None) -> None:
        """Note that a batch was taken, and how many events still wait.

        After a batch that is full by its bytes, they have waited as long as its own.

        Args:
            left: How many events still wait, apart from those that are parked.
            is_full: Whether the batch is full by its bytes.
            parked_until: When the next batch that failed is due, if there is one.
        """
        with self.lock:
            self._waiting = left
            self._parked_until = parked_until
            self._since = self.clock() - (self._max_age if is_full else 0.0)

    def kept(self, waiting: int | None, *, parked_until: float | None = None) -> None:
        """Note how many events wait now that a batch was settled or put back.

        Args:
            waiting: How many events wait, apart from those that are parked; None if as before.
            parked_until: When the next batch that failed is due, if there is one.
        """
        with self.lock:
            self._waiting = self._waiting if waiting is None else waiting
            self._parked_until = parked_until

    @contextmanager
    def hurrying(self) -> Generator[None]:
        """Send everything at once for as long as this lasts.

        It ends a pause after a failure, even one that the server asked for (of a rate limit, the
        client keeps it all the same); the pauses after further failures are kept.
        """
        with self.lock:
            self._hurries += 1
            self.hurry_count += 1
            self._not_before = 0.0
            if self._parked_until is not None:
                self._parked_until = self.clock()
            # Another process may have put events that are not known to wait.
            self._waiting = max(self._waiting, 1)
        try:
            yield
        finally:
            with self.lock:
                self._hurries = max(self._hurries - 1, 0)

    def failed(self, asked: float | None = None) -> float:
        """Note a failure.

        Args:
            asked: Seconds the server asked to wait, if it did.

        Returns:
            The seconds until the next attempt: they double with each failure up to a minute, and
            are at least as many as were asked for, up to an hour.
        """
        with self.lock:
            pause = min(2.0 ** min(self._failures, _DOUBLINGS), _LONGEST_PAUSE)
            pause = max(pause, min(asked or 0.0, LONGEST_WAIT))
            self._failures += 1
            self._not_before = self.clock() + pause
            return pause

    def succeeded(self) -> None:
        """Note a success: the next failure counts as the first."""
        with self.lock:
            self._failures = 0
            self._not_before = 0.0

    def due_in(self) -> float | None:
        """Return the seconds until it is time to send, or None until an event comes."""
        with self.lock:
            now = self.clock()
            times = [] if self._parked_until is None else [self._parked_until]
            if self._waiting:
                full = self._hurries or self._waiting >= self._batch_size
                times.append(now if full else self._since + self._max_age)
            elif self._poll is not None:
                times.append(self._since + self._poll)
            if not times:
                return None
            at = min(times)
            return min(max(at - now, self._not_before - now, 0.0), LONGEST_WAIT)


class Deadline:
    """Counts down from a timeout, for threads that wait.

    Args:
        timeout: Seconds or a timedelta; None never ends.
        clock: Measures the time.
    """

    def __init__(self, timeout: Seconds | None, clock: Clock) -> None:
        seconds = None if timeout is None else check_seconds("timeout", timeout)
        self._clock = clock
        self._end = None if seconds is None else clock.monotonic() + seconds

    def left(self) -> float | None:
        """Return the seconds left, at most as many as a system can wait at once; or None."""
        if self._end is None:
            return None
        return min(max(self._end - self._clock.monotonic(), 0.0), LONGEST_WAIT)
