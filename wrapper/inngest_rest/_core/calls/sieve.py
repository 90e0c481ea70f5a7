"""Filters that are evaluated here, on the items of a listing and the events that they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from inngest_rest._core.expressions import of_event
from inngest_rest.errors import InvalidArgumentError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from inngest_rest._core.expressions import Expression
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import StoredEvent

T = TypeVar("T")

MOST_READ, MOST_EVENTS = 50_000, 5_000
"""How many items one walk through a listing reads, and how many events for them."""

_MOST_KEPT = 500  # events in memory: several runs of one event are close to each other


class Sieve(Generic[T]):
    """What one walk through a listing, or one watch, has read, and which items it wants.

    First is what costs nothing: whether an item `matches`, then `where` on the `values` of the item
    alone. Only if that cannot decide, the event that the item names is read.
    """

    def __init__(
        self,
        matches: Callable[[T], bool],
        where: Expression | None,
        values: Callable[[T], Mapping[str, Any]],
        event_id: Callable[[T], str | None] = lambda _: None,
        read_event: Callable[[str, float], Plan[StoredEvent]] | None = None,
        *,
        is_bounded: bool = True,
    ) -> None:
        self._matches, self._where, self._values = matches, where, values
        self._event_id, self._read_event, self._is_bounded = event_id, read_event, is_bounded
        self._events: dict[str, Mapping[str, Any] | str] = {}
        self._read = self._read_events = self._undecided = 0
        self._why = ""

    def chosen(
        self, items: Sequence[T], indices: Sequence[int], most: int | None, deadline: float
    ) -> Plan[list[int]]:
        """Return which of some items are wanted, at most so many."""
        found: list[int] = []
        for index in indices:
            if len(found) == most:
                break
            self._check_bound(self._read, MOST_READ)
            self._read += 1
            if self._matches(items[index]) and (yield from self._holds(items[index], deadline)):
                found.append(index)
        return found

    def __str__(self) -> str:
        told = f"{self._read:,} read"
        if self._where is not None:
            told += f", and {self._read_events:,} events" if self._read_event else ""
            told += f"; {self._undecided:,} left out, as where fails" if self._undecided else ""
            told += f" (the first: {self._why})" if self._undecided else ""
        return told

    def _holds(self, item: T, deadline: float) -> Plan[bool]:
        if self._where is None:
            return True
        values = self._values(item)
        verdict = self._where.verdict(values)
        # What another part decides, such as `run.status == "failed" && ...`, needs no event.
        id = self._event_id(item) if "event" in self._where.names - values.keys() else None
        if not isinstance(verdict, bool) and id is not None:
            event = yield from self._event(id, deadline)
            whole = {**values, "event": event}
            verdict = event if isinstance(event, str) else self._where.verdict(whole)
        if isinstance(verdict, bool):
            return verdict
        self._undecided += 1
        self._why = self._why or verdict
        return False

    def _event(self, id: str, deadline: float) -> Plan[Mapping[str, Any] | str]:
        """Return what is seen of an event, or why it cannot be read."""
        if id not in self._events:
            self._check_bound(self._read_events, MOST_EVENTS)
            self._read_events += 1
            if len(self._events) == _MOST_KEPT:
                self._events.clear()
            try:
                assert self._read_event is not None
                self._events[id] = of_event((yield from self._read_event(id, deadline)))
            except NotFoundError:
                self._events[id] = f"there is no event {id}"
        return self._events[id]

    def _check_bound(self, read: int, most: int) -> None:
        if self._is_bounded and read == most:
            raise InvalidArgumentError(
                f"the filter is too wide to be evaluated here ({self}): narrow it by since and "
                "until, app or status, or continue at the cursor of a page",
                argument="where",
            )
