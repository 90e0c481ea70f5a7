"""Event, signing and API keys: what is well formed, what is sent, which one is asked first."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from inngest_rest.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

# What the official SDKs put in the path when a dev server needs no key.
DEV_EVENT_KEY = "NO_EVENT_KEY_SET"

# Compiled when first needed: many a process imports this package and has no key.
_SIGNING_KEY = r"(?:signkey-[A-Za-z0-9_]+-)?((?:[0-9A-Fa-f]{2})+)"
_PRINTABLE = r"[\x21-\x7e]+"


def check_event_key(name: str, key: str) -> str:
    """Refuse an event key that could not stand as one segment of a path."""
    check_token(name, key)
    if key in {".", ".."} or "/" in key:
        raise ConfigurationError(f"{name} is no event key: it holds a slash or is only dots")
    return key


def check_token(name: str, key: str) -> str:
    """Refuse a key that could not stand in a header."""
    if not re.fullmatch(_PRINTABLE, key):
        raise ConfigurationError(
            f"{name} is malformed: a key is one word of printable ASCII, without spaces, line "
            "breaks or control characters"
        )
    return key


def signing_key_bearer(name: str, key: str) -> str:
    """Return the form of a signing key that is sent: the hash, as the official SDKs send it.

    It is the lower hex SHA-256 of the key's bytes, the prefix `signkey-<word>-` taken off
    [facts.md 0: `signkey-prod-12345678` gives `b2ed9921...`].
    """
    check_token(name, key)
    match = re.fullmatch(_SIGNING_KEY, key)
    if match is None:
        raise ConfigurationError(
            f"{name} is no signing key: it is an even number of hex digits, with or without a "
            'prefix such as "signkey-prod-"'
        )
    return hashlib.sha256(bytes.fromhex(match[1])).hexdigest()


class KeyRing:
    """Bearers in the order to try them; one that worked goes first from then on."""

    def __init__(self, *bearers: str | None) -> None:
        self._bearers = tuple(bearer for bearer in bearers if bearer is not None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._bearers)

    def __bool__(self) -> bool:
        return bool(self._bearers)

    def worked(self, bearer: str) -> None:
        if self._bearers[0] != bearer:
            self._bearers = (bearer, *(other for other in self._bearers if other != bearer))
