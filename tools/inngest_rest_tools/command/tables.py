"""Tables and views of records for a terminal: text from the server is never markup."""

from __future__ import annotations

import sys
from enum import Enum
from itertools import zip_longest
from typing import TYPE_CHECKING

from attrs import frozen
from rich.console import Console
from rich.table import Table
from rich.text import Text

from inngest_rest import models
from inngest_rest.programs import safe, visible, with_direction
from inngest_rest.record import in_words
from inngest_rest.responses import Target
from inngest_rest_tools.core_forms import function_of
from inngest_rest_tools.cutting import SPARED_CHARS
from inngest_rest_tools.form import (
    Column,
    Grid,
    Line,
    form_of,
    joined,
    place_of,
    style_of,
)
from inngest_rest_tools.projection import field_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

    from inngest_rest.models import RunChange
    from inngest_rest.record import Record
    from inngest_rest_tools.form import Part
    from inngest_rest_tools.projection import Projection

_LONGEST_CELL = 160  # characters; a row has no room for more
_LONGEST_LINE = 1_000  # of a column that has lines of its own
_GAP = 2  # between two columns
_IDS_TIMES = ("_id", "_at")  # the ends of names of fields whose values have to be whole


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
    markdown = form_of(type(first)).markdown
    if form == "markdown" and markdown is not None:
        return "\n".join(markdown(first))
    if is_one and isinstance(first, models.Span) and projection.fields is None:
        return first.render(color=None if stream is sys.stdout else False)
    # Text of the server is not taken for markup.
    console = Console(
        file=stream,
        highlight=False,
        markup=False,
        emoji=False,
    )
    parts: Iterable[Part | Table] = [tuple(records)]
    if is_one:
        parts = _view_of(first, projection)
    not_empty = [part for part in parts if part != ()]
    printable = [_printable(part, console, projection) for part in not_empty]
    with console.capture() as captured:
        console.print(*printable, sep="\n")
    lines = captured.get().splitlines()
    return "\n".join(line.rstrip() for line in lines)


def _view_of(record: Record, projection: Projection) -> Iterable[Part | Table]:
    """Return the parts of a record's own view, or the fields that are asked for."""
    parts = None
    if projection.fields is None:
        parts = form_of(type(record)).view(record)
    return [_fields(record, projection)] if parts is None else parts


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


def _printable(
    part: Part | Table, console: Console, projection: Projection
) -> Text | Table:
    """Return a part of a view in the form that is printed: records as a table."""
    match part:
        case str():
            return Text(visible(part))
        case Line():
            return Text(visible(part.text), part.style).append(
                visible(part.rest), "default"
            )
        case Grid():
            table = _table_without_heading()
            for cells in part.rows:
                table.add_row(*[Text(safe(cell.text), cell.style) for cell in cells])
            return table
        case Table():
            return part
        case _:
            return _table(part, console, projection)


def _table(
    records: tuple[Record, ...], console: Console, projection: Projection
) -> Text:
    columns = _columns_for(records, console.width, projection)
    rows = [_cells(record, columns, projection) for record in records]
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


def _columns_for(
    records: Sequence[Record], width: float, projection: Projection
) -> list[Column]:
    """Return the columns that are asked for, or those for which there is room and a value."""
    kind = type(records[0])
    names = field_names(kind)
    if projection.fields is not None:
        return [_column_of_field(name) for name in projection.fields if name in names]
    columns: Iterable[Column] = form_of(kind).columns
    if not columns:
        columns = map(_column_of_field, names)
    with_room = [column for column in columns if column.has_room_at(width)]
    return [column for column in with_room if _has_value(column, records)]


def _has_value(column: Column, records: Sequence[Record]) -> bool:
    return any(in_words(column.value(record)) for record in records)


def _column_of_field(name: str) -> Column:
    heading = name.upper().replace("_", " ")
    is_whole = name == "id" or name.endswith(_IDS_TIMES)
    return Column(heading, name, whole=is_whole)


def _fields(record: Record, projection: Projection) -> Table:
    """Return the fields that have a value, one below the other."""
    table = _table_without_heading()
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    names: Sequence[str] = projection.fields or field_names(type(record))
    for name in names:
        value = getattr(record, name, None)
        if value is None or value in ((), {}):
            continue
        label = name.replace("_", " ")
        text = projection.cutter.cut(_whole_text(value), name)
        styled = Text(safe(text), style=_style(value))
        table.add_row(label, styled)
    return table


def _table_without_heading() -> Table:
    return Table(
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        header_style="bold",
        show_header=False,
    )


def _whole_text(value: object) -> str:
    """Return a value in full, on several lines if need be."""
    match value:
        case Target():
            return place_of(value)
        case models.RunError():
            return joined(str(value), value.stack, by="\n")
        case _:
            return in_words(value, indent=2)


def _style(value: object) -> str:
    """Return the style of a status or an outcome; none for any other value."""
    return style_of(value) if isinstance(value, Enum) else ""


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
    cell.stylize(_style(value))
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
