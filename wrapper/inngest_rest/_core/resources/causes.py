"""Errors of runs on one line, and without variable parts, so that equal causes count together."""

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


def error_line(run: Run) -> str:
    """Return the name of an error and the first line of its message."""
    return _line(run, _first_line(run))


def normalized_error(run: Run) -> str:
    """Return the same without variable parts."""
    message = _first_line(run)
    for pattern, mark in _VARIABLE:
        message = re.sub(pattern, mark, message)
    return _line(run, message)


def _first_line(run: Run) -> str:
    text = run.error.message if run.error else None
    return (text or "").strip().partition("\n")[0]


def _line(run: Run, message: str) -> str:
    name = run.error.name if run.error else None
    text = f"{name}: {message}" if name and message else name or message
    return text[:_MAX_LENGTH] or "no message"
