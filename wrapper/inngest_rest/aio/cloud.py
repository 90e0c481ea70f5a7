"""What is of an account: environments, keys, Insights, cancellations, webhooks and more."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from inngest_rest._core.calls.route import no_result
from inngest_rest._core.resources import cloud
from inngest_rest._core.resources.routes import ask_one, list_all
from inngest_rest._core.resources.windows import Window, check_instant
from inngest_rest._local.arguments import check_choice, check_id, check_text, invalid
from inngest_rest.aio.groups import AsyncPaginator, Resource
from inngest_rest.typing import KeyKind, Paging

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from inngest_rest.models import Cancellation, Run, SessionGroup
    from inngest_rest_api.models import (
        V2Account,
        V2Env,
        V2EventSchema,
        V2Experiment,
        V2ExperimentDetail,
        V2InsightsResult,
        V2InsightsTable,
        V2Key,
        V2Webhook,
    )


class Account(Resource):
    """The account: `client.account`."""

    async def get(self) -> V2Account:
        """Get the account that the key belongs to.

        A self-hosted server returns a fixed one.

        Raises:
            PermissionDeniedError: The key has no permission for it.

        HTTP: `GET /v2/account`.
        """
        return await self._run(ask_one, "account.get", cloud.account)


class Envs(Resource):
    """Environments of the account: `client.envs`."""

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[V2Env]:
        """List environments.

        Args:
            limit: Maximum number of items in total; None for all of them.
            page_size: Maximum number of items per request, 1 to 100; by default the server's.
            cursor: The `next_cursor` of an earlier page, to continue after it.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server does not have this listing.

        HTTP: `GET /v2/envs`.
        """
        paging = Paging(limit=limit, page_size=page_size, cursor=cursor)
        return self._list(list_all, "envs.list", cloud.environment, paging)

    async def create(self, name: str) -> V2Env:
        """Create an environment.

        Args:
            name: The display name.

        Raises:
            ConflictError: An environment of this name exists.
            RouteNotFoundError: A self-hosted server cannot create environments.

        HTTP: `POST /v2/envs`.
        """
        body = {"name": check_text("name", name)}
        return await self._run(
            ask_one, "envs.create", cloud.environment, body=body, repeatable=False
        )

    async def archive(self, id: str, *, archived: bool = True) -> V2Env:
        """Archive an environment, or take it back from the archive.

        Args:
            id: The environment's id.
            archived: False takes it back.

        Raises:
            NotFoundError: No such environment.

        HTTP: `PATCH /v2/envs/{envId}`.
        """
        body = {"is_archived": archived}
        return await self._run(
            ask_one, "envs.archive", cloud.environment, path={"id": id}, body=body
        )


class Keys(Resource):
    """Event keys and signing keys: `client.keys`."""

    def list(
        self,
        kind: KeyKind = "event",
        *,
        reveal: bool = False,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[V2Key]:
        """List event keys or signing keys of the client's environment.

        Args:
            kind: "event" or "signing".
            reveal: Whether to return the full keys; by default all but the last four characters are
                masked.
            limit: Maximum number of items in total; None for all of them.
            page_size: Maximum number of items per request, 1 to 100; by default the server's.
            cursor: The `next_cursor` of an earlier page, to continue after it.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server does not have this listing.

        HTTP: `GET /v2/keys/events` or `GET /v2/keys/signing`.
        """
        check_choice("kind", kind, get_args(KeyKind))
        convert = cloud.key if reveal else cloud.masked_key
        paging = Paging(limit=limit, page_size=page_size, cursor=cursor)
        return self._list(list_all, "keys.list", convert, paging, only=kind)


class Insights(Resource):
    """Queries over events and runs, on Inngest Cloud: `client.insights`."""

    async def query(self, sql: str) -> V2InsightsResult:
        """Query events and runs in SQL.

        Args:
            sql: A query in the ClickHouse dialect; `tables` lists the available tables.

        Raises:
            BadRequestError: The query is not valid.
            RouteNotFoundError: No self-hosted server has this.

        HTTP: `POST /v2/insights/query`.
        """
        body = {"query": check_text("sql", sql)}
        return await self._run(ask_one, "insights.query", cloud.query_result, body=body)

    async def tables(self) -> builtins.list[V2InsightsTable]:
        """List the tables that queries can name.

        Raises:
            RouteNotFoundError: No self-hosted server has this.

        HTTP: `GET /v2/insights/tables`.
        """
        return await self._run(ask_one, "insights.tables", cloud.tables)

    def schemas(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[V2EventSchema]:
        """List the schemas of events.

        Args:
            limit: Maximum number of items in total; None for all of them.
            page_size: Maximum number of items per request, 1 to 100; by default the server's.
            cursor: The `next_cursor` of an earlier page, to continue after it.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server does not have this listing.

        HTTP: `GET /v2/insights/events/schemas`.
        """
        paging = Paging(limit=limit, page_size=page_size, cursor=cursor)
        return self._list(list_all, "insights.schemas", cloud.event_schema, paging)


class Experiments(Resource):
    """Experiments of functions, on Inngest Cloud: `client.experiments`."""

    def list(
        self,
        *,
        app: str | None = None,
        function: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[V2Experiment]:
        """List experiments.

        Args:
            app: Only those of this app.
            function: Only those of this function of the app.
            limit: Maximum number of items in total; None for all of them.
            page_size: Maximum number of items per request, 1 to 100; by default the server's.
            cursor: The `next_cursor` of an earlier page, to continue after it.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server does not have this listing.

        HTTP: `GET /v2/experiments`.
        """
        query = cloud.of_one_function(app, function)
        paging = Paging(limit=limit, page_size=page_size, cursor=cursor)
        return self._list(
            list_all, "experiments.list", cloud.experiment, paging, query=query
        )

    async def get(
        self, app: str, function: str, id: str, *, variant: str | None = None
    ) -> V2ExperimentDetail:
        """Compare the variants of an experiment.

        Args:
            app: The app's id.
            function: The function's id within its app.
            id: The experiment's id.
            variant: Only this variant.

        Raises:
            NotFoundError: No such experiment.

        HTTP: `GET /v2/apps/{appId}/functions/{functionId}/experiments/{experimentId}`.
        """
        return await self._run(
            ask_one,
            "experiments.get",
            cloud.compared_experiment,
            path={"app": app, "function": function, "id": id},
            query={"variant": check_text("variant", variant)},
        )


class Sessions(Resource):
    """Runs grouped into sessions, on Inngest Cloud: `client.sessions`."""

    def keys(
        self,
        *,
        search: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[str]:
        """List the keys by which runs are grouped.

        Args:
            search: Only keys that contain this text.
            limit: Maximum number of items in total; None for all of them.
            page_size: Maximum number of items per request, 1 to 100; by default the server's.
            cursor: The `next_cursor` of an earlier page, to continue after it.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server does not have this listing.

        HTTP: `GET /v2/sessions`.
        """
        query = {"search": check_text("search", search)}
        paging = Paging(limit=limit, page_size=page_size, cursor=cursor)
        return self._list(
            list_all, "sessions.keys", cloud.session_key, paging, query=query
        )

    def list(
        self,
        key: str,
        *,
        search: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[SessionGroup]:
        """List the sessions of a key.

        Args:
            key: The key by which runs are grouped, such as user.
            search: Only sessions whose id contains this text.
            limit: Maximum number of items in total; None for all of them.
            page_size: Maximum number of items per request, 1 to 100; by default the server's.
            cursor: The `next_cursor` of an earlier page, to continue after it.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server does not have this listing.

        HTTP: `GET /v2/sessions/{sessionKey}`.
        """
        query = {"search": check_text("search", search)}
        paging = Paging(limit=limit, page_size=page_size, cursor=cursor)
        return self._list(
            list_all,
            "sessions.list",
            cloud.session_group,
            paging,
            path={"key": key},
            query=query,
        )

    def runs(
        self,
        key: str,
        id: str,
        *,
        since: datetime | timedelta | None = None,
        until: datetime | timedelta | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[Run]:
        """List the runs of a session.

        Args:
            key: The key by which runs are grouped.
            id: The session's id.
            since: Only runs queued at or after this time; a timedelta is that long ago.
            until: Only runs queued at or before this time; a timedelta is that long ago.
            limit: Maximum number of items in total; None for all of them.
            page_size: Maximum number of items per request, 1 to 100; by default the server's.
            cursor: The `next_cursor` of an earlier page, to continue after it.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server does not have this listing.

        HTTP: `GET /v2/sessions/{sessionKey}/{sessionId}/runs`.
        """
        window = Window.of(self._session, since, until)
        paging = Paging(limit=limit, page_size=page_size, cursor=cursor)
        return self._list(
            list_all,
            "sessions.runs",
            cloud.session_run,
            paging,
            path={"key": key, "id": id},
            window=window,
        )


class Cancellations(Resource):
    """Bulk cancellations: `client.cancellations`. Self-hosted servers have none."""

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[Cancellation]:
        """List bulk cancellations. Self-hosted servers do not store any.

        Args:
            limit: Maximum number of items in total; None for all of them.
            page_size: Maximum number of items per request, 1 to 100; by default the server's.
            cursor: The `next_cursor` of an earlier page, to continue after it.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server does not store cancellations, as self-hosted servers do
                not.

        HTTP: `GET /v1/cancellations`.
        """
        paging = Paging(limit=limit, page_size=page_size, cursor=cursor)
        return self._list(
            list_all,
            "cancellations.list",
            cloud.cancellation,
            paging,
            may_panic=True,
            advice=cloud.NO_CANCELLATIONS,
        )

    async def create(
        self,
        app: str,
        function: str,
        *,
        started_before: datetime | timedelta,
        started_after: datetime | timedelta | None = None,
        condition: str | None = None,
    ) -> Cancellation:
        """Make the server cancel every run of a function that started in a time window.

        Only Inngest Cloud supports this. Elsewhere, or to see the runs first, cancel runs by
        filter.

        Args:
            app: The app's id.
            function: The function's id; a self-hosted server expects `APP-FUNCTION`.
            started_before: Only runs started before this time, which is not in the future. An aware
                datetime; a timedelta is that long ago by the server's clock.
            started_after: Only runs started after this time. An aware datetime, or a timedelta.
            condition: CEL expression over the event, such as "event.data.plan == 'free'".

        Raises:
            NotFoundError: No such function.
            BadRequestError: The time window is not valid.
            RouteNotFoundError: The server has no bulk cancellations; `runs.cancel_all` cancels runs
                by the same app, function and time.

        HTTP: `POST /v1/cancellations`.
        """
        now = self._session.server_clocks["api"].now()
        if (end := check_instant("started_before", started_before, now)) is None:
            raise invalid("started_before", "is required: it bounds the cancellation")
        body = {
            "app_id": check_id("app", app),
            "function_id": check_id("function", function),
            "started_before": end,
            "started_after": check_instant("started_after", started_after, now),
            "if_": check_text("condition", condition),
        }
        return await self._run(
            ask_one,
            "cancellations.create",
            cloud.cancellation,
            body=body,
            repeatable=False,
            may_panic=True,
            advice=cloud.NO_CANCELLATIONS,
        )

    async def delete(self, id: str) -> None:
        """Withdraw a bulk cancellation; runs it has already cancelled stay cancelled.

        Args:
            id: The cancellation's id.

        Raises:
            BadRequestError: The id is not valid.

        HTTP: `DELETE /v1/cancellations/{cancellationId}`.
        """
        return await self._run(
            ask_one,
            "cancellations.delete",
            no_result,
            path={"id": id},
            deletes=True,
            may_panic=True,
            advice=cloud.NO_CANCELLATIONS,
        )


class Webhooks(Resource):
    """Webhooks, which only Inngest Cloud has: `client.webhooks`."""

    def list(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPaginator[V2Webhook]:
        """List webhooks. The URL of each contains a key.

        Args:
            limit: Maximum number of items in total; None for all of them.
            page_size: Maximum number of items per request, 1 to 100; by default the server's.
            cursor: The `next_cursor` of an earlier page, to continue after it.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.
            RouteNotFoundError: The server does not have this listing.

        HTTP: `GET /v2/env/webhooks` with an environment, else `GET /v1/webhooks`.
        """
        paging = Paging(limit=limit, page_size=page_size, cursor=cursor)
        return self._list(list_all, "webhooks.list", cloud.webhook, paging)

    async def create(
        self,
        *,
        name: str | None = None,
        transform: str | None = None,
        response: str | None = None,
        events: Iterable[str] = (),
        deny_events: bool = False,
    ) -> V2Webhook:
        """Create a webhook. Its URL contains a key.

        A client with an environment (`env`) creates it there, through v2, if it has a name and a
        transform; `response` and `events` require that.

        Args:
            name: A display name.
            transform: JavaScript that turns a request into an event.
            response: JavaScript that answers GET requests.
            events: The only event names to accept, such as `shop/*`.
            deny_events: Whether to reject those events, and accept all others.

        Raises:
            RouteNotFoundError: The server does not support webhooks.

        HTTP: `POST /v2/env/webhooks`, else `POST /v1/webhooks`.
        """
        return await self._run(
            cloud.create_webhook, name, transform, response, events, deny_events
        )

    async def get(self, id: str) -> V2Webhook:
        """Get one webhook. Its URL contains a key.

        Args:
            id: The webhook's id.

        Raises:
            NotFoundError: No such webhook.

        HTTP: `GET /v1/webhooks/{webhookId}`.
        """
        return await self._run(ask_one, "webhooks.get", cloud.webhook, path={"id": id})

    async def update(
        self, id: str, *, name: str | None = None, transform: str | None = None
    ) -> V2Webhook:
        """Change the name or the transform of a webhook; omitted arguments keep their values.

        Args:
            id: The webhook's id.
            name: A display name.
            transform: JavaScript that turns a request into an event.

        Raises:
            NotFoundError: No such webhook.

        HTTP: `PUT /v1/webhooks/{webhookId}`.
        """
        body = {
            "name": check_text("name", name),
            "transform": check_text("transform", transform),
        }
        return await self._run(
            ask_one, "webhooks.update", cloud.webhook, path={"id": id}, body=body
        )

    async def delete(self, id: str) -> None:
        """Delete a webhook; its URL stops accepting events.

        Args:
            id: The webhook's id.

        Raises:
            NotFoundError: No such webhook.

        HTTP: `DELETE /v1/webhooks/{webhookId}`.
        """
        return await self._run(
            ask_one, "webhooks.delete", no_result, path={"id": id}, deletes=True
        )
