"""Schedule of a buffer: when to send, pauses after failures, and retries.

A server can fail on one event for ever: one that breaks it, or that a firewall takes for an attack.
So what a failed request held waits behind new events, and each failure while others are accepted
halves the batches in which it goes out, until the event is alone; then it rests ever longer. If
nothing at all is accepted, single events are tried, new and failed by turns: either the server is
down, or each batch has an event that it fails on.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from attrs import define

from inngest_rest._core.arguments import check_seconds
from inngest_rest.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from inngest_rest._core.clock import Clock
    from inngest_rest.typing import Seconds

LONGEST_WAIT = 3_600.0
"""Maximum seconds to wait at once; longer waits may overflow in the operating system."""

_LONGEST_PAUSE = 60.0

# Pauses double up to a minute.
_PACE = RetryPolicy(initial=1.0, maximum=_LONGEST_PAUSE)

# After so many failures in a row, one event tells as much as many.
_ENOUGH = 3


@define
class _Failed:
    """An event that was in a failed request.

    Attributes:
        failures: How often it failed; those of an outage, in which all did, count as one.
        since: How many batches had been accepted when it first failed.
        due: When to send it again.
    """

    failures: int
    since: int
    due: float


class Schedule:
    """Decides what a buffer's worker sends, and how long it rests. Any thread may call it.

    Args:
        batch_size: Number of waiting events that are sent without delay.
        max_age: Seconds after which fewer are sent.
        clock: Returns monotonic seconds.
        poll: Seconds after which an idle buffer looks for events anyway; None for never.

    Attributes:
        lock: Held by each method but `count_one`; hold it to do several things at once.
        clock: Returns monotonic seconds.
        batch_size: Maximum number of events per batch.
    """

    def __init__(
        self,
        batch_size: int,
        max_age: float,
        clock: Callable[[], float],
        *,
        poll: float | None = None,
    ) -> None:
        self.batch_size = batch_size
        self._max_age = max_age
        self.clock = clock
        self._poll = poll
        self.restart()

    def restart(self) -> None:
        """Forget everything, as a forked child must."""
        # Reentrant: a signal handler or a finalizer may add an event in the middle of an add.
        self.lock = threading.RLock()
        self._waiting = 0
        self._flushes = 0
        self._since = self.clock()
        # Pauses since a batch was accepted, and until when all rest.
        self._pauses = 0
        self._not_before = 0.0
        # By number, those that failed least recently first.
        self._failed: dict[int, _Failed] = {}
        # Until when they rest, because nothing is accepted, and because they took so long; when
        # some of them were last taken.
        self._rest_until = 0.0
        self._yield_until = 0.0
        self._taken_at = 0.0
        self._are_first = False
        self._accepted = 0
        # Failures since then that may be about the events.
        self._in_a_row = 0

    def added(self, count: int = 1) -> bool:
        """Count new events; return whether a resting worker has to wake up."""
        with self.lock:
            before = self._waiting
            if before == 0:
                self._since = self.clock()
            self._waiting = after = before + count
            return before == 0 or before < self.batch_size <= after

    def count_one(self) -> bool:
        """Do what `added` does, for a caller that holds the lock: taking it again costs time."""
        waiting = self._waiting + 1
        if waiting == 1:
            self._since = self.clock()
        self._waiting = waiting
        return waiting == 1 or waiting == self.batch_size  # noqa: PLR1714 - a set takes longer

    def took(self, left: int, *, is_full: bool = False) -> None:
        """Note that a batch was taken, and how many new events still wait.

        After a batch that is full by its bytes, they have waited as long as its own.
        """
        with self.lock:
            self._waiting = left
            self._since = self.clock() - (self._max_age if is_full else 0.0)

    @contextmanager
    def flush_now(self) -> Generator[None]:
        """Send everything at once for as long as this lasts.

        It ends a pause after a failure, even one that the server asked for (of a rate limit, the
        client keeps it all the same); the pauses after further failures are kept.
        """
        with self.lock:
            self._flushes += 1
            self._not_before = self._rest_until = self._yield_until = 0.0
            for each in self._failed.values():
                each.due = 0.0
            # Another process may have put events that are not known to wait.
            self._waiting = max(self._waiting, 1)
        try:
            yield
        finally:
            with self.lock:
                self._flushes = max(self._flushes - 1, 0)

    @property
    def most(self) -> int:
        """How many events the next batch may have at most."""
        return 1 if self._in_a_row >= _ENOUGH else self.batch_size

    def failing(self) -> set[int]:
        """Return the numbers of the events that have failed and are to be sent again."""
        with self.lock:
            return set(self._failed)

    def turns(self) -> Iterator[Sequence[int] | None]:
        """Yield what to send next, until there is some of it: None means new events."""
        are_first = self._are_first
        if not are_first:
            yield None
        while seqs := self._due():
            yield seqs
            self.forget(seqs)  # another process has sent them
        if are_first:
            yield None

    def _due(self) -> list[int]:
        """Return what to send again now: what failed most rarely, as many as may go together."""
        with self.lock:
            self._taken_at = now = self.clock()
            due = {seq: it.failures for seq, it in self._failed.items() if it.due <= now}
            if not due or max(self._rest_until, self._yield_until) > now:
                return []
            fewest = min(due.values())
            size = min(self.most, max(self.batch_size >> fewest, 1))
            return list(islice((seq for seq, each in due.items() if each == fewest), size))

    def forget(self, seqs: Iterable[int]) -> None:
        """Note that these are done."""
        with self.lock:
            for seq in seqs:
                self._failed.pop(seq, None)

    def succeeded(self) -> None:
        """Note that a batch was accepted: what has failed and fails again is to blame itself."""
        with self.lock:
            for each in self._failed.values():
                if each.since == self._accepted:
                    each.failures, each.due = 1, 0.0
            self._accepted += 1
            self._in_a_row = self._pauses = 0
            self._not_before = self._rest_until = 0.0
            self._are_first = True

    def failed(self, asked: float | None = None) -> float:
        """Note a failure that is not about the events.

        Args:
            asked: Seconds the server asked to wait, if it did.

        Returns:
            The seconds until the next attempt: they double with each failure up to a minute, and
            are at least as many as were asked for, up to an hour.
        """
        with self.lock:
            self._pauses += 1
            pause = max(_PACE.backoff(self._pauses), min(asked or 0.0, LONGEST_WAIT))
            self._not_before = self.clock() + pause
            return pause

    def failed_on(self, seqs: Sequence[int]) -> bool:
        """Note a failure that may be about these events.

        Returns:
            Whether they are to blame, since others are accepted: then these need no pause.
        """
        with self.lock:
            now = self.clock()
            self._in_a_row += 1
            was = [self._failed.pop(seq, None) for seq in seqs]
            are_to_blame = any(it and it.since < self._accepted for it in was)
            # If nothing is accepted, all get their turn.
            self._are_first = self._in_a_row >= _ENOUGH and None in was
            failures, due = 1 + max(it.failures if it else 0 for it in was), now
            if are_to_blame:
                # As if they had been halved until they were so few.
                failures = max(failures, (self.batch_size // len(seqs)).bit_length())
                self._rest_until = now + _PACE.backoff(self._in_a_row - _ENOUGH)
                if len(seqs) == 1:  # until then, it is halving that helps the others
                    due += _PACE.backoff(failures - self.batch_size.bit_length() + 1)
                    self._yield_until = now + min(now - self._taken_at, _LONGEST_PAUSE)
            for seq, it in zip(seqs, was, strict=True):
                self._failed[seq] = _Failed(failures, it.since if it else self._accepted, due)
            return are_to_blame

    def due_in(self) -> float | None:
        """Return the seconds until it is time to send, or None until an event comes."""
        with self.lock:
            now = self.clock()
            times: list[float] = []
            if self._failed:
                due = min(each.due for each in self._failed.values())
                times.append(max(due, self._rest_until, self._yield_until))
            if self._waiting:
                is_full = self._flushes or self._waiting >= self.batch_size
                times.append(now if is_full else self._since + self._max_age)
            elif self._poll is not None:
                times.append(self._since + self._poll)
            if not times:
                return None
            return min(max(min(times) - now, self._not_before - now, 0.0), LONGEST_WAIT)


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
