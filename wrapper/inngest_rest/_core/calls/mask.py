"""Mask what a server or a proxy quotes of a request, in whatever form it does so."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from inngest_rest._core.secret import Secret

_MASK = "***"

# What is shorter is not a secret, and could be part of any word.
_SHORTEST = 8

# The beginning of an escape at the end of a text, if there is one.
_TORN_ESCAPE = r"(?:%(?:25)*2?[0-9a-f]?|\\+(?:u[0-9a-f]{0,3}|x[0-9a-f]?)?|&[#\w]{0,6})?$"

# A server quotes the request in a message, which a proxy quotes in JSON, which is in a repr.
_DEEPEST = 3


class Mask:
    """Replaces secrets in text that comes from outside.

    They are found in upper and lower case, escaped as in URLs, JSON, HTML and reprs, in base64
    (alone or as a part of what is encoded, such as a header), in hexadecimal, and as their SHA-256.

    Args:
        secrets: What to replace, unless it is shorter than 8 characters.
    """

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._secrets = tuple(secrets)
        self._replace: Callable[[str], str] | None = None  # made when first needed

    def __call__(self, text: str) -> str:
        """Return a text without the secrets, or the text itself if there are none in it."""
        if self._replace is None:
            self._replace = _replacer(self._secrets)
        return self._replace(text)


def _replacer(secrets: Iterable[Secret]) -> Callable[[str], str]:
    # The longest first: one secret may begin with another.
    forms = sorted(
        {
            form
            for secret in secrets
            if len(secret.reveal()) >= _SHORTEST
            for form in _forms(secret.reveal())
            if len(form) >= _SHORTEST
        },
        key=len,
        reverse=True,
    )
    patterns = dict[str, re.Pattern[str]]()

    def found_in(text: str) -> list[str]:
        views = list(_views(text))
        return [form for form in forms if any(form in view for view in views)]

    def replace(text: str) -> str:
        found = found_in(text)
        for form in found:
            if form not in patterns:
                patterns[form] = re.compile(_pattern(form), re.IGNORECASE)
            text = patterns[form].sub(_MASK, text)
        if found and found_in(text):
            return _MASK  # it is there, wherever that may be
        return _without_torn(text, forms)

    return replace


def _forms(text: str) -> Iterator[str]:
    """Return what to look for, in lower case and without backslashes."""
    data = text.encode()
    yield text.lower()
    yield text.lower().replace("\\", "")
    yield data.hex()
    yield from _in_base64(data)
    digest = hashlib.sha256(data)
    yield digest.hexdigest()
    yield from _in_base64(digest.digest())
    if re.fullmatch("(?:[0-9a-f]{2})+", text):  # the hash of a signing key
        yield from _in_base64(bytes.fromhex(text))


def _in_base64(data: bytes) -> Iterator[str]:
    """Return the characters that are the same in base64 of whatever contains these bytes."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).decode().rstrip("=").lower()
        first = (0, 2, 3)[before]
        last = len(encoded) - ((before + len(data)) % 3 > 0)
        yield encoded[first:last]
        yield encoded[first:last].replace("+", "-").replace("/", "_")


def _views(text: str) -> Iterator[str]:
    """Return a text in lower case, then without escapes, and without those within escapes."""
    view = text.lower()
    yield view
    for _ in range(_DEEPEST):
        plain = _unescaped(view)
        if plain == view:
            return
        yield plain
        view = plain


def _unescaped(view: str) -> str:
    if "%" in view:
        view = unquote(view)
    if "&" in view:
        view = html.unescape(view)
    if "\\" in view:
        view = re.sub(r"\\+(?:u00|x)([0-9a-f]{2})", lambda code: chr(int(code[1], 16)), view)
        view = view.replace("\\", "")
    return view.lower()


def _pattern(form: str) -> str:
    return "".join(_in_any_form(each) for each in form)


def _in_any_form(character: str) -> str:
    """Return the pattern of a character as it is, or escaped if it is one that needs it."""
    if character.isalnum():
        return character
    plain, code = re.escape(character), ord(character)
    return (
        rf"(?:\\*{plain}|%(?:25)*{code:02x}|\\+(?:u00|x){code:02x}"
        rf"|&#(?:0*{code}|x0*{code:02x});|{re.escape(html.escape(character))})"
    )


def _without_torn(text: str, forms: list[str]) -> str:
    """Replace the beginning of a secret at the end of a text that was cut off within it."""
    # Any character may be escaped, by no more than six.
    end = text[-len(forms[0]) * 6 :] if forms else ""
    for view in _views(re.sub(_TORN_ESCAPE, "", end.lower())):
        for form in forms:
            begin = view.rfind(form[:_SHORTEST])
            if begin >= 0 and form.startswith(view[begin:]):
                pattern = _pattern(view[begin:]) + _TORN_ESCAPE
                cut = re.sub(pattern, _MASK, text, flags=re.IGNORECASE)
                return cut if cut != text else text[: -len(end)] + _MASK
    return text
