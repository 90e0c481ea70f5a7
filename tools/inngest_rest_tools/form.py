"""How programs show the records of a class: its `Form`, beside those of its capability."""

from __future__ import annotations

from functools import cache, partial
from importlib import import_module
from operator import attrgetter
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from inngest_rest.record import Record, in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from inngest_rest_tools.cutting import Cutter
    from inngest_rest_tools.parameter import Values
    from inngest_rest_tools.problems import Problem

    Shorten = Callable[[dict[str, Any], Cutter, bool], None]


@frozen
class Line:
    """Text of a view in a style of rich, and what follows it without one."""

    text: str
    style: str = ""
    rest: str = ""


@frozen
class Grid:
    """Rows of a view without a heading; a cell may have several lines."""

    rows: tuple[tuple[Line, ...], ...]


Part = str | Line | Grid | tuple[Record, ...]
"""A part of a view: a line of text, a grid, or records that make a table."""


def _getter(value: str | Callable[[Any], object]) -> Callable[[Any], object]:
    return attrgetter(value) if isinstance(value, str) else value


@frozen
class Column:
    """A column of a table; values without room in the rows are listed below them, after an id.

    Attributes:
        heading: Its heading.
        value: A function of the record, or the name of an attribute.
        whole: Whether it is as wide as its values, as ids have to be; others may be folded.
        least: The minimum width of a column that may be folded.
        is_optional: Whether it is left out if there is no room.
        is_line: Whether its values are always listed below the rows.
        from_width: The narrowest terminal that shows it.
        below_width: The narrowest terminal that no longer does.
    """

    heading: str
    value: Callable[[Any], object] = field(converter=_getter)
    whole: bool = False
    least: int = 12
    is_optional: bool = False
    is_line: bool = False
    from_width: int = 0
    below_width: float | None = None

    def has_room_at(self, width: float) -> bool:
        """Return whether a terminal of this width shows it."""
        is_narrow_enough = self.below_width is None or width < self.below_width
        return self.from_width <= width and is_narrow_enough


whole = partial(Column, whole=True)
optional = partial(Column, whole=True, is_optional=True)
line = partial(Column, is_line=True)

LEAST_TEXT = 30
"""The minimum width of a sentence, which is not read in a narrower column."""


def names(text: str) -> frozenset[str]:
    """Return the names in a text as a set."""
    return frozenset(text.split())


def _leave(_record: dict[str, Any], _cutter: Cutter, _is_item: bool) -> None:
    pass


def _same(record: Any, _invocation: Any) -> Any:
    return record


def _no_view(_record: Any) -> None:
    pass


def _no_problem(_record: Any, _values: Values) -> Problem | None:
    return None


@frozen(kw_only=True)
class Form:
    """How programs show the records of a class.

    Attributes:
        left_out: The fields that an answer lacks unless they are asked for.
        left_out_of_items: Those that it lacks beyond these in a list.
        shorten: Shortens the rest in place; it is called with the record in the types of JSON, the
            cutter, and whether the record is an item of a list.
        untrusted: The fields with text that the sender of an event, a synced app or a server has
            chosen.
        columns: Its columns in a table; if there are none, each field is one.
        view: Returns the parts of its view on a terminal; None to show its fields.
        markdown: Yields the lines of it as a report in Markdown.
        completed: Returns it as the result of an `Invocation`, with what only this knows.
        problem: Returns the problem that it reports as the result of a call, if any.
        styles: Of a class of statuses or outcomes, the style of each that has one.
    """

    left_out: frozenset[str] = frozenset()
    left_out_of_items: frozenset[str] = frozenset()
    shorten: Shorten = _leave
    untrusted: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    view: Callable[[Any], Iterable[Part] | None] = _no_view
    markdown: Callable[[Any], Iterable[str]] | None = None
    completed: Callable[[Any, Any], Any] = _same
    problem: Callable[[Any, Values], Problem | None] = _no_problem
    styles: Mapping[str, str] = field(factory=dict[str, str])

    def lacks(self, *, is_item: bool) -> frozenset[str]:
        """Return the fields that an answer lacks."""
        return self.left_out | self.left_out_of_items if is_item else self.left_out


WHOLE = Form()
"""The form of a class that has nothing special: all of its fields."""


def form_of(kind: type[Any]) -> Form:
    """Return the form of a class."""
    return _forms().get(kind.__name__, WHOLE)


@cache
def _forms() -> Mapping[str, Form]:
    """Return each form by the name of its class; the classes themselves are slow to load."""
    found: dict[str, Form] = {}
    for module in _modules():
        found |= module.FORMS
    return found


def _modules() -> Iterator[Any]:
    yield import_module(f"{__package__}.core_forms")
    capabilities = import_module(f"{__package__}.capabilities")
    for info in iter_modules(capabilities.__path__):
        yield import_module(f"{capabilities.__name__}.{info.name}")


def style_of(value: object) -> str:
    """Return the style of a status or an outcome; none for any other value."""
    return form_of(type(value)).styles.get(str(value), "")


def joined(*parts: object, by: str = " ") -> str:
    """Join the parts that are not empty."""
    return by.join(str(part) for part in parts if part)


def by_path(values: Mapping[str, Any]) -> str:
    """Return the values of a payload with their paths."""
    return ", ".join(f"{path} {in_words(value)}" for path, value in values.items())


def place_of(target: Any) -> str:
    """Return a server and its environment in words."""
    if not target.env:
        return str(target.api_url)
    return f"{target.api_url} (environment {target.env})"


def first_rows(rows: tuple[Record, ...], most: int) -> Iterator[Part]:
    """Yield the first records as a table, and how many there are beyond them."""
    yield rows[:most]
    yield from number_left_out(len(rows) - most)


def number_left_out(count: int) -> Iterator[Line]:
    """Yield a line about what a view does not show, if there is anything."""
    if count > 0:
        yield Line(f"and {count:,} more; -o json --output-file has all", "dim")
