"""Insights: query events and runs in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from inngest_rest._core.resources import analytics
from inngest_rest.aio._resource import Resource

if TYPE_CHECKING:
    import builtins

    from inngest_rest.aio.paginator import AsyncPaginator
    from inngest_rest.models import EventSchema, InsightsResult, InsightsTable
    from inngest_rest.typing import Paging


class Insights(Resource):
    """Queries over events and runs, on Inngest Cloud: `client.insights`."""

    async def query(self, sql: str) -> InsightsResult:
        """Query events and runs in SQL.

        Args:
            sql: A query in the dialect of ClickHouse; `tables` lists what it can name.

        Raises:
            BadRequestError: The query is not valid.
            RouteNotFoundError: No self-hosted server has this.

        HTTP: `POST /v2/insights/query`.
        """
        return await self._run(analytics.query, sql)

    async def tables(self) -> builtins.list[InsightsTable]:
        """List the tables that queries can name.

        Raises:
            RouteNotFoundError: No self-hosted server has this.

        HTTP: `GET /v2/insights/tables`.
        """
        return await self._run(analytics.list_tables)

    def schemas(self, **paging: Unpack[Paging]) -> AsyncPaginator[EventSchema]:
        """List the schemas of events.

        Raises:
            RouteNotFoundError: The server does not have this.

        HTTP: `GET /v2/insights/events/schemas`.
        """
        return self._list(analytics.list_schemas, **paging)
