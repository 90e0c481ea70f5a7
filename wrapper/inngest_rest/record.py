"""Record, the base of models and reports: short reprs, dicts, JSON text and rows of tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
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

from inngest_rest._values.conversions import Conversions
from inngest_rest._values.visible import shown

__all__ = ["Record"]

_MAX_ITEMS = 3  # items of a tuple in a repr


class Record:
    """A frozen value with named fields.

    The repr is short: it omits fields that are None or may contain a key, and truncates long ones.
    """

    __slots__ = ()

    DERIVED: ClassVar[tuple[str, ...]] = ()
    """Properties that a repr and columns have as well."""

    def __repr__(self) -> str:
        is_in_repr = {field.name: field.repr for field in fields(type(self))}  # type: ignore[arg-type]
        shown_fields: list[str] = []
        for name in (*is_in_repr, *self.DERIVED):
            value = getattr(self, name)
            if value is not None and is_in_repr.get(name, True):
                shown_fields.append(f"{name}={_brief_repr(value)}")
        return f"{type(self).__name__}({', '.join(shown_fields)})"

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
        values = public_fields(self)
        try:
            for name, value in values.items():
                if value is not None:
                    values[name] = _CONVERSIONS[type(value)](value)
        except RecursionError:
            values = public_fields(self)
            return {name: to_builtin(value) for name, value in values.items()}
        return values

    def to_json(self, *, indent: int | None = None) -> str:
        """Return `to_dict()` as JSON text.

        Args:
            indent: Number of spaces to indent by; None for a single line.
        """
        value = self.to_dict()
        return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)


class Column(NamedTuple):
    """A column of a table of records."""

    name: str
    type: type
    value_of: Callable[[Any], Any]
    path: tuple[str, ...] = ()  # of its field: ("error", "message")
    is_json: bool = False  # whether it is JSON text of nested values


@cache
def public_names(kind: Any) -> tuple[str, ...]:
    """Return the names of the fields of a class of records that `to_dict` has."""
    names = [field.name for field in fields(kind)]
    return tuple(name for name in names if not name.startswith("_"))


@cache
def _reader(kind: Any) -> Callable[[Any], dict[str, Any]]:
    """Return a function that returns the public fields of a record in a new dict, as they are."""
    names = public_names(kind)
    if len(names) == 1:
        (name,) = names
        return lambda record: {name: getattr(record, name)}
    are_all_public = len(names) == len(fields(kind))
    if are_all_public and not _has_slots(kind):
        return lambda record: {**vars(record)}
    values_of = attrgetter(*names)
    return lambda record: dict(zip(names, values_of(record), strict=True))


def _has_slots(kind: type) -> bool:
    slots = [getattr(parent, "__slots__", ()) for parent in kind.__mro__]
    return any(slots)


@cache
def columns(kind: Any) -> tuple[Column, ...]:
    """Return the columns of a table of records, as `to_dict(flat=True)` has them."""
    hints = get_type_hints(kind)
    for name in kind.DERIVED:
        getter = getattr(kind, name).fget
        hints[name] = get_type_hints(getter)["return"]
    names = (*public_names(kind), *kind.DERIVED)
    found: list[Column] = []
    for name in names:
        found += _columns_of_field(name, hints[name])
    return tuple(found)


_CELL_TYPES = {str, bool, int, float, datetime, timedelta, tuple[str, ...]}


def _columns_of_field(name: str, hint: Any) -> Iterator[Column]:
    value_of = attrgetter(name)
    kind = _without_none(hint)
    if isinstance(kind, type) and issubclass(kind, Record):
        for nested in columns(cast("Any", kind)):
            yield Column(
                name=f"{name}_{nested.name}",
                type=nested.type,
                value_of=_unless_none(value_of, nested.value_of),
                path=(name, *nested.path),
                is_json=nested.is_json,
            )
    elif kind in _CELL_TYPES:
        cell_type = get_origin(kind) or kind
        yield Column(name=name, type=cell_type, value_of=value_of, path=(name,))
    else:
        is_json = not _is_text(kind)
        convert = _as_json if is_json else _CONVERSIONS.convert
        yield Column(
            name=name,
            type=str,
            value_of=_unless_none(value_of, convert),
            path=(name,),
            is_json=is_json,
        )


def _without_none(hint: Any) -> Any:
    """Return the type of an optional field, and any other type as it is."""
    options = get_args(hint)
    others = [option for option in options if option is not NoneType]
    if NoneType in options and len(others) == 1:
        return others[0]
    return hint


def _is_text(kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return True
    return isinstance(kind, type) and issubclass(kind, str)


def _unless_none(
    value_of: Callable[[Any], Any], convert: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    def converted(record: Any) -> Any:
        value = value_of(record)
        return None if value is None else convert(value)

    return converted


def _as_json(value: object) -> str:
    return json.dumps(to_builtin(value), ensure_ascii=False, allow_nan=False)


def in_words(value: object, *, indent: int | None = None) -> str:
    """Return a value as tables show it on a terminal."""
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
        case Record() if _has_text(value):
            return str(value)
        case Mapping() if counts := _counts(cast("Mapping[object, object]", value)):
            words = [
                f"{count:,} {key.value.replace('_', ' ')}"
                for key, count in counts.items()
            ]
            return ", ".join(words)
        case _:
            builtin = to_builtin(value)
            if isinstance(builtin, str):
                return builtin
            return json.dumps(builtin, ensure_ascii=False, indent=indent)


def _has_text(record: Record) -> bool:
    """Return whether a record has a text of its own: otherwise `str` returns its repr."""
    return type(record).__str__ is not object.__str__


def _counts(value: Mapping[object, object]) -> dict[Enum, int]:
    """Return the numbers by members of an enum; empty if the mapping has any other item."""
    counts: dict[Enum, int] = {}
    for key, count in value.items():
        if not isinstance(key, Enum) or not isinstance(count, int):
            return {}
        counts[key] = count
    return counts


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
    if len(reprs) == 1:
        return f"({reprs[0]},)"
    return f"({', '.join(reprs)})"


_CONVERSIONS = Conversions({Record: lambda record: record.to_dict()})

to_builtin = _CONVERSIONS.convert_or_describe
"""Return a value in the types of JSON, as `to_dict` does."""
