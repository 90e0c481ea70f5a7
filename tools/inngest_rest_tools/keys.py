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
_begins_word = re.compile(
    r"(?<!\w)|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4})|(?<=%[0-9a-fA-F]{2})", re.ASCII
).match

_MARKER = r"-{4,5} ?%s [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}"

# The beginning of each kind of secret, with a letter or a dash first so that it is found fast, and
# the rest. Quantifiers are not nested.
_KINDS = {
    "stripe": (r"(?:[prs]k_(?:live|test)|whsec)_", r"\w{8,}+"),
    "github": (r"(?:github_pat|gh[oprsu])_", r"\w{16,}+"),
    # OpenAI and others, Slack
    "dashed": (r"(?:sk-|x(?:app|ox[a-z])-)", r"[\w-]{16,}+"),
    "bearer": (r"[Bb](?i:earer)(?:\s|%20){1,20}+", r"[\w.~+/-]{8,}+=*+"),
    "aws": (r"(?:AKIA|ASIA)", r"[0-9A-Z]{16}(?!\w)"),
    "inngest": (r"signkey-", r"\w++-[0-9a-fA-F]{16,}+"),
    "token": ("eyJ", r"[\w-]{8,}+\.[\w.-]*+"),  # JSON Web Tokens; a cursor has no dot
    # To the end of the text, if it was cut before the end of the key.
    "private": (_MARKER % "BEGIN", rf"(?s:.*?)(?:{_MARKER % 'END'}|\Z)"),
}

_starts: list[str] = []
_bodies: dict[str, re.Pattern[str]] = {}
for _kind, (_start, _body) in _KINDS.items():
    _starts.append(f"(?P<{_kind}>{_start})")
    _bodies[_kind] = re.compile(_body, re.ASCII)
_find_start = re.compile("|".join(_starts), re.ASCII).search
_run = re.compile(r"[\w-]*+", re.ASCII)


def without_keys(text: str) -> str:
    """Return a text in which `[redacted]` stands for what looks like a key or a token."""
    parts: list[str] = []
    done = 0  # up to here, the text is in the parts
    position = 0  # of the search
    run_end = 0  # of a run that has no dot, and so no token in it
    while (start := _find_start(text, position)) is not None:
        kind = cast("str", start.lastgroup)
        position = start.end()
        if kind != "private" and not _begins_word(text, start.start()):
            position = start.start() + 1
            continue
        if kind == "token" and position < run_end:
            continue  # another start of it has read this run
        body = _bodies[kind].match(text, position)
        if body is not None:
            parts += [text[done : start.start()], REDACTED]
            position = body.end()
            done = position
        elif kind == "token":
            run = cast("re.Match[str]", _run.match(text, position))
            run_end = run.end()
    return "".join([*parts, text[done:]])


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
