"""Event, signing and API keys: their validation, their hashes, and the order to try them in."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from inngest_rest._core.secret import Secret
from inngest_rest.errors import ConfigurationError, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator

# The official SDKs put this in the path when a dev server needs no key.
DEV_EVENT_KEY = "NO_EVENT_KEY_SET"

# Compiled when first needed: many processes import this package without having a key.
_SIGNING_KEY = r"(?:signkey-([A-Za-z0-9_]+)-)?((?:[0-9A-Fa-f]{2})+)"
# Any other word might be a part of somebody's secret.
_ENVIRONMENTS = frozenset({"prod", "test", "branch"})
_PRINTABLE = r"[\x21-\x7e]+"


class Found(NamedTuple):
    """A setting that is set: what it is called where it is set, and its value."""

    setting: Setting
    name: str
    value: Secret

    def wrong(self, reason: str) -> ConfigurationError:
        """Return the error for this setting."""
        return ConfigurationError(f"{self.name} {reason}", settings=[self.setting])


def check_event_key(found: Found) -> Secret:
    """Reject an event key that would not remain a single path segment."""
    key = check_key(found)
    if key.reveal() in {".", ".."} or "/" in key.reveal():
        raise found.wrong("is not a valid event key: it contains a slash or is only dots")
    return key


def check_key(found: Found) -> Secret:
    """Reject a key that cannot be sent in a header."""
    if not re.fullmatch(_PRINTABLE, found.value.reveal()):
        raise found.wrong(
            "is malformed: a key is printable ASCII without spaces, line breaks or control "
            "characters"
        )
    return found.value


def signing_key_bearer(found: Found) -> Secret:
    """Return the hash of a signing key, which is sent in its place."""
    key = check_key(found)
    if not re.fullmatch(_SIGNING_KEY, key.reveal()):
        raise found.wrong(
            "is not a valid signing key, which is an even number of hex digits, with or "
            'without a prefix such as "signkey-prod-"'
        )
    return hash_of(key)


def hash_of(signing_key: Secret) -> Secret:
    """Return the SHA-256 of a key's bytes in lower-case hex, as the official SDKs send it.

    The prefix `signkey-<word>-` is none of its bytes.
    """
    digits = Secret(signing_key.reveal().rpartition("-")[2])
    return Secret(hashlib.sha256(bytes.fromhex(digits.reveal())).hexdigest())


def signing_key_kind(key: Secret) -> str | None:
    """Return the environment that a signing key is for by its prefix; None if it does not show."""
    match = re.fullmatch(_SIGNING_KEY, key.reveal())
    return match[1] if match and match[1] in _ENVIRONMENTS else None


class KeyRing:
    """Bearer tokens in the order to try them; the last one that worked comes first."""

    def __init__(self, *bearers: Secret | None) -> None:
        self._bearers = tuple(bearer for bearer in bearers if bearer is not None)

    def __iter__(self) -> Iterator[Secret]:
        return iter(self._bearers)

    def __bool__(self) -> bool:
        return bool(self._bearers)

    def worked(self, bearer: Secret) -> None:
        if self._bearers[0] is not bearer:
            self._bearers = (bearer, *(other for other in self._bearers if other is not bearer))
