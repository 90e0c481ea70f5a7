"""Loaded by schemathesis, which would not check a body that it cannot read."""

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
