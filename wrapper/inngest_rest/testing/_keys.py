"""Event keys and the signing key (facts.md 0)."""

import hashlib
import re
from collections.abc import Collection

import attrs

_PREFIX = re.compile(r"^signkey-\w+-", re.ASCII)


def _accepted_tokens(signing_key: str) -> frozenset[str]:
    raw = _PREFIX.sub("", signing_key)
    try:
        key = bytes.fromhex(raw)
    except ValueError:
        raise ValueError("a signing key is hexadecimal, after its prefix if it has one") from None
    if not key:
        raise ValueError("the signing key is empty")
    return frozenset({raw, hashlib.sha256(key).hexdigest()})


@attrs.frozen
class Keys:
    """What the mock accepts; without keys it is a dev server and accepts anything."""

    event_keys: frozenset[str]
    signing_tokens: frozenset[str]

    @classmethod
    def of(cls, event_keys: Collection[str] | None, signing_key: str | None) -> "Keys":
        """Read the constructor arguments; raise ValueError for a key no server would take."""
        if isinstance(event_keys, str):
            raise TypeError("event_keys is a collection of keys, not one key")
        if event_keys is not None and (not event_keys or "" in event_keys):
            raise ValueError("event_keys holds no key or an empty one")
        tokens = frozenset[str]() if signing_key is None else _accepted_tokens(signing_key)
        return cls(frozenset(event_keys or ()), tokens)

    @property
    def server_kind(self) -> str:
        """What `X-Inngest-Server-Kind` says: `cloud` for any authenticated server."""
        return "cloud" if self.event_keys or self.signing_tokens else "dev"

    def accepts_event_key(self, key: str) -> bool:
        """Tell whether events may be sent with this key."""
        return not self.event_keys or key in self.event_keys

    def accepts_authorization(self, header: str) -> bool:
        """Tell whether an Authorization header passes: the raw key or its hash, prefix or not.

        The scheme counts in any case and the character after it is not looked at, as in the
        server's TokenFromHeader.
        """
        if not self.signing_tokens:
            return True
        scheme, token = header[:6], header[7:]
        return scheme.upper() == "BEARER" and _PREFIX.sub("", token) in self.signing_tokens
