"""How v1 reads a request: its guard checks the signing key and reads the body."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from inngest_rest_mock._api.reading import read_value
from inngest_rest_mock._api.responses import UNAUTHORIZED
from inngest_rest_mock._api.v1.shapes import v1_error
from inngest_rest_mock._json import decode

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handler
    from inngest_rest_mock._api.document import Described
    from inngest_rest_mock._carriers.exchange import Response


_DEFAULT_LIMIT = 20
_INTEGER = re.compile(r"[+-]?[0-9]+")


def page_limit(call: Call, most: int) -> int:
    """Read `limit`, clamped to 1 to `most`; 20 if absent, 0 or malformed. v1 accepts any."""
    text = call.request.query_value("limit")
    limit = int(text) if _INTEGER.fullmatch(text) else 0
    return min(max(limit or _DEFAULT_LIMIT, 1), most)


def v1_guard(handler: Handler, described: Described) -> Handler:
    """Require the signing key, and a body as the document describes it."""

    def guarded(call: Call) -> Response:
        if not call.keys.accepts_authorization(
            call.request.headers.get("authorization", "")
        ):
            return UNAUTHORIZED
        if described.body is None:
            return handler(call)
        try:
            document = decode(call.request.body)
            body = read_value(document, described.body, "body", is_strict=False)
        except ValueError as error:
            return v1_error(400, str(error))
        return handler(attrs.evolve(call, body=body))

    return guarded
