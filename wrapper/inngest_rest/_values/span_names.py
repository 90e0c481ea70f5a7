"""Names that servers give to the spans of a trace."""

from __future__ import annotations

import re


def attempt_number(name: str) -> int | None:
    """Return the number in the name of an attempt at a step, from 0; None if it is none."""
    match = re.fullmatch(r"Attempt (\d+)", name)
    return None if match is None else int(match[1])
