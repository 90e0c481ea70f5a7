"""Environments: list, create, archive, ensure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from inngest_rest._core.resources import account
from inngest_rest.aio._resource import Resource

if TYPE_CHECKING:
    from inngest_rest.aio.paginator import AsyncPaginator
    from inngest_rest.models import Environment
    from inngest_rest.typing import Paging


class Envs(Resource):
    """Environments of the account: `client.envs`."""

    def list(self, **paging: Unpack[Paging]) -> AsyncPaginator[Environment]:
        """List environments.

        Raises:
            RouteNotFoundError: The server does not have this.

        HTTP: `GET /v2/envs`.
        """
        return self._list(account.list_envs, **paging)

    async def create(self, name: str) -> Environment:
        """Create an environment.

        Args:
            name: The display name.

        Raises:
            ConflictError: There is one of this name.
            RouteNotFoundError: A self-hosted server creates none.

        HTTP: `POST /v2/envs`.
        """
        return await self._run(account.create_env, name)

    async def archive(self, id: str, *, archived: bool = True) -> Environment:
        """Archive an environment, or take it back.

        Args:
            id: The environment's id.
            archived: False takes it back.

        Raises:
            NotFoundError: No such environment.

        HTTP: `PATCH /v2/envs/{envId}`.
        """
        return await self._run(account.archive_env, id, archived=archived)

    async def ensure(self, name: str) -> Environment:
        """Return the environment of a name; it is created or taken back if need be.

        For a pipeline that has one environment per branch, and runs more than once.

        Args:
            name: The display name.

        Raises:
            RouteNotFoundError: A self-hosted server creates none.

        HTTP: `GET /v2/envs`, `POST /v2/envs`, `PATCH /v2/envs/{envId}`.
        """
        return await self._run(account.ensure_env, name)
