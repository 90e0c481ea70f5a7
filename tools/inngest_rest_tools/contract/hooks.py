"""Loaded by schemathesis: what it would otherwise not check, or not as the client meets it."""

from __future__ import annotations

import json
from typing import Any

import schemathesis


@schemathesis.deserializer("text/plain")
def read_text(_: object, response: Any) -> Any:
    """Read a text body as the server means it: as JSON if it is JSON, else as text."""
    try:
        return json.loads(response.content)
    except ValueError:
        return response.text


@schemathesis.hook  # pyright: ignore[reportUnknownMemberType]
def before_call(_: object, _case: object, kwargs: dict[str, Any]) -> None:
    """Follow no redirects: the client follows none either, and keys would go along."""
    kwargs["allow_redirects"] = False
