"""Flow control of a function: whether and when an event starts a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import attrs

from inngest_rest_mock._state.arguments import as_text, as_timedelta, check_timedelta
from inngest_rest_mock._state.clock import nanoseconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

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

    @classmethod
    def of(
        cls,
        *,
        condition: Condition | None,
        debounce: timedelta | None,
        rate_limit: tuple[int, timedelta] | None,
        singleton: Singleton | None,
        visibility_delay: timedelta | float,
    ) -> Flow:
        """Validate the settings of a function; raise TypeError or ValueError for a mistake."""
        if condition is not None and not isinstance(condition, Condition):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"condition must be when(...), and is {condition!r}")
        if singleton not in (None, *get_args(Singleton)):
            raise ValueError(
                f'singleton must be "skip" or "cancel", and is {singleton!r}'
            )
        delay = as_timedelta(visibility_delay, "visibility_delay")
        return cls(
            condition=condition,
            debounce_ns=None
            if debounce is None
            else nanoseconds(check_timedelta(debounce, "debounce")),
            rate_limit=rate_limit and _rate_limit(*rate_limit),
            singleton=singleton,
            delay_ns=nanoseconds(delay),
        )

    def accepts(self, event: MockEvent) -> bool:
        """Return whether the condition is true for an event; an error counts as false."""
        return self.condition is None or self.condition.is_true(event)


def _rate_limit(runs: int, period: timedelta) -> tuple[int, int]:
    if runs < 1:
        raise ValueError(f"rate_limit must allow at least 1 run, and allows {runs!r}")
    return runs, nanoseconds(check_timedelta(period, "the period of rate_limit"))
