"""Draw a waterfall as a self-contained page without scripts.

Server data is escaped wherever it stands. As a second line of defence, a content security policy
forbids scripts and requests.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from inngest_rest._waterfall.layout import lay_out
from inngest_rest._waterfall.times import text_of, tick_text, ticks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from inngest_rest._waterfall.layout import DrawnSpan, Row

_DEEPEST_INDENT = 8


def draw_page(root: DrawnSpan, *, now: datetime | None) -> str:
    """Return the page of a waterfall."""
    waterfall = lay_out(root, now)
    total = waterfall.total
    first = waterfall.rows[0]
    mark, _color = first.mark
    summary = [f" · {escape(part)}" for part in _summary(first, waterfall.begin)]
    all_ticks = ticks(total, 6)
    axis = [
        f'<span style="--at:{tick / total:.4%}">{tick_text(tick)}</span>'
        for tick in all_ticks
    ]
    lines: list[str] = []
    for row in waterfall.rows:
        lines += _lines(row, total)
    page = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    return Template(page).substitute(
        name=escape(waterfall.run_id or first.name),
        mark=mark,
        status=escape(first.status),
        summary="".join(summary),
        tick=f"{all_ticks[1] / total:.4%}",
        axis="".join(axis),
        rows="".join(lines),
    )


def _summary(root: Row, begin: datetime | None) -> Iterator[str]:
    if root.duration is not None:
        yield f"{root.took} so far" if root.is_open else root.took
    yield from root.waited
    if begin:
        yield f"{begin:%Y-%m-%d %H:%M:%S %Z}"


def _lines(row: Row, total: timedelta) -> Iterator[str]:
    depth = f'style="--depth:{min(row.depth, _DEEPEST_INDENT)}"'
    is_open = ' class="open"' if row.is_open and row.duration is not None else ""
    tooltip = ", ".join(
        [row.name, row.status, *row.waited, f"from {text_of(row.offset)}"]
    )
    waited = row.offset - row.queued
    bars = _bar("queue", row.queued / total, waited / total)
    if row.duration is not None:
        bars += _bar("bar", row.offset / total, row.duration / total)
    yield (
        f'<tr{is_open} data-kind="{escape(row.kind)}" data-status="{escape(row.status)}" {depth}>'
        f'<th scope="row" class="name" title="{escape(row.name)}">'
        f'<span class="mark" title="{escape(row.status)}">{row.mark[0]}</span>'
        f"<bdi>{escape(row.name)}</bdi></th>"
        f'<td class="kind">{escape(row.shown_kind)}</td>'
        f'<td><div class="chart" title="{escape(tooltip)}">{bars}</div></td>'
        f'<td class="duration">{row.took}</td></tr>\n'
    )
    if row.error:
        yield (
            f'<tr class="error" {depth}><td colspan="4">'
            f"<div><bdi>{escape(row.error)}</bdi></div></td></tr>\n"
        )


def _bar(css_class: str, left: float, width: float) -> str:
    return f'<i class="{css_class}" style="left:{left:.4%};width:{width:.4%}"></i>'
