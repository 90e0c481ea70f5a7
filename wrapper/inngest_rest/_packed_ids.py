"""Ids in little memory: a ULID as 16 bytes instead of a string of 75, any other id as it is."""

from __future__ import annotations

import base64
import re

_SIZE = 16
_NONE = bytes(_SIZE)

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TO_BASE_32 = str.maketrans(_CROCKFORD, "0123456789abcdefghijklmnopqrstuv")
_FROM_RFC_4648 = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _CROCKFORD.encode())


class PackedIds:
    """The ids at positions 0, 1, 2 and so on; None at a position that has none.

    It takes 16 bytes for each position up to the last that has a ULID.
    """

    __slots__ = ("_others", "_packed")

    def __init__(self) -> None:
        self._packed = bytearray()
        self._others: dict[int, str] = {}

    def __setitem__(self, position: int, id: str | None) -> None:
        packed = None if id is None else _pack(id)
        if packed is None and id is not None:
            self._others[position] = id
        else:
            self._others.pop(position, None)
        start, end = position * _SIZE, len(self._packed)
        if packed is not None or start < end:
            self._packed += bytes(max(start - end, 0))
            self._packed[start : start + _SIZE] = packed or _NONE

    def __getitem__(self, position: int) -> str | None:
        start = position * _SIZE
        packed = bytes(self._packed[start : start + _SIZE])
        if packed in (_NONE, b""):
            return self._others.get(position)
        return _unpack(packed)


class PackedIdSet:
    """A set of ids that only grows, in 16 bytes for each ULID and little more."""

    # The last bits of a ULID are random, so its bucket is; a search through one takes a microsecond
    # in a set of a million.
    _BUCKETS = 4096

    def __init__(self) -> None:
        self._buckets: dict[int, bytearray] = {}
        self._others: set[str] = set()

    def add(self, id: str) -> bool:
        """Add an id; return whether it is new."""
        packed = _pack(id)
        if packed is None:
            is_new = id not in self._others
            self._others.add(id)
            return is_new
        number = int.from_bytes(packed[-2:], "big") % self._BUCKETS
        bucket = self._buckets.setdefault(number, bytearray())
        found = bucket.find(packed)
        while found % _SIZE and found >= 0:  # the end of one id and the start of the next
            found = bucket.find(packed, found + 1)
        if found < 0:
            bucket += packed
        return found < 0


def _pack(id: str) -> bytes | None:
    """Return a ULID as bytes; None for any other text, and for the one that is all zeros."""
    if not _ULID.fullmatch(id):
        return None
    packed = int(id.translate(_TO_BASE_32), 32).to_bytes(_SIZE, "big")
    return None if packed == _NONE else packed


def _unpack(packed: bytes) -> str:
    # 20 bytes are 32 characters without padding, of which a ULID has the last 26.
    encoded = base64.b32encode(packed.rjust(20, b"\0"))
    return encoded[6:].translate(_FROM_RFC_4648).decode()
