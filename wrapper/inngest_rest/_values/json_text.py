"""JSON text: the one encoder and the one decoder for callers' data, responses and files.

msgspec raises RecursionError for data that is nested too deep, lets an error of a value's own code
through, and has wheels for free-threaded Python. It writes NaN and infinities as null, and integers
of any size.
"""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable


def to_builtin(value: object) -> object:
    """Return a value of a type that msgspec does not know as one that it does, or raise."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, date | time) and value == value:  # noqa: PLR0124 - NaT is not
        # As text: freezegun puts subclasses of its own in place of the classes themselves.
        return re.sub(r"\+00:00$", "Z", value.isoformat())
    if isinstance(value, timedelta) and value == value:  # noqa: PLR0124
        return timedelta(seconds=value.total_seconds())
    raise NotImplementedError


encode = msgspec.json.Encoder(enc_hook=to_builtin).encode
"""Return the JSON text of a value."""

# In an order, which msgspec gives to keys of text alone.
_to_msgpack = msgspec.msgpack.Encoder(enc_hook=to_builtin, order="deterministic").encode
# A NaN or an infinity in MessagePack: the mark of a float, and an exponent of ones.
_find_non_finite = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]").search


def is_exact(value: object) -> bool:
    """Return whether JSON represents a value as it is.

    Every key is text, and every number finite and, if whole, within 64 bits. False may be wrong,
    but hardly ever is. Searching the JSON text for nulls that were no None, and for long integers,
    would take twice as long.
    """
    try:
        return _find_non_finite(_to_msgpack(value)) is None
    except (OverflowError, TypeError):
        return False


def repeated_key(keys: Iterable[object]) -> str | None:
    """Return the text of the first key that another one before it has in JSON, as 1 and "1"."""
    found = set[str]()
    for key in keys:
        text: str = next(iter(decode(encode({key: None}))))
        if text in found:
            return text
        found.add(text)
    return None


_decode = msgspec.json.Decoder[Any]().decode


def decode(text: bytes | str) -> Any:
    """Return the value of a JSON text; raise ValueError if it is invalid, or nested too deep."""
    try:
        return _decode(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
