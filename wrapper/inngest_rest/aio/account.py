"""The account of the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.resources import account
from inngest_rest.aio._resource import Resource

if TYPE_CHECKING:
    from inngest_rest.models import AccountInfo


class Account(Resource):
    """The account: `client.account`."""

    async def get(self) -> AccountInfo:
        """Get the account that the key belongs to.

        A self-hosted server returns a fixed one.

        Raises:
            PermissionDeniedError: The key has no permission for it.

        HTTP: `GET /v2/account`.
        """
        return await self._run(account.get)
