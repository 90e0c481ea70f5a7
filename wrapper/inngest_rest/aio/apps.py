"""Apps: list and get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.resources import apps
from inngest_rest.aio._resource import Resource
from inngest_rest.aio.paginator import AsyncPaginator

if TYPE_CHECKING:
    from inngest_rest.models import App


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
