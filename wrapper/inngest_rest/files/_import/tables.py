"""Tables: rows of CSV become events, by their columns."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from inngest_rest._local.arguments import check_text, invalid
from inngest_rest._values.json_text import decode
from inngest_rest._values.visible import did_you_mean, shown
from inngest_rest.files._columns import check_columns
from inngest_rest.files._import.lines import RefusedLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from inngest_rest.errors import InvalidArgumentError
    from inngest_rest.files._import.csv_rows import FileRow

# A first line such as `sep=;`, which Excel reads, and hides.
_SEPARATOR_OF_EXCEL = re.compile("sep=.?", re.IGNORECASE)


def _int(cell: str) -> int:
    return int(_without_marks(cell))


def _float(cell: str) -> float:
    return float(_without_marks(cell))


def _without_marks(cell: str) -> str:
    """Refuse 1_000, which is a number only in Python."""
    if "_" in cell:
        raise ValueError(shown(cell))
    return cell


_BOOLS = {
    "true": True,
    "1": True,
    "false": False,
    "0": False,
}


def _bool(cell: str) -> bool:
    return _BOOLS[cell.lower()]


_TYPES: dict[str, Callable[[str], Any]] = {
    "text": str,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "time": datetime.fromisoformat,
    "json": decode,
}
_FIELDS = ("name", "id", "ts", "v")


class Column(NamedTuple):
    """The path of a column's cells in an event, an empty one for nowhere, and their type."""

    name: str
    path: Sequence[str]
    type: str = ""

    @classmethod
    def of(cls, name: str, text: str) -> Column:
        """Check what a caller passed, such as "data.total:float"."""
        place, _, kind = text.partition(":")
        path = place.split(".") if place else []
        has_names = len(path) > 1 and all(path)
        is_inside = has_names and path[0] in {"data", "user", "sessions"}
        is_path = is_inside or place in _FIELDS or not text
        if not is_path:
            paths = f"{', '.join(_FIELDS)}, data.NAME, user.NAME or sessions.NAME"
            how = f"write PATH or PATH:TYPE, where paths are {paths}"
            raise _of_columns(f"{shown(name)} is {shown(text)}: {how}")
        if place == "ts" and not kind:
            kind = "time"
        if kind and kind not in _TYPES:
            hint = did_you_mean(kind, _TYPES)
            raise _of_columns(f"{shown(name)} has the type {shown(kind)}{hint}")
        return cls(name=name, path=path, type=kind)

    def put(self, cell: str, event: dict[str, Any]) -> None:
        """Put a cell into an event; an empty one is null, unless it is text."""
        value: Any = cell
        if self.type:
            is_empty = cell == "" and self.type != "text"
            try:
                value = None if is_empty else _TYPES[self.type](cell)
            except Exception as error:  # noqa: BLE001 - of a value of any type
                fault = f"is not of type {self.type}: {error}"
                raise ValueError(f"column {self.name} {fault}") from None
        if not self.path:
            return
        *parents, last = self.path
        for parent in parents:
            event = event.setdefault(parent, {})
        event[last] = value


class Table(NamedTuple):
    """The rules by which rows become events."""

    event: str | None  # the name of the events; None if a column has it
    known: dict[str, Column]  # by name; any other column goes into the data

    @classmethod
    def of(cls, event: str | None, columns: Mapping[str, str] | None) -> Table:
        given = check_columns(columns or {})
        known = {name: Column.of(name, text) for name, text in given.items()}
        has_names = any(column.path == ["name"] for column in known.values())
        if check_text("event", event) is None and not has_names:
            example = "pass the name of the events, such as shop/x"
            raise invalid("event", f"is missing: {example}")
        _check_places([*known.values()])
        return cls(event=event, known=known)

    def columns(self, header: Sequence[str]) -> list[Column]:
        """Return the columns of a header; raise if it lacks a known one."""
        for name in self.known:
            if name not in header:
                hint = did_you_mean(name, header)
                raise _of_columns(f"there is none called {shown(name)}{hint}")
        columns: list[Column] = []
        for name in header:
            in_data = Column(name=name, path=("data", name))
            columns.append(self.known.get(name, in_data))
        _check_places(columns)
        return columns

    def events(
        self, columns: Sequence[Column], rows: Iterable[FileRow]
    ) -> Iterator[dict[str, Any] | RefusedLine]:
        """Yield the event of each row; a RefusedLine for an invalid one."""
        for row in rows:
            event: dict[str, Any] = {"name": self.event, "data": {}}
            try:
                _check(row, columns)
                for column, cell in zip(columns, row.cells, strict=True):
                    column.put(cell, event)
            except (TypeError, ValueError) as error:
                yield self._refused(row, columns, str(error))
            else:
                yield event

    def _refused(
        self, row: FileRow, columns: Sequence[Column], reason: str
    ) -> RefusedLine:
        if not row.cells and not row.fault:
            return RefusedLine.of(b"\n", reason)  # a blank line
        names = [column.name for column in columns]
        data = dict(zip(names, row.cells, strict=False))
        event = {"name": self.event, "data": data}
        text = json.dumps(event)
        return RefusedLine.of(
            text.encode() + b"\n",
            reason,
            is_whole=not row.fault,
            is_final=not row.fault,
        )


def _of_columns(reason: str) -> InvalidArgumentError:
    return invalid("columns:", reason, argument="columns")


def _check_places(columns: Sequence[Column]) -> None:
    """Raise if two columns have one place, or one is inside the value of another."""
    column_at: dict[tuple[str, ...], Column] = {}
    column_inside: dict[tuple[str, ...], Column] = {}
    for column in columns:
        path = tuple(column.path)
        if not path:
            continue
        parents = [path[:length] for length in range(1, len(path))]
        other = column_at.get(path) or column_inside.get(path)
        for parent in parents:
            other = other or column_at.get(parent)
        if other is not None:
            raise _overwriting(other, column)
        column_at[path] = column
        for parent in parents:
            column_inside[parent] = column


def _overwriting(one: Column, other: Column) -> InvalidArgumentError:
    paths = [".".join(one.path), ".".join(other.path)]
    places = " and ".join(dict.fromkeys(paths))
    return _of_columns(
        f"{shown(one.name)} and {shown(other.name)} would overwrite each other at "
        f"{places}; let one go elsewhere, or nowhere, by an empty path"
    )


def _check(row: FileRow, columns: Sequence[Column]) -> None:
    """Raise if a row has a fault, or another number of cells than the header."""
    given = len(row.cells)
    expected = len(columns)
    if row.fault:
        raise ValueError(row.fault)
    if given < expected:
        more = f"column {columns[given].name} has none"
        raise ValueError(f"it has {given} cells, and the header {expected}: {more}")
    if given > expected:
        more = f"behind the last column is {shown(row.cells[expected])}"
        raise ValueError(f"it has {given} cells, and the header {expected}: {more}")


def csv_names(header: FileRow) -> Sequence[str]:
    """Return the names in the first row of CSV; raise if they are unusable."""
    fault = _fault_of_names(header)
    if fault:
        reason = f"the first row, of the names, {fault}"
        raise invalid("path:", reason, argument="path")
    return header.cells


def _fault_of_names(header: FileRow) -> str:
    names = header.cells
    try:
        "".join(names).encode()
    except UnicodeEncodeError:
        return "is not UTF-8, the encoding of CSV that is read"
    if header.fault:
        return header.fault
    if not names:
        return "is blank"
    first, *others = names
    if _SEPARATOR_OF_EXCEL.fullmatch(first) and not any(others):
        return "tells Excel which separator the file has: delete that line"
    return ""
