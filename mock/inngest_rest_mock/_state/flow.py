"""Flow control of a function: whether and when an event starts a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import attrs

from inngest_rest_mock._state.arguments import as_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest_mock._state.records import MockEvent

Singleton: TypeAlias = Literal["skip", "cancel"]
"""The mode of a singleton: skip a second run, or cancel the first."""


@attrs.frozen
class Condition:
    """The condition of a trigger: its CEL text and a predicate for events."""

    text: str
    holds: Callable[[MockEvent], object]

    def is_true(self, event: MockEvent) -> bool:
        """Return whether it is true for an event; an error counts as false."""
        try:
            return bool(self.holds(event))
        except Exception:  # noqa: BLE001 - a failing condition starts or resumes no run
            return False


def when(text: str, holds: Callable[[MockEvent], object]) -> Condition:
    """Start a function only for some events.

    Args:
        text: The condition as the server reports it, in CEL, such as `"event.data.total > 100"`.
        holds: Takes a `MockEvent` and returns whether it is true for it; an exception counts as
            false.

    Raises:
        TypeError: `text` is not a text, or `holds` is not callable.
        ValueError: `text` is empty.
    """
    if not callable(holds):
        raise TypeError(
            f"holds must take an event and return whether it starts a run: {holds!r}"
        )
    return Condition(as_text("text", text), holds)


@attrs.frozen
class Flow:
    """The flow control of a function; None for anything not configured.

    Attributes:
        condition: The condition of its triggers.
        debounce_ns: The debounce period.
        rate_limit: The maximum number of runs, and the period in nanoseconds.
        singleton: The singleton mode.
        delay_ns: The extra delay before its runs become readable.
    """

    condition: Condition | None = None
    debounce_ns: int | None = None
    rate_limit: tuple[int, int] | None = None
    singleton: Singleton | None = None
    delay_ns: int = 0

    def accepts(self, event: MockEvent) -> bool:
        """Return whether the condition is true for an event; an error counts as false."""
        return self.condition is None or self.condition.is_true(event)
