"""Untrusted text and values of callers, made safe to show."""

from __future__ import annotations

import builtins
import json
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

# Characters of a text that may be megabytes.
_MAX_ON_LINE = 400
_MAX_IN_QUESTION = 80
_MAX_OF_REPR = 200

# Other words for a status, which do not look like it: nobody means a status of a newer server.
_STATUS_BY_SYNONYM = {
    **dict.fromkeys(("error", "errors", "errored", "failure"), "failed"),
    **dict.fromkeys(
        ("success", "succeeded", "successful", "done", "ok", "finished"), "completed"
    ),
    "pending": "queued",
    **dict.fromkeys(("active", "started", "open"), "running"),
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
    return _written_out(
        text, lambda character: character.encode("unicode_escape").decode()
    )


def safe(text: str) -> str:
    """Return text in its lines, with each character that could hide or move something escaped."""
    return "\n".join(map(visible, text.expandtabs(4).split("\n")))


def visible_json(text: str) -> str:
    """Return lines of JSON with each such character as a JSON escape of the same meaning."""
    return "\n".join(_written_out(line, _as_in_json) for line in text.split("\n"))


def shortened(text: str) -> str:
    """Return visible text, with the middle of a long text left out."""
    half = _MAX_ON_LINE // 2
    if len(text) > _MAX_ON_LINE:
        text = f"{text[:half]}…{text[-half:]}"
    return visible(text)


def quoted(name: str) -> str:
    """Return a name from outside in quotation marks, which it cannot end, on one line and short."""
    if len(name) > _MAX_IN_QUESTION:
        name = f"{name[: _MAX_IN_QUESTION - 1]}…"
    return with_direction(visible_json(json.dumps(name, ensure_ascii=False)))


def shown(value: object) -> str:
    """Return the repr of a value, of bounded length.

    Data nested too deep, or an integer of thousands of digits, has none: return its type.
    """
    try:
        text = repr(value)
    except (RecursionError, ValueError):
        return f"<{type(value).__name__}>"
    return text if len(text) <= _MAX_OF_REPR else f"{text[:_MAX_OF_REPR]}..."


def type_name(value: object) -> str:
    """Return the name of a value's type, with its module if a built-in type has the same name."""
    kind = type(value)
    is_ambiguous = (
        hasattr(builtins, kind.__name__) and kind.__module__ != builtins.__name__
    )
    return f"{kind.__module__}.{kind.__name__}" if is_ambiguous else kind.__name__


def did_you_mean(given: object, valid: Collection[str]) -> str:
    """Return the end of a message about an invalid name: the nearest valid one, and all of them."""
    names = ", ".join(valid) or "none"
    near = nearest(given, valid)
    return (
        f"; did you mean '{near}'? Valid values: {names}"
        if near
        else f"; valid values: {names}"
    )


def nearest(given: object, valid: Iterable[str]) -> str | None:
    """Return the nearest valid name, ignoring case; None if none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - few make mistakes

    name = (given if isinstance(given, str) else shown(given)).lower()
    by_lower_case = {valid_name.lower(): valid_name for valid_name in valid}
    if (status := _STATUS_BY_SYNONYM.get(name)) in by_lower_case:
        return by_lower_case[status]
    close = get_close_matches(name[:_MAX_OF_REPR], by_lower_case, n=1, cutoff=0.7)
    return by_lower_case[close[0]] if close else None


def and_more(items: Sequence[str], at_most: int = 5) -> str:
    """Return the first items as text, and the number of the rest."""
    first, more = ", ".join(items[:at_most]), len(items) - at_most
    return f"{first} and {more:,} more" if more > 0 else first


def with_direction(text: str) -> str:
    """Return text with a mark after what runs from right to left, which would move what follows."""
    is_plain = text.isascii() or _RIGHT_TO_LEFT.isdisjoint(
        map(unicodedata.bidirectional, text)
    )
    return text if is_plain else f"{text}{_LEFT_TO_RIGHT_MARK}"


def _written_out(text: str, escape: Callable[[str], str]) -> str:
    if text.isprintable() and (text.isascii() or not _HIDDEN.search(text)):
        return text
    return "".join(
        character
        if character.isprintable() and not _HIDDEN.match(character)
        else escape(character)
        for character in text
    )


def _as_in_json(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
