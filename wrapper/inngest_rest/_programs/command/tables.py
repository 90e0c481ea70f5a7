"""Tables of records for a terminal: text from the server is never markup."""

from __future__ import annotations

import sys
from itertools import zip_longest
from typing import TYPE_CHECKING

from attrs import frozen
from rich.console import Console
from rich.text import Text

from inngest_rest._programs.command.columns import columns_for, function_of, joined
from inngest_rest._programs.command.summaries import REPORTS, status_in_markdown
from inngest_rest._programs.command.views import style_of, view_of
from inngest_rest._programs.cutting import SPARED_CHARS
from inngest_rest._visible import visible, with_direction
from inngest_rest.models import RunChange, Span, StepChange
from inngest_rest.record import Record, in_words
from inngest_rest.status import StatusReport
from inngest_rest.summary import RunSummary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from rich.table import Table

    from inngest_rest._programs.command.columns import Column
    from inngest_rest._programs.command.views import Part
    from inngest_rest._programs.projection import Projection

_LONGEST_CELL = 160  # characters; a row has no room for more
_LONGEST_LINE = 1_000  # of what has lines of its own
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
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    parts = view_of(first, projection) if is_one else [tuple(records)]
    printable = [_printable(part, console, projection) for part in parts if part != ()]
    with console.capture() as captured:
        console.print(*printable, sep="\n")
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _report(record: Record, form: str) -> str | None:
    """Return a record in a format that is for reports; None if it is not one of them."""
    if isinstance(record, RunSummary) and form in REPORTS:
        return "\n".join(REPORTS[form](record))
    if isinstance(record, StatusReport) and form == "markdown":
        return "\n".join(status_in_markdown(record))
    return None


def line_of(change: StepChange | RunChange) -> str:
    """Return a change of a run as a line; changes come one by one, and make no table."""
    line = (
        _line_of_step(change)
        if isinstance(change, StepChange)
        else _line_of_run(change)
    )
    return visible(line.rstrip())


def _line_of_step(change: StepChange) -> str:
    span, kind = change.span, change.kind.ljust(8)
    if change.kind != "ended":
        return joined(in_words(span.started_at), kind, span.name, by="  ")
    ended_at, duration = in_words(span.ended_at), in_words(span.duration)
    return joined(
        ended_at, kind, f"{span.status:9}", span.name, duration, span.error, by="  "
    )


def _line_of_run(change: RunChange) -> str:
    run = change.run
    at = in_words(run.ended_at or run.queued_at)
    return joined(
        at, run.id, change.kind.ljust(8), f"{run.status:9}", function_of(run), by="  "
    )


def _printable(part: Part, console: Console, projection: Projection) -> Text | Table:
    """Return a part of a view as it is printed: records as a table, text line by line."""
    if isinstance(part, str):
        return Text(visible(part))
    if not isinstance(part, tuple):
        return part
    columns = columns_for(part, console.width, projection)
    rows = [
        [_cell(column, record, projection) for column in columns] for record in part
    ]
    grid = _Grid(
        console=console,
        columns=columns,
        widths=_widths(columns, rows, console.width),
    )
    lines = [*grid.row([Text(column.heading, "bold") for column in columns])]
    for cells in rows:
        lines += grid.row(cells)
        lines += grid.below(cells)
    return Text("\n").join(lines)


def _cell(column: Column, record: Record, projection: Projection) -> Text:
    """Return a value on one line, as far as there may be room for it."""
    value = column.value(record)
    text = in_words(value)
    longest = _LONGEST_LINE if column.is_line else _LONGEST_CELL
    longest = min(projection.max_chars or longest, longest)
    if len(text) > max(longest, SPARED_CHARS):
        text = f"{text[:longest]}…"
    cell = Text(with_direction(visible(text)), overflow="fold")
    cell.stylize(style_of(value))
    return cell


def _widths(
    columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int
) -> list[int]:
    """Return how wide each column is; 0 if there is no room for it in a row."""
    wanted, widths = list[int](), list[int]()
    left = width + _GAP
    for index, column in enumerate(columns):
        widest = max(cells[index].cell_len for cells in rows)
        wanted.append(max(widest, len(column.heading)))
        least = wanted[index] if column.whole else min(wanted[index], column.least)
        least = min(least, width)
        if column.is_line or least + _GAP > left:
            widths.append(0)
            continue
        widths.append(least)
        left -= least + _GAP
    # What is left goes to those that want more, from the left.
    for index, least in enumerate(widths):
        more = min(wanted[index] - least, left) if least else 0
        widths[index] += more
        left -= more
    return widths


@frozen(kw_only=True)
class _Grid:
    """Where the cells of a table are; a width of 0 is that of a column without room in a row."""

    console: Console
    columns: Sequence[Column]
    widths: Sequence[int]

    def row(self, cells: Sequence[Text]) -> Iterator[Text]:
        """Yield the lines of a row: those cells that have a width, folded to it."""
        inside = [
            (cell, width)
            for cell, width in zip(cells, self.widths, strict=True)
            if width
        ]
        folded = [
            cell.wrap(self.console, width, overflow="fold") for cell, width in inside
        ]
        for pieces in zip_longest(*folded, fillvalue=Text()):
            line = Text()
            for piece, (_, width) in zip(pieces, inside, strict=True):
                line.append_text(piece).append(" " * (width - piece.cell_len + _GAP))
            line.rstrip()
            yield line

    def below(self, cells: Sequence[Text]) -> Iterator[Text]:
        """Yield the indented lines below a row: what has no room in it, as many as fit on each."""
        room = self.console.width - _GAP
        lines = list[Text]()
        for item in self._without_room(cells):
            if lines and lines[-1].cell_len + _GAP + item.cell_len <= room:
                lines[-1].append(" " * _GAP).append_text(item)
            else:
                lines.append(item)
        for line in lines:
            for piece in line.wrap(self.console, room, overflow="fold"):
                yield Text(" " * _GAP) + piece

    def _without_room(self, cells: Sequence[Text]) -> Iterator[Text]:
        for cell, column, width in zip(cells, self.columns, self.widths, strict=True):
            if cell and not width and not column.is_optional:
                yield Text(f"{column.heading.lower()}: ", "dim") + cell
