"""Events that wait for more: a function that takes batches runs once per batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from inngest_rest.testing._state.catalogue import Function
    from inngest_rest.testing._state.ids import UlidFactory
    from inngest_rest.testing._state.records import MockEvent


@attrs.frozen
class Batch:
    """The events that start one run together, at `due_ns` at the latest."""

    id: str
    function: Function
    due_ns: int
    events: list[MockEvent] = attrs.field(factory=list)


class Batches:
    """The batches that are not full yet, one per function at most."""

    def __init__(self, ids: UlidFactory) -> None:
        self._ids = ids
        self._open: dict[str, Batch] = {}

    def add(self, function: Function, event: MockEvent, at: int) -> Batch | None:
        """Add an event to its function's batch; return the batch if it is full now."""
        key = function.internal_id
        if key not in self._open:
            self._open[key] = Batch(self._ids.next(at), function, at + function.batch_timeout_ns)
        batch = self._open[key]
        batch.events.append(event)
        return self._open.pop(key) if len(batch.events) == function.batch_size else None

    def pop_due(self, now: int) -> Batch | None:
        """Take the batch whose time was up first, if one was by `now`."""
        batch = min(self._open.values(), key=lambda each: each.due_ns, default=None)
        if batch is None or batch.due_ns > now:
            return None
        return self._open.pop(batch.function.internal_id)
