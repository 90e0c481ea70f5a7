"""Keys that are looked for wherever something of a call may be left."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import unquote

# With characters that URLs escape.
EVENT_KEY = "evt-Canary+7Yq=Zx9w%k"
API_KEY = "sk-inn-Canary+4Rt/Bn=6m"
SIGNING_KEY = "signkey-prod-c0ffee5ec7e7c0ffee5ec7e7"
FALLBACK = "signkey-prod-deadbeef5ec7e7deadbeef"
PASSWORD = "Canary-of-a-proxy+2"
HEADER = "Canary-of-a-header+3"


def _digits(key: str) -> str:
    return key.rpartition("-")[2]


def _bearer(key: str) -> str:
    return hashlib.sha256(bytes.fromhex(_digits(key))).hexdigest()


KEYS = {
    "event key": EVENT_KEY,
    "API key": API_KEY,
    "signing key": _digits(SIGNING_KEY),
    "fallback": _digits(FALLBACK),
    "hash of the signing key": _bearer(SIGNING_KEY),
    "hash of the fallback": _bearer(FALLBACK),
    "password": PASSWORD,
    "header": HEADER,
}

ARGUMENTS: dict[str, Any] = {
    "event_key": EVENT_KEY,
    "signing_key": SIGNING_KEY,
    "signing_key_fallback": FALLBACK,
    "api_key": API_KEY,
}


def found_in(text: str) -> set[str]:
    """Return which keys a text shows, as they are or percent-encoded."""
    views = text.lower(), unquote(text).lower()
    return {name for name, key in KEYS.items() if any(key.lower() in view for view in views)}
