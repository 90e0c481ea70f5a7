"""Draw a waterfall for a terminal; the one module that needs rich."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from inngest_rest._visible import is_right_to_left
from inngest_rest._waterfall.layout import MARKS, lay_out, text_of, tick_text, ticks

try:
    from rich.cells import cell_len, set_cell_size
    from rich.color import ColorSystem
    from rich.console import Console
    from rich.style import Style
except ModuleNotFoundError as error:
    extra = "pip install 'inngest-rest[cli]'"
    message = f"rich is not installed, which render() needs: {extra}"
    raise ImportError(message, name=error.name) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from inngest_rest._waterfall.layout import Row, Waterfall
    from inngest_rest.models import Span

    Paint = Callable[[str, str], str]

# In a narrower terminal, there is no room for bars.
_NARROWEST = 60

# The sixteen ANSI colors, which follow the terminal's light or dark theme.
_STYLES = {"run": "bold", "sleep": "blue", "wait": "blue", "invoke": "magenta", "ai": "magenta"}
_STYLES_BY_STATUS = {"failed": "red", "cancelled": "yellow", "skipped": "dim"}
_IDLE = frozenset({"sleep", "wait", "invoke"})

# A cell of a bar by its halves, each empty, queued or busy: at left + 3 * right.
_EMPTY, _QUEUED, _BUSY = range(3)
_CELLS = " ╴╸╶─╾╺╼━"
_IDLE_CELLS = " ╴╸╶─╾╺╼╍"

# Isolates right-to-left text, which would otherwise reorder a number that follows.
_LEFT_TO_RIGHT_MARK = "\u200e"


def draw(root: Span, *, width: int | None, color: bool | None, now: datetime | None) -> str:
    """Return the lines of a waterfall, colored on request or if standard output supports it."""
    console = Console(file=sys.stdout)
    if color is None:
        color = console.color_system is not None and not console.no_color
    width = max(width or console.width, _NARROWEST)
    lines = _lines(lay_out(root, now), width, _paint if color else lambda text, _: text)
    return "\n".join(line.rstrip() for line in lines)


def _paint(text: str, style: str) -> str:
    return Style.parse(style).render(text, color_system=ColorSystem.STANDARD) if style else text


def _lines(waterfall: Waterfall, width: int, paint: Paint) -> Iterator[str]:
    rows = waterfall.rows
    names = [f"{'  ' * min(row.depth, 6)}{row.name}" for row in rows]
    kinds = [row.shown_kind for row in rows]
    durations = _durations(rows)
    kind_width, duration_width = min(max(map(cell_len, kinds)), 10), max(map(len, durations))
    name_width = min(max(map(cell_len, names)), width * 2 // 5 - kind_width)
    # "✓ name  kind  bar  duration"
    bar_width = width - 2 - name_width - 2 - kind_width - 2 - 2 - duration_width

    yield _title(waterfall, paint)
    yield " " * (6 + name_width + kind_width) + paint(_axis(waterfall, bar_width), "dim")
    for row, name, kind, duration in zip(rows, names, kinds, durations, strict=True):
        mark, mark_style = MARKS.get(row.status, ("?", "dim"))
        style = _STYLES_BY_STATUS.get(row.status) or _STYLES.get(row.kind, "cyan")
        yield (
            f"{paint(mark, mark_style)} "
            f"{paint(_fitted(name, name_width), 'bold' if row.depth == 0 else '')}  "
            f"{paint(_fitted(kind, kind_width), 'dim')}  "
            f"{_bar(row, waterfall, bar_width, style, paint)}  "
            f"{duration:>{duration_width}}"
        )
        if row.error:
            indent = 2 + 2 * min(row.depth, 6)
            room = width - indent
            is_long = cell_len(row.error) > room
            text = f"{set_cell_size(row.error, room - 1)}…" if is_long else row.error
            yield " " * indent + paint(text, "red")


def _title(waterfall: Waterfall, paint: Paint) -> str:
    root, begin = waterfall.rows[0], waterfall.begin
    at = f"  {begin:%Y-%m-%d %H:%M:%S} {begin.tzname()}" if begin else ""
    _, style = MARKS.get(root.status, ("", "dim"))
    return f"{paint(waterfall.run_id or 'Run', 'bold')}  {paint(root.status, style)}{at}"


def _durations(rows: Sequence[Row]) -> list[str]:
    """Return the aligned durations, with an ellipsis for open spans."""
    ended = " " if any(row.is_open for row in rows) else ""
    return [
        f"{text_of(row.duration)}{'…' if row.is_open else ended}"
        if row.duration is not None
        else f"queued{ended}"
        if row.is_open
        else ""
        for row in rows
    ]


def _axis(waterfall: Waterfall, width: int) -> str:
    """Return the tick labels, each beginning at its tick."""
    line = ""
    for tick in ticks(waterfall.total, width // 10):
        text = tick_text(tick)
        place = min(round(tick / waterfall.total * width), max(width - len(text), 0))
        if place > len(line) or not line:
            line = line.ljust(place) + text
    return line


def _bar(row: Row, waterfall: Waterfall, width: int, style: str, paint: Paint) -> str:
    def half(offset_ratio: float) -> int:
        return round(offset_ratio * width * 2)

    queued, start = half(row.queued / waterfall.total), half(row.offset / waterfall.total)
    end = start
    if row.duration is not None:
        start = min(start, width * 2 - 1)
        end = max(half((row.offset + row.duration) / waterfall.total), start + 1)
    queued = min(queued, start)
    first, last = queued // 2, -(-end // 2)
    cells = _IDLE_CELLS if row.kind in _IDLE else _CELLS

    def state(place: int) -> int:
        if place < queued or place >= end:
            return _EMPTY
        return _QUEUED if place < start else _BUSY

    text = "".join(cells[state(2 * at) + 3 * state(2 * at + 1)] for at in range(first, last))
    lead = start // 2 - first
    return (
        " " * first
        + (paint(text[:lead], "dim") if lead else "")
        + (paint(text[lead:], style) if text[lead:] else "")
        + " " * (width - last)
    )


def _fitted(text: str, cells: int) -> str:
    """Fit text to exactly this many cells, with an ellipsis in the middle if truncated.

    Names of steps in a loop differ at their ends.
    """
    if cell_len(text) > cells:
        tail = set_cell_size(text[::-1], cells - 1 - cells // 2)[::-1]
        text = f"{set_cell_size(text, cells // 2)}…{tail}"
    padding = " " * (cells - cell_len(text))
    return text + (_LEFT_TO_RIGHT_MARK if is_right_to_left(text) else "") + padding
