"""The triggers most similar to a name that no function listens for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._local.functions import name_of
from inngest_rest._values.visible import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest.models import Function


def nearest_triggers(
    event_name: str, functions: Iterable[Function]
) -> dict[str, list[str]]:
    """Return the trigger most similar to an unmatched name, in any case, with its functions."""
    functions_by_trigger: dict[str, list[str]] = {}
    for function in functions:
        name = name_of(function)
        for trigger in function.triggers:
            if trigger.kind == "event":
                functions_by_trigger.setdefault(trigger.value, []).append(name)
    most_similar = nearest(event_name, functions_by_trigger)
    if most_similar is None:
        return {}
    return {
        trigger: names
        for trigger, names in functions_by_trigger.items()
        if trigger.lower() == most_similar.lower()
    }
