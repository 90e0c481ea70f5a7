"""Keys: list event keys and signing keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from inngest_rest._core.resources import account
from inngest_rest.aio._resource import Resource

if TYPE_CHECKING:
    from inngest_rest.aio.paginator import AsyncPaginator
    from inngest_rest.models import Key
    from inngest_rest.typing import KeyKind, Paging


class Keys(Resource):
    """Event keys and signing keys: `client.keys`."""

    def list(
        self, kind: KeyKind = "event", *, reveal: bool = False, **paging: Unpack[Paging]
    ) -> AsyncPaginator[Key]:
        """List event keys or signing keys of the client's environment.

        Args:
            kind: "event" or "signing".
            reveal: Whether to return the keys whole; by default all but the last four characters
                of each are left out.

        Raises:
            RouteNotFoundError: The server does not have this.

        HTTP: `GET /v2/keys/events` or `GET /v2/keys/signing`.
        """
        return self._list(account.list_keys, kind, reveal=reveal, **paging)
