"""Identifiers of records, as other commands take them: what `-o id` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest.action_reports import ActionOutcome, ActionRow

if TYPE_CHECKING:
    from inngest_rest.record import Record

# A row of any other outcome is about a run that nothing was done to.
_TO_GO_ON_WITH = {ActionOutcome.PLANNED, ActionOutcome.DONE, ActionOutcome.ALREADY_ENDED}


def ids_of(record: Record) -> tuple[str, ...]:
    """Return the ids that a record is about: of a replay those of the new runs."""
    if (rows := getattr(record, "rows", None)) is not None:
        return tuple(id for row in rows for id in ids_of(row))
    if (ids := getattr(record, "ids", None)) is not None:
        return tuple(ids)
    if isinstance(record, ActionRow) and record.outcome not in _TO_GO_ON_WITH:
        return ()
    for part in ("run", "cancellation", "webhook"):
        if (found := getattr(record, part, None)) is not None:
            return ids_of(found)
    for name in ("new_run_id", "run_id", "internal_id", "event_id", "id"):
        if name == "internal_id" and hasattr(record, "app_id"):
            continue  # commands take the function's own id
        if isinstance(found := getattr(record, name, None), str):
            return (found,)
    return ()
