"""Rows of CSV, as RFC 4180 has them: a row is read whole, or not at all.

Not by the standard library's `csv`: its limit for the length of a cell holds for the whole process,
and after an error it goes on at the next line. That may be in the middle of a cell, whose text
would become rows. Here, nothing is read behind a quote that is wrong.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from inngest_rest._core.sending.event_json import MAX_EVENT_BYTES
from inngest_rest._visible import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAX_ROW = 16 * 1024 * 1024
"""Longest row kept in memory: five times the largest event, to allow for escapes."""

_BLOCK = 256 * 1024

_LOOK_LIKE_ROWS = 3
"""Lines in quotes that look like rows: with so many, the quote is wrong, and not half written."""

_QUOTE = b'"'
_BEGUN_QUOTES = re.compile(rb'"(?:[^"]++|"")*+')
_FIRST_LINE = re.compile(rb"[^\r\n]*+(\r?\n|\r(?=[^\n]))")

_LAST = (
    "where rows end is uncertain from here on, so none behind it was read: correct the file, and "
    "send it again"
)


class Row(NamedTuple):
    """The cells of a row, and its fault, if any; a blank line has no cells."""

    cells: Sequence[Any]
    fault: str = ""
    column: int | None = None  # of the cell with the fault
    is_last: bool = False  # its end is unknown


class CsvReader:
    """Reads the rows of a file, of which the first has the names of the columns.

    Cells are separated by commas, semicolons or tabs, whichever the first line has most of. Rows
    end as that line does: with LF, which may follow CR, or with CR alone. In quotes, a cell may
    hold all of these.

    A file that `grows` may end in the middle of a row, which is then not read, but `unfinished`.
    Memory is bounded by the longest row, and by `MAX_ROW`.
    """

    def __init__(self, read: Callable[[int], bytes], *, grows: bool) -> None:
        self._read = read
        self._grows = grows
        self._text = b""  # read, from the row that `_start` is in
        self._start = 0
        self._row_size = 0
        self._has_ended = False
        self._is_complete = False
        self._width = 0  # cells of the first row
        self.number = 0
        """The number of the row read last, from 1."""
        self.unfinished = ""
        first = self._first_line()
        self._end = b"\n"
        self._stray = b"\r"  # which ends no row
        if first.endswith(b"\r"):
            self._end = b"\r"
            self._stray = b"\n"
        unquoted = re.sub(rb'"[^"]*+"', b"", first)
        self._separator = max(b",", b";", b"\t", key=unquoted.count)
        delimiters = {b"sep": self._separator, b"end": self._end}
        plain_cell = rb"([^%(sep)b%(end)b]*+)(?:(%(sep)b)|(%(end)b))"
        self._plain_cell = re.compile(plain_cell % delimiters)
        # If neither a separator nor the end of the row follows, the quote is wrong.
        quoted_cell = rb'"((?:[^"]++|"")*+)"(?:(%(sep)b)|(\r?%(end)b)|(?!\r?\Z)[\s\S])'
        self._quoted_cell = re.compile(quoted_cell % delimiters)

    def __iter__(self) -> Iterator[Row]:
        try:
            while (row := self._next()) is not None:
                self.number += 1
                if not self._width:
                    self._width = len(row.cells)
                yield row
                if row.is_last:
                    return
        except OSError as error:
            error.add_note(f"read until row {self.number:,}")
            raise

    def _first_line(self) -> bytes:
        while True:
            line = _FIRST_LINE.match(self._text)
            if line is not None:
                return line[0]
            if len(self._text) > MAX_ROW or not self._read_on():
                return self._text.rstrip(b"\r")

    def _next(self) -> Row | None:
        """Return the next row, or None at the end."""
        self._row_size = 0
        while (end := self._text.find(self._end, self._start)) < 0:
            if len(self._text) - self._start > MAX_ROW or not self._fill():
                break
        if self._start == len(self._text):
            return None
        is_long = end < 0 or end - self._start > MAX_ROW
        if is_long or self._text.find(_QUOTE, self._start, end) >= 0:
            return self._next_by_cells()
        line = self._text[self._start : end].removesuffix(b"\r")
        self._start = end + 1
        if not line:
            return Row([])
        cells = _decoded(line).split(self._separator.decode())
        if self._stray in line:
            stray = self._stray.decode()
            with_stray = [index for index, cell in enumerate(cells) if stray in cell]
            return self._stray_end(cells, with_stray[0])
        return Row(cells)

    def _next_by_cells(self) -> Row | None:
        """Return the next row, which has quotes, or whose end has not been read yet."""
        cells: list[str] = []
        first_stray: int | None = None
        while match := self._next_cell():
            cell, separator, end = match.groups()
            if match[0].startswith(_QUOTE):
                if separator is None and end is None:
                    return self._wrong_quote(cells, match.end() - 1)
                cell = cell.replace(b'""', _QUOTE)
            else:
                if end:
                    cell = cell.removesuffix(b"\r")
                if first_stray is None and self._stray in cell:
                    first_stray = len(cells)
            is_too_long = self._row_size > MAX_ROW
            cells.append("" if is_too_long else _decoded(cell))
            if not end:
                continue
            if is_too_long:
                return self._too_long()
            if first_stray is not None:
                return self._stray_end(cells, first_stray)
            return Row(cells)
        return self._unfinished(cells)

    def _next_cell(self) -> re.Match[bytes] | None:
        """Go past the next cell and its delimiter; return None at the end of the file."""
        while True:
            is_quoted = self._text.startswith(_QUOTE, self._start)
            pattern = self._quoted_cell if is_quoted else self._plain_cell
            match = pattern.match(self._text, self._start)
            if match is not None:
                self._row_size += match.end() - self._start
                self._start = match.end()
                return match
            size_so_far = self._row_size + len(self._text) - self._start
            if size_so_far > MAX_ROW:
                self._forget_begun_cell()
            if not self._fill():
                return None

    def _forget_begun_cell(self) -> None:
        """Drop the text of a cell in a row that is too long, but not a quote that may be open."""
        begun = self._text[self._start :]
        quotes = _BEGUN_QUOTES.match(begun)
        kept = begun[:1]
        if quotes is not None:
            kept = _QUOTE + begun[quotes.end() :]
        self._row_size += len(begun) - len(kept)
        self._text = kept
        self._start = 0

    def _read_on(self) -> bool:
        """Read as much again as is left over, so that a long cell is searched only a few times."""
        left_over = self._text[self._start :]
        blocks = [left_over]
        size = 0
        while size <= len(left_over) and not self._has_ended:
            block = self._read(_BLOCK)
            blocks.append(block)
            size += len(block)
            self._has_ended = not block
        if not size:
            return False
        self._text = b"".join(blocks)
        self._start = 0
        return True

    def _fill(self) -> bool:
        """Read on; at the end of a file that does not grow, end the last row."""
        if self._read_on():
            return True
        if self._grows or self._is_complete:
            return False
        if not self._text or self._text.endswith(self._end):
            return False
        self._text += self._end
        self._is_complete = True
        return True

    def _stray_end(self, cells: Sequence[str], column: int) -> Row:
        name = "CR" if self._stray == b"\r" else "LF"
        fault = f"has {name} outside quotes, which ends no row"
        return Row(cells=cells, fault=fault, column=column)

    def _too_long(self, *, is_last: bool = False) -> Row:
        limit = f"the server accepts events of {MAX_EVENT_BYTES:,}"
        fault = f"a row of {self._row_size:,} bytes; {limit}"
        return Row(cells=(), fault=fault, is_last=is_last)

    def _wrong_quote(self, cells: Sequence[str], where: int) -> Row:
        following = self._text[where : where + 20]
        behind = following.partition(b"\n")[0]
        text = behind.decode("utf-8", "replace")
        fault = f"has {shown(text)} behind its closing quote; {_LAST}"
        return Row(
            cells=cells,
            fault=fault,
            column=len(cells),
            is_last=True,
        )

    def _unfinished(self, cells: Sequence[str]) -> Row | None:
        """Return the row in which the file ends, with its fault; None if it may go on."""
        begun = self._text[self._start :]
        self._row_size += len(begun)
        is_quoted = begun.startswith(_QUOTE)
        is_wrong_quote = is_quoted and self._holds_rows(begun)
        may_go_on = self._grows and self._row_size <= MAX_ROW
        if may_go_on and not is_wrong_quote:
            where = f"row {self.number + 1:,}"
            if is_quoted:
                lines = begun.count(self._end)
                where = f"quotes that {where} opens {lines:,} lines before"
            self.unfinished = (
                f"ends in the middle of {where}; resume once it is complete"
            )
            return None
        if is_quoted:
            fault = f"has a quote that is never closed; {_LAST}"
            return Row(
                cells=cells,
                fault=fault,
                column=len(cells),
                is_last=True,
            )
        return self._too_long(is_last=True)

    def _holds_rows(self, begun: bytes) -> bool:
        """Return whether lines of a cell that is not closed are rows rather than text."""
        separators = self._width - 1
        if separators <= 0:
            return False
        lines = begun.split(self._end)[1:-1]
        like_rows = [
            line for line in lines if line.count(self._separator) == separators
        ]
        return len(like_rows) >= _LOOK_LIKE_ROWS


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")
