"""Cancel many runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.actions.action import Action, Result, check_options, failure
from inngest_rest._core.actions.selection import UNFINISHED, RunTarget, check_selection, with_reason
from inngest_rest._core.resources import runs
from inngest_rest._core.resources.filters import check_statuses
from inngest_rest.action_reports import ActionOutcome
from inngest_rest.errors import InngestError, InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Unpack

    from inngest_rest._core.actions.action import Begin
    from inngest_rest._core.actions.selection import RunArguments
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


def cancel_all(
    session: Session, ids: Iterable[str] | None, **arguments: Unpack[RunArguments]
) -> Action[RunTarget]:
    """Validate the arguments and return the operation."""
    options = check_options(session, arguments)
    ended = [each for each in check_statuses(arguments["status"]) if each not in UNFINISHED]
    if ended:
        raise InvalidArgumentError(f"status {ended[0].value!r} is of runs that have ended")
    collect = check_selection(session, "runs.cancel", ids, arguments, default_status=UNFINISHED)

    def act(target: RunTarget, begin: Begin) -> Plan[Result]:
        return _cancel(session, target, begin, dry_run=options.dry_run)

    return Action("runs.cancel", collect, act, options)


def _cancel(session: Session, target: RunTarget, begin: Begin, *, dry_run: bool) -> Plan[Result]:
    row = target.row
    if dry_run:
        return Result(with_reason(row, ActionOutcome.PLANNED))
    assert row.id is not None
    begin(row)
    try:
        was_running = yield from runs.cancel_if_running(session, row.id)
    except InngestError as error:
        return failure(row, error)
    outcome = ActionOutcome.DONE if was_running else ActionOutcome.ALREADY_ENDED
    return Result(with_reason(row, outcome))
