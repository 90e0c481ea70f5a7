"""Record, the base of models and reports: short reprs, dicts, JSON text and rows of tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from operator import attrgetter
from types import NoneType
from typing import (
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from attrs import fields

from inngest_rest._conversions import Conversions
from inngest_rest._visible import shortened, shown

__all__ = ["Record"]

_MAX_ITEMS = 3  # items of a tuple in a repr
_MAX_ROWS = 20  # records of a tuple in a notebook


class Record:
    """A frozen value with named fields.

    The repr is short: it omits fields that are None or may contain a key, and truncates long ones.
    """

    __slots__ = ()

    DERIVED: ClassVar[tuple[str, ...]] = ()
    """Properties that a repr and columns have as well."""

    def __repr__(self) -> str:
        fields = (
            f"{name}={_brief_repr(value)}" for name, value in self._shown_fields()
        )
        return f"{type(self).__name__}({', '.join(fields)})"

    def _repr_html_(self) -> str:
        """Return the repr as a table, for a notebook."""
        return html(self)

    def _cells(self, *, with_tuples: bool = False) -> Iterator[tuple[str, Any]]:
        """Yield what a table in a notebook has of it."""
        return self._shown_fields(with_tuples=with_tuples)

    def _shown_fields(self, *, with_tuples: bool = False) -> Iterator[tuple[str, Any]]:
        """Yield the fields that a repr has, and perhaps the tuples that it leaves out."""
        is_in_repr = {each.name: each.repr for each in fields(type(self))}  # type: ignore[arg-type]
        for name in (*is_in_repr, *self.DERIVED):
            value = getattr(self, name)
            is_shown = is_in_repr.get(name, True) or (
                with_tuples and isinstance(value, tuple)
            )
            if is_shown and value is not None:
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
            return {column.name: column.value_of(self) for column in columns(kind)}
        public_fields = _reader(kind)
        found = public_fields(self)
        try:
            for name, value in found.items():
                if value is not None:
                    found[name] = _CONVERSIONS[type(value)](value)
        except RecursionError:
            return {
                name: to_builtin(value) for name, value in public_fields(self).items()
            }
        return found

    def to_json(self, *, indent: int | None = None) -> str:
        """Return `to_dict()` as JSON text.

        Args:
            indent: Number of spaces to indent by; None for a single line.
        """
        return json.dumps(
            self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent
        )


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
def _reader(kind: Any) -> Callable[[Any], dict[str, Any]]:
    """Return a function that returns these fields of a record, as they are, in a new dict."""
    names = public_names(kind)
    if len(names) == 1:
        return lambda record: {names[0]: getattr(record, names[0])}
    if not _has_slots(kind) and len(names) == len(fields(kind)):
        return lambda record: {**vars(record)}  # they are all that it has
    values_of = attrgetter(*names)
    return lambda record: dict(zip(names, values_of(record), strict=True))


def _has_slots(kind: type) -> bool:
    return any(getattr(parent, "__slots__", ()) for parent in kind.__mro__)


@cache
def columns(kind: Any) -> tuple[Column, ...]:
    """Return the columns of a table of records, as `to_dict(flat=True)` has them."""
    hints = get_type_hints(kind)
    for name in kind.DERIVED:
        hints[name] = get_type_hints(getattr(kind, name).fget)["return"]
    names = (*public_names(kind), *kind.DERIVED)
    return tuple(
        column for name in names for column in _columns_of_field(name, hints[name])
    )


_CELL_TYPES = {str, bool, int, float, datetime, timedelta, tuple[str, ...]}


def _columns_of_field(name: str, hint: Any) -> Iterator[Column]:
    value_of = attrgetter(name)
    kind = _without_none(hint)
    if isinstance(kind, type) and issubclass(kind, Record):
        for column in columns(cast("Any", kind)):
            nested_value = _unless_none(value_of, column.value_of)
            yield Column(f"{name}_{column.name}", column.type, nested_value)
    elif kind in _CELL_TYPES:
        yield Column(name, get_origin(kind) or kind, value_of)
    else:
        convert = _CONVERSIONS.convert if _is_text(kind) else _as_json
        yield Column(name, str, _unless_none(value_of, convert))


def _without_none(hint: Any) -> Any:
    """Return the type of an optional field, and any other type as it is."""
    options = get_args(hint)
    others = [option for option in options if option is not NoneType]
    return others[0] if len(others) == 1 and NoneType in options else hint


def _is_text(kind: Any) -> bool:
    return get_origin(kind) is Literal or (
        isinstance(kind, type) and issubclass(kind, str)
    )


def _unless_none(
    value_of: Callable[[Any], Any], convert: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    return lambda record: (
        None if (value := value_of(record)) is None else convert(value)
    )


def _as_json(value: object) -> str:
    return json.dumps(to_builtin(value), ensure_ascii=False, allow_nan=False)


def html(value: object) -> str:
    """Return what a notebook shows of a record, or of several: a table of escaped text."""
    if isinstance(value, Record):
        return _html_of_record(value)
    records: Any = value
    return _html_of_records(records)


def _html_of_record(record: Record) -> str:
    from html import escape  # noqa: PLC0415 - for notebooks alone

    cells = record._cells(with_tuples=True)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    rows = (
        f"<th>{escape(name)}</th><td>{_html_of_cell(value)}</td>"
        for name, value in cells
    )
    return _html_table(rows)


def _html_of_records(records: Any) -> str:
    cells_of_each = [dict(record._cells()) for record in records[:_MAX_ROWS]]  # noqa: SLF001
    names = list(dict.fromkeys(name for cells in cells_of_each for name in cells))
    rows = [
        names,
        *([cells.get(name, "") for name in names] for cells in cells_of_each),
    ]
    table = _html_table(
        "".join(f"<td>{_html_of_cell(cell)}</td>" for cell in row) for row in rows
    )
    return table + "".join(_and_more(records))


def _html_table(rows: Iterable[str]) -> str:
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _html_of_cell(value: object) -> str:
    """Return a value in a cell: records that are no sentence as a table, others as text."""
    from html import escape  # noqa: PLC0415 - for notebooks alone

    if _is_table(value):
        return html(value)
    if not isinstance(value, tuple):
        return escape(shortened(in_words(value)))
    items = cast("tuple[object, ...]", value)
    if items and all(map(_is_table, items)):
        return html(items)
    lines = [escape(shortened(in_words(item))) for item in items[:_MAX_ROWS]]
    return "<br>".join([*lines, *_and_more(items)])


def _is_table(value: object) -> bool:
    """Return whether it is a record without a text of its own: `str` returns its repr."""
    return isinstance(value, Record) and type(value).__str__ is object.__str__


def _and_more(items: Sized) -> list[str]:
    more = len(items) - _MAX_ROWS
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
            return ", ".join(
                f"{n:,} {key.value.replace('_', ' ')}" for key, n in counts.items()
            )
        case _:
            builtin = to_builtin(value)
            is_text = isinstance(builtin, str)
            return (
                builtin
                if is_text
                else json.dumps(builtin, ensure_ascii=False, indent=indent)
            )


def _counts(value: Mapping[object, object]) -> dict[Enum, int]:
    """Return the numbers by members of an enum, if a mapping has no others."""
    counts = {
        key: n
        for key, n in value.items()
        if isinstance(key, Enum) and isinstance(n, int)
    }
    return counts if len(counts) == len(value) else {}


def _brief_repr(value: object) -> str:
    """Return the repr of a field, truncated if it is long."""
    if isinstance(value, Record):
        return repr(value)
    if not isinstance(value, tuple):
        return shown(value)
    items = cast("tuple[object, ...]", value)
    reprs = [_brief_repr(item) for item in items[:_MAX_ITEMS]]
    if len(items) > _MAX_ITEMS:
        reprs.append(f"... {len(items) - _MAX_ITEMS} more")
    return f"({reprs[0]},)" if len(reprs) == 1 else f"({', '.join(reprs)})"


_CONVERSIONS = Conversions({Record: lambda record: record.to_dict()})

to_builtin = _CONVERSIONS.convert_or_describe
"""Return a value in the types of JSON, as `to_dict` does."""
