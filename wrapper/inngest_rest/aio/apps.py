"""Apps: list, get and sync."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.resources import apps, v2_only
from inngest_rest.aio._resource import Resource
from inngest_rest.aio.paginator import AsyncPaginator

if TYPE_CHECKING:
    from inngest_rest.models import App, AppSync


class Apps(Resource):
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
            limit: Maximum number of apps in total; None for all of them.
            page_size: Maximum number of apps per request, 1 to 100.
            cursor: The `next_cursor` of an earlier page, to continue after it.

        Raises:
            InvalidArgumentError: An argument is malformed; nothing was sent.

        HTTP: `GET /v2/apps`, else `GET /v1/apps`.
        """
        return AsyncPaginator(
            self._driver,
            apps.list_apps(self._session, limit=limit, page_size=page_size, cursor=cursor),
        )

    async def get(self, id: str) -> App:
        """Get one app.

        Args:
            id: The app's id, as set in its code.

        Raises:
            NotFoundError: No such app.

        HTTP: `GET /v2/apps/{appId}`.
        """
        return await self._driver.run(apps.get(self._session, id))

    async def sync(self, id: str, url: str) -> AppSync:
        """Have the server read the functions of an app anew.

        A self-hosted server cannot be told to: there, the app itself is asked to register them, by
        a PUT to its URL that carries no key.

        Args:
            id: The app's id, as set in its code.
            url: Where the app serves its functions, such as https://example.com/api/inngest.

        Returns:
            The sync: its status is "pending" until the server has read the app, and "error" with
            the reason if it could not.

        Raises:
            InvalidArgumentError: The URL is not one; nothing was sent.

        HTTP: `POST /v2/apps/{appId}/syncs`, else `PUT` to the URL of the app.
        """
        return await self._driver.run(v2_only.sync_app(self._session, id, url))
