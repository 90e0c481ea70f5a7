"""JSON as Go writes it: numbers through float64, object keys in order, `<>&` escaped."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import msgspec

from inngest_rest_mock._go.json_kinds import is_object

_EXACT = 2**53
_EXPONENT_FROM = 1e21  # Go writes larger numbers as 1e+21


class NotFiniteError(ValueError):
    """A number is too large for a float64."""


_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


def encode(value: object, *, sort: bool = False) -> bytes:
    """Encode a JSON value; raise TypeError for anything else."""
    try:
        return _encode_sorted(value) if sort else _encode(value)
    except UnicodeEncodeError:
        text = json.dumps(
            value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort
        )
        return text.encode("utf-8", "replace")


def sorted_keys(value: object) -> msgspec.Raw:
    """Encode a map as Go does, keys sorted, for use inside an object that keeps its order."""
    return msgspec.Raw(encode(value, sort=True))


def escape_html(body: bytes) -> bytes:
    """Escape `<`, `>` and `&` as Go's encoder does in all families but v2.

    In JSON these characters occur inside strings only, so replacing the bytes is safe.
    """
    for character, escape in (
        (b"<", rb"\u003c"),
        (b">", rb"\u003e"),
        (b"&", rb"\u0026"),
    ):
        if character in body:
            body = body.replace(character, escape)
    return body


def float64(value: Any) -> Any:
    """Return a JSON value as it leaves Go's `any`: numbers as float64, strings as valid UTF-8.

    Whole numbers below 1e21 come back as integers, with the digits that Go prints. Raise
    NotFiniteError for a number too large for a float64.
    """
    if isinstance(value, str):
        return value if value.isprintable() else _without_surrogates(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -_EXACT <= value <= _EXACT else _shortest(_to_float(value))
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NotFiniteError(repr(value))
        return _shortest(value) if value.is_integer() else value
    if is_object(value):
        return {float64(key): float64(item) for key, item in value.items()}
    return [float64(item) for item in value]


def _to_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise NotFiniteError(str(value)) from error


def _shortest(value: float) -> int | float:
    return int(Decimal(repr(value))) if abs(value) < _EXPONENT_FROM else value


def _without_surrogates(text: str) -> str:
    # Go decodes a lone surrogate to U+FFFD.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
