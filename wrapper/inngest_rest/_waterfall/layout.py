"""Lay out a trace as rows on a time axis, and draw it as a self-contained page without scripts.

Server data is escaped wherever it stands. As a second line of defence, a content security policy
forbids scripts and requests.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Protocol, cast

from attrs import define, frozen

from inngest_rest._visible import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MARKS = {
    "completed": ("✓", "green"),
    "failed": ("✗", "red"),
    "cancelled": ("⊘", "yellow"),
    "running": ("●", "cyan"),
    "waiting": ("○", "cyan"),
    "skipped": ("-", "dim"),
}

_INSTANT = timedelta(milliseconds=1)
_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)

# Tick intervals; longer ones are powers of ten in days.
_STEPS = (
    *(timedelta(milliseconds=each) for each in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *(timedelta(seconds=each) for each in (1, 2, 5, 10, 15, 30)),
    *(timedelta(minutes=each) for each in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=each) for each in (1, 2, 3, 6, 12)),
    *(timedelta(days=each * 10**power) for power in range(7) for each in (1, 2, 5)),
)


# A span with one of these statuses has ended, even if its end is missing.
_ENDED = frozenset({"completed", "failed", "cancelled", "skipped"})

_KINDS = {
    None: "function",
    "run": "step",
    "send_event": "step",
    "wait_for_event": "wait",
    "wait_for_signal": "wait",
    "ai_gateway": "ai",
}


class DrawnSpan(Protocol):
    """What a waterfall shows of a span; `models.Span` has it."""

    @property
    def name(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def queued_at(self) -> datetime | None: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def duration(self) -> timedelta | None: ...
    @property
    def step_op(self) -> str | None: ...
    @property
    def output(self) -> Any: ...
    @property
    def run_id(self) -> str | None: ...
    @property
    def children(self) -> Sequence[DrawnSpan]: ...


@frozen
class Row:
    """A span in the layout; its texts are safe to show, its times relative to the axis."""

    depth: int
    name: str
    kind: str  # run, function, step, sleep, wait, invoke, ai or attempt
    status: str  # in lower case
    mark: tuple[str, str]  # of its status, and the color of that on a terminal
    queued: timedelta
    offset: timedelta  # of its start, or of the end of its queueing so far
    duration: timedelta | None  # so far; None if it has not started
    is_open: bool
    error: str | None  # if it failed and no span below it did

    @property
    def shown_kind(self) -> str:
        """Its kind, unless its name tells that."""
        return "" if self.kind in ("run", "attempt") else self.kind

    @property
    def took(self) -> str:
        """How long it took so far, in words."""
        waits = "queued" if self.is_open else ""
        return waits if self.duration is None else text_of(self.duration)

    @property
    def waited(self) -> tuple[str, ...]:
        """How long it was queued, in words, if it was."""
        is_late = self.offset > self.queued
        return (f"queued for {text_of(self.offset - self.queued)}",) if is_late else ()


@frozen
class Waterfall:
    """Rows on one axis: one per span, parents before children, the run first."""

    run_id: str | None  # safe to show; None for part of a trace
    rows: tuple[Row, ...]
    begin: datetime | None  # of the axis; None if the server sent no times
    total: timedelta  # never zero


@define(eq=False)
class _Place:
    """A span being laid out."""

    span: DrawnSpan
    parent: _Place | None
    depth: int
    queued: datetime | None
    started: datetime | None
    end: datetime | None
    last: datetime | None  # known of the span and its descendants
    is_open: bool
    failed_below: bool = False


def lay_out(root: DrawnSpan, now: datetime | None) -> Waterfall:
    """Lay out a trace; open spans end at `now`, which has a time zone; None for the present."""
    now = now or datetime.now(UTC)
    if now.tzinfo is None:
        raise ValueError("now has no time zone: use datetime.now(UTC)")
    places = list(_places(root))
    for place in reversed(places):  # what is below a span before it
        if place.end is None and not place.is_open:
            place.end = place.last
        if (parent := place.parent) is not None:
            parent.failed_below |= place.failed_below or place.span.status == "failed"
            parent.last = max((at for at in (parent.last, place.last) if at), default=None)
    for place in places:
        parent = place.parent
        # With its parent ends what has no end of its own, such as the sleep of a cancelled run.
        if place.is_open and parent is not None and not parent.is_open:
            place.is_open, place.end = False, parent.end
        place.end = now if place.is_open else place.end
        # Clock skew between machines.
        if place.end and place.started:
            place.end = max(place.end, place.started)
    times = [at for it in places for at in (it.queued, it.started, it.end) if at]
    begin = min(times, default=None)
    total = max(times) - begin if begin else _INSTANT
    return Waterfall(
        run_id=None if root.run_id is None else shortened(root.run_id),
        rows=tuple(_row(place, begin or now) for place in places),
        begin=begin,
        total=max(total, _INSTANT),
    )


def _places(root: DrawnSpan) -> Iterator[_Place]:
    """Yield parents before children; iteratively, since the server controls the depth."""
    pending: list[tuple[DrawnSpan, _Place | None, int]] = [(root, None, 0)]
    while pending:
        span, parent, depth = pending.pop()
        started, queued = span.started_at, span.queued_at or span.started_at
        end = span.ended_at
        if end is None and started and span.duration is not None:
            end = started + span.duration
        goes_on = end is None and span.status not in _ENDED
        place = _Place(span, parent, depth, queued, started, end, end or started or queued, goes_on)
        yield place
        pending += ((child, place, depth + 1) for child in reversed(span.children))


def _row(place: _Place, begin: datetime) -> Row:
    span, status = place.span, shortened(place.span.status)
    start = place.started or place.end or place.queued or begin
    kind = _KINDS.get(span.step_op) or shortened(span.step_op or "")
    kind = "attempt" if re.fullmatch(r"Attempt \d+", span.name) else kind
    return Row(
        depth=place.depth,
        name=shortened(span.name),
        kind=kind if place.depth else "run",
        status=status,
        mark=_MARKS.get(status, ("?", "dim")),
        queued=min(place.queued or start, start) - begin,
        offset=start - begin,
        duration=place.end - place.started if place.end and place.started else None,
        is_open=place.is_open,
        error=_error(span) if span.status == "failed" and not place.failed_below else None,
    )


def _error(span: DrawnSpan) -> str | None:
    """Return the error of a failed span on one line."""
    output = cast("dict[str, Any]", span.output if isinstance(span.output, dict) else {})
    name, message = output.get("name") or output.get("error"), output.get("message")
    parts = [each for each in (name, message) if isinstance(each, str) and each]
    return shortened(": ".join(parts).partition("\n")[0]) or None


def text_of(duration: timedelta) -> str:
    """Format a duration with three digits: 57 ms, 4.04 s, 3 min 20 s, 2 h 05 min, 3 d 04 h."""
    if duration < _SECOND:
        return f"{duration // _INSTANT} ms"
    # Rounded first, so that 59.996 s is a minute.
    seconds = duration.total_seconds()
    if (rounded := round(seconds, 2)) < 10:
        return f"{rounded:.2f} s"
    if (rounded := round(seconds, 1)) < 60:
        return f"{rounded:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02} s"
    hours, minutes = divmod(round(duration / _MINUTE), 60)
    if hours < 24:
        return f"{hours} h {minutes:02} min"
    days, hours = divmod(round(duration / _HOUR), 24)
    return f"{days} d {hours:02} h"


def ticks(total: timedelta, at_most: int) -> list[timedelta]:
    """Return round durations from zero up to a total, no more than `at_most` after the zero."""
    step = next((each for each in _STEPS if total < each * (at_most + 1)), _STEPS[-1])
    return [step * count for count in range(min(total // step, at_most) + 1)]


def tick_text(tick: timedelta) -> str:
    """Format a tick without trailing zeros: 0, 200 ms, 5 s, 1.5 s, 2 min, 3 h, 4 d."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (_SECOND, "s")):
        if tick >= unit:
            return f"{tick / unit:g} {name}"
    return f"{tick // _INSTANT} ms" if tick else "0"


