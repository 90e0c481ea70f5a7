"""Stored events: list and get them, and list, wait for and explain the runs of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.resources import event_runs, events
from inngest_rest._core.resources.events import EventSelection
from inngest_rest.aio.generated import events as generated

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta
    from os import PathLike

    from inngest_rest.aio.groups import AsyncPaginator
    from inngest_rest.explanation import Explanation
    from inngest_rest.files import ExportReport
    from inngest_rest.models import D, Run, StoredEvent
    from inngest_rest.typing import Seconds


class Events(generated.Events):
    """Events stored by the server: `client.events`. To send events, use `client.send`."""

    def list(
        self,
        *,
        name: str | None = None,
        since: datetime | timedelta | None = None,
        until: datetime | timedelta | None = None,
        where: str | None = None,
        as_: type[D] | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[StoredEvent[D]]:
        """List stored events, newest first.

        Args:
            name: Only events with exactly this name.
            since: Only events received after this time; by default, one hour ago, or without a
                limit if until is given. An aware datetime; a timedelta is that long ago by the
                server's clock.
            until: Only events received before this time. An aware datetime, or a timedelta.
            where: Only events for which this CEL expression is true, such as `event.data.total >
                100`; requires the extra `explain`. Evaluated in the client. An event for which it
                fails, for example because a field is missing, is left out; `searched` reports how
                many.
            as_: The type to decode the data as: a dataclass, an attrs class, a TypedDict or a
                pydantic model; a mapping by default. See `EventType`.
            limit: Maximum number of items in total; None for all of them.
            page_size: Maximum number of items per request, 1 to 100; by default the server's.
            cursor: The `next_cursor` of an earlier page, to continue after it.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server does not have this listing.
            EventDataError: The data of an event on the page does not match the type `as_`.

        HTTP: `GET /v1/events`, for at most 50 events each.
        """
        selection = EventSelection(name=name, since=since, until=until, where=where)
        return self._list(
            events.list_events,
            selection,
            as_=as_,
            limit=limit,
            page_size=page_size,
            cursor=cursor,
        )

    async def export(
        self,
        path: str | PathLike[str],
        *,
        name: str | None = None,
        since: datetime | timedelta | None = None,
        until: datetime | timedelta | None = None,
        where: str | None = None,
        columns: Mapping[str, str] | None = None,
        escape_formulas: bool = False,
        on_progress: Callable[[int], object] | None = None,
    ) -> ExportReport:
        """Export all stored events, or some, to a file, newest first; see `runs.export`.

        Args:
            path: The file: .ndjson, .jsonl or .csv. What was there is replaced.
            name: Only events with exactly this name.
            since: Only events received after this time. By default all are exported. An aware
                datetime; a timedelta is that long ago by the server's clock.
            until: Only events received before this time. An aware datetime, or a timedelta.
            where: Only events for which this CEL expression is true, such as `event.data.total >
                100`; requires the extra `explain`. Evaluated in the client. An event for which it
                fails, for example because a field is missing, is left out; `searched` reports how
                many.
            columns: What each column holds, by its name and in this order, such as `{"run": "id",
                "error": "error.message"}`: the path of a field. Dots lead into records and into
                JSON. By default all fields.
            escape_formulas: CSV for spreadsheets. Prefixes texts that they would execute as
                formulas with an apostrophe.
            on_progress: Called with the number of rows written so far.

        Raises:
            InvalidArgumentError: An argument is malformed, or the file cannot be written.

        HTTP: `GET /v1/events`.
        """
        from inngest_rest.files._export import Options, export
        from inngest_rest.files._exported import events_of

        selection = EventSelection(name=name, since=since, until=until, where=where)
        options = Options(
            columns=columns, escape_formulas=escape_formulas, on_progress=on_progress
        )
        exported = events_of(self._session, selection)
        return await self._run(export, path, exported, options)

    async def get(self, id: str, *, as_: type[D] | None = None) -> StoredEvent[D]:
        """Get one stored event.

        Args:
            id: The internal id returned by `send`, not an id you chose.
            as_: The type to decode the data as, as in `list`.

        Raises:
            NotFoundError: No such event; one that was just sent appears after about 0.25 s.
            EventDataError: Its data does not match the type `as_`.

        HTTP: `GET /v1/events/{eventId}`.
        """
        return await self._run(events.get, id, as_)

    def runs(
        self,
        id: str,
        *,
        include_original_run_id: bool = False,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[Run]:
        """List the runs started by an event, with their outputs or errors.

        An empty list does not mean that a run will follow: an event that is rate-limited, repeated
        or not yet batched has none. A request returns at most 40.

        Args:
            id: The internal id of the event, as returned by `send`.
            include_original_run_id: Whether to return `original_run_id`, too, which only v1 has: if
                v2 listed the runs, this takes a second request.
            limit: Maximum number of items in total; None for all of them.
            page_size: Maximum number of items per request, 1 to 100; by default the server's.
            cursor: The `next_cursor` of an earlier page, to continue after it.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server does not have this listing.

        HTTP: `GET /v1/events/{eventId}/runs`, past its cache. It lists the run of a batch under one
        of its events only: where a function batches such events, or there is no run,
        `GET /v2/events/{eventId}/runs`, which takes seconds on a server with many runs. To know
        that, `GET /v2/apps` and `GET /v2/apps/{appId}/functions` at most once a minute; for the
        names of each function, `GET /v2/runs/{runId}` once.
        """
        return self._list(
            event_runs.list_of_event,
            id,
            include_original_run_id=include_original_run_id,
            limit=limit,
            page_size=page_size,
            cursor=cursor,
        )

    async def wait(
        self,
        id: str,
        timeout: Seconds,
        *,
        raise_on_failure: bool = False,
    ) -> builtins.list[Run]:
        """Wait until every run that an event starts has ended, and return them.

        Failed and cancelled runs are returned like any other. The client waits for a run of each
        function with a trigger for the event, though a limit or a singleton may exclude it: for 5
        s, or longer on a slow server; for functions that debounce or batch events, until the run is
        due.

        Args:
            id: The internal id of the event, as returned by `send`.
            timeout: Maximum time to wait. Seconds, or a timedelta.
            raise_on_failure: Raise `RunFailedError` for a run that did not complete; by default, it
                is returned.

        Returns:
            The runs, with their outputs or errors.

        Raises:
            NoRunError: No run appeared within 5 s or when one was due, or at once if no function
                has a trigger for the event; `explanation` has the reasons. Finding them may take a
                few seconds beyond `timeout`.
            RunFailedError: A run did not complete, with `raise_on_failure`; it has all `runs`.
            WaitTimeoutError: A run did not end in time; `runs` has the last known state of all.
            NotFoundError: The event did not appear within 5 s.

        HTTP: `GET /v1/events/{eventId}`, `GET /v2/apps` and `GET /v2/apps/{appId}/functions` at
        most once a minute, then `GET /v1/events/{eventId}/runs` (else `GET
        /v2/events/{eventId}/runs`) until the runs are complete, and `GET /v2/runs/{runId}` for
        each that has not ended, as `runs.wait`.
        """
        from inngest_rest._core.resources.wait_event import wait_for_runs
        from inngest_rest.explain._explain import explain_stored

        return await self._run(
            wait_for_runs,
            id,
            timeout,
            raise_on_failure,
            explain_stored,
        )

    async def explain(self, id: str, *, name: str | None = None) -> Explanation:
        """Explain the outcome of an event: its runs, or why a function did not run.

        Args:
            id: The internal id of the event, as returned by `send`, or your own id, which selects
                the newest such event among the last 1,000 of 24 hours.
            name: The event's name, to search for your own id only among events of that name.

        Returns:
            The listening functions, the runs, and each possible reason. Its `str` is one sentence.

        Raises:
            NotFoundError: No such event. For the internal id of an event just sent, the call waits
                up to 5 s.

        HTTP: `GET /v1/events/{eventId}`; as `events.runs`, `GET /v1/events/{eventId}/runs`,
        `GET /v2/events/{eventId}/runs`, `GET /v2/apps`, `GET /v2/apps/{appId}/functions` and
        `GET /v2/runs/{runId}`; `GET /v1/events`, `GET /v2/runs` and
        `GET /v1/apps/{appId}/functions` where a reason depends on it.
        """
        from inngest_rest.explain._explain import explain

        return await self._run(explain, id, name=name)
