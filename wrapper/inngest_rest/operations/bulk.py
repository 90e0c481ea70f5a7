"""Acts on many runs: how runs are selected, and what is confirmed before the first act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import msgspec
from attrs import field, frozen

from inngest_rest.action_reports import ActionReport, ActionRow
from inngest_rest.errors import PartialActionError
from inngest_rest.operations.operation import Operation
from inngest_rest.operations.parameters import Moment, instant, option
from inngest_rest.operations.problems import Code, OperationError, Problem
from inngest_rest.operations.results import Acted
from inngest_rest.typing import StatusName

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import InngestClient

S = TypeVar("S", bound="Selection")
S_contra = TypeVar("S_contra", bound="Selection", contravariant=True)


@frozen
class Selection:
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
    rate: Annotated[int, msgspec.Meta(ge=1)] | None = option()
    dry_run: bool = option(default=False)
    confirmed_count: Annotated[int, msgspec.Meta(ge=0)] | None = option()

    @property
    def needs_confirmation(self) -> bool:
        """Whether a filter selects the runs, so that somebody has to see which first."""
        return not self.ids and not self.dry_run

    def arguments(self) -> dict[str, Any]:
        """Return what selects the runs, as arguments of the client's method."""
        return {
            "ids": self.ids or None,
            "status": self.status,
            "app": self.app,
            "function": self.function,
            "since": instant("since", self.since),
            "until": instant("until", self.until),
            "limit": self.limit,
        }


class Act(Protocol[S_contra]):
    """The client's method behind a bulk operation, such as `client.runs.cancel_all`."""

    def __call__(
        self,
        client: InngestClient,
        parameters: S_contra,
        /,
        *,
        dry_run: bool,
        resume: ActionReport | None,
        on_result: Callable[[ActionRow], object] | None,
    ) -> ActionReport:
        """Act on what the parameters select, or on what a report leaves to do."""
        ...


@frozen(kw_only=True)
class BulkOperation(Operation[S]):
    """An operation on many runs, whose `run` is `if_confirmed(act)`.

    Attributes:
        act: Does it, or reports what it would do.
    """

    act: Act[S]


def plan(act: Act[S], client: InngestClient, parameters: S) -> Acted:
    """Return what would be done; nothing is."""
    report = act(client, parameters, dry_run=True, resume=None, on_result=None)
    return Acted.of(client.target, report)


def carry_out(
    act: Act[S],
    client: InngestClient,
    parameters: S,
    *,
    resume: ActionReport | None = None,
    on_result: Callable[[ActionRow], object] | None = None,
) -> Acted:
    """Act on what the parameters select, or on what a report leaves to do.

    Raises:
        OperationError: It stopped before its end; the data has what was done.
    """
    target = client.target
    try:
        report = act(client, parameters, dry_run=False, resume=resume, on_result=on_result)
    except PartialActionError as error:
        problem = Problem(Code.PARTIAL, str(error), hint=f"It was stopped by: {error.__cause__}")
        raise OperationError(problem, data=Acted.of(target, error.report)) from error
    return Acted.of(target, report)


def if_confirmed(act: Act[S]) -> Callable[[InngestClient, S], Acted]:
    """Return what runs a bulk operation, unless it is by a filter whose count is not confirmed."""

    def run(client: InngestClient, parameters: S) -> Acted:
        if parameters.dry_run:
            return plan(act, client, parameters)
        if not parameters.needs_confirmation:
            return carry_out(act, client, parameters)
        planned = plan(act, client, parameters)
        count = len(planned.rows)
        if parameters.confirmed_count != count:
            problem = Problem(
                Code.CONFIRMATION_NEEDED,
                f"the filter selects {count} runs at {planned.target.api_url}; nothing was done",
                hint="Show the user what would be done, and pass its count as confirmed_count: "
                f"{count}",
                field="confirmed_count",
            )
            raise OperationError(problem, data=planned)
        return carry_out(act, client, parameters, resume=planned.report)

    return run
