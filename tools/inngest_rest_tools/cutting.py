"""What of an answer is shown for a budget of characters, items and bytes, and how to get the rest.

Only this module cuts. Each cut is noted, and told by a warning: at which limit, where, and how the
reader gets what is missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

from attrs import frozen

from inngest_rest.programs import and_more, visible_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEFAULT_MAX_CHARS = 2_000
"""Characters of a text, for an agent that asks for no other number."""

LONGEST_ANSWER = 20_000
"""Number of bytes of an answer; hosts cut longer ones, and not where it does least harm."""

ROOM = LONGEST_ANSWER - 3_000
"""Number of bytes of the items of an answer: besides them it has warnings and untrusted paths."""

FIRST_ITEMS = 20
"""Number of items of a list of which the first suffice: ids, or rows of what would be done."""

FIRST_CHARS = 300
"""Number of characters of a text of which the beginning suffices, as a stack."""

MOST_ROWS = 100
"""Number of rows of a table in a view for a terminal."""

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


class Rest(StrEnum):
    """What gets the rest of what was cut; each program has its words for it."""

    LONGER = "longer"  # texts
    WHOLE = "whole"  # all fields, and all of each
    NARROWER = "narrower"  # a narrower question
    NEXT_PAGE = "next_page"


@frozen
class _Cut:
    """A kind of cut: the number of what is left of which unit, and what gets the rest."""

    rest: Rest
    limit: int | None = None
    unit: str = ""

    def __str__(self) -> str:
        return "cut" if self.limit is None else f"cut at {self.limit} {self.unit}"


class Cutter:
    """Cuts texts, and lists if there is a number of items; notes the paths of what it cut.

    Args:
        max_chars: The number of characters of a text; None to cut nothing.
        max_items: The number of items of a list, if there is one.
    """

    def __init__(
        self, max_chars: int | None = None, max_items: int | None = None
    ) -> None:
        self.max_chars = max_chars
        self._max_items = max_items
        self._paths: dict[_Cut, dict[str, None]] = {}

    @property
    def paths(self) -> list[str]:
        """The paths to what was cut."""
        return [path for paths in self._paths.values() for path in paths]

    def leave_out(self, what: str) -> None:
        """Note what a record lacks that all of its fields have."""
        self._note(_Cut(Rest.WHOLE), what)

    def first(
        self,
        items: Sequence[Any],
        path: str,
        *,
        most: int = FIRST_ITEMS,
        rest: Rest = Rest.WHOLE,
    ) -> Sequence[Any]:
        """Return the first of the items."""
        if len(items) <= most:
            return items
        self._note(_Cut(rest, most, "items"), f"{path} ({len(items)})")
        return items[:most]

    def beginning(self, text: str, path: str, *, most: int = FIRST_CHARS) -> str:
        """Return the beginning of a text."""
        if len(text) > most:
            self._note(_Cut(Rest.WHOLE, most, "characters"), path)
        return text[:most]

    def first_that_fit(
        self, items: Sequence[Any], path: str, room: int
    ) -> Sequence[Any]:
        """Return the items for which there is room, at least one; a page has the others."""
        used = 0
        for count, item in enumerate(items):
            cut = Cutter(self.max_chars or LONGEST_ANSWER).cut(item, "")
            used += size_of(cut) + 1  # with the comma
            if used > room:
                most = max(1, count)
                return self.first(items, path, most=most, rest=Rest.NEXT_PAGE)
        return items

    def cut(self, value: Any, path: str, level: int = 0) -> Any:
        """Return a JSON value with its long parts truncated; `path` leads to the value."""
        if self.max_chars is None:
            return value
        match value:
            case str():
                return self._text(value, path, self.max_chars)
            case Mapping() | list() | tuple() if level > _MOST_LEVELS:
                self._note(_Cut(Rest.NARROWER, _MOST_LEVELS, "levels"), path)
                return f"...[more than {_MOST_LEVELS} levels]"
            case Mapping():
                record = cast("Mapping[str, Any]", value)
                return self._object(record, path, level, self.max_chars)
            case list() | tuple():
                items = self._first(cast("Sequence[Any]", value), path)
                return [
                    self.cut(item, f"{path}[{index}]", level + 1)
                    for index, item in enumerate(items)
                ]
            case _:
                return value

    def warnings(self, rests: Mapping[Rest, str]) -> Iterator[str]:
        """Yield a warning for each kind of cut, with the paths, and how to get the rest."""
        for cut, paths in self._paths.items():
            yield f"{cut}: {and_more([*paths], _MOST_NAMED)}; {rests[cut.rest]}"

    def _note(self, cut: _Cut, path: str) -> None:
        self._paths.setdefault(cut, {})[path] = None

    def _text(self, text: str, path: str, max_chars: int) -> str:
        excess = len(text) - max_chars
        if excess <= 0 or len(text) <= SPARED_CHARS:
            return text
        self._note(_Cut(Rest.LONGER, max_chars, "characters"), path)
        return f"{text[:max_chars]}...[{excess} more characters]"

    def _object(
        self, value: Mapping[str, Any], path: str, level: int, max_chars: int
    ) -> dict[str, Any]:
        keys: Sequence[str] = tuple(value)
        if len(keys) > MOST_FIELDS:
            keys = self._first(keys, path)
        cut: dict[str, Any] = {}
        for key in keys:
            name = key if _NAME.fullmatch(key) else "*"
            place = f"{path}.{name}"
            cut_key = self._text(key, place, max_chars)
            while cut_key in cut:  # of another long key that begins the same
                cut_key += f"[{len(cut)}]"
            cut[cut_key] = self.cut(value[key], place, level + 1)
        return cut

    def _first(self, items: Sequence[Any], path: str) -> Sequence[Any]:
        if self._max_items is None:
            return items
        return self.first(items, path, most=self._max_items, rest=Rest.NARROWER)


_FEW_CHARS = 250  # below it, text is cut only after lists are


def cutters(max_chars: int) -> Iterator[Cutter]:
    """Yield cutters, each of which leaves less than the one before: texts are cut before lists."""
    yield Cutter(max_chars)
    for chars in (10_000, 5_000, 2_500, 1_000, 500, _FEW_CHARS):
        yield Cutter(min(chars, max_chars))
    few_chars = min(_FEW_CHARS, max_chars)
    for power in range(10, -1, -1):
        yield Cutter(few_chars, max_items=2**power)
