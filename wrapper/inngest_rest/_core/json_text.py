"""JSON text: the one encoder and the one decoder of what callers pass, servers send and files hold.

msgspec raises RecursionError for data that is nested too deep, lets an error of a value's own code
through, and has wheels for free-threaded Python. It writes NaN and infinities as null.
"""

from __future__ import annotations

from typing import Any

import msgspec


def plain(value: object) -> object:
    """Return a value whose type msgspec does not know as one that it does.

    Raises:
        NotImplementedError: JSON cannot represent its type.
    """
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    raise NotImplementedError


_encoder = msgspec.json.Encoder(enc_hook=plain)
encode = _encoder.encode
"""Return the JSON text of a value."""
encode_lines = _encoder.encode_lines
"""Return the JSON text of each value, ended by a newline."""

decode_or_recurse = msgspec.json.Decoder[Any]().decode
"""Do what `decode` does without a frame of its own, but raise RecursionError for deep nesting."""


def decode(text: bytes | str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: It is not valid JSON, or nested too deep.
    """
    try:
        return decode_or_recurse(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
