"""Errors of runs on one line, and without variable parts, so that equal causes count together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inngest_rest.models import RunError

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


def error_line(error: RunError | None) -> str:
    """Return the name of an error and the first line of its message."""
    return _line(error, _first_line(error))


def normalized_error(error: RunError | None) -> str:
    """Return the same without variable parts."""
    message = _first_line(error)
    for pattern, mark in _VARIABLE:
        message = re.sub(pattern, mark, message)
    return _line(error, message)


def _first_line(error: RunError | None) -> str:
    text = error.message if error else None
    return (text or "").strip().partition("\n")[0]


def _line(error: RunError | None, message: str) -> str:
    name = error.name if error else None
    text = ": ".join(part for part in (name, message) if part)
    return text[:_MAX_LENGTH] or "an error without a message"
