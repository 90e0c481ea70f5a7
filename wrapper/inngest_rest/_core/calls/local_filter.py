"""Filters of a listing that servers lack, evaluated on each item, and on its event if need be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from inngest_rest._local.expressions import of_event
from inngest_rest.errors import Advice, InvalidArgumentError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inngest_rest._core.plans import Plan
    from inngest_rest._local.expressions import Expression
    from inngest_rest.models import StoredEvent

T = TypeVar("T")

MOST_RUNS = 50_000
"""The number of runs that one walk through a listing reads at most."""

MOST_EVENTS_OF_RUNS = 5_000
"""The number of events that such a walk reads at most, one request each."""

MOST_EVENTS = 1_000_000
"""The number of events that one walk through a listing of events reads: about half a minute."""

_MOST_REMEMBERED = 500  # events: the runs of one event are close to each other


class LocalFilter(Generic[T]):
    """Selects and counts the items of one walk through a listing, or of one watch.

    The cheap filters come first: `matches`, then `where` on the `values` of the item alone. The
    event that the item names is read only if these cannot decide.

    Args:
        matches: Return whether an item passes the filters other than `where`.
        where: A condition; None if there is none.
        values: Return the variables of an item that the condition may use.
        argument: The argument to name in the error about too many items.
        narrowed_by: The arguments that make the server select fewer items.
        most_read: The largest number of items to read; None for no limit, on their events as well.
        event_ids: Return the ids of the events of an item.
        read_event: Read one of them, by a deadline; None if items have no events.
        with_event: Return an item with what `where` has read of its event.
    """

    def __init__(
        self,
        *,
        matches: Callable[[T], bool],
        where: Expression | None,
        values: Callable[[T], Mapping[str, Any]],
        argument: str,
        narrowed_by: str,
        most_read: int | None,
        event_ids: Callable[[T], Sequence[str]] = lambda _: (),
        read_event: Callable[[str, float], Plan[StoredEvent]] | None = None,
        with_event: Callable[[T, Mapping[str, Any]], T] = lambda item, _: item,
    ) -> None:
        self._matches = matches
        self._where = where
        self._values = values
        self._argument = argument
        self._narrowed_by = narrowed_by
        self._most_read = most_read
        self._event_ids = event_ids
        self._read_event = read_event
        self._with_event = with_event
        # The variables of the last events, or why one could not be read.
        self._events: dict[str, Mapping[str, Any] | str] = {}
        self._items_read = 0
        self._events_read = 0
        self._undecided = 0
        self._first_reason = ""  # why the first of them could not be decided

    async def wants(self, item: T, deadline: float) -> bool:
        """Return whether an item is wanted; raise if too many were read before it."""
        self._check_bound(self._items_read, self._most_read)
        self._items_read += 1
        if not self._matches(item):
            return False
        return await self._holds(item, deadline)

    def completed(self, item: T) -> T:
        """Return an item that was wanted with what was read of its event, if it was."""
        for event_id in self._event_ids(item)[:1]:
            event = self._events.get(event_id)
            if isinstance(event, Mapping):
                return self._with_event(item, event)
        return item

    def __str__(self) -> str:
        words = f"{self._items_read:,} read"
        if self._where is not None and self._read_event:
            words += f", and {self._events_read:,} events"
        if self._undecided:
            words += f"; {self._undecided:,} left out, as where fails"
            words += f" (the first: {self._first_reason})"
        return words

    async def _holds(self, item: T, deadline: float) -> bool:
        """Return whether `where` is true; count the item if that cannot be decided."""
        if self._where is None:
            return True
        verdict = await self._verdict(self._where, item, deadline)
        if isinstance(verdict, bool):
            return verdict
        self._undecided += 1
        self._first_reason = self._first_reason or verdict
        return False

    async def _verdict(self, where: Expression, item: T, deadline: float) -> bool | str:
        """Return whether a condition is true, or why it cannot be decided."""
        values = self._values(item)
        verdict = where.verdict(values)
        if isinstance(verdict, bool):  # such as that of `run.status == "failed" && ...`
            return verdict
        needs_event = "event" in where.names and "event" not in values
        event_ids = self._event_ids(item) if needs_event else ()
        if not event_ids:
            return verdict
        event = await self._event(event_ids[0], deadline)
        if isinstance(event, str):
            return event
        return where.verdict({**values, "event": event})

    async def _event(self, id: str, deadline: float) -> Mapping[str, Any] | str:
        """Return the variables of an event, or why it cannot be read."""
        if id in self._events:
            return self._events[id]
        self._check_bound(self._events_read, MOST_EVENTS_OF_RUNS)
        self._events_read += 1
        if len(self._events) == _MOST_REMEMBERED:
            del self._events[next(iter(self._events))]
        assert self._read_event is not None
        try:
            event = await self._read_event(id, deadline)
            self._events[id] = of_event(event)
        except NotFoundError:
            self._events[id] = f"there is no event {id}"
        return self._events[id]

    def _check_bound(self, read: int, most: int | None) -> None:
        if self._most_read is not None and read == most:
            how = f"Narrow it by {self._narrowed_by}, or go on from the cursor that the error has."
            raise InvalidArgumentError(
                f"the filter is too wide to be evaluated in the client ({self})",
                argument=self._argument,
                advice=Advice(how),
            )
