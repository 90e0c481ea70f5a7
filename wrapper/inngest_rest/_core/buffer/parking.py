"""Batches that failed, set aside so that the events behind them go out in the meantime.

A server can fail on one event for ever: one that breaks it, or that a firewall takes for an
attack. Which one it is shows when others are accepted: a batch that then still fails is split,
until the event is alone. It is tried again ever more rarely, and holds up nothing.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import define

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


# An outage fails every batch: those that are parked have to be remembered, and read past in a file.
_MOST_PARKED = 64


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


@define
class Parked(Generic[T]):
    """What failed.

    Attributes:
        item: The events.
        strikes: How many times it failed, from the first time on that another batch had been
            accepted in between.
        due: When to try it again.
        is_suspect: Whether another batch was accepted since it last failed.
    """

    item: T
    strikes: int = 0
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
        halves: Splits a batch in two; returns it alone if it has a single event.

    Attributes:
        taken: The one that is being sent again, if any.
    """

    def __init__(self, schedule: Schedule, halves: Callable[[T], list[T]]) -> None:
        self._schedule = schedule
        self._halves = halves
        self._parked: deque[Parked[T]] = deque()
        self._hurries_seen = 0
        self._comes_first = False
        # Failures since anything was accepted, of those that are to blame; how long they rest.
        self._in_a_row = 0
        self._not_before = 0.0
        self.taken: Parked[T] | None = None

    def __iter__(self) -> Iterator[T]:
        # The one that is being sent again is among them.
        if self.taken is not None:
            yield self.taken.item
        yield from (each.item for each in self._parked)

    @property
    def comes_first(self) -> bool:
        """Whether it is the turn of those that have failed, and not of others."""
        return self._comes_first or len(self._parked) >= _MOST_PARKED

    def take(self) -> Parked[T] | None:
        """Return one that is due, the longest parked first."""
        now = self._schedule.clock()
        if self._hurries_seen != self._schedule.hurry_count:
            self._hurries_seen = self._schedule.hurry_count
            self._not_before = now
            for each in self._parked:
                each.due = now
        is_open = self._not_before <= now
        self.taken = next((each for each in self._parked if is_open and each.due <= now), None)
        if self.taken is not None:
            self._parked.remove(self.taken)
        return self.taken

    def failed(self, item: T) -> None:
        """Park what failed: what was taken from here, or another."""
        self._comes_first = False
        was, self.taken = self.taken or Parked(item), None
        now = self._schedule.clock()
        if was.strikes and not was.is_suspect:
            # Perhaps it is the server after all: one request tells as much as many.
            self._in_a_row += 1
            self._not_before = now + _pause(self._in_a_row)
        was.strikes += was.is_to_blame
        was.item, was.is_suspect = item, False
        parts = self._halves(item) if was.strikes > 1 else [item]
        if len(parts) > 1:
            self._parked += [Parked(part, strikes=1, due=now) for part in parts]
            return
        was.due = now + (_pause(was.strikes) if was.strikes else 0.0)
        self._parked.append(was)

    def succeeded(self) -> None:
        """Note that a batch was accepted or rejected: what fails after that is to blame itself."""
        self._comes_first = True
        self.taken = None
        self._in_a_row, self._not_before = 0, 0.0
        for each in self._parked:
            each.is_suspect = True

    def next_due(self) -> float | None:
        """Return when the next one is due, None if there is none."""
        if not self._parked:
            return None
        return max(self._not_before, min(each.due for each in self._parked))


def _pause(failures: int) -> float:
    return min(2.0 ** min(failures - 1, _DOUBLINGS), _LONGEST_PAUSE)
