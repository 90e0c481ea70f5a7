"""Record, the base of models and reports: short reprs, dicts, JSON text and rows of tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sized
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from operator import attrgetter
from types import NoneType
from typing import Any, ClassVar, Literal, NamedTuple, cast, get_args, get_origin, get_type_hints

from attrs import fields

from inngest_rest._conversions import Conversions
from inngest_rest._visible import shortened, shown

__all__ = ["Record"]

_MOST_SHOWN = 3  # items of a tuple in a repr
_MOST_ROWS = 20  # records of a tuple in a notebook


class Record:
    """A frozen value with named fields.

    The repr is short: it omits fields that are None or may contain a key, and truncates long ones.
    """

    __slots__ = ()

    DERIVED: ClassVar[tuple[str, ...]] = ()
    """Properties that a repr and columns have as well."""

    def __repr__(self) -> str:
        shown = (f"{name}={_shown(value)}" for name, value in self._told())
        return f"{type(self).__name__}({', '.join(shown)})"

    def _repr_html_(self) -> str:
        """Return the repr as a table, for a notebook."""
        return html(self)

    def _cells(self, hidden: type | tuple[type, ...] = ()) -> Iterator[tuple[str, Any]]:
        """Yield what a table in a notebook has of it."""
        return self._told(hidden)

    def _told(self, hidden: type | tuple[type, ...] = ()) -> Iterator[tuple[str, Any]]:
        shown = {each.name: each.repr for each in fields(type(self))}  # type: ignore[arg-type]
        for name in (*shown, *self.DERIVED):
            value = getattr(self, name)
            if value is not None and (shown.get(name, True) or isinstance(value, hidden)):
                yield name, value

    def to_dict(self, *, flat: bool = False) -> dict[str, Any]:
        """Return the public fields as a dict that `json.dumps` accepts.

        Fields that are None are included, so that all dicts of a class have the same keys. A
        datetime is text in ISO 8601, a timedelta a number of seconds, an enum member its value, a
        record a dict, a tuple a list, and any other type that JSON lacks its text.

        Args:
            flat: Return a row of a table instead: datetimes and timedeltas as they are, the fields
                of a record in a field (`error_message`), other nested values as JSON text, and
                properties such as `duration`.
        """
        kind: Any = type(self)
        if flat:
            return {each.name: each.value_of(self) for each in columns(kind)}
        names, values = public_names(kind), _values_of(kind)(self)
        try:
            return {
                name: value if value is None else _CONVERSIONS[type(value)](value)
                for name, value in zip(names, values, strict=True)
            }
        except RecursionError:
            return dict(zip(names, map(to_builtin, values), strict=True))

    def to_json(self, *, indent: int | None = None) -> str:
        """Return `to_dict()` as JSON text.

        Args:
            indent: Number of spaces to indent by; None for a single line.
        """
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)


class Column(NamedTuple):
    """A column of a table of records."""

    name: str
    type: type
    value_of: Callable[[Any], Any]


@cache
def public_names(kind: Any) -> tuple[str, ...]:
    """Return the names of the fields of a class of records that `to_dict` has."""
    return tuple(each.name for each in fields(kind) if not each.name.startswith("_"))


@cache
def _values_of(kind: Any) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that returns these fields of a record, in one step."""
    names = public_names(kind)
    if len(names) > 1:
        return attrgetter(*names)
    return lambda record: tuple(getattr(record, name) for name in names)


@cache
def columns(kind: Any) -> tuple[Column, ...]:
    """Return the columns of a table of records, as `to_dict(flat=True)` has them."""
    hints = get_type_hints(kind)
    hints |= {it: get_type_hints(getattr(kind, it).fget)["return"] for it in kind.DERIVED}
    names = *public_names(kind), *kind.DERIVED
    return tuple(each for name in names for each in _columns(name, hints[name]))


