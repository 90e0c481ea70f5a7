"""Queries and bodies as v1 reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from inngest_rest_mock._api.reading import read_value
from inngest_rest_mock._json import decode

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call
    from inngest_rest_mock._api.document import Schema

_DEFAULT_LIMIT = 20
_INTEGER = re.compile(r"[+-]?[0-9]+")


def page_limit(call: Call, most: int) -> int:
    """Read `limit`, clamped to 1 to `most`; 20 if absent, 0 or malformed. v1 accepts any."""
    text = call.request.query_value("limit")
    limit = int(text) if _INTEGER.fullmatch(text) else 0
    return min(max(limit or _DEFAULT_LIMIT, 1), most)


def read_body(body: bytes, schema: Schema) -> Any:
    """Read a body by its schema; raise ValueError for one that is not as that says."""
    return read_value(decode(body), schema, "body", is_strict=False)
