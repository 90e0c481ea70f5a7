"""The writers of exported files: NDJSON, CSV."""

from __future__ import annotations

import csv
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from attrs import frozen

from inngest_rest._values.json_text import encode
from inngest_rest.record import columns, to_builtin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inngest_rest.files._columns import Chosen
    from inngest_rest.record import Column, Record

# Characters with which a spreadsheet begins a formula; the last four are full-width.
_BEGINS_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@frozen(kw_only=True)
class Table:
    """What the rows of a file have: all fields of a class of records, or the chosen columns."""

    kind: Any
    chosen: tuple[Chosen, ...] | None

    @property
    def columns(self) -> tuple[Column, ...]:
        if self.chosen is None:
            return columns(self.kind)
        return tuple(each.column for each in self.chosen)

    def to_dict(self, record: Record) -> dict[str, Any]:
        """Return a record as a line of NDJSON has it."""
        if self.chosen is None:
            return record.to_dict()
        return {each.column.name: each.value_of(record) for each in self.chosen}


class Writer(Protocol):
    """Writes rows to a file; its methods raise OSError."""

    def write(self, rows: Sequence[Record]) -> None:
        """Write rows, or let them wait for others."""
        ...

    def finish(self) -> None:
        """Write what is left."""
        ...

    def close(self) -> None:
        """End the writer, whole or not; the file stays open."""
        ...


class NdjsonWriter:
    def __init__(self, file: BinaryIO, table: Table) -> None:
        self._file = file
        self._table = table

    def write(self, rows: Sequence[Record]) -> None:
        for row in rows:
            line = encode(self._table.to_dict(row))
            self._file.write(line + b"\n")

    def finish(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is held."""


class CsvWriter:
    """CSV for a spreadsheet or a database, in UTF-8: each row is one line.

    Args:
        file: The file.
        table: What its rows have.
        escape_formulas: Whether a text that a spreadsheet would evaluate gets an apostrophe.
    """

    def __init__(self, file: BinaryIO, table: Table, *, escape_formulas: bool) -> None:
        self._text = TextIOWrapper(file, "utf-8", errors="replace", newline="")
        self._columns = table.columns
        self._escape_formulas = escape_formulas
        # In quotes, by which DuckDB knows that there may be quotes further down.
        header = csv.writer(self._text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        header.writerow([column.name for column in self._columns])
        self._rows = csv.writer(self._text, lineterminator="\n")

    def write(self, rows: Sequence[Record]) -> None:
        for row in rows:
            cells = [self._cell(column.value_of(row)) for column in self._columns]
            self._rows.writerow(cells)

    def finish(self) -> None:
        self._text.flush()

    def close(self) -> None:
        self._text.detach()  # leaves the file open

    def _cell(self, value: Any) -> Any:
        cell = to_builtin(value)
        if isinstance(cell, list):
            cell = encode(cell).decode()
        if not isinstance(cell, str):
            return cell
        line = _in_one_line(cell)
        if self._escape_formulas and line.lstrip().startswith(_BEGINS_FORMULA):
            return f"'{line}"
        return line


def writer_maker(
    suffix: str, table: Table, *, escape_formulas: bool
) -> Callable[[BinaryIO], Writer] | None:
    """Return what makes the writer of a format, by the suffix of the file; None for others."""
    match suffix.lower():
        case ".csv":
            return lambda file: CsvWriter(file, table, escape_formulas=escape_formulas)
        case ".ndjson" | ".jsonl":
            return lambda file: NdjsonWriter(file, table)
        case _:
            return None


def _in_one_line(text: str) -> str:
    lines = text.splitlines()
    if len(lines) < 2:
        return "".join(lines)
    return " ".join(line.strip() for line in lines)
