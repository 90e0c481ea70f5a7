"""The outputs of an export: a file of JSON lines or CSV, or a folder of Parquet files."""

from __future__ import annotations

import csv
import os
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from inngest_rest._core import arrow
from inngest_rest._core.json_text import encode
from inngest_rest._files import check_is_regular, create_file, replace_file
from inngest_rest.record import Record, columns, to_builtin

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from inngest_rest.record import Column

SAVE_AFTER_SECONDS = 1.0
"""The time after which few rows are written to a file of lines."""

ROWS_PER_FILE = 10_000
"""The number of rows that are written at once, as a file of Parquet or as lines."""

# Characters with which a spreadsheet begins a formula, or which it skips before one.
_BEGINS_FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)


class Output(ABC):
    """A file or a folder, of which a part is final.

    The size of that part is its bytes in a file, or its files in a folder. Methods raise OSError.
    """

    def __init__(self, path: Path, kind: type[Record]) -> None:
        self.path = path
        self._kind = kind

    @abstractmethod
    def create(self) -> bool:
        """Create it; return False if it exists."""

    @abstractmethod
    def remove(self) -> None:
        """Delete it while it is empty."""

    @abstractmethod
    def size(self) -> int:
        """Return its whole size; 0 if it does not exist."""

    @abstractmethod
    def is_due(self, row_count: int, seconds: float) -> bool:
        """Return whether to write the waiting rows, `seconds` after the last ones."""

    @abstractmethod
    def write(self, rows: Sequence[Record], final: int) -> int:
        """Write rows to disk, after the final part; return the new size of that part."""


class LinesFile(Output):
    """A file of lines."""

    def create(self) -> bool:
        try:
            create_file(self.path).close()
        except FileExistsError:
            return False
        return True

    def remove(self) -> None:
        self.path.unlink()

    def size(self) -> int:
        with suppress(FileNotFoundError):
            check_is_regular(self.path)
            return self.path.stat().st_size
        return 0

    def is_due(self, row_count: int, seconds: float) -> bool:
        return seconds >= SAVE_AFTER_SECONDS or row_count >= ROWS_PER_FILE

    def write(self, rows: Sequence[Record], final: int) -> int:
        text = self.lines(rows, is_first=final == 0)
        try:
            with self.path.open("r+b") as file:
                file.truncate(final)
                file.seek(final)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            # A full disk may have taken half of a row.
            with suppress(OSError):
                os.truncate(self.path, final)
            raise
        return final + len(text)

    @abstractmethod
    def lines(self, rows: Sequence[Record], *, is_first: bool) -> bytes:
        """Encode rows; the first ones of a file may need a header."""


class JsonLinesFile(LinesFile):
    def lines(self, rows: Sequence[Record], *, is_first: bool) -> bytes:  # noqa: ARG002
        # One by one: the dicts of all rows would take more memory than the rows.
        return b"".join(encode(row.to_dict()) + b"\n" for row in rows)


class CsvFile(LinesFile):
    """CSV for a spreadsheet or a database, in UTF-8.

    Args:
        path: The file.
        kind: The class of the rows.
        escape_formulas: Whether a text that a spreadsheet would evaluate gets an apostrophe.
    """

    def __init__(
        self, path: Path, kind: type[Record], *, escape_formulas: bool
    ) -> None:
        super().__init__(path, kind)
        self._escape_formulas = escape_formulas

    def lines(self, rows: Sequence[Record], *, is_first: bool) -> bytes:
        named = columns(self._kind)  # type: ignore[arg-type] # mypy takes a class for its instances
        text = _csv(self._cells(row, named) for row in rows)
        if is_first:
            # In quotes, by which DuckDB knows that there may be quotes further down.
            header = ",".join(f'"{column.name}"' for column in named)
            text = f"{header}\n{text}"
        return text.encode(errors="replace")

    def _cells(self, row: Record, named: Sequence[Column]) -> list[Any]:
        return [self._cell(column.value_of(row)) for column in named]

    def _cell(self, value: Any) -> Any:
        cell = to_builtin(value)
        if isinstance(cell, list):
            cell = encode(cell).decode()
        if not self._escape_formulas or not isinstance(cell, str):
            return cell
        if cell.startswith(_BEGINS_FORMULA):
            return f"'{cell}"
        return cell


class ParquetFolder(Output):
    """A folder of numbered Parquet files."""

    def __init__(self, path: Path, kind: type[Record]) -> None:
        arrow.load()
        super().__init__(path, kind)

    def create(self) -> bool:
        try:
            self.path.mkdir(mode=0o700)
        except FileExistsError:
            return False
        return True

    def remove(self) -> None:
        self.path.rmdir()

    def size(self) -> int:
        with suppress(FileNotFoundError):
            return len([*self.path.iterdir()])
        return 0

    def is_due(self, row_count: int, seconds: float) -> bool:  # noqa: ARG002
        return row_count >= ROWS_PER_FILE

    def write(self, rows: Sequence[Record], final: int) -> int:
        if not rows:
            return final
        path = self.path / f"part-{final:06}.parquet"
        replace_file(path, arrow.parquet(self._kind, rows))
        return final + 1


class _WrittenLines(list[str]):
    """The lines that a writer of `csv` has written to it, as to a file."""

    write = list[str].append


def _csv(rows: Iterable[Sequence[Any]]) -> str:
    """Return lines of CSV, with each cell quoted that has a quote, a comma or any line end.

    The writer quotes a carriage return only if its own line ends have one, which are then replaced.
    """
    lines = _WrittenLines()
    csv.writer(lines, lineterminator="\r\n").writerows(rows)
    return "".join([line.removesuffix("\r\n") + "\n" for line in lines])
