"""Operations on runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from attrs import frozen

from inngest_rest.action_reports import ActionReport, ActionRow
from inngest_rest.models import Run, RunChange
from inngest_rest.operations.bulk import BulkOperation, Selection, if_confirmed
from inngest_rest.operations.operation import Effect, Operation, Returns
from inngest_rest.operations.parameters import DEFAULT_LIMIT, ListLimit, Moment, instant, option
from inngest_rest.operations.results import Acted
from inngest_rest.typing import StatusName

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import InngestClient, Paginator, Watcher

# What a function returned or raised, and what it is called, were written by strangers.
_FROM_STRANGERS = ("app_id", "function_id", "output", "error.name", "error.message", "error.stack")


@frozen
class ListRuns:
    """List runs, newest first.

    Attributes:
        status: Only runs of these statuses.
        app: Only runs of this app.
        function: Only runs of this function of the app.
        since: Only runs queued at or after this time.
        until: Only runs queued at or before this time.
        include_output: Whether to list runs with their output or error.
        limit: Maximum number of runs.
        cursor: The cursor of the next page, which an earlier page has.
    """

    status: tuple[StatusName, ...] | None = option()
    app: str | None = option()
    function: str | None = option()
    since: Moment | None = option()
    until: Moment | None = option()
    include_output: bool = option(default=False)
    limit: ListLimit = option(default=DEFAULT_LIMIT)
    cursor: str | None = option()


def _list(client: InngestClient, parameters: ListRuns) -> Paginator[Run]:
    return client.runs.list(
        status=parameters.status,
        app=parameters.app,
        function=parameters.function,
        since=instant("since", parameters.since),
        until=instant("until", parameters.until),
        include_output=parameters.include_output,
        limit=parameters.limit,
        cursor=parameters.cursor,
    )


@frozen
class GetRun:
    """Get one run, with its output or error.

    Attributes:
        id: The run's id.
        include_original_run_id: Whether to return the run that it replays, too.
    """

    id: str
    include_original_run_id: bool = option(default=False)


def _get(client: InngestClient, parameters: GetRun) -> Run:
    return client.runs.get(
        parameters.id, include_original_run_id=parameters.include_original_run_id
    )


@frozen
class WatchRuns:
    """Watch runs: they appear, change status and end.

    Attributes:
        status: Only changes to these statuses.
        app: Only runs of this app.
        function: Only runs of this function of the app.
        every: Seconds between two polls, at least 1.
        timeout: Seconds after which to stop watching.
        since: Also report what happened from this time on.
        include_output: Whether runs have their output or error.
    """

    status: tuple[StatusName, ...] | None = option()
    app: str | None = option()
    function: str | None = option()
    every: Annotated[float, msgspec.Meta(ge=1)] = option(default=5.0)
    timeout: Annotated[float, msgspec.Meta(gt=0)] | None = option()
    since: Moment | None = option()
    include_output: bool = option(default=False)


def _watch(client: InngestClient, parameters: WatchRuns) -> Watcher:
    return client.runs.watch(
        status=parameters.status,
        app=parameters.app,
        function=parameters.function,
        every=parameters.every,
        timeout=parameters.timeout,
        since=instant("since", parameters.since),
        include_output=parameters.include_output,
    )


@frozen
class CancelRuns(Selection):
    """Cancel runs, named by their ids or selected by a filter.

    Code that is executing at that moment still runs to its end; a run that has ended is left as it
    is. A filter takes runs that are queued or running.
    """


def _cancel(
    client: InngestClient,
    parameters: CancelRuns,
    /,
    *,
    dry_run: bool,
    resume: ActionReport | None,
    on_result: Callable[[ActionRow], object] | None,
) -> ActionReport:
    chosen: dict[str, Any] = {"resume": resume} if resume else parameters.arguments()
    return client.runs.cancel_all(
        **chosen, dry_run=dry_run, max_requests=parameters.rate, on_result=on_result
    )


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        name="runs.list",
        parameters=ListRuns,
        result=Run,
        run=_list,
        returns=Returns.PAGES,
        untrusted=_FROM_STRANGERS,
        examples=("--status failed --since 2h", "--app shop --limit 50 -o ndjson"),
    ),
    Operation(
        name="runs.get",
        parameters=GetRun,
        result=Run,
        run=_get,
        untrusted=_FROM_STRANGERS,
        examples=("01K9V2D6N9P1R7Z4W8X3Y5A0BC",),
    ),
    Operation(
        name="runs.watch",
        parameters=WatchRuns,
        result=RunChange,
        run=_watch,
        returns=Returns.STREAM,
        untrusted=tuple(f"run.{path}" for path in _FROM_STRANGERS),
        examples=("--app shop --timeout 60",),
    ),
    BulkOperation(
        name="runs.cancel",
        parameters=CancelRuns,
        result=Acted,
        act=_cancel,
        run=if_confirmed(_cancel),
        effect=Effect.DESTROY,
        untrusted=("rows[].reason",),
        examples=("01K9V2D6N9P1R7Z4W8X3Y5A0BC", "--app shop --since 2h --dry-run"),
    ),
)
