"""Events that wait for others before their function runs: in a batch, or debounced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from inngest_rest_mock._state.catalogue import Function
    from inngest_rest_mock._state.ids import UlidFactory
    from inngest_rest_mock._state.records import MockEvent


@attrs.frozen
class Held:
    """The events of one run, which starts at `due_ns` at the latest; `batch_id` if they batch."""

    function: Function
    events: list[MockEvent]
    due_ns: int
    batch_id: str | None


class Pending:
    """What is held back, at most one run per function."""

    def __init__(self, ids: UlidFactory) -> None:
        self._ids = ids
        self.held: dict[str, Held] = {}

    def add(self, function: Function, event: MockEvent, at: int) -> Held | None:
        """Add an event to the batch of its function; return the batch once it is full."""
        key = function.internal_id
        if key not in self.held:
            due = at + function.batch_timeout_ns
            self.held[key] = Held(function, [], due, self._ids.next(at))
        batch = self.held[key]
        batch.events.append(event)
        if len(batch.events) < (function.batch_size or 1):
            return None
        return self.held.pop(key)

    def replace(self, function: Function, event: MockEvent, due_ns: int) -> None:
        """Hold an event of a function that debounces, in place of the one before."""
        self.held[function.internal_id] = Held(function, [event], due_ns, None)

    def pop_due(self, now: int) -> Held | None:
        """Remove and return what is due first, if it is due by `now`."""
        first = min(self.held.values(), key=lambda each: each.due_ns, default=None)
        if first is None or first.due_ns > now:
            return None
        return self.held.pop(first.function.internal_id)
