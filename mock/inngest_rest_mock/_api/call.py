"""The argument and type of a handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from inngest_rest_mock._api.reading import Query
from inngest_rest_mock._carriers.exchange import Request, Response

if TYPE_CHECKING:
    from inngest_rest_mock._api.keys import Keys
    from inngest_rest_mock._api.releases import Release
    from inngest_rest_mock._state.store import Store


NO_QUERY = Query()


@attrs.frozen
class Call:
    """One request to one operation.

    `params` are those of the path, in order, `now` is in nanoseconds; `query` (of v2) and `body`
    are read as the document describes them. `is_cloud` if the server has what Inngest Cloud has.
    """

    request: Request
    params: tuple[str, ...]
    store: Store
    keys: Keys
    release: Release
    is_cloud: bool
    now: int
    query: Query = NO_QUERY
    body: Any = None


Handler: TypeAlias = Callable[[Call], Response]
