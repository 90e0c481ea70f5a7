"""Responses of all families."""

from __future__ import annotations

from inngest_rest_mock._carriers.exchange import Response
from inngest_rest_mock._json import encode

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


def json_response(status: int, value: object, *, content_type: str = JSON) -> Response:
    """Respond with JSON."""
    return Response(status, (("Content-Type", content_type),), encode(value))


def text_error(status: int, text: str) -> Response:
    """Respond with plain text."""
    headers = (("Content-Type", TEXT), ("X-Content-Type-Options", "nosniff"))
    return Response(status, headers, text.encode() + b"\n")


PANIC = Response(500)
"""The response when a handler panics before it wrote a header."""

NOT_FOUND = text_error(404, "404 page not found")
UNAUTHORIZED = text_error(401, "Authentication failed")
