"""Checks event keys and the signing key."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Collection

_PREFIX = re.compile(r"^signkey-\w+-", re.ASCII)


def _accepted_tokens(signing_key: str) -> frozenset[str]:
    raw = _PREFIX.sub("", signing_key)
    try:
        key = bytes.fromhex(raw)
    except ValueError:
        raise ValueError(
            "signing_key must be hexadecimal, after an optional prefix such as signkey-test-"
        ) from None
    if not key:
        raise ValueError("signing_key is empty")
    return frozenset({raw, hashlib.sha256(key).hexdigest()})


@attrs.frozen
class Keys:
    """The accepted keys; without any, the mock is a dev server and accepts everything."""

    event_keys: frozenset[str]
    signing_tokens: frozenset[str]

    @classmethod
    def of(cls, event_keys: Collection[str] | None, signing_key: str | None) -> Keys:
        """Validate the keys; raise ValueError for one that no server would accept."""
        if isinstance(event_keys, str):
            raise TypeError("event_keys must be a collection of keys, not one string")
        if event_keys is not None and (not event_keys or "" in event_keys):
            raise ValueError(
                "event_keys must contain at least one key, and no empty one"
            )
        tokens = (
            frozenset[str]() if signing_key is None else _accepted_tokens(signing_key)
        )
        return cls(frozenset(event_keys or ()), tokens)

    @property
    def server_kind(self) -> str:
        """The value of `X-Inngest-Server-Kind`: `cloud` for any server with keys."""
        return "cloud" if self.event_keys or self.signing_tokens else "dev"

    def accepts_event_key(self, key: str) -> bool:
        """Return whether this event key is accepted."""
        return not self.event_keys or key in self.event_keys

    def accepts_authorization(self, header: str) -> bool:
        """Return whether an Authorization header has the raw or hashed key, prefixed or not.

        The scheme is case-insensitive and the character after it is ignored, as in the server's
        TokenFromHeader.
        """
        if not self.signing_tokens:
            return True
        scheme, token = header[:6], header[7:]
        return (
            scheme.upper() == "BEARER" and _PREFIX.sub("", token) in self.signing_tokens
        )
