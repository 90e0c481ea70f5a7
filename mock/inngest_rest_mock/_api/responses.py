"""Responses as Go's net/http and its JSON encoder write them."""

from __future__ import annotations

from inngest_rest_mock._carriers.messages import Headers, Response
from inngest_rest_mock._go.encoding import encode, escape_html

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


def json_response(
    status: int, value: object, *, content_type: str = JSON, headers: Headers = ()
) -> Response:
    """Respond with JSON as Go's encoder writes it: `<>&` escaped, a newline at the end."""
    body = escape_html(encode(value)) + b"\n"
    return Response(status, (("Content-Type", content_type), *headers), body)


def text_error(status: int, text: str) -> Response:
    """Respond as Go's `http.Error` does: plain text, a newline, `nosniff`."""
    headers = (("Content-Type", TEXT), ("X-Content-Type-Options", "nosniff"))
    return Response(status, headers, text.encode() + b"\n")


PANIC = Response(500)
"""The response when a handler panics before it wrote a header."""

NOT_FOUND = text_error(404, "404 page not found")
UNAUTHORIZED = text_error(401, "Authentication failed")
