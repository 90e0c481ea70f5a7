"""Debouncing: a function runs for the last of several events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from inngest_rest_mock._state.catalogue import Function
    from inngest_rest_mock._state.records import MockEvent


@attrs.frozen
class Debounced:
    """The latest debounced event of a function, which starts a run at `due_ns`."""

    function: Function
    event: MockEvent
    due_ns: int


class Debounces:
    """The pending events, at most one per function."""

    def __init__(self) -> None:
        self.pending: dict[str, Debounced] = {}

    def add(self, function: Function, event: MockEvent, due_ns: int) -> None:
        """Make an event the pending one, in place of the previous one."""
        self.pending[function.internal_id] = Debounced(function, event, due_ns)

    def pop_due(self, now: int) -> Debounced | None:
        """Remove and return the event that expired first, if any expired by `now`."""
        first = min(self.pending.values(), key=lambda each: each.due_ns, default=None)
        if first is None or first.due_ns > now:
            return None
        return self.pending.pop(first.function.internal_id)
