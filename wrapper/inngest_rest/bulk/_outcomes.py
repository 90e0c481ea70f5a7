"""The row of a run after what was done, or found out about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from attrs import evolve

from inngest_rest import errors
from inngest_rest._local.functions import function_of
from inngest_rest.bulk import ActionOutcome, ActionRow

if TYPE_CHECKING:
    from inngest_rest.models import Run

MAX_ERROR_LENGTH = 200
"""The number of characters of a run's error in a row."""


class BulkResult(NamedTuple):
    """The row of a run, and the error of its act, if it had one."""

    row: ActionRow
    cause: errors.InngestError | None = None


def with_outcome(
    row: ActionRow,
    outcome: ActionOutcome,
    reason: object = None,
    cause: errors.InngestError | None = None,
) -> BulkResult:
    text = None if reason is None else str(reason)
    with_reason = evolve(row, outcome=outcome, reason=text)
    return BulkResult(with_reason, cause)


def failure(
    row: ActionRow, error: errors.InngestError, *, is_sent: bool = True
) -> BulkResult:
    """Return the row of an act that ended with an error."""
    outcome = ActionOutcome.FAILED
    if isinstance(error, errors.NotFoundError):
        outcome = ActionOutcome.NOT_FOUND
    elif is_sent and error.may_have_taken_effect:
        outcome = ActionOutcome.UNKNOWN
    return with_outcome(row, outcome, error, error)


def with_details(row: ActionRow, run: Run) -> ActionRow:
    """Return a row with the details that let a person judge its run."""
    error: str | None = None
    if run.error is not None:
        error = run.error.message or run.error.name
    if error:
        first_line, _, _ = error.partition("\n")
        error = first_line[:MAX_ERROR_LENGTH]
    return evolve(
        row,
        function=function_of(run) or None,
        status=str(run.status),
        queued_at=run.queued_at,
        ended_at=run.ended_at,
        error=error,
    )
