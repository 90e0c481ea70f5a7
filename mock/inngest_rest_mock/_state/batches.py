"""Batching: a function runs once per batch of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from inngest_rest_mock._state.catalogue import Function
    from inngest_rest_mock._state.ids import UlidFactory
    from inngest_rest_mock._state.records import MockEvent


@attrs.frozen
class Batch:
    """The events of one run, which starts at `due_ns` at the latest."""

    id: str
    function: Function
    due_ns: int
    events: list[MockEvent] = attrs.field(factory=list)


class Batches:
    """The pending batches, at most one per function."""

    def __init__(self, ids: UlidFactory) -> None:
        self._ids = ids
        self.pending: dict[str, Batch] = {}

    def add(self, function: Function, event: MockEvent, at: int) -> Batch | None:
        """Add an event to its function's batch; return the batch once it is full."""
        key = function.internal_id
        if key not in self.pending:
            self.pending[key] = Batch(
                self._ids.next(at), function, at + function.batch_timeout_ns
            )
        batch = self.pending[key]
        batch.events.append(event)
        return (
            self.pending.pop(key) if len(batch.events) == function.batch_size else None
        )

    def pop_due(self, now: int) -> Batch | None:
        """Remove and return the batch that expired first, if any expired by `now`."""
        batch = min(self.pending.values(), key=lambda each: each.due_ns, default=None)
        if batch is None or batch.due_ns > now:
            return None
        return self.pending.pop(batch.function.internal_id)
