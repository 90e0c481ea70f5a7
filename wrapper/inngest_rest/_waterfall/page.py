"""Draw a waterfall as a self-contained HTML page without scripts.

Server data is escaped as text, and limited to known values where it becomes a class. As a second
line of defence, a content security policy forbids scripts and requests.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from inngest_rest._waterfall.layout import MARKS, lay_out, text_of, tick_text, ticks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from inngest_rest._waterfall.layout import Row, Waterfall
    from inngest_rest.models import Span

_KINDS = {"run", "attempt", "function", "step", "sleep", "wait", "invoke", "ai"}

_TICKS = 6
# Labels further right than this would overflow the chart, so they end at their tick.
_RIGHTMOST = 0.92


def draw(root: Span, *, now: datetime | None) -> str:
    waterfall = lay_out(root, now)
    first = waterfall.rows[0]
    page = files("inngest_rest._waterfall").joinpath("page.html").read_text(encoding="utf-8")
    return Template(page).substitute(
        name=escape(waterfall.run_id or first.name),
        status=escape(first.status),
        summary=_summary(waterfall),
        axis=_axis(waterfall),
        rows="".join(line for row in waterfall.rows for line in _lines(row, waterfall)),
    )


def _summary(waterfall: Waterfall) -> str:
    root, begin = waterfall.rows[0], waterfall.begin
    parts = [f'<b class="{_classes("status", root)}">{_mark(root)} {escape(root.status)}</b>']
    if root.duration is not None:
        parts.append(f"{text_of(root.duration)}{' so far' if root.is_open else ''}")
    parts += root.waited
    if begin:
        parts.append(f"{begin:%Y-%m-%d %H:%M:%S} {escape(begin.tzname() or '')}")
    return " · ".join(parts)


def _axis(waterfall: Waterfall) -> str:
    """Return the time labels above the chart, and the grid lines of each row."""
    lines = texts = ""
    for tick in ticks(waterfall.total, _TICKS):
        x = _percent(tick, waterfall)
        lines += f'<line class="tick" x1="{x}" x2="{x}" y2="100%"/>'
        is_last = tick / waterfall.total > _RIGHTMOST
        place = 'dx="-4" text-anchor="end"' if is_last else 'dx="4"'
        texts += f'<text x="{x}" y="22" {place}>{tick_text(tick)}</text>'
    return f'<svg><defs><g id="ticks">{lines}</g></defs>{texts}</svg>'


def _lines(row: Row, waterfall: Waterfall) -> Iterator[str]:
    kind = row.kind if row.kind in _KINDS else "other"
    depth = f'style="--depth:{min(row.depth, 8)}"'
    yield (
        f'<tr class="{kind}" {depth}>'
        f'<th scope="row" class="{_classes("name", row)}" title="{escape(row.name)}">'
        f'<span class="mark" title="{escape(row.status)}">{_mark(row)}</span>'
        f"<bdi>{escape(row.name)}</bdi></th>"
        f'<td class="kind">{escape(row.shown_kind)}</td>'
        f'<td class="chart">{_bar(row, waterfall)}</td>'
        f"{_duration(row)}</tr>\n"
    )
    if row.error:
        yield (
            f'<tr class="error" {depth}><td colspan="4">'
            f"<div><bdi>{escape(row.error)}</bdi></div></td></tr>\n"
        )


def _bar(row: Row, waterfall: Waterfall) -> str:
    """Return the bar of a span: thin while it was queued, and wide enough to be seen."""
    start = _percent(row.offset, waterfall)
    about = ", ".join([row.name, row.status, *row.waited, f"from {text_of(row.offset)}"])
    parts = [f"<title>{escape(about)}</title>", '<use href="#ticks"/>']
    if row.offset > row.queued:
        parts.append(
            f'<rect class="queue" x="{_percent(row.queued, waterfall)}" y="13" height="2" '
            f'width="{_percent(row.offset - row.queued, waterfall)}"/>'
        )
    if row.duration is not None:
        width = _percent(row.duration, waterfall)
        top, height = (10, 8) if row.kind in ("run", "attempt") else (7, 14)
        parts.append(
            f'<rect class="{_classes("bar", row)}{" open" if row.is_open else ""}" x="{start}" '
            f'y="{top}" height="{height}" rx="2" width="{width}" style="width:max(3px,{width})"/>'
        )
    return f"<svg>{''.join(parts)}</svg>"


def _classes(name: str, row: Row) -> str:
    return f"{name} {row.status}" if row.status in MARKS else name


def _mark(row: Row) -> str:
    return MARKS.get(row.status, "?")[0]


def _duration(row: Row) -> str:
    if row.duration is None:
        return f'<td class="duration">{"queued" if row.is_open else ""}</td>'
    goes_on = " open" if row.is_open else ""
    return f'<td class="duration{goes_on}">{text_of(row.duration)}</td>'


def _percent(part: timedelta, waterfall: Waterfall) -> str:
    return f"{part / waterfall.total:.4%}"
