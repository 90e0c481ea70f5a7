"""The argument and type of a handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from inngest_rest_api.api import LATER
from inngest_rest_mock._api.reading import Query
from inngest_rest_mock._carriers.messages import Request, Response

if TYPE_CHECKING:
    from inngest_rest_mock._api.keys import Keys
    from inngest_rest_mock._api.releases import Release
    from inngest_rest_mock._state.store import Store


NO_QUERY = Query()


@attrs.frozen
class Server:
    """A server's release, and how it differs from others of that kind."""

    release: Release
    is_cloud: bool = False  # it has what Inngest Cloud alone has

    def has(self, field: str) -> bool:
        """Return whether it has a field or parameter that the document names in `LATER`."""
        return self.release.has(LATER[field])


@attrs.frozen
class Call:
    """One request to one operation.

    `params` are those of the path, in order, `now` is in nanoseconds; `query` (of v2) and `body`
    are read as the document describes them.
    """

    request: Request
    params: tuple[str, ...]
    store: Store
    keys: Keys
    server: Server
    now: int
    query: Query = NO_QUERY
    body: Any = None


Handler: TypeAlias = Callable[[Call], Response]
