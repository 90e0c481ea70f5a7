"""When a buffer sends: by count, by age, at once, or later after a failure. No I/O, no thread."""

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
"""Seconds after which to look again in any case; longer waits overflow in the system."""

_LONGEST_PAUSE = 60.0

# Doubling this often exceeds the longest pause; more would overflow one day.
_DOUBLINGS = 10


class Schedule:
    """Decides how long a buffer's worker may rest; any thread may call it.

    Args:
        batch_size: This many waiting events go out at once.
        max_age: Seconds after which fewer go out.
        clock: Monotonic seconds.
        poll: Seconds after which to look even if nothing is known to wait; None for never.

    Attributes:
        lock: Held by each method; hold it to do several things at once.
        waiting: How many events are known to wait.
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
        self._clock = clock
        self._poll = poll
        self.restart()

    def restart(self) -> None:
        """Forget everything, as a forked child must."""
        # Reentrant: a signal handler or a finalizer may add an event in the middle of an add.
        self.lock = threading.RLock()
        self.waiting = 0
        self._hurries = 0
        self._since = self._clock()
        self._failures = 0
        self._not_before = 0.0

    def added(self, count: int = 1) -> bool:
        """Count new events; return whether a resting worker has to wake up."""
        with self.lock:
            before = self.waiting
            self.waiting = after = before + count
            if before == 0:
                self._since = self._clock()
                return True
            return before < self._batch_size <= after

    def took(self, left: int) -> None:
        """Note that a batch was taken, and how many events still wait."""
        with self.lock:
            self.waiting = left
            self._since = self._clock()

    @contextmanager
    def hurrying(self) -> Generator[None]:
        """Send everything now, for as long as this lasts; after a failure without its pause."""
        with self.lock:
            self._hurries += 1
            self._not_before = 0.0
            # Another process may have put events that are not known to wait.
            self.waiting = max(self.waiting, 1)
        try:
            yield
        finally:
            with self.lock:
                self._hurries = max(self._hurries - 1, 0)

    def failed(self) -> float:
        """Note a failure; return the seconds until the next try, which double with each."""
        with self.lock:
            pause = min(2.0 ** min(self._failures, _DOUBLINGS), _LONGEST_PAUSE)
            self._failures += 1
            self._not_before = self._clock() + pause
            return pause

    def succeeded(self) -> None:
        """Note a success: the next failure counts as the first."""
        with self.lock:
            self._failures = 0
            self._not_before = 0.0

    def due_in(self) -> float | None:
        """Return the seconds until it is time to send, or None until an event comes."""
        with self.lock:
            now = self._clock()
            if self.waiting:
                full = self._hurries or self.waiting >= self._batch_size
                at = now if full else self._since + self._max_age
            elif self._poll is not None:
                at = self._since + self._poll
            else:
                return None
            return min(max(at - now, self._not_before - now, 0.0), LONGEST_WAIT)


class Deadline:
    """Counts down from a timeout, for threads that wait.

    Args:
        timeout: Seconds or a timedelta; None never ends.
        clock: Whose time passes.
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
