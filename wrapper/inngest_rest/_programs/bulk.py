"""Bulk calls: the plan, its confirmation, and the outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from inngest_rest._programs.envelope import Code, Problem, ProblemError, advice
from inngest_rest._programs.parameters import arguments
from inngest_rest._programs.problems import problem_of
from inngest_rest._programs.results import DONE, MAX_ROWS, Acted
from inngest_rest.action_reports import ActionOutcome, ActionReport
from inngest_rest.errors import PartialActionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inngest_rest import InngestClient
    from inngest_rest._table import Row
    from inngest_rest.action_reports import ActionRow

# The answer where one run was named, whose outcome is all there is.
_CODE_OF_ONE = {
    ActionOutcome.NOT_FOUND: Code.NOT_FOUND,
    ActionOutcome.REFUSED: Code.USAGE,
    ActionOutcome.FAILED: Code.SERVER,
    ActionOutcome.UNKNOWN: Code.NETWORK,
}

# What a dry run found that it would not do, or could not look up.
_UNDOABLE = {ActionOutcome.NOT_FOUND, ActionOutcome.REFUSED, ActionOutcome.FAILED}

# What selects the runs, in whose place a report to resume stands.
_SELECTION = {"ids", "status", "app", "function", "since", "until", "limit"}


def run(
    row: Row,
    client: InngestClient,
    values: Mapping[str, Any],
    *,
    on_result: Callable[[ActionRow], object] | None = None,
) -> Acted:
    """Act on what the parameters select, unless that is a filter whose count is not confirmed.

    Raises:
        ProblemError: Not all of it was done, or would be, or it has to be confirmed first.
    """
    report, problem = None, None
    if values["dry_run"] or needs_confirmation(values):
        report = plan(row, client, values)
        problem = not_planned(report) if values["dry_run"] else _unconfirmed(client, report, values)
    if not values["dry_run"] and problem is None:
        report, problem = carry_out(row, client, values, resume=report, on_result=on_result)
    assert report is not None
    result = acted(client, report)
    if problem is not None:
        raise ProblemError(problem, data=result)
    return result


def needs_confirmation(values: Mapping[str, Any]) -> bool:
    """Return whether a filter selects the runs, so that somebody has to see which first."""
    return "confirmed_count" in values and not values["ids"]


def plan(
    row: Row,
    client: InngestClient,
    values: Mapping[str, Any],
    *,
    resume: ActionReport | None = None,
) -> ActionReport:
    """Return the report on what would be done, or on what a report leaves to do."""
    try:
        return _act(row, client, {**values, "dry_run": True}, resume=resume)
    except PartialActionError as error:
        data = acted(client, error.report)
        raise ProblemError(problem_of(error), data=data) from error


def carry_out(
    row: Row,
    client: InngestClient,
    values: Mapping[str, Any],
    *,
    resume: ActionReport | None = None,
    on_start: Callable[[ActionRow], object] | None = None,
    on_result: Callable[[ActionRow], object] | None = None,
) -> tuple[ActionReport, Problem | None]:
    """Act on what the parameters select, or a report leaves to do; say why not all was done."""
    callbacks = {"on_start": on_start, "on_result": on_result}
    try:
        report = _act(row, client, values, resume=resume, **callbacks)
    except PartialActionError as error:
        return error.report, problem_of(error)
    return report, None if DONE.issuperset(report.counts) else _incomplete(report)


def _act(
    row: Row,
    client: InngestClient,
    values: Mapping[str, Any],
    *,
    resume: ActionReport | None,
    **callbacks: Callable[[ActionRow], object] | None,
) -> ActionReport:
    given = arguments(row, values)
    if "confirmed_count" in values:  # the call has a selection, which is ids or a filter
        given["ids"] = given.get("ids") or None
        if resume is not None:
            given = {name: it for name, it in given.items() if name not in _SELECTION}
    return row.call(client, {**given, "resume": resume, **callbacks})  # type: ignore[no-any-return]


def acted(client: InngestClient, report: ActionReport, most: int = MAX_ROWS) -> Acted:
    """Return the result that has a report, or its most telling rows."""
    rows, left_out = report.rows, max(len(report.rows) - most, 0)
    if left_out:
        rows = tuple(sorted(rows, key=lambda row: row.outcome in DONE)[:most])
    about = client.target, report.action, report.counts
    return Acted(*about, rows, left_out, report.since, report.until)


def not_planned(planned: ActionReport) -> Problem | None:
    """Return the problem of a dry run by which some of it would not be done; None if all would."""
    if _UNDOABLE.isdisjoint(planned.counts):
        return None
    found = _incomplete(planned)
    if len(planned.rows) == 1:
        return found
    return evolve(
        found,
        message=f"not all of it can be done: {found.message}; nothing was done",
        hint="data.rows has the reason of each.",
    )


def _unconfirmed(
    client: InngestClient, planned: ActionReport, values: Mapping[str, Any]
) -> Problem | None:
    count, bounds = len(planned.rows), {"since": planned.since, "until": planned.until}
    if count in {0, values["confirmed_count"]}:
        return None
    window = "".join(f', "{name}": "{it.isoformat()}"' for name, it in bounds.items() if it)
    return Problem(
        Code.CONFIRMATION_NEEDED,
        f"the filter selects {count} runs at {client.target.api_url}; nothing was done",
        hint="Show the user what would be done. To do it, pass the same filter with "
        f'"confirmed_count": {count}{window}',
        field="confirmed_count",
    )


def _incomplete(report: ActionReport) -> Problem:
    if len(report.rows) == 1:
        (row,) = report.rows
        code = _CODE_OF_ONE.get(row.outcome, Code.PARTIAL)
        doctor = advice("{} shows what answers at the base URL.", "diagnose")
        return Problem(
            code,
            row.reason or str(report),
            hint=doctor if code is Code.SERVER else None,
            retryable=row.outcome is ActionOutcome.UNKNOWN,
        )
    return Problem(
        Code.PARTIAL,
        str(report),
        hint="data.rows has the reason of each; the same with the ids of those that failed tries "
        "them again.",
    )
