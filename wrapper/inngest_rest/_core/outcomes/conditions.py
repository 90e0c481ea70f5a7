"""Evaluate the condition of a trigger (its `if`, in CEL) where that is beyond doubt; no I/O.

Only the plainest part of CEL is understood: comparisons of the event's fields and of literals,
joined by `&&`, `||`, `!` and parentheses. A field that is missing, values of different types and
anything else make the outcome unknown, as the server does not say how it evaluated a condition.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest.models import StoredEvent, Trigger

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>-?\d+(?:\.\d+)?(?![\w.]))
  | (?P<text>"[^"\\\n]*"|'[^'\\\n]*')
  | (?P<path>event(?:\.[A-Za-z_]\w*|\[(?:"[^"\\\n]*"|'[^'\\\n]*')\])+(?![\w(]))
  | (?P<word>(?:true|false|null)\b)
  | (?P<sign>&&|\|\||==|!=|<=|>=|[<>!()])
    )""",
    re.VERBOSE,
)
_STEP = re.compile(r"""\.([A-Za-z_]\w*)|\["([^"]*)"\]|\['([^']*)'\]""")
_WORDS = {"true": True, "false": False, "null": None}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class _Unknown:
    """Stands for a value that cannot be known."""


_UNKNOWN: Final = _Unknown()


class _NotUnderstoodError(Exception):
    """The condition is beyond the part of CEL that is evaluated here."""


def holds(condition: str, event: StoredEvent) -> bool | None:
    """Return whether a condition is true for an event; None if that is not certain."""
    fields = {
        "id": event.id,
        "name": event.name,
        "data": event.data,
        "user": event.user,
        "ts": event.ts,
        "v": event.v,
    }
    try:
        value = _Reader(condition, fields).whole()
    except (_NotUnderstoodError, RecursionError):
        return None
    return value if isinstance(value, bool) else None


def verdict(trigger: Trigger, event: StoredEvent) -> bool | None:
    """Return whether a trigger of the event's name starts its function; None if it may."""
    return holds(trigger.condition, event) if trigger.condition else True


class _Reader:
    """Reads a condition from left to right and evaluates it on the way."""

    def __init__(self, condition: str, event: Mapping[str, Any]) -> None:
        self._tokens = _tokens(condition)
        self._event = event
        self._at = 0

    def whole(self) -> object:
        value = self._either()
        if self._at < len(self._tokens):
            raise _NotUnderstoodError
        return value

    def _either(self) -> object:
        value = self._both()
        while self._take("||"):
            value = _decided(by=True, one=value, other=self._both())
        return value

    def _both(self) -> object:
        value = self._comparison()
        while self._take("&&"):
            value = _decided(by=False, one=value, other=self._comparison())
        return value

    def _comparison(self) -> object:
        left = self._operand()
        for sign, compare in _COMPARISONS.items():
            if self._take(sign):
                return _compared(compare, left, self._operand())
        return left

    def _operand(self) -> object:
        if self._take("!"):
            value = self._operand()
            return not value if isinstance(value, bool) else _UNKNOWN
        if self._take("("):
            value = self._either()
            if not self._take(")"):
                raise _NotUnderstoodError
            return value
        if self._at >= len(self._tokens):
            raise _NotUnderstoodError
        kind, text = self._tokens[self._at]
        self._at += 1
        match kind:
            case "number":
                return float(text)
            case "text":
                return text[1:-1]
            case "word":
                return _WORDS[text]
            case "path":
                return self._field(text)
            case _:
                raise _NotUnderstoodError

    def _take(self, sign: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == ("sign", sign):
            self._at += 1
            return True
        return False

    def _field(self, path: str) -> object:
        value: object = self._event
        for step in _STEP.finditer(path):
            name = next(it for it in step.groups() if it is not None)
            if not isinstance(value, Mapping) or name not in value:
                return _UNKNOWN
            value = cast("Mapping[str, object]", value)[name]
        return value


def _tokens(condition: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    text = condition.strip()
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or token.lastgroup is None:
            raise _NotUnderstoodError
        found.append((token.lastgroup, token[token.lastgroup]))
        at = token.end()
    return found


def _decided(*, by: bool, one: object, other: object) -> object:
    """Return one `by` if either is it, its opposite if both are, and unknown otherwise."""
    if one is by or other is by:
        return by
    return not by if one is other is (not by) else _UNKNOWN


def _compared(compare: Callable[[Any, Any], bool], left: object, right: object) -> object:
    kind = _kind(left)
    if kind is None or kind != _kind(right):
        return _UNKNOWN
    if kind in {"bool", "null"} and compare not in (operator.eq, operator.ne):
        return _UNKNOWN
    return compare(left, right)


def _kind(value: object) -> str | None:
    """Return the type of a value that can be compared; 1 and 1.0 are alike, 1 and true are not."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "text"
        case _:
            return None
