"""Mask what a server or a proxy quotes of a request, in whatever form it does so."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from inngest_rest._core.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MASK = "***"

# What is shorter is not a secret, and could be part of any word.
_SHORTEST = 8


class Mask:
    """Replaces secrets in text that comes from outside.

    They are looked for as they are, escaped as in URLs, JSON, HTML and reprs, in base64 (alone or
    as a part of what is encoded, such as a header), and as their SHA-256.

    Args:
        secrets: What to replace, unless it is shorter than 8 characters.
    """

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._secrets = tuple(secrets)
        self._forms: tuple[Secret, ...] | None = None  # made when first needed

    def __call__(self, text: str) -> str:
        """Return a text without the secrets, or with nothing replaced if there are none in it."""
        if self._forms is None:
            self._forms = _all_forms(self._secrets)
        for form in self._forms:
            if form.reveal() in text:
                text = text.replace(form.reveal(), _MASK)
        for form in self._forms:
            text = _without_torn(text, form.reveal())
        return text


def _without_torn(text: str, form: str) -> str:
    """Replace the beginning of a secret at the end of a text, which was cut off there."""
    begins = text.rfind(form[:_SHORTEST], max(0, len(text) - len(form)))
    if begins >= 0 and form.startswith(text[begins:]):
        return text[:begins] + _MASK
    return text


def _all_forms(secrets: Iterable[Secret]) -> tuple[Secret, ...]:
    """Return what to look for, the longest first: one secret may begin with another."""
    forms = {
        form
        for secret in secrets
        if len(secret.reveal()) >= _SHORTEST
        for form in _forms(secret.reveal())
        if len(form) >= _SHORTEST
    }
    return tuple(Secret(form) for form in sorted(forms, key=len, reverse=True))


def _forms(text: str) -> Iterator[str]:
    yield from (text, text.lower(), text.upper(), text.encode().hex())
    yield from (repr(text)[1:-1], html.escape(text), json.dumps(text)[1:-1], _json_of_go(text))
    encoded = quote(text, safe="")
    yield from (encoded, re.sub("%..", lambda each: each[0].lower(), encoded), quote(encoded))
    yield "".join(f"%{byte:02X}" for byte in text.encode())
    yield from _in_base64(text.encode())
    yield hashlib.sha256(text.encode()).hexdigest()
    if re.fullmatch("(?:[0-9a-f]{2})+", text):
        yield from _in_base64(bytes.fromhex(text))


def _json_of_go(text: str) -> str:
    """Return the text as encoding/json of Go escapes it, unless it is told otherwise."""
    return re.sub("[<>&]", lambda each: f"\\u{ord(each[0]):04x}", json.dumps(text)[1:-1])


def _in_base64(data: bytes) -> Iterator[str]:
    """Return the characters that are the same in base64 of whatever contains these bytes."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).decode().rstrip("=")
        first = (0, 2, 3)[before]
        last = len(encoded) - ((before + len(data)) % 3 > 0)
        yield encoded[first:last]
        yield encoded[first:last].replace("+", "-").replace("/", "_")
