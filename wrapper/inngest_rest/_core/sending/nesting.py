"""The depth of event data, checked before it is encoded.

orjson refuses lists and dicts that are nested too deep, but from 3.12 on not tuples: it writes
beyond its buffer, and the process dies.
"""

from __future__ import annotations

import gc
from enum import Enum
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

DEPTH_LIMIT = 255
"""How deep data may be nested; orjson has the same limit for lists and dicts."""

# What goes beyond these is looked at event by event.
_ORDINARY_DEPTH = 32
_LARGEST_LEVEL = 1_000_000


def is_shallow(event: Mapping[str, Any]) -> bool:
    """Return whether an event is nested at most as deep as orjson can encode.

    Raises:
        TypeError: It has a member of an enum without a value, or a UUID without a number, which
            orjson does not survive either.
    """
    return _are_within(event.values(), DEPTH_LIMIT)


def are_all_shallow(events: Sequence[Mapping[str, Any]]) -> bool:
    """Do the same for a batch, level by level in C; whatever is odd is looked at one by one."""
    level: Sequence[object] = events
    for _ in range(_ORDINARY_DEPTH):
        inside = gc.get_referents(*level)
        if not inside:
            return True
        # A level is larger than the one around it where there are long lists, or where an object
        # led to its class, and from there to all that the program has loaded.
        if len(inside) > len(level) and _leads_to_classes(inside):
            break
        level = inside
    return all(map(is_shallow, events))


def _leads_to_classes(level: list[Any]) -> bool:
    """Return whether there are classes on a level, by a sample, or too much to go on."""
    return len(level) > _LARGEST_LEVEL or type in set(map(type, level[:: len(level) // 500 + 1]))


def _are_within(values: Iterable[Any], room: int) -> bool:
    for value in values:
        kind = value.__class__
        if kind is str or kind is int or kind is float or value is None:
            continue
        inside: Any = value
        if isinstance(value, Enum):
            inside = _value_of(value)
            if isinstance(inside, Enum):
                inside = [inside]
        if isinstance(inside, dict):
            inside = inside.values()  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        elif not isinstance(inside, list | tuple):
            if type(inside) is UUID:
                _check_uuid(inside)
            continue
        if room == 1 or not _are_within(cast("Iterable[Any]", inside), room - 1):
            return False
    return True


def _value_of(member: Enum) -> Any:
    try:
        return member.value
    except Exception:  # noqa: BLE001 - a property of the caller's own
        raise TypeError(f"not JSON: a member of {type(member).__name__} has no value") from None


def _check_uuid(value: UUID) -> None:
    number: object = getattr(value, "int", None)
    if type(number) is not int or not 0 <= number < 1 << 128:
        raise TypeError("not JSON: a UUID has no number of 128 bits")
