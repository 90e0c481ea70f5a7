"""Invoke a function once for each of many inputs.

Nothing leads from a lost response to the run it started: such an input stays unknown, and a second
call does not try it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from attrs import frozen

from inngest_rest._core.actions.action import Action, Collected, Result, check_options, failure
from inngest_rest._core.actions.selection import check_report, with_reason
from inngest_rest._core.arguments import check_id, check_json_object
from inngest_rest._core.resources import functions
from inngest_rest._visible import shown
from inngest_rest.action_reports import ActionOutcome, ActionRow
from inngest_rest.errors import (
    BadRequestError,
    InngestError,
    InvalidArgumentError,
    NotFoundError,
)

if TYPE_CHECKING:
    from typing import Unpack

    from inngest_rest._core.actions.action import Begin, OptionArguments
    from inngest_rest._core.actions.selection import Resumable
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

Inputs = Iterable[Mapping[str, Any] | None]


@frozen
class _Input:
    """An input, and its row in the report so far."""

    row: ActionRow
    data: dict[str, Any]


def invoke_many(
    session: Session,
    app: str,
    function: str,
    inputs: Inputs,
    *,
    resume: Resumable | None,
    **arguments: Unpack[OptionArguments],
) -> Action[_Input]:
    """Validate the arguments, every input included, and return the operation."""
    options = check_options(session, arguments)
    app, function = check_id("app", app), check_id("function", function)
    name = f"functions.invoke {app}/{function}"
    if isinstance(inputs, str | bytes | Mapping) or not isinstance(inputs, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        given = shown(cast("object", inputs))
        raise InvalidArgumentError(f"inputs must be an iterable of objects, not {given}")
    found = [check_json_object(f"inputs[{at}]", each) for at, each in enumerate(inputs)]
    rows = [ActionRow(position, None) for position in range(len(found))]
    if resume is not None:
        rows = list(check_report(resume, name).rows)
        if len(rows) != len(found):
            raise InvalidArgumentError(
                f"resume is the report of {len(rows)} inputs, and there are {len(found)}: pass "
                "the same inputs in the same order"
            )

    def collect() -> Plan[Collected[_Input]]:
        yield from ()
        to_do = (it for it in rows if it.is_open and it.outcome != ActionOutcome.UNKNOWN)
        return Collected(rows, (_Input(row, found[row.position]) for row in to_do))

    def act(target: _Input, begin: Begin) -> Plan[Result]:
        return _invoke(session, app, function, target, begin, dry_run=options.dry_run)

    return Action(name, collect, act, options, hopeless=(NotFoundError,))


def _invoke(
    session: Session, app: str, function: str, target: _Input, begin: Begin, *, dry_run: bool
) -> Plan[Result]:
    row = target.row
    if dry_run:
        return Result(with_reason(row, ActionOutcome.PLANNED))
    begin(row)
    try:
        run_id = yield from functions.invoke(
            session, app, function, target.data, idempotency_key=None
        )
    except NotFoundError as error:
        return Result(with_reason(row, ActionOutcome.FAILED, str(error)), error)
    except BadRequestError as error:
        if error.code != "function_debounced":
            return failure(row, error)
        # The run comes at the end of the period (operation invokeFunctionV2).
        return Result(with_reason(row, ActionOutcome.DONE, str(error)))
    except InngestError as error:
        return failure(row, error)
    return Result(ActionRow(row.position, None, ActionOutcome.DONE, new_run_id=run_id))
