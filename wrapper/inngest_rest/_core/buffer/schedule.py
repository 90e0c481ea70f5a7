"""When events that wait should go out: by count, by age, at once, or later after a failure.

Decisions only: no I/O, no thread. Whoever owns one calls it under a lock of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_WAIT = 3_600.0
"""Seconds after which to look again in any case; longer waits overflow in the system."""

_LONGEST_PAUSE = 60.0


class Pace:
    """Tells a worker how long it may rest.

    Args:
        batch_size: So many waiting events go out at once.
        max_age: Seconds after which fewer go out.
        clock: Monotonic seconds.
        poll: Seconds after which to look even though nothing is known to wait; None for never.

    Attributes:
        waiting: How many events are known to wait.
        hurries: How many callers want everything out now.
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
        self.waiting = 0
        self.hurries = 0
        self._since = self._clock()
        self._failures = 0
        self._not_before = 0.0

    def added(self, count: int = 1) -> bool:
        """Count new events; tell whether a resting worker has to be told."""
        before = self.waiting
        self.waiting = after = before + count
        if before == 0:
            self._since = self._clock()
            return True
        return before < self._batch_size <= after

    def took(self, left: int) -> None:
        """Note that a batch was taken, and how many still wait."""
        self.waiting = left
        self._since = self._clock()

    def hurry(self) -> None:
        """Send everything now; what failed before is tried again without its pause."""
        self.hurries += 1
        self._not_before = 0.0
        # What is not known to wait is looked for, too.
        self.waiting = max(self.waiting, 1)

    def calm(self) -> None:
        """Take one `hurry` back."""
        self.hurries = max(self.hurries - 1, 0)

    def failed(self) -> float:
        """Note a failure; return the seconds until the next try, more after each."""
        pause = min(2.0**self._failures, _LONGEST_PAUSE)
        self._failures += 1
        self._not_before = self._clock() + pause
        return pause

    def succeeded(self) -> None:
        """Note a success: the next failure is the first one again."""
        self._failures = 0
        self._not_before = 0.0

    def due_in(self) -> float | None:
        """Return the seconds until it is time to send, or None for as long as nothing comes."""
        now = self._clock()
        if self.waiting:
            full = self.hurries or self.waiting >= self._batch_size
            at = now if full else self._since + self._max_age
        elif self._poll is not None:
            at = self._since + self._poll
        else:
            return None
        return min(max(at - now, self._not_before - now, 0.0), LONGEST_WAIT)
