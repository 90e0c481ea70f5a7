"""Text of a server made safe to show: what could move a cursor or reorder a line is written out."""

from __future__ import annotations

import re
import unicodedata

# A name may be megabytes; no line shows more of it than this.
_AT_MOST = 400

_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})

# Blank, or without width, although Python calls them printable: fillers, joiners and selectors.
_HIDING = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
_HIDDEN = re.compile(f"[{_HIDING}]")


def visible(text: str) -> str:
    """Return text with each character that does not show as what it is as an escape.

    Among those are ESC and the C1 codes, line ends, bidirectional controls, zero-width characters,
    blank letters and lone surrogates.
    """
    if text.isprintable():
        return text if text.isascii() else _HIDDEN.sub(_escape, text)
    return "".join(
        each if each.isprintable() and not _HIDDEN.match(each) else _escaped(each) for each in text
    )


def shortened(text: str) -> str:
    """Return visible text of bounded length: of a longer one the beginning and the end."""
    if len(text) > _AT_MOST:
        text = f"{text[: _AT_MOST // 2]}…{text[-_AT_MOST // 2 :]}"
    return visible(text)


def is_right_to_left(text: str) -> bool:
    """Return whether text has a character that can turn the direction of its line."""
    return not text.isascii() and any(
        unicodedata.bidirectional(each) in _RIGHT_TO_LEFT for each in text
    )


def _escape(found: re.Match[str]) -> str:
    return _escaped(found[0])


def _escaped(character: str) -> str:
    # As `repr` writes it; it would escape quotes and backslashes too.
    escaped = repr(character)[1:-1]
    return escaped if escaped != character else character.encode("unicode_escape").decode()
