"""Operations on runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from attrs import frozen

from inngest_rest.action_reports import ActionReport, ActionRow
from inngest_rest.models import Job, Run, RunChange, Span
from inngest_rest.operations.bulk import BulkOperation, Selection, if_confirmed
from inngest_rest.operations.operation import Effect, Operation, Returns
from inngest_rest.operations.parameters import (
    DEFAULT_LIMIT,
    DEFAULT_TIMEOUT_S,
    ListLimit,
    Moment,
    Seconds,
    instant,
    option,
)
from inngest_rest.operations.results import Acted
from inngest_rest.typing import StatusName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from inngest_rest import InngestClient, Paginator, Watcher


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
class WaitForRuns:
    """Wait until runs have ended, and return each as it ends.

    Runs that failed or were cancelled are returned like any other.

    Attributes:
        ids: The runs' ids.
        timeout: Seconds to wait for all of them.
    """

    ids: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    timeout: Seconds = option(default=DEFAULT_TIMEOUT_S)


def _wait(client: InngestClient, parameters: WaitForRuns) -> Iterable[Run]:
    if len(parameters.ids) > 1:
        return client.runs.wait_many(parameters.ids, parameters.timeout)
    return _wait_for_one(client, parameters)


def _wait_for_one(client: InngestClient, parameters: WaitForRuns) -> Iterator[Run]:
    yield client.runs.wait(parameters.ids[0], parameters.timeout)


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
    timeout: Seconds | None = option()
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
    on_start: Callable[[ActionRow], object] | None,
    on_result: Callable[[ActionRow], object] | None,
) -> ActionReport:
    chosen: dict[str, Any] = {"resume": resume} if resume else parameters.arguments()
    return client.runs.cancel_all(
        **chosen,
        dry_run=dry_run,
        max_requests=parameters.rate,
        on_start=on_start,
        on_result=on_result,
    )


@frozen
class ReplayRuns(Selection):
    """Replay runs from their beginning, named by their ids or selected by a filter.

    Not safe to repeat: each replay starts a new run, whose id is returned. Within one call no run
    is replayed twice, also if a response is lost. A run that has not ended, one of a batch and one
    of a debounced function are refused. A filter takes runs that failed, unless it has a status.
    """


def _replay(
    client: InngestClient,
    parameters: ReplayRuns,
    /,
    *,
    dry_run: bool,
    resume: ActionReport | None,
    on_start: Callable[[ActionRow], object] | None,
    on_result: Callable[[ActionRow], object] | None,
) -> ActionReport:
    chosen: dict[str, Any] = {"resume": resume} if resume else parameters.arguments()
    return client.runs.replay_all(
        **chosen,
        dry_run=dry_run,
        max_requests=parameters.rate,
        on_start=on_start,
        on_result=on_result,
    )


@frozen
class ListJobs:
    """List the jobs queued for a run, at most ten; a run that has ended has none.

    Attributes:
        id: The run's id.
    """

    id: str


def _jobs(client: InngestClient, parameters: ListJobs) -> list[Job]:
    return client.runs.jobs(parameters.id)


@frozen
class GetTrace:
    """Get the trace of a run: its steps, and the attempts at them.

    Attributes:
        id: The run's id.
        raw: Whether to return the server's own tree, with each span of it as it was sent.
    """

    id: str
    raw: bool = option(default=False)


def _trace(client: InngestClient, parameters: GetTrace) -> Span:
    return client.runs.trace(parameters.id, raw=parameters.raw)


# What a run is called, and what it returned or raised, was written by strangers.
FROM_STRANGERS = ("app_id", "function_id", "cron", "output", "error")

_ID = "01K9V2D6N9P1R7Z4W8X3Y5A0BC"

OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        name="runs.list",
        parameters=ListRuns,
        result=Run,
        run=_list,
        returns=Returns.PAGES,
        untrusted=FROM_STRANGERS,
        examples=("--status failed --since 2h", "--app shop --limit 50 -o ndjson"),
    ),
    Operation(
        name="runs.get",
        parameters=GetRun,
        result=Run,
        run=_get,
        untrusted=FROM_STRANGERS,
        examples=(_ID,),
    ),
    Operation(
        name="runs.wait",
        parameters=WaitForRuns,
        result=Run,
        run=_wait,
        returns=Returns.STREAM,
        untrusted=FROM_STRANGERS,
        examples=(f"{_ID} --timeout 60",),
    ),
    Operation(
        name="runs.watch",
        parameters=WatchRuns,
        result=RunChange,
        run=_watch,
        returns=Returns.STREAM,
        untrusted=tuple(f"run.{path}" for path in FROM_STRANGERS),
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
        examples=(_ID, "--app shop --since 2h --dry-run"),
    ),
    BulkOperation(
        name="runs.replay",
        parameters=ReplayRuns,
        result=Acted,
        act=_replay,
        run=if_confirmed(_replay),
        effect=Effect.DESTROY,
        is_idempotent=False,
        untrusted=("rows[].reason",),
        examples=(_ID, "--status failed --app shop --since 2h --dry-run"),
    ),
    Operation(
        name="runs.jobs",
        parameters=ListJobs,
        result=Job,
        run=_jobs,
        returns=Returns.STREAM,
        examples=(_ID,),
    ),
    Operation(
        name="runs.trace",
        parameters=GetTrace,
        result=Span,
        run=_trace,
        untrusted=("name", "input", "output", "metadata", "children"),
        examples=(_ID,),
    ),
)
