"""RawResponse: an HTTP response as it came, beside a result or on an error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    import httpx


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
