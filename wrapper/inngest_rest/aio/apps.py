"""Apps: list, get and sync."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from inngest_rest._core.resources import apps
from inngest_rest.aio._resource import Resource

if TYPE_CHECKING:
    from inngest_rest.aio.paginator import AsyncPaginator
    from inngest_rest.models import App, AppSync
    from inngest_rest.typing import Paging, Seconds


class Apps(Resource):
    """Apps synced with the server: `client.apps`."""

    def list(self, **paging: Unpack[Paging]) -> AsyncPaginator[App]:
        """List apps.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.

        HTTP: `GET /v2/apps`, else `GET /v1/apps`.
        """
        return self._list(apps.list_apps, **paging)

    async def get(self, id: str) -> App:
        """Get one app.

        Args:
            id: The app's id, as set in its code.

        Raises:
            NotFoundError: No such app.

        HTTP: `GET /v2/apps/{appId}`.
        """
        return await self._run(apps.get, id)

    async def sync(self, id: str, url: str, *, wait: Seconds | None = None) -> AppSync:
        """Have the server read the functions of an app anew.

        A self-hosted server cannot be told to: there, the app itself is asked to register them, by
        a PUT to its URL that carries no key.

        Args:
            id: The app's id, as set in its code.
            url: Where the app serves its functions, such as https://example.com/api/inngest.
            wait: How long to wait for a sync that is pending, by the app's latest one; None for not
                at all.

        Returns:
            The sync: its status is "pending" until the server has read the app, and "error" with
            the reason if it could not.

        Raises:
            InvalidArgumentError: The URL is not one; nothing was sent.

        HTTP: `POST /v2/apps/{appId}/syncs`, and `GET /v2/apps/{appId}` to wait; else `PUT` to the
            URL of the app.
        """
        return await self._run(apps.sync_app, id, url, wait=wait)
