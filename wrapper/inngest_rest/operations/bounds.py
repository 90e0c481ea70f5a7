"""Bounds of an answer, for a reader with little room: what is long is cut, and it is said where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from attrs import define, field

DEFAULT_MAX_CHARS = 2_000
"""Characters of a text, for an agent that asks for no other number."""

# Paths of one warning; there may be one for each item of each item.
_MOST_NAMED = 10

# A payload's keys are chosen by strangers: one that is no mere name is not repeated in a path.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")


def cut(data: Any, max_chars: int, *, path: str = "data") -> tuple[Any, list[str]]:
    """Cut each text in a JSON value that is longer than it may be.

    Args:
        data: The value, of the types of `json.loads`. It is left as it is.
        max_chars: Number of characters that a text has at most; what follows them says how many
            more there were.
        path: The path of the value itself.

    Returns:
        The value with its texts cut, and the paths of those, such as "data.items[0].output".
    """
    cutter = _Cutter(max_chars)
    return cutter.cut(data, path), cutter.paths


def warning(paths: Sequence[str], what: str) -> str:
    """Return a warning that names paths, or the first of many."""
    more = len(paths) - _MOST_NAMED
    named = ", ".join(paths[:_MOST_NAMED])
    return f"{what}: {named}" + (f" and {more} more" if more > 0 else "")


@define
class _Cutter:
    max_chars: int
    paths: list[str] = field(factory=list[str])

    def cut(self, value: Any, path: str) -> Any:
        match value:
            case str():
                return self._text(value, path)
            case Mapping():
                pairs = cast("Mapping[str, Any]", value)
                return {key: self.cut(it, _member(path, key)) for key, it in pairs.items()}
            case list() | tuple():
                items = cast("Iterable[Any]", value)
                return [self.cut(it, f"{path}[{index}]") for index, it in enumerate(items)]
            case _:
                return value

    def _text(self, text: str, path: str) -> str:
        more = len(text) - self.max_chars
        if more <= 0:
            return text
        self.paths.append(path)
        return f"{text[: self.max_chars]}...[{more} more characters]"


def _member(path: str, key: str) -> str:
    return f"{path}.{key if _NAME.fullmatch(key) else '*'}"
