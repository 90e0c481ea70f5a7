"""What of a function explains its runs: limits, cancellations, and their keys and conditions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from inngest_rest._local.expressions import evaluate
from inngest_rest._local.functions import limit, limits
from inngest_rest._values.visible import shown

if TYPE_CHECKING:
    from inngest_rest.models import Function, StoredEvent


def cancels_earlier_run(function: Function) -> bool:
    """Return whether a function is a singleton whose new run cancels the one before it."""
    singleton = limit(function, "singleton") or {}
    mode = str(singleton.get("mode"))
    return mode.lower() == "cancel"


def concurrency_limits(function: Function) -> list[Mapping[str, Any]]:
    """Return the function's own concurrency limits, without the plan's; `limit` is a number."""
    of_function: list[Mapping[str, Any]] = []
    for entry in limits(function, "concurrency"):
        number = entry.get("limit")
        # v2 also states the origin of the number; v1 has only the number.
        if isinstance(number, Mapping):
            with_origin = cast("Mapping[str, Any]", number)
            if with_origin.get("isPlanLimit"):
                continue
            number = with_origin.get("value")
        of_function.append({**entry, "limit": number})
    return of_function


def cancelling_events(function: Function) -> list[str]:
    """Return the names of the events that cancel the function's runs."""
    names = [entry.get("event") for entry in limits(function, "cancellations")]
    return [name for name in names if isinstance(name, str)]


def value_of(expression: str, event: StoredEvent) -> Any:
    """Return the value of an expression, such as a key, for an event; None if it is unknown."""
    try:
        return evaluate(expression, {"event": event})
    except (KeyError, ValueError):
        return None


def per_key(limit: Mapping[str, Any], value: object) -> str:
    """Say which count of a limit it is about, if it has a key, whose value may be None: unknown."""
    if limit.get("key") is None:
        return ""
    text = f" for each `{limit['key']}`"
    return text if value is None else f"{text}, here {shown(value)}"


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
