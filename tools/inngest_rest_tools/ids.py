"""The ids that a record is about, as other commands take them: `-o id` prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest.bulk import ActionRow
from inngest_rest_tools.problems import DONE

if TYPE_CHECKING:
    from collections.abc import Iterator

# What has the ids, the first of these that a record has: text, or records that have them.
_IDS = (
    "rows",
    "ids",
    "run",
    "cancellation",
    "planned",
    "webhook",
    "new_run_id",
    "run_id",
    "internal_id",
    "event_id",
    "id",
    "name",
)


def ids_of(record: Any) -> Iterator[str]:
    """Yield the ids that a record is about; those of a replay are the new runs."""
    if isinstance(record, ActionRow) and record.outcome not in DONE:
        return
    value = _what_has_ids(record)
    items: Any = value
    if not isinstance(value, tuple):
        items = (value,)
    for item in items:
        if isinstance(item, str):
            yield item
        elif item is not None:
            yield from ids_of(item)


def _what_has_ids(record: Any) -> Any:
    is_function = hasattr(record, "app_id")
    for name in _IDS:
        if name == "internal_id" and is_function:
            continue  # commands take a function's own id
        value = getattr(record, name, None)
        if value is not None:
            return value
    return None
