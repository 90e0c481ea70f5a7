"""Bounds of an answer, for a reader with little room: what is long is cut, and it is said where."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from attrs import define, evolve, field

if TYPE_CHECKING:
    from inngest_rest._programs.envelope import Envelope, Problem

DEFAULT_MAX_CHARS = 2_000
"""Characters of a text, for an agent that asks for no other number."""

SPARED_CHARS = 64
"""A text of so many characters is never cut: it may be an id, a time or a status."""

# Below this, text is cut only after lists are.
_FEW_CHARS = 250

# No record has so many fields: a larger object is a payload, whose keys may be cut.
MOST_FIELDS = 50

# Parsers of JSON give up soon after: that of pydantic, which MCP hosts use, at 200.
_MOST_LEVELS = 100

# Paths of one warning; there may be one for each item of each item.
_MOST_NAMED = 10

_LONGEST_PATH = 200

# A payload's keys are chosen by strangers: one that is no mere name is not repeated in a path.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")


def cut(data: Any, max_chars: int, *, path: str = "data") -> tuple[Any, list[str]]:
    """Cut each text in a JSON value that is longer than it may be, and what is nested too deeply.

    Args:
        data: The value, of the types of `json.loads`. It is left as it is.
        max_chars: Number of characters to which a longer text is cut, unless it has at most
            `SPARED_CHARS`; what follows them says how many more there were.
        path: The path of the value itself.

    Returns:
        The value with all that cut, and the paths of it, such as "data.items[0].output".
    """
    cutter = _Cutter(max_chars)
    return cutter.cut(data, path), cutter.texts + cutter.deep


def bound(envelope: Envelope, *, max_chars: int, longest: int) -> Envelope:
    """Return an answer that is no longer than it may be, with warnings of what was cut.

    Texts are cut first, then lists and payloads with many keys; what does not fit even so is left
    out.

    Args:
        envelope: The answer.
        max_chars: Number of characters that a text has at most, or fewer if need be.
        longest: Number of characters that the answer has at most, as JSON.
    """
    for chars, items in _harder_and_harder(max_chars):
        cutter = _Cutter(chars, items)
        data = cutter.cut(envelope.data, "data")
        error = envelope.error and _cut_problem(envelope.error, cutter)
        warnings = (*envelope.warnings, *cutter.warnings())
        bounded = evolve(envelope, data=data, error=error, warnings=warnings)
        if len(bounded.to_json()) <= longest:
            return bounded
    error = envelope.error and _cut_problem(envelope.error, _Cutter(_FEW_CHARS))
    left_out = f"data: left out, as it does not fit into {longest} characters"
    return evolve(envelope, data=None, error=error, warnings=(*envelope.warnings, left_out))


def number_that_fits(items: Iterable[Any], room: int) -> int:
    """Return how many of the first items fit into a number of characters, at least one."""
    sizes = itertools.accumulate(len(json.dumps(each, ensure_ascii=False)) + 2 for each in items)
    return max(1, sum(1 for _ in itertools.takewhile(lambda size: size <= room, sizes)))


def _harder_and_harder(max_chars: int) -> Iterator[tuple[int, int | None]]:
    """Yield numbers of characters and of items to cut to."""
    yield max_chars, None
    while max_chars > _FEW_CHARS:
        max_chars = max(max_chars // 2, _FEW_CHARS)
        yield max_chars, None
    for power in range(10, -1, -1):
        yield max_chars, 2**power


def _cut_problem(problem: Problem, cutter: _Cutter) -> Problem:
    message: str = cutter.cut(problem.message, "error.message")
    hint: str | None = cutter.cut(problem.hint, "error.hint")
    return evolve(problem, message=message, hint=hint)


@define
class _Cutter:
    """Cuts texts, and lists if `max_items` is given; notes the paths of what it cut."""

    max_chars: int
    max_items: int | None = None
    texts: list[str] = field(factory=list[str], init=False)
    lists: list[str] = field(factory=list[str], init=False)
    deep: list[str] = field(factory=list[str], init=False)

    def cut(self, value: Any, path: str, level: int = 0) -> Any:
        match value:
            case str():
                return self._text(value, path)
            case Mapping() | list() | tuple() if level > _MOST_LEVELS:
                self.deep.append(path)
                return f"...[more than {_MOST_LEVELS} levels]"
            case Mapping():
                return self._object(cast("Mapping[str, Any]", value), path, level)
            case list() | tuple():
                items = self._first(cast("Sequence[Any]", value), self.max_items, path)
                places = ((it, f"{path}[{index}]") for index, it in enumerate(items))
                return [self.cut(it, place, level + 1) for it, place in places]
            case _:
                return value

    def warnings(self) -> Iterator[str]:
        if self.texts:
            yield _warning(f"cut at {self.max_chars} characters", self.texts)
        if self.lists:
            yield _warning(f"cut at {self.max_items} items", self.lists)
        if self.deep:
            yield _warning(f"cut at {_MOST_LEVELS} levels", self.deep)

    def _text(self, text: str, path: str) -> str:
        more = len(text) - self.max_chars
        if more <= 0 or len(text) <= SPARED_CHARS:
            return text
        self.texts.append(path)
        return f"{text[: self.max_chars]}...[{more} more characters]"

    def _object(self, value: Mapping[str, Any], path: str, level: int) -> dict[str, Any]:
        if self.max_items is None or len(value) <= MOST_FIELDS:
            keys: Iterable[str] = value
        else:
            keys = self._first(tuple(value), self.max_items, path)
        return {
            self._key(key, path): self.cut(value[key], _member(path, key), level + 1)
            for key in keys
        }

    def _key(self, key: str, path: str) -> str:
        return key if self.max_items is None else self._text(key, f"{path}.*")

    def _first(self, items: Sequence[Any], most: int | None, path: str) -> Sequence[Any]:
        if most is None or len(items) <= most:
            return items
        self.lists.append(f"{path} ({len(items)})")
        return items[:most]


def _member(path: str, key: str) -> str:
    return f"{path}.{key if _NAME.fullmatch(key) else '*'}"


def _warning(what: str, paths: Sequence[str]) -> str:
    """Return a warning that names paths, or the first of many."""
    more = len(paths) - _MOST_NAMED
    named = ", ".join(_shortened(path) for path in paths[:_MOST_NAMED])
    return f"{what}: {named}" + (f" and {more} more" if more > 0 else "")


def _shortened(path: str) -> str:
    return path if len(path) <= _LONGEST_PATH else f"{path[:_LONGEST_PATH]}..."
