"""The ids of the platform: ULIDs for events and runs, UUIDs for apps and functions."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
import uuid

from inngest_rest_mock._times import NS_PER_MILLISECOND

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_SHIFTS = tuple(range(120, -1, -10))
_ULID_LENGTH = 26
_SEED = re.compile(r"([+-]?[0-9]+),([^,]*)")
_ENTROPY_BYTES = 10

ENVIRONMENT_ID = "00000000-0000-4000-b000-000000000000"
NIL_ID = "00000000-0000-0000-0000-000000000000"


def ulid(milliseconds: int, entropy: int) -> str:
    """Build a ULID from its 48-bit time and its 80-bit entropy."""
    value = (milliseconds << 80) | entropy
    return "".join([_PAIRS[(value >> shift) & 1023] for shift in _SHIFTS])


class UlidFactory:
    """Makes ULIDs in strictly ascending order.

    The server orders ids within a millisecond at random; ascending ids make the mock's listings
    deterministic.
    """

    def __init__(self) -> None:
        self._milliseconds = 0
        self._entropy = 0

    def next(self, ns: int) -> str:
        """Return a new ULID for the time `ns` (nanoseconds since the epoch)."""
        milliseconds = ns // NS_PER_MILLISECOND
        if milliseconds > self._milliseconds:
            self._milliseconds = milliseconds
            # One bit less than the maximum, so that incrementing cannot overflow.
            self._entropy = secrets.randbits(79)
        else:
            self._entropy += 1
        return ulid(self._milliseconds, self._entropy)


def parse_ulid(text: str) -> str | None:
    """Return the upper-case form, or None if the server's parser rejects the text.

    The server (oklog/ulid `Parse`) checks only the length and the first character: any other 26
    characters are an id that does not exist.
    """
    if len(text.encode("utf-8", "surrogatepass")) != _ULID_LENGTH or text[0] > "7":
        return None
    return text.upper()


def seeded_id(header: str | None, index: int) -> str | None:
    """Return the id of the event at `index` (from 1) by a seed (recording ingest-seed).

    The header is `<millis>,<base64 of 10 bytes>`; return None if it is absent or malformed.
    """
    match = _SEED.fullmatch(header or "")
    if match is None:
        return None
    try:
        entropy = base64.b64decode(match[2], validate=True)
    except (ValueError, binascii.Error):
        return None
    milliseconds = int(match[1])
    if len(entropy) != _ENTROPY_BYTES or not 0 < milliseconds < 2**48:
        return None
    high, low = int.from_bytes(entropy[:6], "big"), int.from_bytes(entropy[6:], "big")
    return ulid(milliseconds, high << 32 | (low + index) & 0xFFFFFFFF)


def stable_uuid(name: str) -> str:
    """Derive a UUID from `name`, as the server does for apps and functions."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def parse_uuid(text: str) -> str | None:
    """Return the canonical form of a UUID, or None."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def step_hash(name: str) -> str:
    """Return a trace's `stepId`: the SHA-1 of the step's name."""
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


def span_id(*parts: str) -> str:
    """Return a stable 16-digit span id."""
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:16]
