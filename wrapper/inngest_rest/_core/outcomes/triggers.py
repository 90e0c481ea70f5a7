"""Match the name of an event with the triggers of functions, as the server does; no I/O."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest.models import Function, Trigger

_MOST_NEAREST = 3
_LIKENESS = 0.8

# Longer names are not compared: it takes time that grows with the product of their lengths.
_LONGEST_NAME = 256


def patterns(name: str) -> list[str]:
    """Return every trigger that an event of this name matches; case counts.

    They are the name itself and a wildcard after each slash or dot: `app/user.created` matches
    `app/*` and `app/user.*`, but not `app/us*` (recording v2-function-wildcard).
    """
    return [name, *(f"{name[: at + 1]}*" for at, letter in enumerate(name) if letter in "/.")]


def matching(function: Function, name: str) -> list[Trigger]:
    """Return the triggers of a function that an event of this name matches."""
    wanted = set(patterns(name))
    return [it for it in function.triggers if it.kind == "event" and it.value in wanted]


def nearest(name: str, functions: Iterable[Function]) -> dict[str, list[str]]:
    """Return the triggers most like a name that none matches, and the functions that have them."""
    known: dict[str, list[str]] = {}
    for function in functions:
        for trigger in function.triggers:
            if trigger.kind == "event":
                known.setdefault(trigger.value, []).append(f"{function.app_id}/{function.id}")
    differing_in_case = [it for it in known if it.lower() == name.lower()]
    comparable = [it for it in known if len(it) <= _LONGEST_NAME >= len(name)]
    close = differing_in_case or difflib.get_close_matches(
        name, comparable, n=_MOST_NEAREST, cutoff=_LIKENESS
    )
    return {it: known[it] for it in close}
