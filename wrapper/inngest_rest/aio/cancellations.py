"""Bulk cancellations: list, create and delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from inngest_rest._core.resources import cancellations
from inngest_rest.aio._resource import Resource

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from inngest_rest.aio.paginator import AsyncPaginator
    from inngest_rest.models import Cancellation
    from inngest_rest.typing import Paging


class Cancellations(Resource):
    """Bulk cancellations: `client.cancellations`. Self-hosted servers respond with 500."""

    def list(self, **paging: Unpack[Paging]) -> AsyncPaginator[Cancellation]:
        """List bulk cancellations. Self-hosted servers do not store any.

        Raises:
            ServerError: The server does not store cancellations, as self-hosted servers do not.

        HTTP: `GET /v1/cancellations`.
        """
        return self._list(cancellations.list_cancellations, **paging)

    async def create(
        self,
        app: str,
        function: str,
        *,
        started_before: datetime | timedelta,
        started_after: datetime | timedelta | None = None,
        condition: str | None = None,
    ) -> Cancellation:
        """Have the server cancel every run of a function that started in a time window.

        Only Inngest Cloud does this. Elsewhere, and to see the runs first, cancel runs by filter.

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

        HTTP: `POST /v1/cancellations`.
        """
        return await self._run(
            cancellations.create,
            app,
            function,
            started_before=started_before,
            started_after=started_after,
            condition=condition,
        )

    async def delete(self, id: str) -> None:
        """Withdraw a bulk cancellation; runs it has already cancelled stay cancelled.

        Args:
            id: The cancellation's id.

        Raises:
            BadRequestError: The id is not valid.

        HTTP: `DELETE /v1/cancellations/{cancellationId}`.
        """
        return await self._run(cancellations.delete, id)
