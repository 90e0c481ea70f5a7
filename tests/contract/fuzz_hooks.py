"""What schemathesis loads before it fuzzes: it does not judge a body that it cannot read."""

from __future__ import annotations

import json
from typing import Any

import schemathesis


@schemathesis.deserializer("text/plain")
def read_text(_: object, response: Any) -> Any:
    """Read text as the server means it: JSON in a text's clothes, or else text."""
    try:
        return json.loads(response.content)
    except ValueError:
        return response.text
