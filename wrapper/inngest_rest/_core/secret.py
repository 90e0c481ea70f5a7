"""Secrets: keys have a repr without their text, and are masked in text from outside."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import quote
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

E = TypeVar("E", bound=BaseException)

# A shorter text is not a secret, and could be part of any word.
_SHORTEST = 8

# httpcore logs the headers of responses, which may quote a request, and the password of a proxy.
_LOGGERS = tuple(
    f"{package}.{part}"
    for package in ("httpcore", "httpcore2")
    for part in ("http11", "proxy", "socks")
)


class Secret:
    """A key: only `reveal` shows it, and its repr does not."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"


# The kept hash of a signing key identifies it among these.
_LIKE_A_SIGNING_KEY = re.compile(r"(?:signkey-\w+-)?((?:[0-9A-Fa-f]{2}){4,})", re.ASCII)


class Mask:
    """Replaces secrets in text from outside, also percent-encoded ones, in any case.

    A signing key is replaced if its hash is a secret. As long as the mask exists, it is also
    applied to the logs of httpcore.
    """

    def __init__(self, secrets: Iterable[Secret]) -> None:
        texts = {secret.reveal() for secret in secrets}
        self._secrets = {text for text in texts if len(text) >= _SHORTEST}
        self._pattern = _pattern_of(self._secrets)
        living = [reference for reference in _masks if reference() is not None]
        _masks[:] = [*living, ref(self)]

    def __call__(self, text: str) -> str:
        # Compiled when first needed, which takes milliseconds.
        masked = re.sub(self._pattern, "***", text, flags=re.IGNORECASE)
        return _LIKE_A_SIGNING_KEY.sub(self._without_own_key, masked)

    def _without_own_key(self, key: re.Match[str]) -> str:
        is_own = hash_of_digits(key[1]) in self._secrets
        return "***" if is_own else key[0]


def _pattern_of(secrets: Iterable[str]) -> str:
    """Return the pattern of any of these secrets; it matches nothing if there is none."""
    forms = {
        re.escape(form)
        for secret in secrets
        for form in (secret, quote(secret), quote(secret, safe=""))
    }
    # The longest first: one secret may begin with another.
    return "|".join(sorted(forms, key=len, reverse=True)) or "(?!)"


def hash_of_digits(digits: str) -> str:
    """Return the form in which a signing key is sent: the SHA-256 of its bytes, in hex."""
    import hashlib  # noqa: PLC0415 - it loads OpenSSL, for clients with a signing key alone

    return hashlib.sha256(bytes.fromhex(digits)).hexdigest()


_masks: list[ref[Mask]] = []


def _mask_record(record: logging.LogRecord) -> bool:
    for reference in [*_masks]:
        mask = reference()
        if mask is not None:
            record.msg = mask(record.getMessage())
            record.args = ()
    return True


for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_mask_record)


def cause_without_keys(error: E, mask: Callable[[str], str]) -> E | None:
    """Return an error as the cause of another; None if its message or arguments have a key.

    Libraries quote invalid text in their messages.
    """
    for each in chain(error):
        text = f"{each} {each.args!r}"
        if mask(text) != text:
            return None
    return error


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that led to it."""
    seen = set[int]()
    left = [error]
    while left:
        each = left.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            origins = (each.__cause__, each.__context__)
            left += filter(None, origins)
            if isinstance(each, BaseExceptionGroup):
                left += cast("BaseExceptionGroup[BaseException]", each).exceptions
