"""Requests and responses as plain values, whatever carried them."""

from collections.abc import Mapping
from typing import TypeAlias
from urllib.parse import parse_qs, quote, unquote

import attrs
import httpx

from ._encoding import encode, escape_html

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"

OK, NO_CONTENT, NOT_MODIFIED = 200, 204, 304

Headers: TypeAlias = tuple[tuple[str, str], ...]

# What Go's net/url leaves unescaped in a path (shouldEscape, encodePath).
_PATH_SAFE = "$&+,/:;=@-_.~"


@attrs.frozen
class Request:
    """A request: undecoded path, raw query, header names in lower case.

    `patience` is how many seconds its sender waits for an answer, where the carrier knows.
    """

    method: str
    raw_path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    patience: float | None = None

    @property
    def decoded_path(self) -> str:
        """The path with every escape decoded, as v2 routes it (facts.md 8.1)."""
        return unquote(self.raw_path, errors="replace")

    @property
    def routed_path(self) -> str:
        """The path as the router of v1 and ingest sees it (facts.md 8.2).

        Go keeps the raw path only when it differs from what encoding the decoded one gives.
        """
        decoded = self.decoded_path
        return decoded if quote(decoded, safe=_PATH_SAFE) == self.raw_path else self.raw_path

    def query_value(self, name: str) -> str:
        """Return the first value of a query parameter, "" when there is none."""
        return parse_qs(self.query, keep_blank_values=True).get(name, [""])[0]


@attrs.frozen
class Response:
    """An answer with its whole body."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def with_headers(self, *headers: tuple[str, str]) -> "Response":
        """Return the answer with more headers."""
        return attrs.evolve(self, headers=(*self.headers, *headers))


@attrs.frozen
class Dropped:
    """No answer: the connection breaks. In process, the transport raises `error`."""

    error: type[httpx.TransportError]
    message: str


Outcome: TypeAlias = Response | Dropped


def json_response(
    status: int, value: object, *, content_type: str = JSON, headers: Headers = ()
) -> Response:
    """Answer JSON as Go's encoder writes it: `<>&` escaped, a newline at the end."""
    body = escape_html(encode(value)) + b"\n"
    return Response(status, (("Content-Type", content_type), *headers), body)


def text_error(status: int, text: str) -> Response:
    """Answer as Go's http.Error: plain text, a newline, `nosniff`."""
    headers = (("Content-Type", TEXT), ("X-Content-Type-Options", "nosniff"))
    return Response(status, headers, text.encode() + b"\n")


NOT_FOUND = text_error(404, "404 page not found")
UNAUTHORIZED = text_error(401, "Authentication failed")
