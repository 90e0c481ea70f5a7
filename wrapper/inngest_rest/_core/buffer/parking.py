"""Batches that failed, set aside so that the events behind them go out in the meantime.

A server can fail on one event for ever: one that breaks it, or that a firewall takes for an
attack. Which one it is shows when others are accepted: a batch that then still fails is split,
until the event is alone. It is tried again ever more rarely, and leaves others at least half of the
time. If nothing at all is accepted, an event is sent alone now and then: either the server is down,
or each batch has an event that it fails on.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import define, evolve

from inngest_rest.errors import (
    ApiError,
    AuthenticationError,
    InvalidResponseError,
    RateLimitError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inngest_rest._core.buffer.schedule import Schedule
    from inngest_rest.errors import InngestError

T = TypeVar("T")

_LONGEST_PAUSE = 60.0

# Enough to exceed the longest pause; without a bound, the power would overflow.
_DOUBLINGS = 10

# An outage fails every batch: what is parked has to be remembered, and read past in a file.
_MOST_EVENTS = 32_768

# After so many failures in a row, one event tells as much as many.
_ENOUGH = 3


def may_be_about_the_events(cause: InngestError | None) -> bool:
    """Return whether a request may have failed because of what was in it."""
    match cause:
        case RateLimitError() | AuthenticationError():
            return False
        case ApiError():
            return cause.status != 503
        case TransportError():
            return cause.delivered
        case _:
            return isinstance(cause, InvalidResponseError)


@define(eq=False)
class Parked(Generic[T]):
    """What failed.

    Attributes:
        item: The events.
        strikes: How many times it failed, from the first time on that another batch had been
            accepted in between.
        tries: How many times it, or a part of it, was taken since anything was accepted.
        due: When to try it again.
        is_suspect: Whether another batch was accepted since it last failed.
    """

    item: T
    strikes: int = 0
    tries: int = 0
    due: float = 0.0
    is_suspect: bool = False

    @property
    def is_to_blame(self) -> bool:
        """Whether it is its own fault if it fails once more, and not the server's."""
        return self.is_suspect or self.strikes > 0


class Parking(Generic[T]):
    """The batches that failed, each to be tried again after those that have not.

    Args:
        schedule: Its clock applies, and its haste.
        size: Returns how many events a batch has.
        part: Returns a slice of a batch.

    Attributes:
        taken: The one that is being sent again, if any.
        comes_first: Whether it is the turn of those that have failed, and not of others.
    """

    def __init__(
        self,
        schedule: Schedule,
        size: Callable[[T], int],
        part: Callable[[T, int, int | None], T],
    ) -> None:
        self._schedule = schedule
        self._size = size
        self._part = part
        self._parked: deque[Parked[T]] = deque()
        self._hurries_seen = 0
        self.comes_first = False
        # Failures since anything was accepted; how long all rest because of them.
        self._in_a_row = 0
        self._not_before = 0.0
        # When one was taken; how long all rest so that others have as much time.
        self._taken_at = 0.0
        self._rests_until = 0.0
        self.taken: Parked[T] | None = None

    def __iter__(self) -> Iterator[T]:
        # The one that is being sent again is among them.
        if self.taken is not None:
            yield self.taken.item
        yield from (each.item for each in self._parked)

    @property
    def is_full(self) -> bool:
        """Whether to park no more whole batches: then others go out one event at a time."""
        # What is to blame is no outage.
        sizes = (self._size(each.item) for each in self._parked if not each.is_to_blame)
        return sum(sizes) >= _MOST_EVENTS

    def take(self) -> Parked[T] | None:
        """Return one that is due: of those that failed most rarely, the longest parked.

        If nothing is accepted, it is only the first event of it.
        """
        self._heed_haste()
        now = self._taken_at = self._schedule.clock()
        if max(self._not_before, self._rests_until) > now:
            return None
        due = [each for each in self._parked if each.due <= now]
        self.taken = min(due, key=lambda each: each.strikes + each.tries, default=None)
        if self.taken is not None:
            self._parked.remove(self.taken)
            self.taken.tries += 1
            if self._in_a_row >= _ENOUGH and self._size(self.taken.item) > 1:
                first, rest = self._parts(self.taken.item, 1)
                self._parked.append(evolve(self.taken, item=rest))
                self.taken.item = first
        return self.taken

    def put_back(self, item: T | None = None) -> None:
        """Keep what was taken, if anything was, as if it had not been tried.

        Args:
            item: What is left of it; by default all.
        """
        if self.taken is not None:
            self.taken.item = self.taken.item if item is None else item
            self._parked.appendleft(self.taken)
            self.taken = None

    def failed(self, item: T) -> None:
        """Park what failed: what was taken from here, or another."""
        self._heed_haste()
        now = self._schedule.clock()
        self._in_a_row += 1
        # If nothing is accepted, others get their turn all the same, but not all of it.
        self.comes_first = self._in_a_row >= _ENOUGH and self.taken is None
        was, self.taken = self.taken or Parked(item), None
        if was.is_to_blame:  # otherwise, the schedule makes a pause
            was.strikes += 1
            if self._size(item) == 1:  # until then, it is splitting that helps the others
                self._rests_until = now + min(now - self._taken_at, _LONGEST_PAUSE)
            if self._in_a_row > _ENOUGH:
                self._not_before = now + _pause(self._in_a_row - _ENOUGH)
        was.item, was.is_suspect = item, False
        middle = self._size(item) // 2
        if was.strikes > 1 and middle:
            for part in self._parts(item, middle):
                self._parked.append(Parked(part, strikes=1, due=now))
            return
        was.due = now + (_pause(was.strikes) if was.strikes else 0.0)
        self._parked.append(was)

    def succeeded(self) -> None:
        """Note that a batch was accepted or rejected: what fails after that is to blame itself."""
        self.comes_first = True
        self.taken = None
        self._in_a_row, self._not_before = 0, 0.0
        for each in self._parked:
            each.is_suspect, each.tries = True, 0

    def next_due(self) -> float | None:
        """Return when the next one is due, None if there is none."""
        if not self._parked:
            return None
        self._heed_haste()
        return max(self._not_before, self._rests_until, min(each.due for each in self._parked))

    def _parts(self, item: T, at: int) -> tuple[T, T]:
        return self._part(item, 0, at), self._part(item, at, None)

    def _heed_haste(self) -> None:
        if self._hurries_seen != self._schedule.hurry_count:
            self._hurries_seen = self._schedule.hurry_count
            now = self._not_before = self._rests_until = self._schedule.clock()
            for each in self._parked:
                each.due = now


def _pause(failures: int) -> float:
    return min(2.0 ** min(failures - 1, _DOUBLINGS), _LONGEST_PAUSE)
