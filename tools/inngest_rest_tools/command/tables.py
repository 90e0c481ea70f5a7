"""Tables and views of records for a terminal: text from the server is never markup."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.measure import Measurement
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
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TextIO

    from inngest_rest.models import RunChange
    from inngest_rest.record import Record
    from inngest_rest_tools.form import Part
    from inngest_rest_tools.projection import Projection

    _Cells = Mapping[Column, Sequence[Text]]

_LONGEST_CELL = 160  # characters; a row has no room for more
_LONGEST_LINE = 1_000  # of a column that has lines of its own
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
) -> Text | Table | Group:
    """Return a part of a view in the form that is printed: records as a table."""
    match part:
        case str():
            return Text(visible(part))
        case Line():
            return Text(visible(part.text), part.style).append(
                visible(part.rest), "default"
            )
        case Grid():
            table = _table_without_lines()
            for cells in part.rows:
                table.add_row(*[Text(safe(cell.text), cell.style) for cell in cells])
            return table
        case Table():
            return part
        case _:
            return _table(part, console, projection)


def _table(
    records: tuple[Record, ...], console: Console, projection: Projection
) -> Group:
    """Return records as rows; below them, what these have no room for."""
    columns = _columns_for(records, console.width, projection)
    cells = {
        column: [_cell(column, record, projection) for record in records]
        for column in columns
    }
    in_rows = {column: cells[column] for column in columns if not column.is_line}
    while len(in_rows) > 1 and _least_width(in_rows, console) > console.width:
        in_rows.popitem()
    labels = cells[columns[0]]
    below = {
        column: cells[column]
        for column in columns
        if column not in in_rows and not column.is_optional
    }
    tables = [_rows(in_rows), _below(labels, below)]
    return Group(*[table for table in tables if table.row_count])


def _least_width(cells: _Cells, console: Console) -> int:
    """Return the width of a table whose columns are as narrow as they may be."""
    narrow = _rows(cells)
    for column, drawn in zip(cells, narrow.columns, strict=True):
        if not column.whole:
            drawn.max_width = column.least
    unlimited = console.options.update_width(sys.maxsize)
    return Measurement.get(console, unlimited, narrow).maximum


def _rows(cells: _Cells) -> Table:
    """Return a table of cells by their column."""
    table = _table_without_lines()
    table.show_header = True
    for column in cells:
        table.add_column(column.heading, no_wrap=column.whole)
    for row in zip(*cells.values(), strict=True):
        table.add_row(*row)
    return table


def _below(labels: Iterable[Text], cells: _Cells) -> Table:
    """Return a line for each cell, with the label of its row and the heading of its column."""
    table = _table_without_lines()
    for label, *values in zip(labels, *cells.values(), strict=True):
        for column, value in zip(cells, values, strict=True):
            if value:
                heading = Text(f"{column.heading.lower()}: ", "dim")
                table.add_row(label, heading + value)
    return table


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
    table = _table_without_lines()
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    names: Sequence[str] = projection.fields or field_names(type(record))
    for name in names:
        value = getattr(record, name, None)
        if value is None or value in ((), {}):
            continue
        label = name.replace("_", " ")
        text = projection.cutter.cut(_whole_text(value), name)
        styled = Text(safe(text), style=style_of(value))
        table.add_row(label, styled)
    return table


def _table_without_lines() -> Table:
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


def _cell(column: Column, record: Record, projection: Projection) -> Text:
    """Return a value on one line, truncated to a length for which there may be room."""
    value = column.value(record)
    text = in_words(value)
    longest = _LONGEST_LINE if column.is_line else _LONGEST_CELL
    if projection.max_chars is not None:
        longest = min(longest, projection.max_chars)
    if len(text) > max(longest, SPARED_CHARS):
        text = f"{text[:longest]}…"
    # The column of an id is not folded, unless a terminal has no room for the id alone.
    cell = Text(with_direction(visible(text)), overflow="fold", no_wrap=False)
    cell.stylize(style_of(value))
    return cell
