"""Acts on many runs: how runs are selected, and what is confirmed before the first act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Protocol, Self, TypeVar

import msgspec
from attrs import AttrsInstance, evolve, field, frozen

from inngest_rest.action_reports import ActionOutcome, ActionReport, ActionRow
from inngest_rest.errors import PartialActionError
from inngest_rest.operations.operation import Operation
from inngest_rest.operations.parameters import Moment, Rate, instant, option
from inngest_rest.operations.problems import Code, OperationError, Problem, problem_of
from inngest_rest.operations.results import Acted
from inngest_rest.typing import StatusName

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from inngest_rest import InngestClient

B = TypeVar("B", bound="Bulk")
B_contra = TypeVar("B_contra", bound="Bulk", contravariant=True)

# The answer where one run was named, whose outcome is all there is.
_CODE_OF_ONE = {
    ActionOutcome.NOT_FOUND: Code.NOT_FOUND,
    ActionOutcome.REFUSED: Code.USAGE,
    ActionOutcome.FAILED: Code.SERVER,
    ActionOutcome.UNKNOWN: Code.NETWORK,
}

_WITH_EFFECT = {ActionOutcome.DONE, ActionOutcome.ALREADY_ENDED, ActionOutcome.UNKNOWN}

# What a dry run found that it would not do, or could not look up.
_UNDOABLE = {ActionOutcome.NOT_FOUND, ActionOutcome.REFUSED, ActionOutcome.FAILED}


class Bulk(AttrsInstance):
    """What the parameters of every bulk operation have."""

    rate: int | None
    dry_run: bool
    confirmed_count: int | None = None

    @property
    def needs_confirmation(self) -> bool:
        """Whether a filter selects what to act on, so that somebody has to see it first."""
        return False

    @property
    def window(self) -> tuple[datetime | None, datetime | None]:
        """The instants between which a filter selects."""
        return None, None

    def fixed(self) -> Self:
        """Return the same with the window fixed to instants, so that it stays what it was."""
        return self


@frozen
class Selection(Bulk):
    """Which runs to act on: ids, or a filter.

    Attributes:
        ids: The runs' ids. Pass these or a filter, not both.
        status: Only runs of these statuses.
        app: Only runs of this app.
        function: Only runs of this function of the app.
        since: Only runs queued at or after this time.
        until: Only runs queued before this time.
        limit: Maximum number of runs.
        rate: Maximum number of runs per second.
        dry_run: Report what would be done, and do nothing.
        confirmed_count: The number of runs that a dry run with the same filter returned.
    """

    ids: tuple[str, ...] = field(default=())
    status: tuple[StatusName, ...] | None = option()
    app: str | None = option()
    function: str | None = option()
    since: Moment | None = option()
    until: Moment | None = option()
    limit: Annotated[int, msgspec.Meta(ge=1)] | None = option()
    rate: Rate | None = option()
    dry_run: bool = option(default=False)
    confirmed_count: Annotated[int, msgspec.Meta(ge=0)] | None = option()

    @property
    def needs_confirmation(self) -> bool:
        """Whether a filter selects the runs, so that somebody has to see which first."""
        return not self.ids and not self.dry_run

    @property
    def window(self) -> tuple[datetime | None, datetime | None]:
        """The instants between which the runs were queued."""
        return instant("since", self.since), instant("until", self.until)

    def fixed(self) -> Self:
        """Return the same with the window fixed to instants, so that it stays what it was."""
        since, until = (None if it is None else it.isoformat() for it in self.window)
        return evolve(self, since=since, until=until)

    def arguments(self) -> dict[str, Any]:
        """Return what selects the runs, as arguments of the client's method."""
        since, until = self.window
        return {
            "ids": self.ids or None,
            "status": self.status,
            "app": self.app,
            "function": self.function,
            "since": since,
            "until": until,
            "limit": self.limit,
        }


class Act(Protocol[B_contra]):
    """The client's method behind a bulk operation, such as `client.runs.cancel_all`."""

    def __call__(
        self,
        client: InngestClient,
        parameters: B_contra,
        /,
        *,
        dry_run: bool,
        resume: ActionReport | None,
        on_start: Callable[[ActionRow], object] | None,
        on_result: Callable[[ActionRow], object] | None,
    ) -> ActionReport:
        """Act on what the parameters select, or on what a report leaves to do."""
        ...


