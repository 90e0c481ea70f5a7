"""Tables: rows of CSV or Parquet become events, as the columns say."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from inngest_rest._arguments import invalid
from inngest_rest._core import arrow
from inngest_rest._core.arguments import check_each, check_text
from inngest_rest._core.json_text import decode
from inngest_rest._durable.file_import.csv_reader import Row
from inngest_rest._durable.file_import.lines import RefusedLine
from inngest_rest._visible import did_you_mean, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from inngest_rest._durable.file_import.lines import Lines
    from inngest_rest.errors import InvalidArgumentError


# A first line such as `sep=;`, which Excel reads, and hides.
_SEPARATOR_OF_EXCEL = re.compile("sep=.?", re.IGNORECASE)

_ENCRYPTED = (
    b"PARE"  # what a Parquet file with an encrypted footer begins and ends with
)


def _int(cell: Any) -> int:
    """Return the number that the cell is; `int` alone would cut 1.5 of Parquet."""
    number = int(_without_marks(cell))
    if not isinstance(cell, str) and number != cell:
        raise ValueError(shown(cell))
    return number


def _without_marks(cell: Any) -> Any:
    """Refuse 1_000, which is a number in Python alone."""
    if isinstance(cell, str) and "_" in cell:
        raise ValueError(shown(cell))
    return cell


_TYPES: dict[str, Callable[[Any], Any]] = {
    "text": str,
    "int": _int,
    "float": lambda cell: float(_without_marks(cell)),
    "bool": lambda cell: {"true": True, "1": True, "false": False, "0": False}[
        str(cell).lower()
    ],
    "time": lambda cell: datetime.fromisoformat(str(cell)),
    "json": decode,
}
_PLACES = ("name", "id", "ts", "v")


class Column(NamedTuple):
    """Where the cells of a column go in an event, nowhere by an empty path, and their type."""

    name: str
    path: Sequence[str]
    type: str = ""

    @classmethod
    def of(cls, name: str, text: str) -> Column:
        """Check what a caller passed, such as "total=data.total:float"."""
        column, _, rest = text.partition("=")
        place, _, kind = rest.partition(":")
        path = place.split(".") if place else []
        is_inside = path[:1] in (["data"], ["user"]) and all(path[1:] or [""])
        if "=" not in text or not (is_inside or place in _PLACES or not rest):
            how = f"COLUMN=PLACE or COLUMN=PLACE:TYPE, where places are {', '.join(_PLACES)}"
            raise invalid(
                name, f"is {shown(text)}: write {how}, data.NAME or user.NAME"
            )
        kind = kind or ("time" if place == "ts" else "")
        if kind and kind not in _TYPES:
            raise invalid(
                name, f"has the type {shown(kind)}{did_you_mean(kind, _TYPES)}"
            )
        return cls(column, path, kind)

    def put(self, cell: Any, event: dict[str, Any]) -> None:
        """Put a cell into an event; an empty one is null, unless it is text."""
        if self.type:
            is_empty = cell is None or (cell == "" and self.type != "text")
            try:
                cell = None if is_empty else _TYPES[self.type](cell)
            except Exception as error:  # noqa: BLE001 - of a value of any type
                raise ValueError(
                    f"column {self.name} is not of type {self.type}: {error}"
                ) from None
        for each in self.path[:-1]:
            event = event.setdefault(each, {})
        event.update(dict.fromkeys(self.path[-1:], cell))


class Table(NamedTuple):
    """How rows become events: the name of these, and what is known of columns by theirs."""

    event: str | None
    known: dict[str, Column]

    @classmethod
    def of(cls, event: str | None, columns: Iterable[str] | None) -> Table:
        found = check_each("columns", columns or (), "texts", Column.of)
        if check_text("event", event) is None and ["name"] not in [
            each.path for each in found
        ]:
            raise invalid(
                "event", "is missing: pass the name of the events, such as shop/x"
            )
        known = {each.name: each for each in found}
        if len(known) < len(found):
            twice = next(each.name for each in found if known[each.name] is not each)
            raise _of_columns(
                f"{shown(twice)} is there twice, and goes to one place alone"
            )
        _check_places(found)
        return cls(event, known)

    def columns(self, header: Sequence[str]) -> list[Column]:
        """Return the columns with these names, or refuse them."""
        if unknown := [name for name in self.known if name not in header]:
            reason = f"there is none called {shown(unknown[0])}{did_you_mean(unknown[0], header)}"
            raise _of_columns(reason)
        columns = [
            self.known.get(name) or Column(name, ("data", name)) for name in header
        ]
        _check_places(columns)
        return columns

    def events(self, columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[Any]:
        """Yield the event of each row, or what is there instead."""
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

    def _refused(self, row: Row, columns: Sequence[Column], reason: str) -> RefusedLine:
        if not (row.cells or row.fault):
            return RefusedLine.of(b"\n", reason)  # a blank line
        data = {each.name: cell for each, cell in zip(columns, row.cells, strict=False)}
        text = (
            json.dumps({"name": self.event, "data": data}, default=str).encode() + b"\n"
        )
        is_whole = bool(row.cells) and not row.is_last
        return RefusedLine.of(text, reason, is_whole=is_whole, is_final=not row.is_last)


def _of_columns(reason: str) -> InvalidArgumentError:
    return invalid("columns:", reason, argument="columns")


def _check_places(columns: Sequence[Column]) -> None:
    """Refuse two columns of one place, and one whose place is inside the value of another."""
    at, inside = dict[tuple[str, ...], Column](), dict[tuple[str, ...], Column]()
    for column in columns:
        path = tuple(column.path)
        if not path:
            continue
        above = [path[:length] for length in range(1, len(path))]
        candidates = [at.get(path), inside.get(path), *map(at.get, above)]
        for other in filter(None, candidates):
            places = " and ".join(dict.fromkeys([".".join(other.path), ".".join(path)]))
            raise _of_columns(
                f"{shown(other.name)} and {shown(column.name)} would overwrite each other at "
                f"{places}; let one go elsewhere, or nowhere, by {shown(column.name + '=')}"
            )
        at[path] = column
        inside.update(dict.fromkeys(above, column))


def _check(row: Row, columns: Sequence[Column]) -> None:
    """Raise if a row has a fault, or not the cells that the header says."""
    given, expected = len(row.cells), len(columns)
    if row.fault:
        is_known = row.column is not None and row.column < expected
        where = f"column {columns[row.column or 0].name} " if is_known else ""
        raise ValueError(f"{where}{row.fault}")
    if given < expected:
        more = f"column {columns[given].name} has none"
        raise ValueError(f"it has {given} cells, and the header {expected}: {more}")
    if given > expected:
        more = f"behind the last column is {shown(row.cells[expected])}"
        raise ValueError(f"it has {given} cells, and the header {expected}: {more}")


def csv_names(header: Row) -> Sequence[str]:
    """Return the names in the first row of CSV, or refuse it."""
    names = header.cells
    reason = header.fault or ("" if names else "is blank")
    if not reason and _SEPARATOR_OF_EXCEL.fullmatch(names[0]) and not any(names[1:]):
        reason = "tells Excel which separator the file has: delete that line"
    try:
        "".join(names).encode()
    except UnicodeEncodeError:
        reason = "is not UTF-8, the encoding of CSV that is read"
    if reason:
        raise invalid(
            "path:", f"the first row, of the names, {reason}", argument="path"
        )
    return names


def parquet_rows(file: Any) -> Iterator[Row]:
    """Yield the rows of an open Parquet file, a few at a time, as cells may be large."""
    try:
        for batch in file.iter_batches(100):
            yield from map(
                Row, zip(*(column.to_pylist() for column in batch.columns), strict=True)
            )
    except (ValueError, OverflowError) as error:
        raise _unreadable(error) from None


def open_parquet(file: Lines) -> Any:
    parquet = arrow.load("pyarrow.parquet")
    try:
        return parquet.ParquetFile(file.raw)
    except ValueError as error:
        raise _unreadable(error) from None


def check_not_encrypted(path: str, file: Lines) -> None:
    """Refuse Parquet that would be taken for CSV, of which a name may begin alike."""
    if not (file.is_regular and file.start.startswith(_ENCRYPTED)):
        return
    with Path(path).open("rb") as again:
        again.seek(-len(_ENCRYPTED), os.SEEK_END)
        if again.read() == _ENCRYPTED:
            raise invalid(
                "path", "is a Parquet file with an encrypted footer: decrypt it first"
            )


def _unreadable(error: Exception) -> InvalidArgumentError:
    return invalid("path", f"cannot be read as Parquet: {error}")
