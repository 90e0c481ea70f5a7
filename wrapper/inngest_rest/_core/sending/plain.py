"""What nearly every event is: plain, and good as it stands. Told of many at once by loops in C.

Only what is beyond doubt passes. The rest is left to `encoding`, which looks at one event at a time
and knows every rule, what is wrong, and where.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from inngest_rest._core.sending.event_json import FIRST_TS, LAST_TS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_name_of, _data_of = itemgetter("name"), itemgetter("data")


def fields_of(events: Sequence[Mapping[str, Any]]) -> set[str] | None:
    """Return the fields that events have, or None where one of them wants a closer look.

    Each has a name and data; ids have all of them or none. Fields that no event has in the document
    may hold anything.
    """
    try:
        names = set(map(_name_of, events))
        data_kinds = set(map(type, map(_data_of, events)))
    except (KeyError, TypeError):
        return None
    if _kinds(names) != {str} or data_kinds != {dict} or not all(map(_is_free, names)):
        return None
    fields = set[str]().union(*events)
    if "id" in fields:
        ids = _values("id", events)
        if len(ids) < len(events) or _kinds(ids) != {str} or not all(ids):
            return None
    if "user" in fields and _kinds(_values("user", events)) != {dict}:
        return None
    if "ts" in fields:
        times = _values("ts", events)
        if _kinds(times) != {int} or not FIRST_TS <= min(times) <= max(times) <= LAST_TS:
            return None
    if "v" in fields and _kinds(_values("v", events)) != {str}:
        return None
    return fields


def _kinds(values: Iterable[Any]) -> set[type]:
    return set(map(type, values))


def _values(field: str, events: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return what a field holds in the events that have it."""
    try:
        return list(map(itemgetter(field), events))
    except KeyError:
        return [each[field] for each in events if field in each]


def _is_free(name: str) -> bool:
    """Tell whether a name is not empty and not the platform's."""
    return bool(name) and name[:8].lower() != "inngest/"
