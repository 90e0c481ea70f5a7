"""The columns that a caller names and chooses, by the paths of their fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from attrs import frozen

from inngest_rest._local.arguments import invalid
from inngest_rest._values.visible import did_you_mean, shown
from inngest_rest.record import Column, Record, to_builtin
from inngest_rest.record import columns as columns_of

if TYPE_CHECKING:
    from collections.abc import Callable


@frozen(kw_only=True)
class Chosen:
    """A chosen column.

    Attributes:
        column: As a table has it, with nested values as JSON text.
        value_of: Returns its value as JSON has it.
    """

    column: Column
    value_of: Callable[[Record], Any]


def check_columns(asked: Mapping[str, str]) -> Mapping[str, str]:
    """Check what a caller passed: paths by the names of columns."""
    if not isinstance(asked, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        how = 'map the name of each to a path, such as {"total": "data.total"}'
        raise invalid("columns", f"are {shown(asked)}: {how}")
    for name, path in asked.items():
        if not isinstance(name, str) or not isinstance(path, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise invalid(
                "columns", f"have {shown(name)}: {shown(path)}, not two texts"
            )
    return asked


def choose(kind: type[Record], columns: Mapping[str, str]) -> tuple[Chosen, ...]:
    """Return the columns of a class of records with these paths by name."""
    if not check_columns(columns):
        raise invalid("columns", "are none: leave them out for all")
    return tuple(_choose(kind, path, name) for name, path in columns.items())


def _choose(kind: Any, path: str, name: str) -> Chosen:
    parts = tuple(path.split("."))
    value_of = partial(_value_at, parts)
    known = columns_of(kind)
    for column in known:
        if column.path == parts:
            named = column._replace(name=name)
            return Chosen(column=named, value_of=value_of)
    is_record = any(column.path[: len(parts)] == parts for column in known)
    is_in_json = any(
        column.is_json and parts[: len(column.path)] == column.path for column in known
    )
    if not (is_record or is_in_json):
        paths = [".".join(column.path) for column in known]
        hint = did_you_mean(path, paths)
        raise invalid(
            "columns", f"name no field {shown(path)}{hint}; fields: {', '.join(paths)}"
        )
    as_text = Column(name=name, type=str, value_of=partial(_text_at, parts))
    return Chosen(column=as_text, value_of=value_of)


def _value_at(parts: tuple[str, ...], record: Record) -> Any:
    """Return the value at a path, in the types of JSON; None if something on it is missing."""
    value: Any = record
    for part in parts:
        if isinstance(value, Record):
            value = getattr(value, part)
        elif isinstance(value, Mapping):
            value = cast("Mapping[str, Any]", value).get(part)
        else:
            return None
    return to_builtin(value)


def _text_at(parts: tuple[str, ...], record: Record) -> str | None:
    value = _value_at(parts, record)
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
