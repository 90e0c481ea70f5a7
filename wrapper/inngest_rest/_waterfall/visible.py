"""Text of a server made safe to show: what could move a cursor or reorder a line is written out."""

from __future__ import annotations

import unicodedata

# A name may be megabytes; no drawing shows more of it than this.
_AT_MOST = 400

_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


def visible(text: str) -> str:
    """Return text of bounded length, with each character that does not print as an escape.

    Among those are ESC and the C1 codes, line ends, bidirectional controls, zero-width characters
    and lone surrogates.
    """
    if len(text) > _AT_MOST:
        text = f"{text[: _AT_MOST // 2]}…{text[-_AT_MOST // 2 :]}"
    if text.isprintable():
        return text
    # As `repr` escapes them; it would escape quotes and backslashes too.
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def is_right_to_left(text: str) -> bool:
    """Return whether text has a character that can turn the direction of its line."""
    return not text.isascii() and any(
        unicodedata.bidirectional(each) in _RIGHT_TO_LEFT for each in text
    )
