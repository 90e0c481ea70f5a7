"""What is exchanged: a request and its response, or none, whatever carries them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qs, quote, unquote

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

Headers: TypeAlias = tuple[tuple[str, str], ...]

# What Go's net/url leaves unescaped in a path (shouldEscape, encodePath).
_PATH_SAFE = "$&+,/:;=@-_.~"


@attrs.frozen
class Request:
    """A request: undecoded path, raw query, header names in lower case.

    `patience` is the sender's read timeout in seconds, where the transport knows it.
    """

    method: str
    raw_path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    patience: float | None = None

    @property
    def decoded_path(self) -> str:
        """The fully decoded path, `%2F` included, which v2 routes by."""
        return unquote(self.raw_path, errors="replace")

    @property
    def routed_path(self) -> str:
        """The path as the router of v1 and ingest sees it.

        Go keeps the raw path only when it differs from the usual encoding of the decoded one.
        """
        decoded = self.decoded_path
        return (
            decoded
            if quote(decoded, safe=_PATH_SAFE) == self.raw_path
            else self.raw_path
        )

    def query_value(self, name: str) -> str:
        """Return the first value of a query parameter, "" if absent."""
        return parse_qs(self.query, keep_blank_values=True).get(name, [""])[0]


@attrs.frozen
class Response:
    """A response with its whole body."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def with_headers(self, *headers: tuple[str, str]) -> Response:
        """Return the response with more headers."""
        return attrs.evolve(self, headers=(*self.headers, *headers))


@attrs.frozen
class Dropped:
    """No response: the connection breaks. In process, the transport raises `error`."""

    error: type[httpx.TransportError]
    message: str


Outcome: TypeAlias = Response | Dropped


def framed(request: Request, response: Response) -> Response:
    """Add the Content-Length; a response to HEAD has that of the omitted body."""
    status, body = response.status, response.body
    length = ("Content-Length", str(len(body)))
    if status < 200 or status in (204, 304):  # these never have a body
        return Response(status, response.headers)
    if request.method == "HEAD":
        return Response(
            status, (*response.headers, length) if body else response.headers
        )
    return response.with_headers(length)
