"""Bounds of an answer: long text and lists are truncated, with a warning that says where."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from inngest_rest._visible import and_more, visible_json

DEFAULT_MAX_CHARS = 2_000
"""Characters of a text, for an agent that asks for no other number."""

LONGEST_ANSWER = 20_000
"""Number of bytes of an answer; hosts cut longer ones, and not where it does least harm."""

ROOM = LONGEST_ANSWER - 3_000
"""Number of bytes of the items of an answer: besides them it has warnings and untrusted paths."""

MAX_ROWS = 1_000
"""Number of rows, ids and failures that a result has at most."""

SPARED_CHARS = 64
"""A text of so many characters is never cut: it may be an id, a time or a status."""

MOST_FIELDS = 50
"""No record has more: a larger object is a payload, whose keys may be cut."""

FEW_CHARS = 250  # below it, text is cut only after lists are
_MOST_LEVELS = 100  # parsers of JSON give up soon after: that of MCP hosts, pydantic's, at 200
_MOST_NAMED = 10  # paths of one warning; there may be one for each item of each item
_LONGEST_PATH = 200

# After an escape of JSON or Python, a key begins, although the escape ends with a letter.
_START = r"(?:(?<!\w)|(?<=\\[nrtbf])|(?<=\\u[0-9a-f]{4}))"
_KEYS = (
    rf"(\\u[0-9a-f]{{4}}|\\.)|{_START}(?:[prs]k_(?:live|test)_\w{{8,}}"  # Stripe
    r"|(?:sk-|gh[opsu]_|xox[abprs]-)[\w-]{16,}"  # OpenAI and others, GitHub, Slack
    r"|(?i:bearer)\s+[\w.~+/-]{8,}=*"
    r"|eyJ[\w-]{8,}(?:\.[\w-]*)+"  # JWT; a cursor has no dot
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS
    r"|signkey-\w+-[0-9a-fA-F]{16,})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[^-\"\\]|\\.)*(?:-----END [A-Z ]*-----)?"
)

SECRETS = {
    "keys": re.compile(_KEYS),
    "emails": re.compile(rf"{_KEYS}|{_START}[\w.+-]{{1,254}}@[\w-]+(?:\.[\w-]+)+"),
}
"""Patterns of what is redacted in JSON too: keys and tokens, or those and e-mail addresses."""

_REDACTED = "[redacted]"


def redacted(secrets: re.Pattern[str] | None, text: str) -> tuple[str, int]:
    """Return text without secrets, and their number; escapes of JSON stay whole."""
    kept = secrets.sub(lambda each: each[1] or _REDACTED, text) if secrets else text
    return kept, kept.count(_REDACTED) - text.count(_REDACTED)


# A payload's keys are untrusted: one that is not a plain name is not repeated in a path.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")


def cut(data: Any, max_chars: int, *, path: str = "data") -> tuple[Any, list[str]]:
    """Return JSON with its longer texts cut, and what is nested too deeply, and their paths."""
    cutter = Cutter(max_chars)
    return cutter.cut(data, path), cutter.paths["characters"] + cutter.paths["levels"]


def as_text(value: Any) -> str:
    """Return compact JSON of a value, in which no character hides."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return visible_json(text)


def size_of(value: Any) -> int:
    """Return the number of bytes of a value in JSON."""
    return len(as_text(value).encode())


def number_that_fits(items: Iterable[Any], room: int) -> int:
    """Return how many of the first items fit into a number of bytes, at least one."""
    sizes = itertools.accumulate(size_of(each) + 1 for each in items)
    return max(1, sum(1 for _ in itertools.takewhile(lambda size: size <= room, sizes)))


class Cutter:
    """Cuts texts, and lists if there is a number of items; notes the paths of what it cut."""

    def __init__(self, max_chars: int, max_items: int | None = None) -> None:
        self._max_chars = max_chars
        self._max_items = max_items
        self.paths: dict[str, list[str]] = {"characters": [], "items": [], "levels": []}

    def cut(self, value: Any, path: str, level: int = 0) -> Any:
        match value:
            case str():
                return self._text(value, path)
            case Mapping() | list() | tuple() if level > _MOST_LEVELS:
                self.paths["levels"].append(path)
                return f"...[more than {_MOST_LEVELS} levels]"
            case Mapping():
                return self._object(cast("Mapping[str, Any]", value), path, level)
            case list() | tuple():
                items = self._first(cast("Sequence[Any]", value), path)
                places = ((it, f"{path}[{index}]") for index, it in enumerate(items))
                return [self.cut(it, place, level + 1) for it, place in places]
            case _:
                return value

    def warnings(self, remedy: str) -> Iterator[str]:
        limits = (self._max_chars, self._max_items, _MOST_LEVELS)
        for limit, (unit, paths) in zip(limits, self.paths.items(), strict=True):
            if paths:
                named = [it[:_LONGEST_PATH] + "..." * (len(it) > _LONGEST_PATH) for it in paths]
                yield f"cut at {limit} {unit}: {and_more(named, _MOST_NAMED)}; {remedy}"

    def _text(self, text: str, path: str) -> str:
        more = len(text) - self._max_chars
        if more <= 0 or len(text) <= SPARED_CHARS:
            return text
        self.paths["characters"].append(path)
        return f"{text[: self._max_chars]}...[{more} more characters]"

    def _object(self, value: Mapping[str, Any], path: str, level: int) -> dict[str, Any]:
        keys = tuple(value) if len(value) <= MOST_FIELDS else self._first(tuple(value), path)
        is_cut = self._max_items is not None
        return {
            self._text(key, f"{path}.*") if is_cut else key: self.cut(
                value[key], f"{path}.{key if _NAME.fullmatch(key) else '*'}", level + 1
            )
            for key in keys
        }

    def _first(self, items: Sequence[Any], path: str) -> Sequence[Any]:
        if self._max_items is None or len(items) <= self._max_items:
            return items
        self.paths["items"].append(f"{path} ({len(items)})")
        return items[: self._max_items]
