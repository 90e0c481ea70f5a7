"""Runs: list, get, wait, cancel and replay, and read their jobs and traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.resources import one_run, runs, wait
from inngest_rest.aio._resource import Resource
from inngest_rest.aio.paginator import AsyncPaginator

if TYPE_CHECKING:
    import builtins
    from datetime import datetime

    from inngest_rest.models import Job, Run, Span
    from inngest_rest.typing import Seconds, StatusFilter


class Runs(Resource):
    """Runs of functions: `client.runs`."""

    def list(
        self,
        *,
        status: StatusFilter | None = None,
        app: str | None = None,
        function: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        include_output: bool = False,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[Run]:
        """List runs, newest first.

        Args:
            status: One or several of queued, running, completed, failed, cancelled; in any case.
            app: Only runs of this app.
            function: Only runs of this function of the app.
            since: Only runs queued at or after this aware datetime.
            until: Only runs queued at or before this aware datetime.
            include_output: Whether to list runs with their `output` or `error`.
            limit: Maximum number of runs in total; None for all of them.
            page_size: Maximum number of runs per request, 1 to 100.
            cursor: The `next_cursor` of an earlier page, to continue after it.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server lacks the route, or lacks v2 and an argument needs it.

        HTTP: `GET /v1/runs`, else `GET /v2/runs`, which is also used for several statuses and for
        app, function, since, until and include_output.
        """
        return AsyncPaginator(
            self._driver,
            runs.list_runs(
                self._session,
                status=status,
                app=app,
                function=function,
                since=since,
                until=until,
                include_output=include_output,
                limit=limit,
                page_size=page_size,
                cursor=cursor,
            ),
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
        return await self._driver.run(
            one_run.get(self._session, id, include_original_run_id=include_original_run_id)
        )

    async def wait(self, id: str, timeout: Seconds) -> Run:
        """Wait until a run has ended and return it, whether it completed, failed or was cancelled.

        Args:
            id: The run's id.
            timeout: Maximum time to wait, seconds or a timedelta.

        Raises:
            WaitTimeoutError: The run did not end in time; `run` is its last known state.
            NotFoundError: The run did not appear within 5 s.

        HTTP: `GET /v2/runs/{runId}`, else `GET /v1/runs/{runId}` past its cache: at first after
        50 ms, then ever more rarely, at last every 3 s.
        """
        return await self._driver.run(wait.wait(self._session, id, timeout))

    async def cancel(self, id: str) -> None:
        """Cancel a run; a run that has already ended is left as it is.

        Code that is executing at that moment still runs to its end.

        Args:
            id: The run's id.

        Raises:
            NotFoundError: No such run; or the server stores in PostgreSQL and is older than
                release 1.39.

        HTTP: `POST /v2/runs/{runId}/cancel`, else `DELETE /v1/runs/{runId}`.
        """
        return await self._driver.run(runs.cancel(self._session, id))

    async def replay(self, id: str) -> str:
        """Replay a run from its beginning and return the id of the new run.

        Not retried once the request may have reached the server: a retry could start a second run.

        Args:
            id: The run's id.

        Raises:
            NotFoundError: No such run.

        HTTP: `POST /v1/runs/{runId}/replay`, else `POST /v2/runs/{runId}/rerun`.
        """
        return await self._driver.run(runs.replay(self._session, id))

    async def jobs(self, id: str) -> builtins.list[Job]:
        """List the jobs queued for a run, at most ten; a run that has ended has none.

        Args:
            id: The run's id.

        Raises:
            NotFoundError: No such run.

        HTTP: `GET /v1/runs/{runId}/jobs`.
        """
        return await self._driver.run(runs.jobs(self._session, id))

    async def trace(self, id: str) -> Span:
        """Get a run's trace: the root span, with its steps and attempts as children.

        Args:
            id: The run's id.

        Raises:
            NotFoundError: No such run, or it has no trace yet.

        HTTP: `GET /v2/runs/{runId}/trace`.
        """
        return await self._driver.run(runs.trace(self._session, id))