@frozen(kw_only=True)
class BulkOperation(Operation[B]):
    """An operation on many runs, whose `run` is `if_confirmed(act)`.

    Attributes:
        act: Does it, or reports what it would do.
    """

    act: Act[B]


def plan(act: Act[B], client: InngestClient, parameters: B) -> Acted:
    """Return what would be done; nothing is.

    Raises:
        OperationError: It cannot be found out; the data has what was.
    """
    parameters = parameters.fixed()
    return _acted(client, parameters, report_of_plan(act, client, parameters))


def report_of_plan(
    act: Act[B], client: InngestClient, parameters: B, *, resume: ActionReport | None = None
) -> ActionReport:
    """Return the report on what would be done, or on what a report leaves to do.

    Raises:
        OperationError: It cannot be found out; the data has what was.
    """
    try:
        return act(client, parameters, dry_run=True, resume=resume, on_start=None, on_result=None)
    except PartialActionError as error:
        acted = _acted(client, parameters, error.report)
        raise OperationError(_stopped(error), data=acted) from error


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


def carry_out(
    act: Act[B],
    client: InngestClient,
    parameters: B,
    *,
    resume: ActionReport | None = None,
    on_start: Callable[[ActionRow], object] | None = None,
    on_result: Callable[[ActionRow], object] | None = None,
) -> Acted:
    """Act on what the parameters select, or on what a report leaves to do.

    Raises:
        OperationError: Not all of it was done; the data has what was.
    """
    parameters = parameters.fixed()
    try:
        report = act(
            client,
            parameters,
            dry_run=False,
            resume=resume,
            on_start=on_start,
            on_result=on_result,
        )
    except PartialActionError as error:
        acted = _acted(client, parameters, error.report)
        raise OperationError(_stopped(error), data=acted) from error
    acted = _acted(client, parameters, report)
    if not acted.is_complete:
        raise OperationError(_incomplete(report), data=acted)
    return acted


def if_confirmed(act: Act[B]) -> Callable[[InngestClient, B], Acted]:
    """Return what runs a bulk operation, unless it is by a filter whose count is not confirmed."""

    def run(client: InngestClient, parameters: B) -> Acted:
        parameters = parameters.fixed()
        if parameters.dry_run:
            planned = plan(act, client, parameters)
            if problem := not_planned(planned.report):
                raise OperationError(problem, data=planned)
            return planned
        if not parameters.needs_confirmation:
            return carry_out(act, client, parameters)
        planned = plan(act, client, parameters)
        count = len(planned.report.rows)
        if count and parameters.confirmed_count != count:
            raise OperationError(_unconfirmed(planned, count), data=planned)
        return carry_out(act, client, parameters, resume=planned.report)

    return run


def _acted(client: InngestClient, parameters: Bulk, report: ActionReport) -> Acted:
    since, until = parameters.window
    return Acted.of(client.target, report, since=since, until=until)


def _unconfirmed(planned: Acted, count: int) -> Problem:
    bounds = {"since": planned.since, "until": planned.until}
    window = "".join(f', "{name}": "{it.isoformat()}"' for name, it in bounds.items() if it)
    return Problem(
        Code.CONFIRMATION_NEEDED,
        f"the filter selects {count} runs at {planned.target.api_url}; nothing was done",
        hint="Show the user what would be done. To do it, pass the same filter with "
        f'"confirmed_count": {count}{window}',
        field="confirmed_count",
    )


def _stopped(error: PartialActionError) -> Problem:
    """Return what an operation was stopped by, or that it is partly done if it had any effect."""
    cause, report = error.__cause__, error.report
    found = problem_of(cause or error)
    if not _WITH_EFFECT.intersection(report.counts):
        return found
    return evolve(
        found,
        code=Code.PARTIAL,
        message=f"{report}; stopped by: {found.message}",
        retryable=False,
    )


def _incomplete(report: ActionReport) -> Problem:
    if len(report.rows) == 1:
        (row,) = report.rows
        code = _CODE_OF_ONE.get(row.outcome, Code.PARTIAL)
        is_unknown = row.outcome is ActionOutcome.UNKNOWN
        is_server = code is Code.SERVER
        hint = "`inngest-rest doctor` shows what answers at the base URL." if is_server else None
        return Problem(code, row.reason or str(report), hint=hint, retryable=is_unknown)
    return Problem(
        Code.PARTIAL,
        str(report),
        hint="data.rows has the reason of each; the same with the ids of those that failed tries "
        "them again.",
    )
