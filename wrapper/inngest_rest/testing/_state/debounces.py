"""Events that wait for later ones: a function that debounces runs for the last of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from inngest_rest.testing._state.catalogue import Function
    from inngest_rest.testing._state.records import MockEvent


@attrs.frozen
class Debounced:
    """The latest event that a function debounces, which starts a run at `due_ns`."""

    function: Function
    event: MockEvent
    due_ns: int


class Debounces:
    """The events that wait for later ones, one per function at most."""

    def __init__(self) -> None:
        self._waiting: dict[str, Debounced] = {}

    def add(self, function: Function, event: MockEvent, due_ns: int) -> None:
        """Let an event wait, in place of the one before."""
        self._waiting[function.internal_id] = Debounced(function, event, due_ns)

    def pop_due(self, now: int) -> Debounced | None:
        """Take the event whose time was up first, if one was by `now`."""
        first = min(self._waiting.values(), key=lambda each: each.due_ns, default=None)
        if first is None or first.due_ns > now:
            return None
        return self._waiting.pop(first.function.internal_id)
