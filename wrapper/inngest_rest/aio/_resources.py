"""Events, apps, functions, signals, cancellations and webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest._core.resources import apps, cancellations, events, functions, signals, webhooks
from inngest_rest.aio._paginator import AsyncPaginator
from inngest_rest.aio._resource import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from inngest_rest.models import App, Cancellation, Function, Run, StoredEvent, Webhook


class Events(Resource):
    """Events the server has stored: `client.events`. To send some, use `client.send`."""

    def list(
        self,
        *,
        name: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[StoredEvent]:
        """List stored events, newest first; those of the last hour unless `since` says more.

        Args:
            name: Only events of exactly this name.
            since: Only events received after this aware datetime.
            until: Only events received before this aware datetime.
            limit: Most events in all; None for all there are.
            page_size: Most events a request; the server gives 50.
            cursor: The `next_cursor` of an earlier page, to go on there.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.

        HTTP: `GET /v1/events`, whose window is one hour by default [facts.md 4].
        """
        return AsyncPaginator(
            self._run,
            events.list_events(
                self._session,
                name=name,
                since=since,
                until=until,
                limit=limit,
                page_size=page_size,
                cursor=cursor,
            ),
        )

    async def get(self, id: str) -> StoredEvent:
        """Get one stored event.

        Args:
            id: The internal id, as `send` returns it; not an id of your own.

        Raises:
            NotFoundError: There is no such event; one just sent appears after about 0.25 s.

        HTTP: `GET /v1/events/{eventId}`.
        """
        return await self._run(events.get(self._session, id))

    def runs(
        self,
        id: str,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[Run]:
        """List the runs an event started; none does not mean "not yet".

        A batched, rate-limited or repeated event may never have one of its own [facts.md 4].

        Args:
            id: The internal id of the event, as `send` returns it.
            limit: Most runs in all; None for all there are.
            page_size: Most runs a request; the server gives 40.
            cursor: The `next_cursor` of an earlier page, to go on there.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.

        HTTP: `GET /v2/events/{eventId}/runs`, else `GET /v1/events/{eventId}/runs`, whose statuses
        are often wrong; what is not certain there reads `unknown` [facts.md 4].
        """
        return AsyncPaginator(
            self._run,
            events.list_runs(self._session, id, limit=limit, page_size=page_size, cursor=cursor),
        )


class Apps(Resource):
    """Apps that are synced with the server: `client.apps`."""

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[App]:
        """List apps.

        Args:
            limit: Most apps in all; None for all there are.
            page_size: Most apps a request, 1 to 100.
            cursor: The `next_cursor` of an earlier page, to go on there.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.

        HTTP: `GET /v1/apps`, else `GET /v2/apps`.
        """
        return AsyncPaginator(
            self._run,
            apps.list_apps(self._session, limit=limit, page_size=page_size, cursor=cursor),
        )

    async def get(self, id: str) -> App:
        """Get one app.

        Args:
            id: The app's id, as in its code.

        Raises:
            NotFoundError: There is no such app.

        HTTP: `GET /v2/apps/{appId}`.
        """
        return await self._run(apps.get(self._session, id))


class Functions(Resource):
    """Functions of an app: `client.functions`."""

    def list(
        self,
        app: str,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[Function]:
        """List the functions of an app; an unknown app has none.

        Args:
            app: The app's id.
            limit: Most functions in all; None for all there are.
            page_size: Most functions a request, 1 to 100.
            cursor: The `next_cursor` of an earlier page, to go on there.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.

        HTTP: `GET /v2/apps/{appId}/functions`, else `GET /v1/apps/{appId}/functions`.
        """
        return AsyncPaginator(
            self._run,
            functions.list_functions(
                self._session, app, limit=limit, page_size=page_size, cursor=cursor
            ),
        )

    async def get(self, app: str, function: str) -> Function:
        """Get one function.

        Args:
            app: The app's id.
            function: The function's id within it.

        Raises:
            NotFoundError: There is no such function.

        HTTP: `GET /v2/apps/{appId}/functions/{functionId}`.
        """
        return await self._run(functions.get(self._session, app, function))

    async def invoke(
        self,
        app: str,
        function: str,
        data: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> str:
        """Start a function directly and return its run's id.

        Args:
            app: The app's id.
            function: The function's id within it.
            data: The event data it sees; `{}` unless given.
            idempotency_key: The same key starts one run only and returns its id again; with it a
                failed request is tried again, without it only if it never arrived.

        Raises:
            NotFoundError: There is no such function.
            BadRequestError: The function is rate-limited or debounced (422).

        HTTP: `POST /v2/apps/{appId}/functions/{functionId}/invoke`.
        """
        return await self._run(
            functions.invoke(self._session, app, function, data, idempotency_key=idempotency_key)
        )


class Signals(Resource):
    """Signals that runs wait for: `client.signals`."""

    async def send(self, signal: str, data: Any = None) -> str:
        """Send a signal and return the id of the run that waited for it.

        Args:
            signal: The signal's name; not empty.
            data: Any JSON the run is to see.

        Raises:
            NotFoundError: No run waits for the signal.

        HTTP: `POST /v1/signals`.
        """
        return await self._run(signals.send(self._session, signal, data))


class Cancellations(Resource):
    """Bulk cancellations: `client.cancellations`. A self-hosted server answers each with 500."""

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[Cancellation]:
        """List bulk cancellations.

        Args:
            limit: Most in all; None for all there are.
            page_size: Most a page, 1 to 100; the server gives all at once.
            cursor: The `next_cursor` of an earlier page.

        Raises:
            ServerError: The server keeps none, as a self-hosted one does not.

        HTTP: `GET /v1/cancellations`.
        """
        return AsyncPaginator(
            self._run,
            cancellations.list_cancellations(
                self._session, limit=limit, page_size=page_size, cursor=cursor
            ),
        )

    async def create(
        self,
        app: str,
        function: str,
        *,
        started_before: datetime,
        started_after: datetime | None = None,
        condition: str | None = None,
    ) -> Cancellation:
        """Cancel every run of a function that started in a window.

        Args:
            app: The app's id.
            function: The function's id; a self-hosted server wants it as `APP-FUNCTION`.
            started_before: Only runs that started before this aware datetime, not in the future.
            started_after: Only runs that started after this aware datetime.
            condition: CEL expression over the event, such as "event.data.plan == 'free'".

        Raises:
            NotFoundError: There is no such function.
            BadRequestError: The window is not possible.

        HTTP: `POST /v1/cancellations`.
        """
        return await self._run(
            cancellations.create(
                self._session,
                app,
                function,
                started_before=started_before,
                started_after=started_after,
                condition=condition,
            )
        )

    async def delete(self, id: str) -> None:
        """Take back a bulk cancellation; runs it has cancelled stay so.

        Args:
            id: The cancellation's id.

        Raises:
            BadRequestError: The id is none.

        HTTP: `DELETE /v1/cancellations/{cancellationId}`.
        """
        return await self._run(cancellations.delete(self._session, id))


class Webhooks(Resource):
    """Webhooks, which Inngest Cloud alone has: `client.webhooks`."""

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[Webhook]:
        """List webhooks.

        Args:
            limit: Most in all; None for all there are.
            page_size: Most a page, 1 to 100; the server gives all at once.
            cursor: The `next_cursor` of an earlier page.

        Raises:
            RouteNotFoundError: The server has no webhooks.

        HTTP: `GET /v1/webhooks`.
        """
        return AsyncPaginator(
            self._run,
            webhooks.list_webhooks(self._session, limit=limit, page_size=page_size, cursor=cursor),
        )

    async def create(self, *, name: str | None = None, transform: str | None = None) -> Webhook:
        """Make a webhook.

        Args:
            name: The name a person reads.
            transform: JavaScript that makes an event of a request.

        Raises:
            RouteNotFoundError: The server has no webhooks.

        HTTP: `POST /v1/webhooks`.
        """
        return await self._run(webhooks.create(self._session, name=name, transform=transform))

    async def get(self, id: str) -> Webhook:
        """Get one webhook.

        Args:
            id: The webhook's id.

        Raises:
            NotFoundError: There is no such webhook.

        HTTP: `GET /v1/webhooks/{webhookId}`.
        """
        return await self._run(webhooks.get(self._session, id))

    async def update(
        self, id: str, *, name: str | None = None, transform: str | None = None
    ) -> Webhook:
        """Change what is given of a webhook.

        Args:
            id: The webhook's id.
            name: The name a person reads.
            transform: JavaScript that makes an event of a request.

        Raises:
            NotFoundError: There is no such webhook.

        HTTP: `PUT /v1/webhooks/{webhookId}`.
        """
        return await self._run(webhooks.update(self._session, id, name=name, transform=transform))

    async def delete(self, id: str) -> None:
        """Remove a webhook; its address stops taking events.

        Args:
            id: The webhook's id.

        Raises:
            NotFoundError: There is no such webhook.

        HTTP: `DELETE /v1/webhooks/{webhookId}`.
        """
        return await self._run(webhooks.delete(self._session, id))
