"""Apps and their functions: list, get, sync and invoke."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, overload

from inngest_rest._core.resources import apps
from inngest_rest._core.resources.wait import wait as wait_for_end
from inngest_rest._local.arguments import check_seconds
from inngest_rest._local.faults import after
from inngest_rest.aio.generated import apps as generated_apps
from inngest_rest.aio.generated import functions as generated_functions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest.aio.groups import AsyncPaginator
    from inngest_rest.models import App, AppSync, Function, Run
    from inngest_rest.typing import Seconds


class Apps(generated_apps.Apps):
    """Apps synced with the server: `client.apps`."""

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[App]:
        """List apps.

        Args:
            limit: Maximum number of items in total; None for all of them.
            page_size: Maximum number of items per request, 1 to 100; by default the server's.
            cursor: The `next_cursor` of an earlier page, to continue after it.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server does not have this listing.

        HTTP: `GET /v2/apps`, else `GET /v1/apps`.
        """
        return self._list(
            apps.list_apps, limit=limit, page_size=page_size, cursor=cursor
        )

    async def get(self, id: str) -> App:
        """Get one app.

        Args:
            id: The app's id, as set in its code.

        Raises:
            NotFoundError: No such app.

        HTTP: `GET /v2/apps/{appId}`.
        """
        return await self._run(apps.get_app, id)

    async def sync(
        self,
        id: str,
        url: str,
        *,
        wait: Seconds | None = None,
    ) -> AppSync:
        """Sync an app: make the server read its functions again.

        A self-hosted server has no such route: there, an app registers its functions itself on a
        PUT to its own URL (`curl -X PUT URL`).

        Args:
            id: The app's id, as set in its code.
            url: The URL at which the app serves its functions, such as
                https://example.com/api/inngest.
            wait: Maximum time to wait for a pending sync, judged by the app's latest sync; None not
                to wait.

        Returns:
            The sync: its status is "pending" until the server has read the app, and "error" with
            the reason if it could not.

        Raises:
            InvalidArgumentError: The URL is malformed; nothing was sent.
            RouteNotFoundError: The server does not sync apps: only Inngest Cloud does.

        HTTP: `POST /v2/apps/{appId}/syncs`, and `GET /v2/apps/{appId}` to wait.
        """
        return await self._run(apps.sync_app, id, url, wait)


class Functions(generated_functions.Functions):
    """Functions of an app: `client.functions`."""

    def list(
        self,
        app: str | None = None,
        *,
        runs: bool = False,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[Function]:
        """List the functions of an app, or of all apps, with their triggers.

        Args:
            app: The app's id; None for all apps.
            runs: Whether to add the last run of each function, at one request each, and the next
                planned time of crons, with `cronsim` of the extra `cli`.
            limit: Maximum number of items in total; None for all of them.
            page_size: Maximum number of items per request, 1 to 100; by default the server's.
            cursor: The `next_cursor` of an earlier page, to continue after it.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server does not have this listing; apps are listed since release
                1.40, runs since 1.38.
            NotFoundError: No such app.
            ConfigurationError: `cronsim` is not installed, and a cron is among them.

        HTTP: `GET /v2/apps/{appId}/functions`, else `GET /v1/apps/{appId}/functions`; if it is
        empty, `GET /v2/apps/{appId}`, and `GET /v2/apps` for the nearest. Of all apps, these after
        `GET /v2/apps`, else `GET /v1/apps`; with `runs`, `GET /v2/runs` for each function.
        """
        from inngest_rest._core.resources.last_runs import with_runs

        return self._list(
            apps.list_functions,
            app,
            complete=partial(with_runs, self._session) if runs else None,
            limit=limit,
            page_size=page_size,
            cursor=cursor,
        )

    async def get(self, app: str, function: str) -> Function:
        """Get one function.

        Args:
            app: The app's id.
            function: The function's id within the app.

        Raises:
            NotFoundError: No such function.

        HTTP: `GET /v2/apps/{appId}/functions/{functionId}`.
        """
        return await self._run(apps.get_function, app, function)

    @overload
    async def invoke(
        self,
        app: str,
        function: str,
        data: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
        wait: None = None,
    ) -> str: ...

    @overload
    async def invoke(
        self,
        app: str,
        function: str,
        data: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
        wait: Seconds,
        raise_on_failure: bool = False,
    ) -> Run: ...

    async def invoke(
        self,
        app: str,
        function: str,
        data: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
        wait: Seconds | None = None,
        raise_on_failure: bool = False,
    ) -> str | Run:
        """Start a function directly and return the id of its run, or the run at its end.

        Not retried once the request may have reached the server: a retry could start a second run.
        If it must not run twice, send an event with your own `id` instead: a function runs once for
        it within 24 hours, however often it is sent, unless it debounces or batches events.

        Args:
            app: The app's id.
            function: The function's id within the app.
            data: The event data passed to the function; `{}` by default.
            idempotency_key: Calls with the same key return the id of the first run. It does not
                keep the function from running twice: servers of release 1.43 execute it twice for a
                call with a key, and once more for each repetition.
            wait: Time to wait for the end of the run, as `runs.wait` does; None not to wait.
                Seconds, or a timedelta.
            raise_on_failure: Raise `RunFailedError` for a run that did not complete; by default, it
                is returned.

        Raises:
            NotFoundError: No such function.
            BadRequestError: The function is rate-limited (422); or it is debounced, and will still
                run later.
            RunFailedError: The run did not complete, with `raise_on_failure`.
            WaitTimeoutError: The run did not end in time; it continues.

        HTTP: `POST /v2/apps/{appId}/functions/{functionId}/invoke`; to wait, as `runs.wait`.
        """
        seconds = None if wait is None else check_seconds("wait", wait)
        run_id = await self._run(apps.invoke, app, function, data, idempotency_key)
        if seconds is None:
            return run_id
        with after(f"The function was invoked; its run is {run_id}."):
            return await self._run(wait_for_end, run_id, seconds, raise_on_failure)
