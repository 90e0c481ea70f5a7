"""JSON of what callers pass, which may run code of their own.

orjson does not expect that code to raise: the process dies. So a time zone is asked for its offset
before orjson asks it.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import orjson

_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


def dump(value: Any) -> bytes:
    """Return the JSON text of a value that is nested within the limit.

    Raises:
        TypeError: JSON lacks a part of it.
    """
    return orjson.dumps(value, default=_moment, option=_OPTIONS)


def _moment(value: object) -> orjson.Fragment:
    if type(value) is datetime:
        value.utcoffset()
    elif type(value) not in (date, time):
        raise TypeError
    return orjson.Fragment(orjson.dumps(value))
