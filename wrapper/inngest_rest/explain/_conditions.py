"""Keys of limits and conditions of waits, evaluated on events."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from inngest_rest._core.interface import evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest.models import StoredEvent


def value_of(expression: str, event: StoredEvent) -> Any:
    """Return the value of an expression, such as a key, for an event; None if it is unknown."""
    try:
        return evaluate(expression, {"event": event})
    except (KeyError, ValueError):
        return None


def unmet_parts(condition: str, awaited: StoredEvent, event: StoredEvent) -> list[str]:
    """Return the parts of a wait's condition, between `&&`, that are false for an event.

    Empty if all are true, or if that cannot be evaluated.

    Args:
        condition: The condition, with `async`, the awaited event, and `event`, that of the run.
        awaited: An event with the awaited name.
        event: The event of the run.
    """
    events = {"async": awaited, "event": event}
    parts = [condition] if "||" in condition else _parts(condition)
    return [part.strip() for part in parts if _is_unmet(part, events)]


# A text, which may not be closed, an operator between two parts, or any other character.
_PIECE = r"\"[^\"]*\"?|'[^']*'?|&&|."


def _parts(condition: str) -> list[str]:
    """Split a condition at each `&&` that is neither in a text nor in parentheses."""
    parts = [""]
    depth = 0
    for piece in re.findall(_PIECE, condition, re.DOTALL):
        if piece == "&&" and depth == 0:
            parts.append("")
            continue
        if piece in "([{":
            depth += 1
        elif piece in ")]}":
            depth -= 1
        parts[-1] += piece
    return parts


def _is_unmet(part: str, events: Mapping[str, StoredEvent]) -> bool:
    """Return whether a part is false, or names a field that an event lacks."""
    try:
        return evaluate(part, events) is False
    except KeyError:
        return True
    except ValueError:
        return False