def _columns(name: str, hint: Any) -> Iterator[Column]:
    get, options = attrgetter(name), [it for it in get_args(hint) if it is not NoneType]
    hint = options[0] if len(options) == 1 and NoneType in get_args(hint) else hint
    if isinstance(hint, type) and issubclass(hint, Record):
        for each in columns(cast("Any", hint)):
            yield Column(f"{name}_{each.name}", each.type, _inner(get, each.value_of))
    elif hint in {str, bool, int, float, datetime, timedelta, tuple[str, ...]}:
        yield Column(name, get_origin(hint) or hint, get)
    else:
        is_text = get_origin(hint) is Literal or (isinstance(hint, type) and issubclass(hint, str))
        yield Column(name, str, _inner(get, _CONVERSIONS.convert if is_text else _as_json))


def _inner(outer: Callable[[Any], Any], inner: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda it: None if (value := outer(it)) is None else inner(value)


def _as_json(value: object) -> str:
    return json.dumps(to_builtin(value), ensure_ascii=False, allow_nan=False)


def html(value: object) -> str:
    """Return what a notebook shows of a record, or of several: a table of escaped text."""
    from html import escape  # noqa: PLC0415 - for notebooks alone

    if isinstance(value, Record):
        cells = value._cells(tuple)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        lines = [f"<th>{escape(name)}</th><td>{_cell_html(it)}</td>" for name, it in cells]
        return f"<table>{''.join(f'<tr>{each}</tr>' for each in lines)}</table>"
    items: Any = value
    records = [dict(each._cells()) for each in items[:_MOST_ROWS]]  # noqa: SLF001
    names = list(dict.fromkeys(name for each in records for name in each))
    rows = [names, *([it.get(name, "") for name in names] for it in records)]
    lines = ["".join(f"<td>{_cell_html(it)}</td>" for it in row) for row in rows]
    table = f"<table>{''.join(f'<tr>{each}</tr>' for each in lines)}</table>"
    return "".join([table, *_and_more(items)])


def _cell_html(value: object) -> str:
    """Return a value in a cell: records that are no sentence as a table, others as text."""
    from html import escape  # noqa: PLC0415 - for notebooks alone

    if _is_table(value):
        return html(value)
    if not isinstance(value, tuple):
        return escape(shortened(in_words(value)))
    items = cast("tuple[object, ...]", value)
    if items and all(map(_is_table, items)):
        return html(items)
    lines = [escape(shortened(in_words(each))) for each in items[:_MOST_ROWS]]
    return "<br>".join([*lines, *_and_more(items)])


def _is_table(value: object) -> bool:
    """Return whether it is a record without a text of its own: `str` returns its repr."""
    return isinstance(value, Record) and type(value).__str__ is object.__str__


def _counts(value: Mapping[object, object]) -> dict[Enum, int]:
    """Return the numbers by members of an enum, if a mapping has no others."""
    found = {key: n for key, n in value.items() if isinstance(key, Enum) and isinstance(n, int)}
    return found if len(found) == len(value) else {}


def _and_more(items: Sized) -> list[str]:
    more = len(items) - _MOST_ROWS
    return [f"and {more:,} more"] if more > 0 else []


def in_words(value: object, *, indent: int | None = None) -> str:
    """Return a value as tables show it, on a terminal and in a notebook."""
    match value:
        case None | False:
            return ""
        case True:
            return "yes"
        case str():
            return str(value)
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        case timedelta():
            return f"{value.total_seconds():g} s"
        case Record() if not _is_table(value):
            return str(value)
        case Mapping() if counts := _counts(cast("Mapping[object, object]", value)):
            return ", ".join(f"{n:,} {key.value.replace('_', ' ')}" for key, n in counts.items())
        case _:
            plain = to_builtin(value)
            return (
                plain
                if isinstance(plain, str)
                else json.dumps(plain, ensure_ascii=False, indent=indent)
            )


def _shown(value: object) -> str:
    """Return the repr of a field, truncated if it is long."""
    if isinstance(value, Record):
        return repr(value)
    if isinstance(value, tuple):
        items = [_shown(each) for each in cast("tuple[object, ...]", value[:_MOST_SHOWN])]
        more = len(value) - len(items)  # pyright: ignore[reportUnknownArgumentType]
        items += [f"... {more} more"] if more else []
        return f"({', '.join(items)}{',' * (len(items) == 1)})"
    return shown(value)


_CONVERSIONS = Conversions({Record: lambda record: record.to_dict()})

to_builtin = _CONVERSIONS.convert_or_describe
"""Return a value in the types of JSON, as `to_dict` does."""
