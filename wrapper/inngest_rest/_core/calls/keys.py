"""The keys of a client: which are valid, and which may be sent to which host."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from inngest_rest._core.calls.sources import (
    API_KEY,
    EVENT_KEY,
    FALLBACK,
    SIGNING_KEY,
)
from inngest_rest._core.secret import Secret, hash_of_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.calls.hosts import Host
    from inngest_rest._core.calls.sources import Reader

_VALID_EVENT_KEY = (
    r"(?!\.\.?$)[^/]+",  # it must remain a single path segment
    "is not a valid event key: it contains a slash or is only dots",
)
_VALID_SIGNING_KEY = (
    r"(?:signkey-([A-Za-z0-9_]+)-)?((?:[0-9A-Fa-f]{2})+)",
    (
        "is not a valid signing key, which is an even number of hex digits, with or without a "
        'prefix such as "signkey-prod-"'
    ),
)
# Any other word might be part of a secret.
_ENVIRONMENTS = frozenset({"prod", "test", "branch"})


class Keys(NamedTuple):
    """The keys of a client."""

    event_key: Secret | None
    signing_bearers: tuple[Secret, ...]
    signing_key_kinds: Mapping[str, str | None]
    api_key: Secret | None

    def shown_to(self, *, event_host: Host, api_host: Host) -> Keys:
        """Return the keys without those that the network could read on the way to a host."""
        keys = self
        if event_host.shows_keys:
            keys = keys._replace(event_key=None)
        if api_host.shows_keys:
            keys = keys._replace(signing_bearers=(), api_key=None)
        return keys


def read_keys(reader: Reader) -> Keys:
    found = map(reader.find, (SIGNING_KEY, FALLBACK))
    signing_keys = [key for key in found if key is not None]
    bearers = [hash_of(key.key(_VALID_SIGNING_KEY).reveal()) for key in signing_keys]
    kinds = {key.name: _kind(key.value) for key in signing_keys}
    found_event_key = reader.find(EVENT_KEY)
    found_api_key = reader.find(API_KEY)
    event_key: Secret | None = None
    if found_event_key is not None:
        event_key = found_event_key.key(_VALID_EVENT_KEY)
    api_key: Secret | None = None
    if found_api_key is not None:
        api_key = found_api_key.key()
    return Keys(
        event_key=event_key,
        signing_bearers=tuple(bearers),
        signing_key_kinds=kinds,
        api_key=api_key,
    )


def hash_of(signing_key: str) -> Secret:
    """Return the SHA-256 of a key without its prefix, in hex, as official SDKs send it."""
    return Secret(hash_of_digits(signing_key.rpartition("-")[2]))


def _kind(key: str) -> str | None:
    """Return the environment in the prefix of a signing key; None if it has none."""
    pattern, _ = _VALID_SIGNING_KEY
    match = re.fullmatch(pattern, key)
    if match is None or match[1] not in _ENVIRONMENTS:
        return None
    return match[1]
