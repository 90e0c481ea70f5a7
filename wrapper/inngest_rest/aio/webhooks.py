"""Webhooks: list, create, get, update and delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from inngest_rest._core.resources import webhooks
from inngest_rest.aio._resource import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest.aio.paginator import AsyncPaginator
    from inngest_rest.models import Webhook
    from inngest_rest.typing import Paging


class Webhooks(Resource):
    """Webhooks, which only Inngest Cloud has: `client.webhooks`."""

    def list(self, **paging: Unpack[Paging]) -> AsyncPaginator[Webhook]:
        """List webhooks. The URL of each contains a key.

        Raises:
            RouteNotFoundError: The server does not support webhooks.

        HTTP: `GET /v2/env/webhooks` with an environment, else `GET /v1/webhooks`.
        """
        return self._list(webhooks.list_webhooks, **paging)

    async def create(
        self,
        *,
        name: str | None = None,
        transform: str | None = None,
        response: str | None = None,
        events: Iterable[str] = (),
        deny_events: bool = False,
    ) -> Webhook:
        """Create a webhook. Its URL contains a key.

        A client with an environment (`env`) creates it there, by v2, if it has a name and a
        transform; `response` and `events` need that.

        Args:
            name: A display name.
            transform: JavaScript that turns a request into an event.
            response: JavaScript that answers GET requests.
            events: Names of events to accept alone, such as shop/*.
            deny_events: Whether to reject those events, and accept all others.

        Raises:
            RouteNotFoundError: The server does not support webhooks.

        HTTP: `POST /v2/env/webhooks`, else `POST /v1/webhooks`.
        """
        return await self._run(
            webhooks.create,
            name=name,
            transform=transform,
            response=response,
            events=events,
            deny_events=deny_events,
        )

    async def get(self, id: str) -> Webhook:
        """Get one webhook. Its URL contains a key.

        Args:
            id: The webhook's id.

        Raises:
            NotFoundError: No such webhook.

        HTTP: `GET /v1/webhooks/{webhookId}`.
        """
        return await self._run(webhooks.get, id)

    async def update(
        self, id: str, *, name: str | None = None, transform: str | None = None
    ) -> Webhook:
        """Change the name or the transform of a webhook; omitted arguments keep their values.

        Args:
            id: The webhook's id.
            name: A display name.
            transform: JavaScript that turns a request into an event.

        Raises:
            NotFoundError: No such webhook.

        HTTP: `PUT /v1/webhooks/{webhookId}`.
        """
        return await self._run(webhooks.update, id, name=name, transform=transform)

    async def delete(self, id: str) -> None:
        """Delete a webhook; its URL stops accepting events.

        Args:
            id: The webhook's id.

        Raises:
            NotFoundError: No such webhook.

        HTTP: `DELETE /v1/webhooks/{webhookId}`.
        """
        return await self._run(webhooks.delete, id)
