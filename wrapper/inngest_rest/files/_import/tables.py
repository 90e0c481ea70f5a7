"""Tables: rows of CSV, Parquet or Arrow become events, by their columns."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from inngest_rest._local import arrow
from inngest_rest._local.arguments import check_text, invalid
from inngest_rest._values.json_text import decode
from inngest_rest._values.visible import did_you_mean, shown
from inngest_rest.files._columns import check_columns
from inngest_rest.files._import.csv_rows import FileRow
from inngest_rest.files._import.lines import RefusedLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from inngest_rest.errors import InvalidArgumentError
    from inngest_rest.files._import.lines import Lines


_AT_ONCE = 100  # rows of Parquet or Arrow as Python's values

# A first line such as `sep=;`, which Excel reads, and hides.
_SEPARATOR_OF_EXCEL = re.compile("sep=.?", re.IGNORECASE)

_PARQUET = b"PAR1"
_ARROW = b"ARROW1\0\0"  # also of Feather
_ENCRYPTED = b"PARE"  # the first and last bytes of Parquet with an encrypted footer


def _int(cell: Any) -> int:
    """Return the cell as an integer; `int` alone would truncate 1.5 of Parquet."""
    number = int(_without_marks(cell))
    if not isinstance(cell, str) and number != cell:
        raise ValueError(shown(cell))
    return number


def _without_marks(cell: Any) -> Any:
    """Refuse 1_000, which is a number only in Python."""
    if isinstance(cell, str) and "_" in cell:
        raise ValueError(shown(cell))
    return cell


def _float(cell: Any) -> float:
    return float(_without_marks(cell))


_BOOLS = {
    "true": True,
    "1": True,
    "false": False,
    "0": False,
}


def _bool(cell: Any) -> bool:
    return _BOOLS[str(cell).lower()]


def _time(cell: Any) -> datetime:
    return datetime.fromisoformat(str(cell))


_TYPES: dict[str, Callable[[Any], Any]] = {
    "text": str,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "time": _time,
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

    def put(self, cell: Any, event: dict[str, Any]) -> None:
        """Put a cell into an event; an empty one is null, unless it is text."""
        if self.type:
            is_empty = cell is None or (cell == "" and self.type != "text")
            try:
                cell = None if is_empty else _TYPES[self.type](cell)
            except Exception as error:  # noqa: BLE001 - of a value of any type
                fault = f"is not of type {self.type}: {error}"
                raise ValueError(f"column {self.name} {fault}") from None
        if not self.path:
            return
        *parents, last = self.path
        for parent in parents:
            event = event.setdefault(parent, {})
        event[last] = cell


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
    ) -> Iterator[Any]:
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
        text = json.dumps(event, default=str)
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


def has_types(start: bytes) -> bool:
    """Return whether a file that begins so is Parquet or Arrow, whose cells have types."""
    return start.startswith((_PARQUET, _ARROW))


def arrow_rows(file: Lines) -> tuple[Sequence[str], Iterator[FileRow]]:
    """Return the names of the columns of Parquet or Arrow, and its rows."""
    is_parquet = file.start.startswith(_PARQUET)
    library = arrow.load("pyarrow.parquet" if is_parquet else "pyarrow.ipc")
    try:
        if is_parquet:
            parquet = library.ParquetFile(file.raw)
            return parquet.schema_arrow.names, _rows(parquet.iter_batches(_AT_ONCE))
        reader = library.open_file(file.raw)
        numbers = range(reader.num_record_batches)
        return reader.schema.names, _rows(map(reader.get_batch, numbers))
    except ValueError as error:
        raise _unreadable(error) from None


def _rows(batches: Iterable[Any]) -> Iterator[FileRow]:
    """Yield the rows of batches, a few at a time, as cells may be large."""
    try:
        for batch in batches:
            for start in range(0, batch.num_rows, _AT_ONCE):
                few = batch.slice(start, _AT_ONCE)
                columns = [column.to_pylist() for column in few.columns]
                for cells in zip(*columns, strict=True):
                    yield FileRow(cells)
    except (ValueError, OverflowError) as error:
        raise _unreadable(error) from None


def check_not_encrypted(path: str, file: Lines) -> None:
    """Refuse Parquet with an encrypted footer, which would be taken for CSV.

    A name in CSV may begin with the same bytes, so the end decides.
    """
    if not file.is_regular or not file.start.startswith(_ENCRYPTED):
        return
    with Path(path).open("rb") as again:
        again.seek(-len(_ENCRYPTED), os.SEEK_END)
        end = again.read()
    if end == _ENCRYPTED:
        reason = "is a Parquet file with an encrypted footer: decrypt it first"
        raise invalid("path", reason)


def _unreadable(error: Exception) -> InvalidArgumentError:
    return invalid("path", f"cannot be read as Parquet or Arrow: {error}")
