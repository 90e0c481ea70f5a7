"""Draw a waterfall for a terminal; the one module that needs rich."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from inngest_rest._values.extras import how_to_install
from inngest_rest._values.visible import with_direction
from inngest_rest._waterfall.layout import lay_out, text_of, tick_text, ticks

try:
    from rich.cells import cell_len, set_cell_size
    from rich.color import ColorSystem
    from rich.console import Console
    from rich.style import Style
except ModuleNotFoundError as error:
    message = f"rich is not installed, which render() needs: {how_to_install('cli')}"
    raise ImportError(message, name=error.name) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from inngest_rest._waterfall.layout import DrawnSpan, SpanRow, Waterfall

    Paint = Callable[[str, str], str]

_MARK = "✓ "  # before a name
_GAP = "  "  # between two columns

# In a narrower terminal, there is no room for bars.
_NARROWEST = 60
_WIDEST_KIND = 10
_DEEPEST_INDENT = 6

_MARKS = {
    "completed": ("✓", "green"),
    "failed": ("✗", "red"),
    "cancelled": ("⊘", "yellow"),
    "running": ("●", "cyan"),
    "waiting": ("○", "cyan"),
    "skipped": ("-", "dim"),
}
_OTHER_MARK = ("?", "dim")

# The sixteen ANSI colors, which follow the terminal's light or dark theme.
_STYLES = {
    "run": "bold",
    "sleep": "blue",
    "wait": "blue",
    "invoke": "magenta",
    "ai": "magenta",
}
_STYLED_AS_MARK = frozenset({"failed", "cancelled", "skipped"})
_IDLE = frozenset({"sleep", "wait", "invoke"})

# The states of a half of a bar's cell.
_EMPTY, _QUEUED, _BUSY = range(3)

# A cell of a bar by the states of its halves: at left + 3 * right.
_CELLS = " ╴╸╶─╾╺╼━"
_IDLE_CELLS = " ╴╸╶─╾╺╼╍"


def draw(
    root: DrawnSpan,
    *,
    width: int | None,
    color: bool | None,
    now: datetime | None,
) -> str:
    """Return the lines of a waterfall, colored on request or if standard output supports it."""
    console = Console(file=sys.stdout)
    if color is None:
        color = console.color_system is not None and not console.no_color
    columns = max(width or console.width, _NARROWEST)
    chart = _Chart(
        lay_out(root, now), columns, _paint if color else lambda text, _: text
    )
    return "\n".join(line.rstrip() for line in chart.lines())


def _paint(text: str, style: str) -> str:
    if not style:
        return text
    return Style.parse(style).render(text, color_system=ColorSystem.STANDARD)


class _Chart:
    """A waterfall in columns: a mark, the name, the kind, the bar and the duration."""

    def __init__(self, waterfall: Waterfall, width: int, paint: Paint) -> None:
        self._waterfall = waterfall
        self._width = width
        self._paint = paint
        rows = waterfall.rows
        self._has_open_rows = any(row.is_open for row in rows)
        kind_widths = [cell_len(_shown_kind(row)) for row in rows]
        self._kind_width = min(max(kind_widths), _WIDEST_KIND)
        name_widths = [cell_len(_indented_name(row)) for row in rows]
        # Two fifths of the line are for names and kinds.
        room_for_name = width * 2 // 5 - self._kind_width
        self._name_width = min(max(name_widths), room_for_name)
        duration_widths = [len(self._duration(row)) for row in rows]
        self._duration_width = max(duration_widths)
        texts_width = self._name_width + self._kind_width + self._duration_width
        gaps_width = 3 * len(_GAP)
        self._bar_width = width - len(_MARK) - gaps_width - texts_width

    def lines(self) -> Iterator[str]:
        yield self._title()
        axis = self._paint(_axis(self._waterfall, self._bar_width), "dim")
        yield " " * self._bar_begins_at + axis
        for row in self._waterfall.rows:
            yield self._line(row)
            if row.error:
                yield self._error_line(row, row.error)

    @property
    def _bar_begins_at(self) -> int:
        texts_width = len(_MARK) + self._name_width + self._kind_width
        return texts_width + 2 * len(_GAP)

    def _error_line(self, row: SpanRow, error: str) -> str:
        indent = " " * len(_MARK) + _indent(row)
        room = self._width - len(indent)
        fitted = _fitted(error, room).rstrip()
        return indent + self._paint(fitted, "red")

    def _title(self) -> str:
        run = self._waterfall.rows[0]
        name = self._paint(self._waterfall.run_id or "Run", "bold")
        status = self._paint(run.status, _MARKS.get(run.status, _OTHER_MARK)[1])
        title = f"{name}  {status}"
        begin = self._waterfall.begin
        if begin is not None:
            title += f"  {begin:%Y-%m-%d %H:%M:%S %Z}"
        return title

    def _line(self, row: SpanRow) -> str:
        mark, mark_style = _MARKS.get(row.status, _OTHER_MARK)
        style = _STYLES.get(row.kind, "cyan")
        if row.status in _STYLED_AS_MARK:
            style = mark_style
        name = _fitted(_indented_name(row), self._name_width)
        name_style = "" if row.depth else "bold"
        kind = _fitted(_shown_kind(row), self._kind_width)
        cells = [
            f"{self._paint(mark, mark_style)} {self._paint(name, name_style)}",
            self._paint(kind, "dim"),
            _bar(row, self._waterfall, self._bar_width, style, self._paint),
            self._duration(row).rjust(self._duration_width),
        ]
        return _GAP.join(cells)

    def _duration(self, row: SpanRow) -> str:
        """Return the duration of a span, aligned with others; an ellipsis if it goes on."""
        if row.started_at is None or row.ended_at is None:
            took = "queued" if row.is_open else ""
        else:
            took = text_of(row.ended_at - row.started_at)
            if row.is_open:
                return f"{took}…"
        return f"{took} " if self._has_open_rows else took


def _shown_kind(row: SpanRow) -> str:
    """Return its kind, unless its name contains that."""
    return "" if row.kind in ("run", "attempt") else row.kind


def _indent(row: SpanRow) -> str:
    return "  " * min(row.depth, _DEEPEST_INDENT)


def _indented_name(row: SpanRow) -> str:
    return f"{_indent(row)}{row.name}"


def _axis(waterfall: Waterfall, width: int) -> str:
    """Return the tick labels, each beginning at its tick."""
    line = ""
    for tick in ticks(waterfall.total, width // 10):
        text = tick_text(tick)
        last_place = max(width - len(text), 0)
        exact_place = round(tick / waterfall.total * width)
        place = min(exact_place, last_place)
        if place > len(line) or not line:
            line = line.ljust(place) + text
    return line


def _bar(
    row: SpanRow,
    waterfall: Waterfall,
    width: int,
    style: str,
    paint: Paint,
) -> str:
    """Return the bar of a row, drawn in half cells."""

    def half_cells(time: datetime | None) -> int:
        if time is None or waterfall.begin is None:
            return 0
        return round((time - waterfall.begin) / waterfall.total * width * 2)

    drawn_from = row.started_at or row.ended_at
    start = half_cells(drawn_from or row.queued_at)
    end = start
    if row.started_at:
        # At least half a cell, so that a short span is seen.
        start = min(start, width * 2 - 1)
        end = max(half_cells(row.ended_at), start + 1)
    queued = min(half_cells(row.queued_at or drawn_from), start)
    halves = [_EMPTY] * queued
    halves += [_QUEUED] * (start - queued)
    halves += [_BUSY] * (end - start)
    halves += [_EMPTY] * (2 * width - end)
    cells = _IDLE_CELLS if row.kind in _IDLE else _CELLS
    both = zip(halves[::2], halves[1::2], strict=True)
    text = "".join(cells[left + 3 * right] for left, right in both).rstrip()
    first_busy = start // 2
    waiting = paint(text[:first_busy], "dim")
    busy = paint(text[first_busy:], style)
    padding = " " * (width - len(text))
    return f"{waiting}{busy}{padding}"


def _fitted(text: str, cells: int) -> str:
    """Fit text to exactly this many cells, with an ellipsis in the middle if truncated.

    Names of steps in a loop differ at their ends.
    """
    if cell_len(text) > cells:
        head_cells = cells // 2
        tail_cells = cells - 1 - head_cells
        head = set_cell_size(text, head_cells)
        backwards = set_cell_size(text[::-1], tail_cells)
        tail = backwards[::-1]
        text = f"{head}…{tail}"
    padding = " " * (cells - cell_len(text))
    return with_direction(text) + padding
