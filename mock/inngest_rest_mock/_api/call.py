"""The argument and type of a handler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

PAGE_REFUSAL = "Limit cannot exceed {most}"
"""What v2 says to a larger `limit` than its maximum (recording v2-runs-limit-101)."""


@attrs.frozen
class Server:
    """A server's release, and how it differs from others of that kind."""

    release: Release
    is_cloud: bool = False  # it has what Inngest Cloud alone has
    largest_page: int | None = None  # if it is smaller than that of known servers
    # Of a larger `limit` by v2, which clamps it if None.
    page_refusal: str | None = PAGE_REFUSAL

    def has(self, field: str) -> bool:
        """Return whether it has a field or parameter that the document names in `LATER`."""
        return self.release.has(LATER[field])

    def most_per_page(self, most: int) -> int:
        """Return the maximum of `limit` where known servers have this one."""
        return most if self.largest_page is None else min(most, self.largest_page)


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
Handlers: TypeAlias = Mapping[str, Handler]
"""Handlers by `METHOD /path`, with `{}` for each parameter of the path."""
