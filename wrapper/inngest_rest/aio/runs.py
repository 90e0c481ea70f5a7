"""Runs: list, get, wait, cancel and replay, and read their jobs and traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.resources import runs, trace
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
            until: Only runs queued before this aware datetime.
            limit: Maximum number of runs in total; None for all of them.
            page_size: Maximum number of runs per request, 1 to 100.
            cursor: The `next_cursor` of an earlier page, to continue after it.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server lacks the route, or lacks v2 and a filter needs it.

        HTTP: `GET /v1/runs`, else `GET /v2/runs`, which is also used for several statuses and for
        app, function, since and until. Listed runs have no `output`; those from v2 have no
        `ended_at` either.
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
                limit=limit,
                page_size=page_size,
                cursor=cursor,
            ),
        )

    async def get(self, id: str) -> Run:
        """Get one run, with its output or error.

        Args:
            id: The run's id.

        Raises:
            NotFoundError: No such run; one that was just started appears after about 0.25 s.

        HTTP: `GET /v1/runs/{runId}`, else `GET /v2/runs/{runId}`. The response comes from a cache
        that may be 3 s old.
        """
        return await self._driver.run(runs.get(self._session, id))

    async def wait(self, id: str, timeout: Seconds) -> Run:
        """Wait until a run has ended and return it, whether it completed, failed or was cancelled.

        Args:
            id: The run's id.
            timeout: Maximum time to wait, seconds or a timedelta.

        Raises:
            WaitTimeoutError: The run did not end in time; `run` is its last known state.
            NotFoundError: The run did not appear within 5 s.

        HTTP: `GET /v1/runs/{runId}` every 3 s, as long as the server caches an answer.
        """
        return await self._driver.run(runs.wait(self._session, id, timeout))

    async def cancel(self, id: str) -> None:
        """Cancel a run; a run that has already ended is left as it is.

        Args:
            id: The run's id.

        Raises:
            NotFoundError: No such run.

        HTTP: `DELETE /v1/runs/{runId}`, else `POST /v2/runs/{runId}/cancel`.
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

    async def trace(self, id: str, *, raw: bool = False) -> Span:
        """Get a run's trace: the root span, with its steps and the attempts at them as children.

        Each step is one span, spans of the server's own are left out, and failed attempts lie under
        the step that they tried. `print(trace.render())` shows it as a waterfall in a terminal,
        `trace.to_html()` as a page.

        Args:
            id: The run's id.
            raw: True for the server's own tree, each span of it as it was sent. For what the
                readable tree leaves out, and for spans of a kind that is not known yet.

        Raises:
            NotFoundError: No such run, or it has no trace yet.

        HTTP: `GET /v2/runs/{runId}/trace`.
        """
        return await self._driver.run(trace.get_trace(self._session, id, raw=raw))
