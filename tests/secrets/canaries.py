"""Keys that are looked for wherever something of a call may be left, in whatever form."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from typing import Any
from urllib.parse import unquote

# With characters that URLs, JSON and HTML escape.
EVENT_KEY = "evt-Canary+7Yq&Zx<9>?w%k"
API_KEY = "sk-inn-Canary+4Rt/Bn=6&m"
SIGNING_KEY = "signkey-prod-c0ffee5ec7e7c0ffee5ec7e7"
FALLBACK = "signkey-prod-deadbeef5ec7e7deadbeef"
PASSWORD = "Canary-of-a-proxy+2"
HEADER = "Canary-of-a-header+3"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digits(key: str) -> str:
    return key.rpartition("-")[2]


def _bearer(key: str) -> str:
    return hashlib.sha256(bytes.fromhex(_digits(key))).hexdigest()


KEYS = {
    "event key": EVENT_KEY,
    "API key": API_KEY,
    "signing key": _digits(SIGNING_KEY),
    "fallback": _digits(FALLBACK),
    "hash of the event key": _hash(EVENT_KEY),
    "hash of the API key": _hash(API_KEY),
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
    """Return which keys a text shows: as they are, escaped, in hexadecimal or in base64."""
    views = [view.lower() for view in _views(text)]
    return {name for name, key in KEYS.items() if any(key.lower() in view for view in views)}


def _views(text: str) -> list[str]:
    unquoted = unquote(text)
    views = [text, unquoted, unquote(unquoted), html.unescape(text), _without_escapes(text)]
    views += [_without_escapes(each) for each in views[-2:]]
    runs = set(re.findall(r"[A-Za-z0-9+/_-]{12,}", text))
    return [*views, " ".join(_decoded(each) for each in runs)]


def _without_escapes(text: str) -> str:
    escape = r"\\+(?:u00|x)([0-9a-fA-F]{2})"
    return re.sub(r"\\+", "", re.sub(escape, lambda it: chr(int(it[1], 16)), text))


def _decoded(run: str) -> str:
    found = [_base64(run[offset:]) for offset in range(4)]
    in_hex = re.findall("(?:[0-9a-fA-F]{2})+", run)
    found += [bytes.fromhex(each).decode("latin-1") for each in in_hex]
    # The hash of a signing key may be encoded as the bytes that it is.
    return " ".join([*found, *(each.encode("latin-1").hex() for each in found)])


def _base64(run: str) -> str:
    cut = run[:-1] if len(run) % 4 == 1 else run
    whole = cut.replace("-", "+").replace("_", "/") + "=" * (-len(cut) % 4)
    return base64.b64decode(whole).decode("latin-1")
