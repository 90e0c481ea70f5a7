"""Rows of CSV, by the standard library's `csv`: nothing is read behind a row that it refuses.

After an error it would go on at the next line, which may be in the middle of a cell: the text of
that cell would become rows.
"""

from __future__ import annotations

import csv
import re
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from inngest_rest.files._import.lines import MAX_LINE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inngest_rest.files._import.lines import Lines

_LAST = "none behind it was read: correct the file, and send it again"


class FileRow(NamedTuple):
    """The cells of a row, or its fault; a blank line has no cells."""

    cells: Sequence[str]
    fault: str = ""  # where its end is unknown, so that it is the last


class CsvRows:
    """The rows of a file, of which the first has the names of the columns.

    Cells are separated by commas, semicolons or tabs, whichever the first line has most of.

    A file that `grows` may end in the middle of a line, which is then not read, but `unfinished`.
    """

    def __init__(self, file: Lines, *, grows: bool) -> None:
        self._file = file
        self._grows = grows
        self._line = 0
        self._is_cut = False
        self.unfinished = ""

    def __iter__(self) -> Iterator[FileRow]:
        lines = self._lines()
        number = 0
        fault = ""
        try:
            first = next(lines, "")
            all_lines = chain([first], lines) if first else lines
            for cells in csv.reader(
                all_lines, delimiter=_separator(first), strict=True
            ):
                number += 1
                yield FileRow(cells)
        except csv.Error as error:
            fault = f"line {self._line:,} cannot be read as CSV: {error}; {_LAST}"
        except OSError as error:
            error.add_note(f"read until row {number:,}")
            raise
        if self._is_cut:
            where = f"row {number + 1:,}"
            self.unfinished = (
                f"ends in the middle of {where}; resume once it is complete"
            )
        elif fault:
            yield FileRow(cells=(), fault=fault)

    def _lines(self) -> Iterator[str]:
        # By LF alone: `csv` refuses a CR that is neither before it nor in quotes.
        for line in self._file.rest():
            self._line += 1
            if len(line) == MAX_LINE:
                raise csv.Error(f"it is longer than {MAX_LINE:,} bytes")
            self._is_cut = self._grows and not line.endswith(b"\n")
            if self._is_cut:
                return
            yield line.decode("utf-8", "surrogateescape")


def _separator(first: str) -> str:
    unquoted = re.sub(r'"[^"]*"', "", first)
    return max(",;\t", key=unquoted.count)
