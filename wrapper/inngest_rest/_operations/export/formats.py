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

SAVE_AFTER_SECONDS = 1.0
"""How long rows wait to be written to a file of lines, if they are few."""

ROWS_PER_FILE = 10_000
"""How many rows wait to be written, as one file of Parquet or as lines."""

# What a spreadsheet takes for the beginning of a formula, or skips before one.
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

    That part has a size: bytes of a file, or files of a folder. Methods raise OSError.
    """

    def __init__(self, path: Path, kind: type[Record]) -> None:
        self.path, self._kind = path, kind

    @abstractmethod
    def create(self) -> bool:
        """Create it; return whether there was none."""

    @abstractmethod
    def remove(self) -> None:
        """Delete it, which is empty."""

    @abstractmethod
    def size(self) -> int:
        """Return the size of all there is, 0 if it does not exist."""

    @abstractmethod
    def is_due(self, row_count: int, seconds: float) -> bool:
        """Return whether rows that wait are to be written now, so long after the last ones."""

    @abstractmethod
    def write(self, rows: Sequence[Record], final: int) -> int:
        """Write rows behind the final part; return its new size, when they are on disk."""


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
        # One by one: the dicts of all would take more memory than the rows.
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
        text = _csv(
            [self._cell(column.value_of(row)) for column in named] for row in rows
        )
        if is_first:
            # In quotes, by which DuckDB knows that there may be quotes further down.
            text = ",".join(f'"{column.name}"' for column in named) + "\n" + text
        return text.encode(errors="replace")

    def _cell(self, value: Any) -> Any:
        cell = to_builtin(value)
        if isinstance(cell, list):
            cell = encode(cell).decode()
        is_formula = isinstance(cell, str) and cell.startswith(_BEGINS_FORMULA)
        return f"'{cell}" if self._escape_formulas and is_formula else cell


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
        replace_file(
            self.path / f"part-{final:06}.parquet", arrow.parquet(self._kind, rows)
        )
        return final + 1


class _Written(list[str]):
    """What the writer of `csv` takes for a file."""

    write = list[str].append


def _csv(rows: Iterable[Sequence[Any]]) -> str:
    """Return lines of CSV, in which each cell with a quote, a comma or any line end is quoted.

    The writer quotes a carriage return only where that is a part of its own line ends.
    """
    lines = _Written()
    csv.writer(lines, lineterminator="\r\n").writerows(rows)
    return "".join([f"{line[:-2]}\n" for line in lines])
