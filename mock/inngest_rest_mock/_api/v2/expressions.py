"""The CEL `query` of lists of runs, since release 1.45: as much of it as tests need.

A comparison is of `event.name`, `event.v`, `event.data...`, `output...` or `error...` with a text,
a number, true, false or null; `&&` and lines join them. The server understands more.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from inngest_rest_mock._api.v2.input import InputError
from inngest_rest_mock._json import is_object

if TYPE_CHECKING:
    from inngest_rest_mock._state.records import MockEvent, MockRun

Condition: TypeAlias = Callable[["MockRun", "MockEvent"], bool]

_MOST_BYTES = 2_048
_COMPARISON = re.compile(
    r"\s*(?P<path>event\.(?:name|v|data(?:\.\w+)+)|(?:output|error)(?:\.\w+)+)"
    r"""\s*(?P<operator>==|!=|<=|>=|<|>)\s*(?P<literal>"[^"]*"|'[^']*'|\d[\d.]*|true|false|null)\s*"""
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def condition_of(query: str) -> Condition:
    """Return the condition of a query; raise InputError for one that is too long or unknown."""
    if len(query.encode()) > _MOST_BYTES:
        message = f"Query cannot exceed {_MOST_BYTES} bytes"
        raise InputError(message, "query_too_long", 422)
    parts = [
        part for line in query.splitlines() if line.strip() for part in line.split("&&")
    ]
    found = [_COMPARISON.fullmatch(part) for part in parts]
    if None in found:
        raise InputError("Query expression is invalid", "expression_invalid", 422)
    return lambda run, event: all(
        _holds(each, run, event) for each in found if each is not None
    )


def _holds(comparison: re.Match[str], run: MockRun, event: MockEvent) -> bool:
    first, *path = comparison["path"].split(".")
    if first == "event":
        # The server finds no run by an event that has an id of its own.
        value: Any = (
            event.as_seen_by_function() if event.id == event.internal_id else None
        )
    else:
        value = run.output if (first == "error") is (run.status == "failed") else None
    for name in path:
        value = value.get(name, ...) if is_object(value) else ...
    literal = msgspec.json.decode(comparison["literal"].replace("'", '"'))
    try:
        return value is not ... and _OPERATORS[comparison["operator"]](value, literal)
    except TypeError:
        return False
