"""Draw a waterfall for a terminal; the one module that needs rich."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from inngest_rest._visible import with_direction
from inngest_rest._waterfall.layout import lay_out
from inngest_rest._waterfall.times import tick_text, ticks

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
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from inngest_rest._waterfall.layout import DrawnSpan, Row, Waterfall

    Paint = Callable[[str, str], str]

# In a narrower terminal, there is no room for bars.
_NARROWEST = 60

# The sixteen ANSI colors, which follow the terminal's light or dark theme.
_STYLES = {"run": "bold", "sleep": "blue", "wait": "blue", "invoke": "magenta", "ai": "magenta"}
_STYLES_BY_STATUS = {"failed": "red", "cancelled": "yellow", "skipped": "dim"}
_IDLE = frozenset({"sleep", "wait", "invoke"})

# A cell of a bar by its halves, each empty (0), queued (1) or busy (2): at left + 3 * right.
_CELLS = " ╴╸╶─╾╺╼━"
_IDLE_CELLS = " ╴╸╶─╾╺╼╍"


def draw(root: DrawnSpan, *, width: int | None, color: bool | None, now: datetime | None) -> str:
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
    # Aligned, with an ellipsis for open spans.
    ended = " " if any(row.is_open for row in rows) else ""
    goes_on = (row.is_open and row.duration is not None for row in rows)
    durations = [f"{row.took}{'…' if it else ended}" for row, it in zip(rows, goes_on, strict=True)]
    kind_width, duration_width = min(max(map(cell_len, kinds)), 10), max(map(len, durations))
    name_width = min(max(map(cell_len, names)), width * 2 // 5 - kind_width)
    # "✓ name  kind  bar  duration"
    bar_width = width - 2 - name_width - 2 - kind_width - 2 - 2 - duration_width

    at = f"  {waterfall.begin:%Y-%m-%d %H:%M:%S %Z}" if waterfall.begin else ""
    status = paint(rows[0].status, rows[0].mark[1])
    yield f"{paint(waterfall.run_id or 'Run', 'bold')}  {status}{at}"
    yield " " * (6 + name_width + kind_width) + paint(_axis(waterfall, bar_width), "dim")
    for row, name, kind, duration in zip(rows, names, kinds, durations, strict=True):
        style = _STYLES_BY_STATUS.get(row.status) or _STYLES.get(row.kind, "cyan")
        yield (
            f"{paint(*row.mark)} "
            f"{paint(_fitted(name, name_width), 'bold' if row.depth == 0 else '')}  "
            f"{paint(_fitted(kind, kind_width), 'dim')}  "
            f"{_bar(row, waterfall, bar_width, style, paint)}  "
            f"{duration:>{duration_width}}"
        )
        if row.error:
            indent = 2 + 2 * min(row.depth, 6)
            yield " " * indent + paint(_fitted(row.error, width - indent).rstrip(), "red")


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
    halves = [0] * queued + [1] * (start - queued) + [2] * (end - start) + [0] * (2 * width - end)
    cells = _IDLE_CELLS if row.kind in _IDLE else _CELLS
    pairs = zip(halves[::2], halves[1::2], strict=True)
    text = "".join(cells[left + 3 * right] for left, right in pairs).rstrip()
    bar = paint(text[: start // 2], "dim") + paint(text[start // 2 :], style)
    return bar + " " * (width - len(text))


def _fitted(text: str, cells: int) -> str:
    """Fit text to exactly this many cells, with an ellipsis in the middle if truncated.

    Names of steps in a loop differ at their ends.
    """
    if cell_len(text) > cells:
        tail = set_cell_size(text[::-1], cells - 1 - cells // 2)[::-1]
        text = f"{set_cell_size(text, cells // 2)}…{tail}"
    return with_direction(text) + " " * (cells - cell_len(text))
