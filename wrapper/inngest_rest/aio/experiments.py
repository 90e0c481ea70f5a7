"""Experiments: list and get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from inngest_rest._core.resources import analytics
from inngest_rest.aio._resource import Resource

if TYPE_CHECKING:
    from inngest_rest.aio.paginator import AsyncPaginator
    from inngest_rest.models import Experiment
    from inngest_rest.typing import Paging


class Experiments(Resource):
    """Experiments of functions, on Inngest Cloud: `client.experiments`."""

    def list(
        self, *, app: str | None = None, function: str | None = None, **paging: Unpack[Paging]
    ) -> AsyncPaginator[Experiment]:
        """List experiments.

        Args:
            app: Only those of this app.
            function: Only those of this function of the app.

        Raises:
            RouteNotFoundError: The server does not have this.

        HTTP: `GET /v2/experiments`.
        """
        return self._list(analytics.list_experiments, app, function, **paging)

    async def get(
        self, app: str, function: str, id: str, *, variant: str | None = None
    ) -> Experiment:
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
        return await self._run(analytics.get_experiment, app, function, id, variant=variant)
