"""Untrusted text and values of callers, made safe to show."""

from __future__ import annotations

import builtins
import json
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime

# Characters of a text that may be megabytes.
_MAX_ON_LINE = 400
_MAX_IN_QUESTION = 80
_MAX_OF_REPR = 200

# Other words for a status, which are not spelled like it.
_STATUS_BY_SYNONYM = {
    "error": "failed",
    "errors": "failed",
    "errored": "failed",
    "failure": "failed",
    "success": "completed",
    "succeeded": "completed",
    "successful": "completed",
    "done": "completed",
    "ok": "completed",
    "finished": "completed",
    "pending": "queued",
    "active": "running",
    "started": "running",
    "open": "running",
}

_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_LEFT_TO_RIGHT_MARK = "\u200e"

# Blank, or without width, although Python calls them printable: fillers, joiners and selectors.
_HIDING = (
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
)
_HIDDEN = re.compile(f"[{_HIDING}]")


def visible(text: str) -> str:
    """Return text with each invisible or misleading character escaped.

    Among those are ESC and the C1 codes, line ends, bidirectional controls, zero-width characters,
    blank letters and lone surrogates.
    """
    return _escaped(text, _as_in_python)


def safe(text: str) -> str:
    """Return text with its line breaks, and each invisible or misleading character escaped."""
    lines = text.expandtabs(4).split("\n")
    return "\n".join([visible(line) for line in lines])


def visible_json(text: str) -> str:
    """Return lines of JSON with each such character as a JSON escape of the same meaning."""
    lines = text.split("\n")
    return "\n".join([_escaped(line, _as_in_json) for line in lines])


def shortened(text: str) -> str:
    """Return visible text, with the middle of a long text left out."""
    half = _MAX_ON_LINE // 2
    if len(text) > _MAX_ON_LINE:
        text = f"{text[:half]}…{text[-half:]}"
    return visible(text)


def quoted(name: str) -> str:
    """Return an untrusted name, shortened, in quotation marks, which it cannot end."""
    if len(name) > _MAX_IN_QUESTION:
        name = f"{name[: _MAX_IN_QUESTION - 1]}…"
    text = json.dumps(name, ensure_ascii=False)
    return with_direction(visible_json(text))


def shown(value: object) -> str:
    """Return the repr of a value, of bounded length.

    Data nested too deep, or an integer of thousands of digits, has none: return its type.
    """
    try:
        text = repr(value)
    except (RecursionError, ValueError):
        return f"<{type(value).__name__}>"
    if len(text) > _MAX_OF_REPR:
        return f"{text[:_MAX_OF_REPR]}..."
    return text


def type_name(value: object) -> str:
    """Return the name of a value's type, with its module if a built-in type has the same name."""
    kind = type(value)
    is_builtin = kind.__module__ == builtins.__name__
    if hasattr(builtins, kind.__name__) and not is_builtin:
        return f"{kind.__module__}.{kind.__name__}"
    return kind.__name__


def did_you_mean(given: object, valid: Collection[str]) -> str:
    """Return the end of a message about an invalid name: the nearest valid one, and all of them."""
    names = ", ".join(valid) or "none"
    near = nearest(given, valid)
    if near:
        return f"; did you mean '{near}'? Valid values: {names}"
    return f"; valid values: {names}"


def nearest(given: object, valid: Iterable[str]) -> str | None:
    """Return the nearest valid name, ignoring case; None if none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - few make mistakes

    text = given if isinstance(given, str) else shown(given)
    name = text.lower()
    by_lower_case = {valid_name.lower(): valid_name for valid_name in valid}
    status = _STATUS_BY_SYNONYM.get(name)
    if status in by_lower_case:
        return by_lower_case[status]
    close = get_close_matches(name[:_MAX_OF_REPR], by_lower_case, n=1, cutoff=0.7)
    return by_lower_case[close[0]] if close else None


def and_more(items: Sequence[str], at_most: int = 5) -> str:
    """Return the first items as text, and the number of the rest."""
    first = ", ".join(items[:at_most])
    more = len(items) - at_most
    if more > 0:
        return f"{first} and {more:,} more"
    return first


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def moment(time: datetime | None) -> str:
    """Return a time of a server in words."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else "an unknown time"


def with_direction(text: str) -> str:
    """Return text with a mark after right-to-left text, which would move the text after it."""
    if text.isascii():
        return text
    directions = {unicodedata.bidirectional(character) for character in text}
    if _RIGHT_TO_LEFT.isdisjoint(directions):
        return text
    return f"{text}{_LEFT_TO_RIGHT_MARK}"


def _escaped(text: str, escape: Callable[[str], str]) -> str:
    if _is_visible(text):
        return text
    return "".join(
        [
            character if _is_visible(character) else escape(character)
            for character in text
        ]
    )


def _is_visible(text: str) -> bool:
    if not text.isprintable():
        return False
    return text.isascii() or not _HIDDEN.search(text)


def _as_in_python(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _as_in_json(character: str) -> str:
    """Return the escapes of its one or two UTF-16 code units."""
    digits = character.encode("utf-16-be", "surrogatepass").hex()
    units = [digits[:4], digits[4:]]
    return "".join(f"\\u{unit}" for unit in units if unit)
