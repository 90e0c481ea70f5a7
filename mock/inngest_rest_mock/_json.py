"""JSON of requests and responses."""

from __future__ import annotations

from typing import Any, TypeGuard

import msgspec

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


def encode(value: object, *, sort: bool = False) -> bytes:
    """Encode a JSON value; raise TypeError for anything else."""
    return _encode_sorted(value) if sort else _encode(value)


def decode(body: bytes) -> Any:
    """Decode a body; raise ValueError for one that is not JSON, or nested too deep."""
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise ValueError("exceeded max depth") from None


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Return whether a value is a JSON object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[Any]]:
    """Return whether a value is a JSON array."""
    return isinstance(value, list)
