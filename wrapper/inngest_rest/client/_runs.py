"""Runs: list, get, wait for, cancel, replay, and look into them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.resources import runs
from inngest_rest.client._paginator import Paginator
from inngest_rest.client._resource import Resource

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
    ) -> Paginator[Run]:
        """List runs, newest first, in an object that is iterated or taken page by page.

        Args:
            status: One of queued, running, completed, failed, cancelled, or several; any case.
            app: Only runs of this app.
            function: Only runs of this function of the app.
            since: Only runs queued from this aware datetime on.
            until: Only runs queued before this aware datetime.
            limit: Most runs in all; None for all there are.
            page_size: Most runs a request, 1 to 100.
            cursor: The `next_cursor` of an earlier page, to go on there.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server lacks the route, or v2 for a filter v1 does not have.

        HTTP: `GET /v1/runs`, else, and for several statuses, app, function, since and until,
        `GET /v2/runs`. Lists do not tell `output`, nor v2's `ended_at` [facts.md 5].
        """
        return Paginator(
            self._run,
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

    def get(self, id: str) -> Run:
        """Get one run, with its output or error.

        Args:
            id: The run's id.

        Raises:
            NotFoundError: There is no such run; one just started appears after about 0.25 s.

        HTTP: `GET /v1/runs/{runId}`, else `GET /v2/runs/{runId}`, whose status is less reliable
        [facts.md 5]. The server answers from a cache of 3 s.
        """
        return self._run(runs.get(self._session, id))

    def wait(self, id: str, timeout: Seconds) -> Run:
        """Wait until a run has ended and return it, a failed one too.

        Args:
            id: The run's id.
            timeout: Longest wait, seconds or a timedelta.

        Raises:
            WaitTimeoutError: It has not ended in time; `run` is how it was last seen.
            NotFoundError: It did not appear within 5 s.

        HTTP: `GET /v1/runs/{runId}` every 3 s, the age of the server's cache [facts.md 0].
        """
        return self._run(runs.wait(self._session, id, timeout))

    def cancel(self, id: str) -> None:
        """Cancel a run; one that has ended already is left as it is.

        Args:
            id: The run's id.

        Raises:
            NotFoundError: There is no such run.

        HTTP: `DELETE /v1/runs/{runId}`, else `POST /v2/runs/{runId}/cancel`.
        """
        return self._run(runs.cancel(self._session, id))

    def replay(self, id: str) -> str:
        """Run a run again from its start and return the new run's id.

        Not tried again once the request may have arrived: that could start two.

        Args:
            id: The run's id.

        Raises:
            NotFoundError: There is no such run.

        HTTP: `POST /v1/runs/{runId}/replay`, else `POST /v2/runs/{runId}/rerun`.
        """
        return self._run(runs.replay(self._session, id))

    def jobs(self, id: str) -> builtins.list[Job]:
        """Get what is queued for a run, at most ten; a run that has ended has none.

        Args:
            id: The run's id.

        Raises:
            NotFoundError: There is no such run.

        HTTP: `GET /v1/runs/{runId}/jobs`.
        """
        return self._run(runs.jobs(self._session, id))

    def trace(self, id: str) -> Span:
        """Get a run's trace: the root span, its steps and attempts below it.

        Args:
            id: The run's id.

        Raises:
            NotFoundError: There is no such run, or no trace of it yet.

        HTTP: `GET /v2/runs/{runId}/trace`.
        """
        return self._run(runs.trace(self._session, id))
