"""Runs: list, get, wait, watch, cancel and replay, and read their jobs and traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest._core.resources import run_lists, runs
from inngest_rest._core.resources.filters import Selection
from inngest_rest.aio.generated import runs as generated

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime, timedelta
    from os import PathLike

    from inngest_rest.aio.groups import AsyncPaginator
    from inngest_rest.aio.polling import (
        AsyncEndedRuns,
        AsyncWatcher,
    )
    from inngest_rest.bulk import ActionReport, ActionRow
    from inngest_rest.explain import WaitingReport
    from inngest_rest.explanation import RunExplanation
    from inngest_rest.files import ExportReport, RunInclude
    from inngest_rest.models import Job, Run, Span
    from inngest_rest.summary import RunSummary, SummaryBy
    from inngest_rest.typing import (
        MetadataOp,
        RunOrder,
        Seconds,
        StatusFilter,
    )


class Runs(generated.Runs):
    """Runs of functions: `client.runs`."""

    def list(
        self,
        *,
        status: StatusFilter | None = None,
        app: str | None = None,
        function: str | None = None,
        error_contains: str | None = None,
        where: str | None = None,
        query: str | None = None,
        since: datetime | timedelta | None = None,
        until: datetime | timedelta | None = None,
        ended_since: datetime | timedelta | None = None,
        ended_until: datetime | timedelta | None = None,
        order: RunOrder = "newest",
        include_output: bool = False,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[Run]:
        """List runs, newest first.

        Args:
            status: Only runs with these statuses. One or several of queued, running, completed,
                failed, cancelled and, since release 1.45, skipped and paused; ignores case, and
                accepts commas in one text.
            app: Only runs of this app, or of those that match, such as `shop-*`.
            function: Only runs of this function of the app, or of those that match, such as
                `charge-*`. Without app, name both: `shop/charge`, or `shop-charge` as in the
                dashboard.
            error_contains: Only runs that failed with this text in the name or the message of their
                error. Ignores case; evaluated in the client, which lists runs with their errors.
            where: Only runs for which this CEL expression is true, such as `event.data.total >
                100`. Evaluated in the client, with the extra `explain`. Its variables are `run`,
                the first `event`, `error` and `output`, with the fields of their classes; the
                client reads those that it names. A run for which it fails, for example because a
                field is missing, is not selected; `searched` reports how many.
            query: Only runs for which the server finds this CEL expression true, such as
                `event.data.total > 100`. It compares `event.name`, `event.v` and fields of
                `event.data`, or of `output` and `error`; since release 1.45. A self-hosted server
                finds no run by an event that was sent with an id.
            since: Only runs queued at or after this time. An aware datetime; a timedelta is that
                long ago by the server's clock.
            until: Only runs queued at or before this time. An aware datetime, or a timedelta.
            ended_since: Only runs that ended at or after this time. An aware datetime, or a
                timedelta; since release 1.38. Slow on a self-hosted server with a long history:
                with since, the client lists runs by queue time and compares their end times itself.
            ended_until: Only runs that ended at or before this time. An aware datetime, or a
                timedelta. Like ended_since; with until, it requires since.
            order: Which come first, "newest" or "oldest": by queue time, or by end time if they are
                selected by that; "oldest" since release 1.38.
            include_output: Whether to list runs with their `output` or `error`.
            limit: Maximum number of items in total; None for all of them.
            page_size: Maximum number of items per request, 1 to 100; by default the server's.
            cursor: The `next_cursor` of an earlier page, to continue after it.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server lacks v2 where a filter needs it, or would ignore
                `query`.
            BadRequestError: The server does not understand `query`.

        HTTP: `GET /v2/runs`, else `GET /v1/runs`, which has no filter but one status that is not
        queued; `GET /v1/events/{eventId}` for each event that `where` needs.
        """
        selection = Selection.of(
            self._session,
            status=status,
            app=app,
            function=function,
            error_contains=error_contains,
            where=where,
            query=query,
            since=since,
            until=until,
            ended_since=ended_since,
            ended_until=ended_until,
        )
        return self._list(
            run_lists.list_runs,
            selection,
            order=order,
            include_output=include_output,
            limit=limit,
            page_size=page_size,
            cursor=cursor,
        )

    async def get(self, id: str, *, include_original_run_id: bool = False) -> Run:
        """Get one run, with its output or error.

        Args:
            id: The run's id.
            include_original_run_id: Whether to return `original_run_id`, too, which takes a second
                request, as only v1 has it.

        Raises:
            NotFoundError: No such run; one that was just started appears after about 0.25 s.

        HTTP: `GET /v2/runs/{runId}`, else `GET /v1/runs/{runId}`, which also answers for runs that
        v2 cannot load, out of a cache of 3 s.
        """
        return await self._run(
            runs.explain_event_id(runs.get), id, include_original_run_id
        )

    async def wait(
        self, id: str, timeout: Seconds, *, raise_on_failure: bool = False
    ) -> Run:
        """Wait until a run has ended and return it, whether it completed, failed or was cancelled.

        Args:
            id: The run's id.
            timeout: Maximum time to wait. Seconds, or a timedelta.
            raise_on_failure: Raise `RunFailedError` for a run that did not complete; by default, it
                is returned.

        Raises:
            RunFailedError: The run did not complete, with `raise_on_failure`.
            WaitTimeoutError: The run did not end in time; `run` is its last known state.
            NotFoundError: The run did not appear within 5 s.

        HTTP: `GET /v2/runs/{runId}`, else `GET /v1/runs/{runId}` past its cache: at first after
        50 ms, then at growing intervals of up to 3 s.
        """
        from inngest_rest._core.resources.wait import wait as wait_for_end

        return await self._run(wait_for_end, id, timeout, raise_on_failure)

    async def explain(self, id: str) -> RunExplanation:
        """Explain why a run waits or is held back, which attempt is next, or how it ended.

        Args:
            id: The run's id.

        Returns:
            Each reason with its evidence; `unchecked` lists anything that could not be determined.
            Its `str` is one sentence. Only self-hosted servers report which event or signal a run
            waits for.

        Raises:
            NotFoundError: No such run.

        HTTP: `GET /v2/runs/{runId}`, `GET /v1/events/{eventId}`, `GET /v1/events/{eventId}/runs`,
        `GET /v2/runs/{runId}/trace`, and of an open one `GET /v1/runs/{runId}/jobs`. If it waits
        for an event with a condition, `GET /v1/events`; of a run that is held back or cancelled
        also `GET /v2/apps`, `GET /v2/apps/{appId}/functions`, `GET /v2/runs` and `GET
        /v1/apps/{appId}/functions`.
        """
        from inngest_rest.explain._explain import explain_run

        return await self._run(runs.explain_event_id(explain_run), id)

    def wait_many(self, ids: Iterable[str], timeout: Seconds) -> AsyncEndedRuns:
        """Wait until each of many runs has ended, and return each as it ends.

        Failed and cancelled runs are returned like any other.

        Args:
            ids: The runs' ids; duplicates are ignored.
            timeout: Maximum time to wait for all of them. Seconds, or a timedelta.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            WaitTimeoutError: Some runs did not end in time; `ids` names them. Raised by the
                iterator, like those below.
            NotFoundError: Some runs did not appear within 5 s, and all others have ended; or the
                first id that was not found is that of an event.

        HTTP: `GET /v2/runs/{runId}`, else `GET /v1/runs/{runId}`, at most eight at a time; while
        more than ten are open, `GET /v2/runs` at most once a second, and ten single runs in turn;
        where that listing takes over 2 s, up to 1,500 single runs.
        """
        from inngest_rest._core.resources.wait import WaitMany
        from inngest_rest.aio.polling import AsyncEndedRuns

        return AsyncEndedRuns(self._driver, WaitMany(self._session, ids, timeout))

    def watch(
        self,
        *,
        status: StatusFilter | None = None,
        app: str | None = None,
        function: str | None = None,
        error_contains: str | None = None,
        where: str | None = None,
        query: str | None = None,
        every: Seconds = 5.0,
        timeout: Seconds | None = None,
        include_output: bool = False,
        token: str | None = None,
    ) -> AsyncWatcher:
        """Watch runs, and return their changes: they appear, change status, and end.

        No run is missed, however short: a run that starts and ends between two polls appears and
        ends. Runs open at the start appear first. Times are by the server's clock, as its responses
        state it. If they do not, or state a wrong one, this machine's clock must not be ahead by
        more than 15 s.

        Args:
            status: Only changes to one of these statuses; a run that had already ended when first
                seen then ends without appearing.
            app: Only runs of this app, or of those that match, such as `shop-*`.
            function: Only runs of this function of the app, or of those that match, such as
                `charge-*`. Without app, name both: `shop/charge`, or `shop-charge` as in the
                dashboard.
            error_contains: Only runs that failed with this text in the name or the message of their
                error. Ignores case; evaluated in the client, which lists runs with their errors.
            where: Only runs for which this CEL expression is true, such as `event.data.total >
                100`. Evaluated in the client, with the extra `explain`. Its variables are `run`,
                the first `event`, `error` and `output`, with the fields of their classes; the
                client reads those that it names. A run for which it fails, for example because a
                field is missing, is not selected; `searched` reports how many.
            query: Only runs for which the server finds this CEL expression true, such as
                `event.data.total > 100`. It compares `event.name`, `event.v` and fields of
                `event.data`, or of `output` and `error`; since release 1.45. A self-hosted server
                finds no run by an event that was sent with an id.
            every: Time between two polls, at least 1 s. Seconds, or a timedelta; longer if the
                server needs more than a quarter of it to respond, or three quarters while many runs
                change.
            timeout: Time after which to stop. Seconds, or a timedelta; None for never.
            include_output: Whether runs have their `output` or `error`.
            token: The `token` of another watch with the same filter (except `status`), to continue
                after the changes it returned.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server lacks the route, which exists since release 1.38, or
                would ignore `query`. Raised by the iterator, as is any error that lasts: a
                transient one for five minutes, or until the timeout expires.

        HTTP: `GET /v2/runs`, one or two pages per poll and one more per hundred runs that began or
        ended; `GET /v2/runs/{runId}` for up to ten runs that have been open for longer than 30 s,
        or up to 1,500 where a listing of ends takes over 2 s, at most eight at a time.
        """
        from inngest_rest._core.resources.watch import Watch
        from inngest_rest.aio.polling import AsyncWatcher

        selection = Selection.of(
            self._session,
            status=status,
            app=app,
            function=function,
            error_contains=error_contains,
            where=where,
            query=query,
        )
        poller = Watch(
            self._session,
            selection,
            every=every,
            timeout=timeout,
            include_output=include_output,
            token=token,
        )
        return AsyncWatcher(self._driver, poller)

    async def summary(
        self,
        *,
        status: StatusFilter | None = None,
        app: str | None = None,
        function: str | None = None,
        error_contains: str | None = None,
        where: str | None = None,
        query: str | None = None,
        since: datetime | timedelta | None = None,
        until: datetime | timedelta | None = None,
        ended_since: datetime | timedelta | None = None,
        ended_until: datetime | timedelta | None = None,
        by: SummaryBy | str = "function",
        exact: bool = False,
        limit: int | None = 100_000,
    ) -> RunSummary:
        """Count runs, their failures, times and errors by function, error or field of their event.

        Lists do not include the start of a run. The times a run waited and ran, as opposed to the
        time from queued to ended, require a request per run.

        Args:
            status: Only runs with these statuses. One or several of queued, running, completed,
                failed, cancelled and, since release 1.45, skipped and paused; ignores case, and
                accepts commas in one text.
            app: Only runs of this app, or of those that match, such as `shop-*`.
            function: Only runs of this function of the app, or of those that match, such as
                `charge-*`. Without app, name both: `shop/charge`, or `shop-charge` as in the
                dashboard.
            error_contains: Only runs that failed with this text in the name or the message of their
                error. Ignores case; evaluated in the client, which lists runs with their errors.
            where: Only runs for which this CEL expression is true, such as `event.data.total >
                100`. Evaluated in the client, with the extra `explain`. Its variables are `run`,
                the first `event`, `error` and `output`, with the fields of their classes; the
                client reads those that it names. A run for which it fails, for example because a
                field is missing, is not selected; `searched` reports how many.
            query: Only runs for which the server finds this CEL expression true, such as
                `event.data.total > 100`. It compares `event.name`, `event.v` and fields of
                `event.data`, or of `output` and `error`; since release 1.45. A self-hosted server
                finds no run by an event that was sent with an id.
            since: Only runs queued at or after this time. An aware datetime; a timedelta is that
                long ago by the server's clock.
            until: Only runs queued at or before this time. An aware datetime, or a timedelta.
            ended_since: Only runs that ended at or after this time. An aware datetime, or a
                timedelta; since release 1.38. Slow on a self-hosted server with a long history:
                with since, the client lists runs by queue time and compares their end times itself.
            ended_until: Only runs that ended at or before this time. An aware datetime, or a
                timedelta. Like ended_since; with until, it requires since.
            by: The grouping: function, error, or a field of the event that started a run, such as
                `event.data.customer`. By error, only failed runs are counted unless `status` is
                passed. For a field, the first event of each run is read, at most 5,000 of them.
            exact: Get each ended run, for the times it waited and ran.
            limit: Maximum number of runs to list, newest first. None for all.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server lacks v2 where a filter needs it, or would ignore
                `query`.
            BadRequestError: The server does not understand `query`.

        HTTP: `GET /v2/runs`, else `GET /v1/runs`, with the outputs, as errors are among them; `GET
        /v2/runs/{runId}` for each run whose times are asked for, or `GET /v1/events/{eventId}` for
        each event, at most eight at a time.
        """
        from inngest_rest.summary._summarize import summarize

        selection = Selection.of(
            self._session,
            status=status,
            app=app,
            function=function,
            error_contains=error_contains,
            where=where,
            query=query,
            since=since,
            until=until,
            ended_since=ended_since,
            ended_until=ended_until,
        )
        return await self._run(
            summarize,
            selection=selection,
            by=by,
            exact=exact,
            limit=limit,
        )

    async def waiting(
        self,
        *,
        status: StatusFilter | None = None,
        app: str | None = None,
        function: str | None = None,
        where: str | None = None,
        query: str | None = None,
        since: datetime | timedelta | None = None,
        until: datetime | timedelta | None = None,
        event_fields: Iterable[str] | None = None,
        limit: int | None = 200,
    ) -> WaitingReport:
        """Explain why each open run waits, which limit holds it back, or whether it is lost.

        Runs that need attention come first. Only self-hosted servers report which event or signal a
        run waits for; only there is a run without a job known to be lost.

        Args:
            status: Which of queued and running runs; by default both.
            app: Only runs of this app, or of those that match, such as `shop-*`.
            function: Only runs of this function of the app, or of those that match, such as
                `charge-*`. Without app, name both: `shop/charge`, or `shop-charge` as in the
                dashboard.
            where: Only runs for which this CEL expression is true, such as `event.data.total >
                100`. Evaluated in the client, with the extra `explain`. Its variables are `run`,
                the first `event`, `error` and `output`, with the fields of their classes; the
                client reads those that it names. A run for which it fails, for example because a
                field is missing, is not selected; `searched` reports how many.
            query: Only runs for which the server finds this CEL expression true, such as
                `event.data.total > 100`. It compares `event.name`, `event.v` and fields of
                `event.data`, or of `output` and `error`; since release 1.45. A self-hosted server
                finds no run by an event that was sent with an id.
            since: Only runs queued at or after this time. An aware datetime; a timedelta is that
                long ago by the server's clock.
            until: Only runs queued at or before this time. An aware datetime, or a timedelta.
            event_fields: Fields of each run's event to return, such as `data.order`, with the ones
                that `where` and `query` name. For a batch, those of its first event.
            limit: Maximum number of runs, oldest first. None for all.

        Returns:
            The number of runs by the reason they wait, and a row for each run. `unchecked` lists
            anything that could not be determined.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server is older than release 1.38, which lists no runs; or it
                would ignore `query`.

        HTTP: `GET /v2/runs` once per hundred runs; `GET /v1/runs/{runId}/jobs` for each run, at
        most eight at a time; `GET /v1/events/{eventId}` for each whose fields are asked for or
        named, that is queued and not due, or that a limit with a key holds back. Of a run without
        a job, also `GET /v2/runs/{runId}`, its jobs again and `GET /v2/runs/{runId}/trace`. If a
        run is due, `GET /v2/apps` and `GET /v2/apps/{appId}/functions` of each app; for each
        function whose concurrency is limited, `GET /v2/runs` and the jobs of up to ten further
        runs. For an app that is named, `GET /v2/apps/{appId}` if it has no open run.
        """
        from inngest_rest.explain._waiting import waiting

        selection = Selection.of(
            self._session,
            status=status,
            app=app,
            function=function,
            where=where,
            query=query,
            since=since,
            until=until,
        )
        return await self._run(
            waiting,
            selection=selection,
            event_fields=event_fields,
            limit=limit,
        )

    async def cancel(self, id: str) -> None:
        """Cancel a run; a run that has already ended is not changed.

        Code that is executing at that moment still runs to its end.

        Args:
            id: The run's id.

        Raises:
            NotFoundError: No such run; or the server is on PostgreSQL and older than release 1.39.

        HTTP: `POST /v2/runs/{runId}/cancel`, else `DELETE /v1/runs/{runId}`.
        """
        from inngest_rest._core.resources import run_acts

        await self._run(runs.explain_event_id(run_acts.cancel), id)

    async def replay(
        self,
        id: str,
        *,
        from_step: str | None = None,
        input: builtins.list[Any] | None = None,
    ) -> str:
        """Replay a run from its beginning, or from a step, and return the id of the new run.

        Each call starts another run; `replay_all([id])` skips runs already replayed. Not retried
        once the request may have reached the server: a retry could start a second run.

        Args:
            id: The run's id.
            from_step: The step to start from: its name or id as in the trace, or "last-failed".
                Steps that began before it keep their results and do not run again; it and all later
                steps do. For a replay, the steps of the first run count.
            input: Arguments for that step instead of its own, which the TypeScript SDK passes to
                it. With the Python SDK (0.5.19) the step does not run: its result is `{"input":
                [...]}`. Steps that wait or sleep ignore it.

        Raises:
            InvalidArgumentError: The run has no such step, several, or none that failed, or a
                completed step would run again from the last failed one; nothing was started.
            RouteNotFoundError: The server cannot replay from a step: v2 can since release 1.39.
            NotFoundError: No such run.
            ServerError: It may take effect after a 502 or 504, as after a TransportError.
            TransportError: There was no response; `may_have_taken_effect` says whether to look for
                the new run first.

        HTTP: `POST /v2/runs/{runId}/rerun`, else `POST /v1/runs/{runId}/replay`; from a step,
        `GET /v2/runs/{runId}`, `GET /v1/events/{eventId}/runs` and `GET /v2/runs/{runId}/trace`
        before it.
        """
        from inngest_rest._core.resources import replays

        return await self._run(
            runs.explain_event_id(replays.replay_one),
            id,
            from_step,
            input,
        )

    async def cancel_all(
        self,
        ids: Iterable[str] | ActionReport | None = None,
        *,
        status: StatusFilter | None = None,
        app: str | None = None,
        function: str | None = None,
        error_contains: str | None = None,
        where: str | None = None,
        query: str | None = None,
        since: datetime | timedelta | None = None,
        until: datetime | timedelta | None = None,
        ended_since: datetime | timedelta | None = None,
        ended_until: datetime | timedelta | None = None,
        limit: int | None = None,
        dry_run: bool = False,
        in_flight: int = 8,
        max_requests: int | None = None,
        period: Seconds = 1.0,
        on_result: Callable[[ActionRow], object] | None = None,
        report_path: str | PathLike[str] | None = None,
    ) -> ActionReport:
        """Cancel many runs, named by their ids or selected by a filter, and report on each.

        A filter lists all runs before the first one is cancelled, so the set cannot grow meanwhile.
        A call without a selection is refused.

        Args:
            ids: The runs' ids, or the report of a dry run, which stands for the runs that it
                planned. Pass these, or a filter.
            status: Which of queued and running to cancel; by default both.
            app: Only runs of this app, or of those that match, such as `shop-*`.
            function: Only runs of this function of the app, or of those that match, such as
                `charge-*`. Without app, name both: `shop/charge`, or `shop-charge` as in the
                dashboard.
            error_contains: Only runs that failed with this text in the name or the message of their
                error. Ignores case; evaluated in the client, which lists runs with their errors.
            where: Only runs for which this CEL expression is true, such as `event.data.total >
                100`. Evaluated in the client, with the extra `explain`. Its variables are `run`,
                the first `event`, `error` and `output`, with the fields of their classes; the
                client reads those that it names. A run for which it fails, for example because a
                field is missing, is not selected; `searched` reports how many.
            query: Only runs for which the server finds this CEL expression true, such as
                `event.data.total > 100`. It compares `event.name`, `event.v` and fields of
                `event.data`, or of `output` and `error`; since release 1.45. A self-hosted server
                finds no run by an event that was sent with an id.
            since: Only runs queued at or after this time. An aware datetime; a timedelta is that
                long ago by the server's clock.
            until: Only runs queued at or before this time. An aware datetime, or a timedelta.
            ended_since: Only runs that ended at or after this time. An aware datetime, or a
                timedelta; since release 1.38. Slow on a self-hosted server with a long history:
                with since, the client lists runs by queue time and compares their end times itself.
            ended_until: Only runs that ended at or before this time. An aware datetime, or a
                timedelta. Like ended_since; with until, it requires since.
            limit: Maximum number of runs to cancel.
            dry_run: Report each action as planned, without performing it.
            in_flight: Maximum number of runs processed at once, 1 to 64.
            max_requests: Maximum number of them started per period; None for no limit, or on
                Inngest Cloud for 15 a second.
            period: The period of `max_requests`, in seconds or as a timedelta; by default 1 s.
            on_result: Called with each row, in order, as results arrive. May be asynchronous.
            report_path: A file that records each row before its request is sent, and its outcome.
                The same call with the same file continues after any interruption, even a kill.

        Returns:
            One row per run: done, already ended, not found, failed, unknown or not tried.

        Raises:
            InvalidArgumentError: An argument is malformed, nothing selects runs, or several
                arguments do; or the file is in use, is no report, or is one of another call.
                Nothing was sent.
            ReportFinishedError: The report in the file is complete.
            PartialActionError: No later row could succeed; `report` has every row.
            NotFoundError: Nothing is selected, as the app or the function does not exist.
            RouteNotFoundError: The server lacks v2 where a filter needs it, or would ignore
                `query`.
            BadRequestError: The server does not understand `query`.

        HTTP: `GET /v2/runs`, else `GET /v1/runs`, for a filter, as in `list`;
        `POST /v2/runs/{runId}/cancel`, else `DELETE /v1/runs/{runId}`, for each run.
        """
        from inngest_rest.bulk._cancel import CancelJob
        from inngest_rest.bulk._job import Options

        selection = Selection.of(
            self._session,
            status=status,
            app=app,
            function=function,
            error_contains=error_contains,
            where=where,
            query=query,
            since=since,
            until=until,
            ended_since=ended_since,
            ended_until=ended_until,
        )
        options = Options(
            dry_run=dry_run,
            in_flight=in_flight,
            max_requests=max_requests,
            period=period,
            on_result=on_result,
            report_path=report_path,
        )
        job = CancelJob(self._session, ids, selection, options, limit=limit)
        return await job.run_async(self._driver)

    async def replay_all(
        self,
        ids: Iterable[str] | ActionReport | None = None,
        *,
        status: StatusFilter | None = None,
        app: str | None = None,
        function: str | None = None,
        error_contains: str | None = None,
        where: str | None = None,
        query: str | None = None,
        since: datetime | timedelta | None = None,
        until: datetime | timedelta | None = None,
        ended_since: datetime | timedelta | None = None,
        ended_until: datetime | timedelta | None = None,
        limit: int | None = None,
        from_step: str | None = None,
        input: builtins.list[Any] | None = None,
        replay_again: bool = False,
        dry_run: bool = False,
        in_flight: int = 8,
        max_requests: int | None = None,
        period: Seconds = 1.0,
        on_result: Callable[[ActionRow], object] | None = None,
        report_path: str | PathLike[str] | None = None,
    ) -> ActionReport:
        """Replay many runs, named by their ids or selected by a filter, and report on each.

        A filter lists all runs before the first one is replayed, so the set cannot grow meanwhile.
        One run of a chain of replays is replayed, once, and none if another run of the chain is
        open or completed. After a lost response, or a gateway error, the row is unknown, because
        the replay may take effect minutes later: the same report then looks for the new run, and
        never requests another. Calls at the same moment do not see each other: replays have no
        idempotency key.

        Refused are runs that have not ended, runs of a batch (a replay carries only one event),
        runs of debounced functions (which servers do not replay), and runs not listed among those
        of their event.

        Args:
            ids: The runs' ids, or the report of a dry run, which stands for the runs that it
                planned. Pass these, or a filter.
            status: Statuses of ended runs; by default failed.
            app: Only runs of this app, or of those that match, such as `shop-*`.
            function: Only runs of this function of the app, or of those that match, such as
                `charge-*`. Without app, name both: `shop/charge`, or `shop-charge` as in the
                dashboard.
            error_contains: Only runs that failed with this text in the name or the message of their
                error. Ignores case; evaluated in the client, which lists runs with their errors.
            where: Only runs for which this CEL expression is true, such as `event.data.total >
                100`. Evaluated in the client, with the extra `explain`. Its variables are `run`,
                the first `event`, `error` and `output`, with the fields of their classes; the
                client reads those that it names. A run for which it fails, for example because a
                field is missing, is not selected; `searched` reports how many.
            query: Only runs for which the server finds this CEL expression true, such as
                `event.data.total > 100`. It compares `event.name`, `event.v` and fields of
                `event.data`, or of `output` and `error`; since release 1.45. A self-hosted server
                finds no run by an event that was sent with an id.
            since: Only runs queued at or after this time. An aware datetime; a timedelta is that
                long ago by the server's clock.
            until: Only runs queued at or before this time. An aware datetime, or a timedelta.
            ended_since: Only runs that ended at or after this time. An aware datetime, or a
                timedelta; since release 1.38. Slow on a self-hosted server with a long history:
                with since, the client lists runs by queue time and compares their end times itself.
            ended_until: Only runs that ended at or before this time. An aware datetime, or a
                timedelta. Like ended_since; with until, it requires since.
            limit: Maximum number of runs to replay.
            from_step: The step to start each run from, as in `replay`: a name, or "last-failed".
                A run without such a step is refused. A report is bound to it.
            input: Arguments for that step, as in `replay`.
            replay_again: Also replay runs already replayed, or whose replays cannot be listed.
            dry_run: Report each action as planned, without performing it.
            in_flight: Maximum number of runs processed at once, 1 to 64.
            max_requests: Maximum number of them started per period; None for no limit, or on
                Inngest Cloud for 15 a second.
            period: The period of `max_requests`, in seconds or as a timedelta; by default 1 s.
            on_result: Called with each row, in order, as results arrive. May be asynchronous.
            report_path: A file that records each row before its request is sent, and its outcome.
                The same call with the same file continues after any interruption, even a kill.

        Returns:
            One row per run: done or already replayed, with `new_run_id`; not found, refused,
            failed, unknown or not tried.

        Raises:
            InvalidArgumentError: An argument is malformed, nothing selects runs, or several
                arguments do; or the file is in use, is no report, or is one of another call.
                Nothing was sent.
            ReportFinishedError: The report in the file is complete.
            PartialActionError: No later row could succeed; `report` has every row.
            NotFoundError: Nothing is selected, as the app or the function does not exist.
            RouteNotFoundError: The server lacks v2 where a filter needs it, or would ignore
                `query`.
            BadRequestError: The server does not understand `query`.

        HTTP: `GET /v2/runs`, else `GET /v1/runs`, for a filter; for each run
        `GET /v2/runs/{runId}` if only its id is known, `GET /v1/events/{eventId}/runs`,
        `GET /v2/runs/{runId}/trace` for `from_step`, and `POST /v2/runs/{runId}/rerun`, else
        `POST /v1/runs/{runId}/replay`; for each app,
        `GET /v2/apps/{appId}/functions`, else `GET /v1/apps/{appId}/functions`, once.
        """
        from inngest_rest._core.resources.replays import Replays
        from inngest_rest.bulk._job import Options
        from inngest_rest.bulk._replay import ReplayJob

        selection = Selection.of(
            self._session,
            status=status,
            app=app,
            function=function,
            error_contains=error_contains,
            where=where,
            query=query,
            since=since,
            until=until,
            ended_since=ended_since,
            ended_until=ended_until,
        )
        options = Options(
            dry_run=dry_run,
            in_flight=in_flight,
            max_requests=max_requests,
            period=period,
            on_result=on_result,
            report_path=report_path,
        )
        job = ReplayJob(
            self._session,
            ids,
            selection,
            options,
            limit=limit,
            replay_again=replay_again,
            replays=Replays(self._session, from_step, input),
        )
        return await job.run_async(self._driver)

    async def export(
        self,
        path: str | PathLike[str],
        *,
        status: StatusFilter | None = None,
        app: str | None = None,
        function: str | None = None,
        error_contains: str | None = None,
        where: str | None = None,
        query: str | None = None,
        since: datetime | timedelta | None = None,
        until: datetime | timedelta | None = None,
        ended_since: datetime | timedelta | None = None,
        ended_until: datetime | timedelta | None = None,
        columns: Mapping[str, str] | None = None,
        escape_formulas: bool = False,
        on_progress: Callable[[int], object] | None = None,
        include: Iterable[RunInclude] | None = None,
    ) -> ExportReport:
        """Export runs to a file of NDJSON or CSV, newest first.

        The file appears when it is whole; until then, and after any interruption, the one before
        stays.

        Args:
            path: The file: .ndjson, .jsonl or .csv. What was there is replaced.
            status: Only runs with these statuses. One or several of queued, running, completed,
                failed, cancelled and, since release 1.45, skipped and paused; ignores case, and
                accepts commas in one text.
            app: Only runs of this app, or of those that match, such as `shop-*`.
            function: Only runs of this function of the app, or of those that match, such as
                `charge-*`. Without app, name both: `shop/charge`, or `shop-charge` as in the
                dashboard.
            error_contains: Only runs that failed with this text in the name or the message of their
                error. Ignores case; evaluated in the client, which lists runs with their errors.
            where: Only runs for which this CEL expression is true, such as `event.data.total >
                100`. Evaluated in the client, with the extra `explain`. Its variables are `run`,
                the first `event`, `error` and `output`, with the fields of their classes; the
                client reads those that it names. A run for which it fails, for example because a
                field is missing, is not selected; `searched` reports how many.
            query: Only runs for which the server finds this CEL expression true, such as
                `event.data.total > 100`. It compares `event.name`, `event.v` and fields of
                `event.data`, or of `output` and `error`; since release 1.45. A self-hosted server
                finds no run by an event that was sent with an id.
            since: Only runs queued at or after this time. An aware datetime; a timedelta is that
                long ago by the server's clock.
            until: Only runs queued at or before this time. An aware datetime, or a timedelta.
            ended_since: Only runs that ended at or after this time. An aware datetime, or a
                timedelta; since release 1.38. Slow on a self-hosted server with a long history:
                with since, the client lists runs by queue time and compares their end times itself.
            ended_until: Only runs that ended at or before this time. An aware datetime, or a
                timedelta. Like ended_since; with until, it requires since.
            columns: What each column holds, by its name and in this order, such as `{"run": "id",
                "error": "error.message"}`: the path of a field. Dots lead into records and into
                JSON. By default all fields.
            escape_formulas: CSV for spreadsheets. Prefixes texts that they would execute as
                formulas with an apostrophe.
            on_progress: Called with the number of rows written so far.
            include: Fields to add; event and trace cost one request per run. Columns that name them
                need no include. A selection of only `failed` runs always has errors.

        Raises:
            InvalidArgumentError: An argument is malformed, or the file cannot be written.
            RouteNotFoundError: The server lacks v2 where a filter needs it, or would ignore
                `query`.
            BadRequestError: The server does not understand `query`.

        HTTP: `GET /v2/runs`, else `GET /v1/runs`; `GET /v1/events/{eventId}` and
        `GET /v2/runs/{runId}/trace` for what is included, at most eight at a time.
        """
        from inngest_rest.files._export import Options, export
        from inngest_rest.files._exported import runs_of

        selection = Selection.of(
            self._session,
            status=status,
            app=app,
            function=function,
            error_contains=error_contains,
            where=where,
            query=query,
            since=since,
            until=until,
            ended_since=ended_since,
            ended_until=ended_until,
        )
        options = Options(
            columns=columns, escape_formulas=escape_formulas, on_progress=on_progress
        )
        exported = runs_of(self._session, selection, include or (), columns or {})
        return await self._run(export, path, exported, options)

    async def jobs(self, id: str) -> builtins.list[Job]:
        """List the jobs queued for a run, at most ten; a run that has ended has none.

        Args:
            id: The run's id.

        Raises:
            NotFoundError: No such run.

        HTTP: `GET /v1/runs/{runId}/jobs`.
        """
        from inngest_rest._core.resources import run_jobs

        return await self._run(runs.explain_event_id(run_jobs.list_jobs), id)

    async def add_metadata(
        self,
        id: str,
        values: Mapping[str, Any],
        *,
        kind: str,
        op: MetadataOp = "merge",
        step: str | None = None,
    ) -> None:
        """Add metadata to a run, or to one of its steps; not to a run that has ended.

        Release 1.43 lists a run that got metadata after its end as running forever (operation
        addRunMetadataV1). The web page of a run shows it. A server does not say whether it knows
        the run. On Inngest Cloud, the account needs metadata enabled.

        Args:
            id: The run's id.
            values: Names with any JSON value each; at most 64 KiB.
            kind: What the values are about, such as `userland.support`: your kinds begin with
                `userland.`, and the server refuses most others that begin with `inngest.`.
            op: What to do with the values of this kind that are there: replace those of the same
                name (merge), replace all (set), delete those that are named (delete), or add
                numbers to those that are there (add).
            step: The id of the step that gets it instead of the run.

        Raises:
            PermissionDeniedError: Metadata is not enabled for the account.
            BadRequestError: The server refuses the kind or the run's id.
            ApiError: There are too many values (status 413).

        HTTP: `POST /v1/runs/{runId}/metadata`.
        """
        from inngest_rest._core.resources import run_acts

        await self._run(run_acts.add_metadata, id, values, kind=kind, op=op, step=step)

    async def score(
        self,
        id: str,
        scores: Mapping[str, float | bool],
        *,
        step: str | None = None,
        experiment: str | None = None,
        variant: str | None = None,
    ) -> None:
        """Record scores of a run, or of one of its steps; not of a run that has ended.

        Release 1.43 lists a run that was scored after its end as running forever (operation
        createScoresV2). Scores before a failed one are kept. Servers have this since release 1.37;
        the vendor's SDK records its scores by `add_metadata`, with the kind `inngest.score` and the
        scores as values.

        Args:
            id: The run's id.
            scores: 1 to 100 names with a number or a boolean each.
            step: The id of the step to score instead of the run.
            experiment: The id of the experiment that the scores belong to; needs `variant`.
            variant: The variant of the experiment.

        Raises:
            InvalidArgumentError: A name or a value is malformed; nothing was sent.
            ServerError: The server does not know the run, or failed.

        HTTP: `POST /v2/runs/{runId}/scores`.
        """
        from inngest_rest._core.resources import run_acts

        await self._run(run_acts.score, id, scores, step, experiment, variant)

    async def trace(self, id: str, *, raw: bool = False) -> Span:
        """Get a run's trace: the root span, with its steps and the attempts at them as children.

        Each step is one span, the server's internal spans are omitted, and failed attempts are
        children of their step.

        Args:
            id: The run's id.
            raw: Whether to get the server's raw tree, with each span as sent. For details that the
                readable tree omits, and for unknown kinds of spans.

        Returns:
            The root. `print(trace.render())` shows it as a waterfall in a terminal.

        Raises:
            NotFoundError: No such run, or it has no trace yet.

        HTTP: `GET /v2/runs/{runId}/trace`.
        """
        from inngest_rest._core.resources import trace

        return await self._run(runs.explain_event_id(trace.get_trace), id, raw=raw)
