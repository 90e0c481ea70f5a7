"""What calls are about besides their results: where they go, and the response as it came."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from inngest_rest.record import Record

if TYPE_CHECKING:
    import httpx


@frozen(repr=False)
class Target(Record):
    """Where a client sends and asks: `client.target`.

    Attributes:
        event_url: Base URL that events are sent to.
        api_url: Base URL of the REST API.
        env: The branch environment; None for the default one.
    """

    event_url: str
    api_url: str
    env: str | None = None


@frozen(kw_only=True)
class RawResponse:
    """A response of the server, with the client's keys masked should the server quote them.

    Attributes:
        status: The HTTP status, which for an error of v1 may be 200: see `ApiError.hidden`.
        headers: The headers; names are in any case.
        body: The body, decompressed.
        method: The HTTP method of the request.
        url: The URL of the request, without keys and query.
    """

    status: int
    method: str
    url: str
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """Return the decoded JSON of the body; raises ValueError if it is not JSON."""
        return json.loads(self.body)
