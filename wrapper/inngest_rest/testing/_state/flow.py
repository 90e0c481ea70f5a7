"""Flow control of a function: whether, and when, an event starts a run of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import attrs

from inngest_rest.testing._state.arguments import as_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest.testing._state.behaviours import EventDict
    from inngest_rest.testing._state.records import MockEvent

Singleton: TypeAlias = Literal["skip", "cancel"]
"""What a singleton does about a second run: skip it, or cancel the first."""


@attrs.frozen
class Condition:
    """The condition of a trigger: what the server shows, and whether it holds for an event."""

    text: str
    holds: Callable[[EventDict], object]


def when(text: str, holds: Callable[[EventDict], object]) -> Condition:
    """Start a function only for some events.

    Args:
        text: The condition as the server shows it, in CEL, such as `"event.data.total > 100"`.
        holds: Returns whether it is true for an event; an exception counts as false.

    Raises:
        TypeError: `text` is not a text, or `holds` is not callable.
        ValueError: `text` is empty.
    """
    if not callable(holds):
        raise TypeError(f"holds must take an event and return whether it starts a run: {holds!r}")
    return Condition(as_text("text", text), holds)


@attrs.frozen
class Flow:
    """The flow control of a function; None for what it does not have.

    Attributes:
        condition: The condition of its triggers.
        debounce_ns: How long it waits for a later event in place of one.
        rate_limit: How many runs it starts at most, and in how many nanoseconds.
        singleton: What it does while a run has not ended.
        delay_ns: How much later than others its runs can be read.
    """

    condition: Condition | None = None
    debounce_ns: int | None = None
    rate_limit: tuple[int, int] | None = None
    singleton: Singleton | None = None
    delay_ns: int = 0

    def accepts(self, event: MockEvent) -> bool:
        """Return whether the condition holds for an event; like the server's, it may not fail."""
        if self.condition is None:
            return True
        try:
            return bool(self.condition.holds(event.as_seen_by_function()))
        except Exception:  # noqa: BLE001 - a condition that fails starts no run
            return False
