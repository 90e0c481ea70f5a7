"""ULIDs: the ids of runs and the internal ids of events, which begin with the time."""

from __future__ import annotations

import math
import re

# From Crockford's digits, which leave out I, L, O and U, to those of `int`.
_BASE_32 = str.maketrans("JKMNPQRSTVWXYZ", "IJKLMNOPQRSTUV")


def is_ulid(text: str) -> bool:
    """Return whether a text is a ULID, as the ids of runs and the internal ids of events are."""
    # The server reads any case (the mock server's `parse_ulid`).
    return re.fullmatch(r"[0-7][0-9A-Za-z]{25}", text) is not None


def second_of_ulid(text: str) -> float:
    """Return the time in a ULID, in seconds since 1970; infinity if it is none."""
    if not is_ulid(text):
        return math.inf
    return int(text[:10].upper().translate(_BASE_32), 32) / 1_000
