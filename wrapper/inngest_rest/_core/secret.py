"""Secrets: hide keys wherever they are stored, and mask them in text from outside."""

from __future__ import annotations

import logging
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, NoReturn, Self, TypeVar, cast
from urllib.parse import quote
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

E = TypeVar("E", bound=BaseException)
T = TypeVar("T")

# A shorter text is not a secret, and could be part of any word.
_SHORTEST = 8

# httpcore logs the headers of responses, which may quote a request, and the password of a proxy.
_LOGGERS = tuple(
    f"{package}.{part}"
    for package in ("httpcore", "httpcore2")
    for part in ("http11", "proxy", "socks")
)

# The packages below httpx. The frames of a caller's own code keep their variables.
_NETWORK = frozenset(
    {"anyio", "h11", "httpcore", "httpcore2", "httpx", "httpx2", "socksio"}
)
_BELOW = _NETWORK | {"inngest_rest"} | sys.stdlib_module_names


class Hidden(Generic[T]):
    """A value that contains a key, or something else that gives access.

    Crash reporters record the local variables of each frame, by their reprs or attribute by
    attribute: the value is in neither. Only `reveal` returns it, to be used in the same expression.
    """

    __slots__ = ("_reveal",)

    def __init__(self, value: T) -> None:
        # In a closure: tools that show the attributes of objects would find an attribute.
        self._reveal: Callable[[], T] = lambda: value

    @classmethod
    def of(cls, value: T | None) -> Self | None:
        return None if value is None else cls(value)

    def reveal(self) -> T:
        return self._reveal()

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be copied or pickled")


class Secret(Hidden[str]):
    """A key. An argument of another type may be held until it is checked."""


# The kept hash of a signing key identifies it among these.
_LIKE_A_SIGNING_KEY = re.compile(r"(?:signkey-\w+-)?((?:[0-9A-Fa-f]{2}){4,})", re.ASCII)


class Mask:
    """Replaces secrets in text from outside, also percent-encoded ones, in any case.

    A signing key is replaced if its hash is a secret. As long as the mask exists, it is also
    applied to the logs of httpcore.
    """

    def __init__(self, secrets: Iterable[Secret]) -> None:
        long_enough = [each for each in secrets if len(each.reveal()) >= _SHORTEST]
        self._secrets = Hidden({secret.reveal() for secret in long_enough})
        self._pattern = _pattern_of(long_enough)
        living = [reference for reference in _masks if reference() is not None]
        _masks[:] = [*living, ref(self)]

    def __call__(self, text: str) -> str:
        # Compiled when first needed, which takes milliseconds.
        masked = re.sub(self._pattern.reveal(), "***", text, flags=re.IGNORECASE)
        return _LIKE_A_SIGNING_KEY.sub(self._without_own_key, masked)

    def _without_own_key(self, key: re.Match[str]) -> str:
        is_own = hash_of_digits(key[1]) in self._secrets.reveal()
        return "***" if is_own else key[0]


def _pattern_of(secrets: Iterable[Secret]) -> Hidden[str]:
    """Return the pattern of any of these secrets; it matches nothing if there is none."""
    forms = Hidden(set[str]())
    for secret in secrets:
        forms.reveal().add(re.escape(secret.reveal()))
        forms.reveal().add(re.escape(quote(secret.reveal())))
        forms.reveal().add(re.escape(quote(secret.reveal(), safe="")))
    # The longest first: one secret may begin with another.
    return Hidden("|".join(sorted(forms.reveal(), key=len, reverse=True)) or "(?!)")


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


def clear_frames(error: BaseException, handled: BaseException | None = None) -> None:
    """Clear the frames of httpx and the packages below, of an error and its causes.

    Their variables are the request, down to the bytes for the socket. Files and lines stay, and so
    do the frames of `handled`, the caller's error that was being handled before.
    """
    for each in chain(error, handled):
        is_below = False
        traceback = each.__traceback__
        while traceback is not None:
            module = str(traceback.tb_frame.f_globals.get("__name__"))
            package = module.partition(".")[0]
            is_first = (
                package in _NETWORK or module == "inngest_rest._core.drivers.carriers"
            )
            is_below = is_below or is_first
            if is_below and package in _BELOW:
                with suppress(RuntimeError):  # it is running
                    traceback.tb_frame.clear()
            traceback = traceback.tb_next


def cause_without_keys(error: E, mask: Callable[[str], str]) -> E | None:
    """Return an error as the cause of another; None if its message or arguments have a key.

    Libraries quote invalid text in their messages.
    """
    for each in chain(error):
        text = f"{each} {each.args!r}"
        if mask(text) != text:
            return None
    return error


def chain(
    error: BaseException, handled: BaseException | None = None
) -> Iterator[BaseException]:
    """Yield an error and its causes, down to an error that was being handled before."""
    seen = {id(handled)}
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
