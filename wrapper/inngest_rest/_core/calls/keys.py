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
    from inngest_rest._core.calls.sources import Found, Reader

_VALID_EVENT_KEY = (
    r"(?!\.\.?$)[^/]+",  # it must remain a single path segment
    "is not a valid event key: it contains a slash or is only dots",
)
_VALID_SIGNING_KEY = (
    r"(?:signkey-[A-Za-z0-9_]+-)?(?:[0-9A-Fa-f]{2})+",
    (
        "is not a valid signing key, which is an even number of hex digits, with or without a "
        'prefix such as "signkey-prod-"'
    ),
)


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
    signing_keys = [*filter(None, map(reader.find, (SIGNING_KEY, FALLBACK)))]
    event_key, api_key = reader.find(EVENT_KEY), reader.find(API_KEY)
    return Keys(
        event_key=None if event_key is None else event_key.key(_VALID_EVENT_KEY),
        signing_bearers=tuple(_bearer(each) for each in signing_keys),
        signing_key_kinds={each.name: _kind(each.value) for each in signing_keys},
        api_key=None if api_key is None else api_key.key(),
    )


def _bearer(signing_key: Found) -> Secret:
    """Return the SHA-256 of a key without its prefix, in hex, as official SDKs send it."""
    text = signing_key.key(_VALID_SIGNING_KEY).reveal()
    return Secret(hash_of_digits(text.rpartition("-")[2]))


def _kind(signing_key: str) -> str | None:
    """Return the environment in the prefix of a signing key; None if it has none."""
    # Any other word might be part of a secret.
    found = re.match("signkey-(prod|test|branch)-", signing_key)
    return None if found is None else found[1]
