"""Cutting what is too long for an answer: long texts, and lists where that does not suffice."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from inngest_rest.programs import and_more, visible_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SPARED_CHARS = 64
"""A text of so many characters is never cut: it may be an id, a time or a status."""

MOST_FIELDS = 50
"""No record has more: a larger object is a payload, whose keys may be cut."""

# Parsers of JSON give up soon after: pydantic's, which MCP hosts use, at 200.
_MOST_LEVELS = 100
_MOST_NAMED = 10  # paths of one warning; there may be one for each item of each item

# A payload's keys are untrusted: one that is not a plain name is not repeated in a path.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")


def as_text(value: Any) -> str:
    """Return compact JSON of a value, with invisible characters escaped."""
    text = json.dumps(
        value,
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
    )
    return visible_json(text)


def size_of(value: Any) -> int:
    """Return the number of bytes of a value in JSON."""
    return len(as_text(value).encode())


class Cutter:
    """Cuts texts, and lists if there is a number of items; notes the paths of what it cut."""

    def __init__(self, max_chars: int, max_items: int | None = None) -> None:
        self._max_chars = max_chars
        self._max_items = max_items
        self.paths: dict[str, list[str]] = {
            "characters": [],
            "items": [],
            "levels": [],
        }

    def cut(self, value: Any, path: str, level: int = 0) -> Any:
        """Return a JSON value with its long parts truncated; `path` leads to the value."""
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
                return [
                    self.cut(item, f"{path}[{index}]", level + 1)
                    for index, item in enumerate(items)
                ]
            case _:
                return value

    def warnings(self, remedy: str) -> Iterator[str]:
        """Yield a warning per unit with the paths that were cut, and how to get all of it."""
        limits = {
            "characters": self._max_chars,
            "items": self._max_items,
            "levels": _MOST_LEVELS,
        }
        for unit, limit in limits.items():
            paths = self.paths[unit]
            if paths:
                yield f"cut at {limit} {unit}: {and_more(paths, _MOST_NAMED)}; {remedy}"

    def _text(self, text: str, path: str) -> str:
        excess = len(text) - self._max_chars
        if excess <= 0 or len(text) <= SPARED_CHARS:
            return text
        self.paths["characters"].append(path)
        return f"{text[: self._max_chars]}...[{excess} more characters]"

    def _object(
        self, value: Mapping[str, Any], path: str, level: int
    ) -> dict[str, Any]:
        keys: Sequence[str] = tuple(value)
        if len(keys) > MOST_FIELDS:
            keys = self._first(keys, path)
        cut: dict[str, Any] = {}
        for key in keys:
            name = key if _NAME.fullmatch(key) else "*"
            place = f"{path}.{name}"
            cut_key = self._text(key, place)
            while cut_key in cut:  # of another long key that begins the same
                cut_key += f"[{len(cut)}]"
            cut[cut_key] = self.cut(value[key], place, level + 1)
        return cut

    def _first(self, items: Sequence[Any], path: str) -> Sequence[Any]:
        at_most = self._max_items
        if at_most is None or len(items) <= at_most:
            return items
        self.paths["items"].append(f"{path} ({len(items)})")
        return items[:at_most]