def draw_page(root: DrawnSpan, *, now: datetime | None) -> str:
    """Return the page of a waterfall."""
    waterfall = lay_out(root, now)
    first, marks = waterfall.rows[0], ticks(waterfall.total, 6)
    page = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    return Template(page).substitute(
        name=escape(waterfall.run_id or first.name),
        mark=first.mark[0],
        status=escape(first.status),
        summary="".join(f" · {escape(part)}" for part in _summary(first, waterfall.begin)),
        tick=f"{marks[1] / waterfall.total:.4%}",
        axis="".join(
            f'<span style="--at:{tick / waterfall.total:.4%}">{tick_text(tick)}</span>'
            for tick in marks
        ),
        rows="".join(line for row in waterfall.rows for line in _lines(row, waterfall.total)),
    )


def _summary(root: Row, begin: datetime | None) -> Iterator[str]:
    if root.duration is not None:
        yield f"{root.took}{' so far' if root.is_open else ''}"
    yield from root.waited
    if begin:
        yield f"{begin:%Y-%m-%d %H:%M:%S %Z}"


def _lines(row: Row, total: timedelta) -> Iterator[str]:
    depth = f'style="--depth:{min(row.depth, 8)}"'
    is_open = ' class="open"' if row.is_open and row.duration is not None else ""
    about = ", ".join([row.name, row.status, *row.waited, f"from {text_of(row.offset)}"])
    bars = {"queue": (row.queued, row.offset - row.queued), "bar": (row.offset, row.duration)}
    drawn = "".join(
        f'<i class="{name}" style="left:{start / total:.4%};width:{width / total:.4%}"></i>'
        for name, (start, width) in bars.items()
        if width is not None
    )
    yield (
        f'<tr{is_open} data-kind="{escape(row.kind)}" data-status="{escape(row.status)}" {depth}>'
        f'<th scope="row" class="name" title="{escape(row.name)}">'
        f'<span class="mark" title="{escape(row.status)}">{row.mark[0]}</span>'
        f"<bdi>{escape(row.name)}</bdi></th>"
        f'<td class="kind">{escape(row.shown_kind)}</td>'
        f'<td><div class="chart" title="{escape(about)}">{drawn}</div></td>'
        f'<td class="duration">{row.took}</td></tr>\n'
    )
    if row.error:
        yield (
            f'<tr class="error" {depth}><td colspan="4">'
            f"<div><bdi>{escape(row.error)}</bdi></div></td></tr>\n"
        )
