"""Schedule of a buffer: when to send, pauses after failures, and retries.

An event that a server refuses alone, while it accepts others, is tried again by itself, and set
aside after some refusals. If nothing is accepted, the server is down: nothing is set aside.
"""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import define

from inngest_rest._local.arguments import check_seconds
from inngest_rest.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from inngest_rest.typing import Seconds

LONGEST_WAIT = 3_600.0
"""Maximum seconds per wait; longer ones may overflow in the operating system."""

_LONGEST_PAUSE = 60.0

# Backoff doubles up to a minute.
_PACE = RetryPolicy(initial=1.0, maximum=_LONGEST_PAUSE)

# After this many consecutive failures, probe with a single event.
_OUTAGE = 3

MOST_REFUSALS = 5
"""After so many refusals, with others accepted in between, an event is set aside."""


@define
class _Refused:
    """The refusals of an event, and the time of its next attempt."""

    refusals: int  # an outage counts as one
    since: int  # the number of deliveries accepted before the last of them
    due: float


class Schedule:
    """Decides what a buffer's worker sends next, and when. Thread-safe.

    Every method takes its `lock`; hold it to combine calls atomically.
    """

    def __init__(
        self,
        batch_size: int,
        max_age: float,
        clock: Callable[[], float],
        *,
        poll: float = math.inf,
    ) -> None:
        self.batch_size = batch_size
        self._max_age = max_age
        self.clock = clock
        self._poll = poll  # seconds between an idle buffer's checks of its store
        self.restart()

    def restart(self) -> None:
        """Reset, as a forked child must."""
        # Reentrant: a signal handler or a finalizer may add an event in the middle of an add.
        self.lock = threading.RLock()
        self.waiting = 0
        self._flushes = 0
        self._since = self.clock()
        # Consecutive pauses since a batch was accepted, and the end of the current one.
        self._pauses = 0
        self._not_before = 0.0
        # By number, least recently refused first.
        self._refused: dict[int, _Refused] = {}
        self._accepted = 0  # deliveries, in whole or in part
        # Refusals of retries since then, and the end of the rest that they take.
        self._in_a_row = 0
        self._rest_until = 0.0
        self._retries_first = False  # before new events

    def added(self, count: int = 1) -> bool:
        """Count new events; return whether an idle worker has to wake up."""
        with self.lock:
            before = self.waiting
            if before == 0:
                self._since = self.clock()
            after = before + count
            self.waiting = after
            return before == 0 or before < self.batch_size <= after

    def took(self, left: int, *, is_full: bool = False) -> None:
        """Record that a batch was taken, and the number of new events that still wait.

        Behind a batch filled by its bytes, they have waited as long as its own events.
        """
        with self.lock:
            self.waiting = left
            waited = self._max_age if is_full else 0.0
            self._since = self.clock() - waited

    @contextmanager
    def flush_now(self) -> Generator[None]:
        """Send everything without delay while this context is open.

        It ends the current backoff, even one that the server requested (for a rate limit, the
        client still waits); backoff after further failures applies.
        """
        with self.lock:
            self._flushes += 1
            self._not_before = 0.0
            self._rest_until = 0.0
            for refused in self._refused.values():
                refused.due = 0.0
            # Another process may have added events that were not counted here.
            self.waiting = max(self.waiting, 1)
        try:
            yield
        finally:
            with self.lock:
                self._flushes = max(self._flushes - 1, 0)

    @property
    def is_pausing(self) -> bool:
        """Whether nothing was accepted lately, and the next attempt is not due yet."""
        with self.lock:
            return self._not_before > self.clock()

    @property
    def most(self) -> int:
        """The maximum size of the next batch."""
        return 1 if self._pauses >= _OUTAGE else self.batch_size

    def refused(self) -> set[int]:
        """Return the numbers of the events to retry."""
        with self.lock:
            return set(self._refused)

    def turns(self) -> Iterator[int | None]:
        """Yield candidates for the next batch until one is not empty: None means new events."""
        are_first = self._retries_first
        if not are_first:
            yield None
        while (seq := self._retry()) is not None:
            yield seq
            self.forget([seq])  # sent by another process
        if are_first:
            yield None

    def _retry(self) -> int | None:
        """Return the event that was refused and is to be tried again now."""
        with self.lock:
            now = self.clock()
            if self._rest_until > now:
                return None
            due = (seq for seq, each in self._refused.items() if each.due <= now)
            return next(due, None)

    def forget(self, seqs: Iterable[int]) -> None:
        with self.lock:
            for seq in seqs:
                self._refused.pop(seq, None)

    def succeeded(self) -> None:
        """Record that the server accepted some events, or told what is wrong with them."""
        with self.lock:
            self._accepted += 1
            self._pauses = 0
            self._not_before = 0.0
            self._in_a_row = 0
            self._rest_until = 0.0
            self._retries_first = True

    def refuse(self, seq: int) -> bool:
        """Record that an event failed alone; return whether that was its last attempt."""
        with self.lock:
            now = self.clock()
            self._retries_first = False
            refusals = 1
            earlier = self._refused.pop(seq, None)
            if earlier is not None:
                refusals = earlier.refusals + (earlier.since < self._accepted)
                self._in_a_row += 1
                self._rest_until = now + _PACE.backoff(self._in_a_row)
            if refusals == MOST_REFUSALS:
                return True
            due = now + _PACE.backoff(refusals)
            self._refused[seq] = _Refused(
                refusals=refusals, since=self._accepted, due=due
            )
            return False

    def failed(self, asked: float | None = None) -> float:
        """Record a failure that the events did not cause; return the seconds to the next attempt.

        They double with each failure up to a minute, and are at least the server's Retry-After
        (`asked`), up to an hour.
        """
        with self.lock:
            self._pauses += 1
            self._retries_first = False
            asked_pause = min(asked or 0.0, LONGEST_WAIT)
            pause = max(_PACE.backoff(self._pauses), asked_pause)
            self._not_before = self.clock() + pause
            return pause

    def due_in(self) -> float:
        """Return the seconds until the next send, at most LONGEST_WAIT."""
        with self.lock:
            now = self.clock()
            if not self.waiting:
                due = self._since + self._poll
            elif self._flushes or self.waiting >= self.batch_size:
                due = now
            else:
                due = self._since + self._max_age
            if self._refused:
                retry_due = min(refused.due for refused in self._refused.values())
                due = min(due, max(retry_due, self._rest_until))
            due = max(due, self._not_before, now)
            return min(due - now, LONGEST_WAIT)


class Deadline:
    """A countdown from a timeout, for waiting threads; None is no limit."""

    def __init__(self, timeout: Seconds | None, now: Callable[[], float]) -> None:
        seconds = math.inf if timeout is None else check_seconds("timeout", timeout)
        self._now = now
        self._end = now() + seconds

    def left(self) -> float:
        """Return the seconds left, capped at LONGEST_WAIT."""
        return min(max(self._end - self._now(), 0.0), LONGEST_WAIT)
