"""Error messages without their variable parts, so that equal causes are counted together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inngest_rest.models import Run

_MAX_LENGTH = 160

_VARIABLE = (
    (r"""(?<!\w)(["'`])(?:(?!\1).)*\1(?!\w)""", '"…"'),
    (r"(?i)\b(?:0x[\da-f]+|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})\b", "#"),
    # An id such as F1-00017: a first part that begins with letters, and a later one with a digit.
    (r"\b(?<!-)[^\W\d_]++\d\w*+(?:-(?!\w*\d)\w++)*+-(?=\w*\d)[\w-]++", "#"),
    (r"(?<![^\W_])\d+(?:[.,:]\d+)*(?!\w)", "#"),
    (r"\b(?=\w*\d)\w{8,}", "#"),  # ULIDs, hashes, ids with a prefix
    (r"(?<![^\W_])\d+(?:[.,:]\d+)*", "#"),  # 10ms
)


def normalized_error(run: Run) -> str:
    """Return the name of an error and the first line of its message, without variable parts."""
    if run.error is None:
        return "no message"
    text = run.error.message or ""
    message = text.strip().partition("\n")[0]
    for pattern, mark in _VARIABLE:
        message = re.sub(pattern, mark, message)
    name = run.error.name
    text = f"{name}: {message}" if name and message else name or message
    return text[:_MAX_LENGTH] or "no message"
