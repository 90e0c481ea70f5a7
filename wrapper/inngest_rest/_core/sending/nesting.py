"""The depth of event data, checked before it is encoded.

orjson refuses lists and dicts that are nested too deep, but from 3.12 on not tuples: it writes
beyond its buffer, and the process dies.
"""

from __future__ import annotations

import marshal
import threading
from bisect import bisect
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEPTH_LIMIT = 255
"""How deep data may be nested; orjson has the same limit for lists and dicts."""


def _nested(depth: int, inner: Any = ()) -> Any:
    for _ in range(depth):
        inner = (inner,)
    return inner


def _refuses_deep_tuples() -> bool:
    try:
        orjson.dumps(_nested(DEPTH_LIMIT + 10))  # too few to do harm
    except orjson.JSONEncodeError:
        return True
    return False


_ORJSON_CHECKS = _refuses_deep_tuples()


def is_shallow(event: Mapping[str, Any]) -> bool:
    """Return whether an event is nested at most as deep as orjson can encode."""
    return _ORJSON_CHECKS or _are_within(event.values(), DEPTH_LIMIT)


def are_all_shallow(events: Iterable[Mapping[str, Any]]) -> bool:
    """Do the same for a batch, in C: marshal has a limit, most of which is used up on the way."""
    if _ORJSON_CHECKS:
        return True
    wrapping = _wrapping
    wrapping.inner[:] = events
    try:
        marshal.dumps(wrapping.outer)
    except ValueError:  # it is too deep, or has something that marshal does not know
        return all(map(is_shallow, events))
    finally:
        wrapping.inner.clear()
    return True


def _marshals(depth: int) -> bool:
    try:
        marshal.dumps(_nested(depth))
    except ValueError:
        return False
    return True


class _Wrapping(threading.local):
    """A list in so many tuples that what is nested too deep in it is too deep for marshal."""

    def __init__(self) -> None:
        limit = bisect(range(10_000), False, key=lambda depth: not _marshals(depth))
        self.inner: list[Any] = []
        # The list, and the event itself, are two more levels.
        self.outer: Any = _nested(limit - DEPTH_LIMIT - 2, self.inner)


_wrapping = _Wrapping()


def _are_within(values: Iterable[Any], room: int) -> bool:
    for value in values:
        kind = value.__class__
        if kind is str or kind is int or kind is float or value is None:
            continue
        inside = value.value if isinstance(value, Enum) else value
        if isinstance(inside, dict):
            inside = inside.values()  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        elif not isinstance(inside, list | tuple):
            continue
        if room == 1 or not _are_within(cast("Iterable[Any]", inside), room - 1):
            return False
    return True
