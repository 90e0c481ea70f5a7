"""Masks what looks like a key or a token in texts that a model reads: a comfort, no guarantee.

It takes time in proportion to the text, whatever the text: a secret begins with words of bounded
length, what follows is one run of characters of one class, and no run is read again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeVar, cast

from attrs import evolve, fields, has

T = TypeVar("T")

REDACTED = "[redacted]"

# A secret is not part of a longer word. After an escape of JSON or of a URL, a word begins, even
# though the escape ends with a letter.
_BEGINS_WORD = r"(?:(?<!\w)|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4})|(?<=%[0-9a-fA-F]{2}))"
_WORDS = (
    r"(?:[prs]k_(?:live|test)|whsec)_\w{8,}+",  # Stripe
    r"(?:github_pat|gh[oprsu])_\w{16,}+",
    r"(?:sk-|x(?:app|ox[a-z])-)[\w-]{16,}+",  # OpenAI and others, Slack
    r"[Bb](?i:earer)(?:\s|%20){1,20}+[\w.~+/-]{8,}+=*+",
    r"(?:AKIA|ASIA)[0-9A-Z]{16}(?!\w)",  # AWS
    r"signkey-\w++-[0-9a-fA-F]{16,}+",
    # JSON Web Tokens; a cursor has no dot. After a dash, the run of characters was read before.
    r"(?<!-)eyJ[\w-]{8,}+\.[\w.-]*+",
)
_MARKER = r"-{4,5} ?%s [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}"
# To the end of the text, if it was cut before the end of the key.
_PRIVATE_KEY = rf"{_MARKER % 'BEGIN'}(?s:.*?)(?:{_MARKER % 'END'}|\Z)"
_KEY = re.compile(rf"{_BEGINS_WORD}(?:{'|'.join(_WORDS)})|{_PRIVATE_KEY}", re.ASCII)


def without_keys(text: str) -> str:
    """Return a text in which `[redacted]` stands for what looks like a key or a token."""
    return _KEY.sub(REDACTED, text)


def masked(value: T) -> T:
    """Return a value of any kind without keys in its texts."""
    return with_texts(value, without_keys)


def with_texts(value: T, convert: Callable[[str], str]) -> T:
    """Return a value with each text in it converted, names of fields of JSON included."""
    return cast("T", _with_texts(value, convert))


def _with_texts(value: Any, convert: Callable[[str], str]) -> Any:
    match value:
        case Enum():
            return value
        case str():
            return convert(value)
        case Mapping():
            return _with_keys(cast("Mapping[object, object]", value), convert)
        case list() | tuple():
            items = [_with_texts(item, convert) for item in cast("list[object]", value)]
            kind = cast("Any", type(value))  # pyright: ignore[reportUnknownArgumentType]
            if hasattr(kind, "_fields"):  # a named tuple
                return kind(*items)
            return kind(items)
        case _ if has(cast("Any", type(value))):
            return _with_fields(value, convert)
        case _:
            return value


def _with_keys(
    value: Mapping[object, object], convert: Callable[[str], str]
) -> dict[Any, Any]:
    """Return a dict with each text converted; keys that become the same text are numbered."""
    converted: dict[Any, Any] = {}
    repeats = Counter[Any]()
    for name, item in value.items():
        text = _with_texts(name, convert)
        key = text
        while key in converted:
            repeats[text] += 1
            key = f"{text} {repeats[text] + 1}"
        converted[key] = _with_texts(item, convert)
    return converted


def _with_fields(value: Any, convert: Callable[[str], str]) -> Any:
    changed: dict[str, Any] = {}
    kind = cast("Any", type(value))
    for field in fields(kind):
        before = getattr(value, field.name)
        try:
            after = _with_texts(before, convert)
        except RecursionError:
            after = f"({type(before).__name__}, nested too deeply)"  # as `to_dict` says
        if field.init and after != before:
            changed[field.alias] = after
    if not changed:
        return value
    return evolve(value, **changed)
