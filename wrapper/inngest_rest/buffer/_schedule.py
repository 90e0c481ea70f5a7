"""Schedule of a buffer: when to send, pauses after failures, and retries.

A single event can fail forever: it crashes the server, or a firewall takes it for an attack. So
events of a failed request wait behind new ones, and each failure while others are accepted halves
the batch size for their retry, until the event is isolated and backs off on its own. If nothing at
all is accepted, single events are tried, new and failed ones in turn: either the server is down, or
every batch has a poisoned event.
"""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from attrs import define

from inngest_rest._local.arguments import check_seconds
from inngest_rest.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from inngest_rest.typing import Seconds

LONGEST_WAIT = 3_600.0
"""Maximum seconds per wait; longer ones may overflow in the operating system."""

_LONGEST_PAUSE = 60.0

# Backoff doubles up to a minute.
_PACE = RetryPolicy(initial=1.0, maximum=_LONGEST_PAUSE)

# After this many consecutive failures, probe with a single event.
_OUTAGE = 3


@define
class _Failed:
    """The failures of an event, and the time of its next attempt."""

    failures: int  # an outage counts as one
    since: int  # the number of batches accepted before the first of them
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
        # By number, least recently failed first.
        self._failed: dict[int, _Failed] = {}
        # Retries wait until these times, since nothing is accepted, or since they were slow.
        self._rest_until = 0.0
        self._yield_until = 0.0
        self._taken_at = 0.0  # the last time that retries were taken
        self._are_first = False  # before new events
        self._accepted = 0  # batches
        # Failures since the last accepted batch that the events may have caused.
        self._in_a_row = 0

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
            self._yield_until = 0.0
            for failed in self._failed.values():
                failed.due = 0.0
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
        return 1 if self._in_a_row >= _OUTAGE else self.batch_size

    def failing(self) -> set[int]:
        """Return the numbers of the events to retry."""
        with self.lock:
            return set(self._failed)

    def turns(self) -> Iterator[Sequence[int] | None]:
        """Yield candidates for the next batch until one is not empty: None means new events."""
        are_first = self._are_first
        if not are_first:
            yield None
        while seqs := self._due():
            yield seqs
            self.forget(seqs)  # sent by another process
        if are_first:
            yield None

    def _due(self) -> list[int]:
        """Return the events to retry now: those with the fewest failures, in one batch."""
        with self.lock:
            now = self.clock()
            self._taken_at = now
            if max(self._rest_until, self._yield_until) > now:
                return []
            failures = {
                seq: failed.failures
                for seq, failed in self._failed.items()
                if failed.due <= now
            }
            if not failures:
                return []
            fewest = min(failures.values())
            size = min(self.most, max(self.batch_size >> fewest, 1))
            with_fewest = (seq for seq, number in failures.items() if number == fewest)
            return list(islice(with_fewest, size))

    def forget(self, seqs: Iterable[int]) -> None:
        with self.lock:
            for seq in seqs:
                self._failed.pop(seq, None)

    def succeeded(self) -> None:
        """Record an accepted batch: events that fail again after it are to blame themselves."""
        with self.lock:
            for failed in self._failed.values():
                if failed.since == self._accepted:
                    failed.failures = 1
                    failed.due = 0.0
            self._accepted += 1
            self._in_a_row = 0
            self._pauses = 0
            self._not_before = 0.0
            self._rest_until = 0.0
            self._are_first = True

    def failed(self, asked: float | None = None) -> float:
        """Record a failure that the events did not cause; return the seconds to the next attempt.

        They double with each failure up to a minute, and are at least the server's Retry-After
        (`asked`), up to an hour.
        """
        with self.lock:
            self._pauses += 1
            asked_pause = min(asked or 0.0, LONGEST_WAIT)
            pause = max(_PACE.backoff(self._pauses), asked_pause)
            self._not_before = self.clock() + pause
            return pause

    def failed_on(self, seqs: Sequence[int]) -> bool:
        """Record a failure, and return whether these events caused it, since others are accepted.

        If they did, others need no backoff.
        """
        with self.lock:
            now = self.clock()
            self._in_a_row += 1
            earlier = {seq: self._failed.pop(seq, None) for seq in seqs}
            failed_before = [failed for failed in earlier.values() if failed]
            are_to_blame = any(
                failed.since < self._accepted for failed in failed_before
            )
            # While nothing is accepted, new and failed events take turns.
            has_new = len(failed_before) < len(seqs)
            self._are_first = self._in_a_row >= _OUTAGE and has_new
            failures = 1 + max((failed.failures for failed in failed_before), default=0)
            due = now
            if are_to_blame:
                # As many failures as it takes to halve a full batch down to this size.
                halvings = (self.batch_size // len(seqs)).bit_length()
                failures = max(failures, halvings)
                self._rest_until = now + _PACE.backoff(self._in_a_row - _OUTAGE)
                if len(seqs) == 1:  # until then, halving protects the others
                    due += _PACE.backoff(failures - self.batch_size.bit_length() + 1)
                    took = min(now - self._taken_at, _LONGEST_PAUSE)
                    self._yield_until = now + took
            for seq, failed in earlier.items():
                since = failed.since if failed else self._accepted
                self._failed[seq] = _Failed(failures=failures, since=since, due=due)
            return are_to_blame

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
            if self._failed:
                retry_due = min(failed.due for failed in self._failed.values())
                retry_due = max(retry_due, self._rest_until, self._yield_until)
                due = min(due, retry_due)
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
