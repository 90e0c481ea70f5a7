"""Tables of records for a terminal: text from the server is never markup."""

from __future__ import annotations

import sys
from itertools import zip_longest
from typing import TYPE_CHECKING

from attrs import frozen
from rich.console import Console
from rich.text import Text

from inngest_rest.models import RunChange, Span
from inngest_rest.programs import visible, with_direction
from inngest_rest.record import Record, in_words
from inngest_rest.status import StatusReport
from inngest_rest.summary import RunSummary
from inngest_rest_tools.command.columns import columns_for, function_of, joined
from inngest_rest_tools.command.summaries import status_in_markdown, summary_in_markdown
from inngest_rest_tools.command.views import style_of, view_of
from inngest_rest_tools.cutting import SPARED_CHARS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

    from rich.table import Table

    from inngest_rest_tools.command.columns import Column
    from inngest_rest_tools.command.views import Part
    from inngest_rest_tools.projection import Projection

_LONGEST_CELL = 160  # characters; a row has no room for more
_LONGEST_LINE = 1_000  # of a column that has lines of its own
_GAP = 2  # between two columns


def draw(
    records: Sequence[Record],
    projection: Projection,
    form: str,
    stream: TextIO,
    *,
    is_one: bool,
) -> str:
    """Return records of one class as a table; one record as its view, or its fields."""
    first: Record = records[0]
    report = _report(first, form)
    if report is not None:
        return report
    if is_one and isinstance(first, Span) and projection.fields is None:
        return first.render(color=None if stream is sys.stdout else False)
    # Text of the server is not taken for markup.
    console = Console(
        file=stream,
        highlight=False,
        markup=False,
        emoji=False,
    )
    parts: Iterable[Part] = [tuple(records)]
    if is_one:
        parts = view_of(first, projection)
    not_empty = [part for part in parts if part != ()]
    printable = [_printable(part, console, projection) for part in not_empty]
    with console.capture() as captured:
        console.print(*printable, sep="\n")
    lines = captured.get().splitlines()
    return "\n".join(line.rstrip() for line in lines)


def _report(record: Record, form: str) -> str | None:
    """Return a record in a format that is for reports; None if it is not one of them."""
    if form != "markdown":
        return None
    match record:
        case RunSummary():
            return "\n".join(summary_in_markdown(record))
        case StatusReport():
            return "\n".join(status_in_markdown(record))
        case _:
            return None


def line_of(change: RunChange) -> str:
    """Return a change of a run as a line; changes arrive singly, so they form no table."""
    return visible(_line_of_run(change).rstrip())


def _line_of_run(change: RunChange) -> str:
    run = change.run
    return joined(
        in_words(run.ended_at or run.queued_at),
        run.id,
        f"{change.kind:8}",
        f"{run.status:9}",
        function_of(run),
        by="  ",
    )


def _printable(part: Part, console: Console, projection: Projection) -> Text | Table:
    """Return a part of a view in the form that is printed: records as a table."""
    if isinstance(part, str):
        return Text(visible(part))
    if not isinstance(part, tuple):
        return part
    columns = columns_for(part, console.width, projection)
    rows = [_cells(record, columns, projection) for record in part]
    grid = _Grid(
        console=console,
        columns=columns,
        widths=_widths(columns, rows, console.width),
    )
    headings = [Text(column.heading, "bold") for column in columns]
    lines = list(grid.row(headings))
    for cells in rows:
        lines += grid.row(cells)
        lines += grid.below(cells)
    return Text("\n").join(lines)


def _cells(
    record: Record, columns: Sequence[Column], projection: Projection
) -> list[Text]:
    return [_cell(column, record, projection) for column in columns]


def _cell(column: Column, record: Record, projection: Projection) -> Text:
    """Return a value on one line, truncated to a length for which there may be room."""
    value = column.value(record)
    text = in_words(value)
    longest = _LONGEST_LINE if column.is_line else _LONGEST_CELL
    if projection.max_chars is not None:
        longest = min(longest, projection.max_chars)
    if len(text) > max(longest, SPARED_CHARS):
        text = f"{text[:longest]}…"
    cell = Text(with_direction(visible(text)), overflow="fold")
    cell.stylize(style_of(value))
    return cell


def _widths(
    columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int
) -> list[int]:
    """Return the width of each column; 0 if there is no room for it in a row."""
    wanted: list[int] = []
    widths: list[int] = []
    room = width + _GAP
    for index, column in enumerate(columns):
        widest_cell = max(cells[index].cell_len for cells in rows)
        widest = max(widest_cell, len(column.heading))
        wanted.append(widest)
        least = widest if column.whole else min(widest, column.least)
        least = min(least, width)
        if column.is_line or least + _GAP > room:
            widths.append(0)
            continue
        widths.append(least)
        room -= least + _GAP
    # The rest goes to those that want more, from the left.
    for index, least in enumerate(widths):
        if least:
            more = min(wanted[index] - least, room)
            widths[index] += more
            room -= more
    return widths


@frozen(kw_only=True)
class _Grid:
    """The layout of a table; a column of width 0 has no room in a row."""

    console: Console
    columns: Sequence[Column]
    widths: Sequence[int]

    def row(self, cells: Sequence[Text]) -> Iterator[Text]:
        """Yield the lines of a row: the cells that have a width, folded to it."""
        widths = [width for width in self.widths if width]
        folded = [
            cell.wrap(self.console, width, overflow="fold")
            for cell, width in zip(cells, self.widths, strict=True)
            if width
        ]
        for pieces in zip_longest(*folded, fillvalue=Text()):
            line = Text()
            for piece, width in zip(pieces, widths, strict=True):
                padding = width - piece.cell_len + _GAP
                line.append_text(piece)
                line.append(" " * padding)
            line.rstrip()
            yield line

    def below(self, cells: Sequence[Text]) -> Iterator[Text]:
        """Yield the indented lines below a row, filled with the cells that have no room in it."""
        room = self.console.width - _GAP
        lines: list[Text] = []
        for item in self._without_room(cells):
            if lines and lines[-1].cell_len + _GAP + item.cell_len <= room:
                lines[-1].append(" " * _GAP)
                lines[-1].append_text(item)
            else:
                lines.append(item)
        for line in lines:
            for piece in line.wrap(self.console, room, overflow="fold"):
                yield Text(" " * _GAP) + piece

    def _without_room(self, cells: Sequence[Text]) -> Iterator[Text]:
        """Yield the values, with their headings, of columns that have no room in a row."""
        table = zip(cells, self.columns, self.widths, strict=True)
        for cell, column, width in table:
            has_no_place = not width and not column.is_optional
            if cell and has_no_place:
                heading = Text(f"{column.heading.lower()}: ", "dim")
                yield heading + cell
