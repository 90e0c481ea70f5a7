"""Lay out a trace as rows on a time axis, with the axis's ticks and durations in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from inngest_rest._values.span_names import attempt_number
from inngest_rest._values.visible import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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

_MILLISECOND = timedelta(milliseconds=1)

# The lengths that two ticks may be apart, in milliseconds.
_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
_INTERVALS = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500),
    *(_SECOND * number for number in (1, 2, 5, 10, 15, 30)),
    *(_MINUTE * number for number in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * number for number in (1, 2, 3, 6, 12)),
    *(_DAY * number for number in (1, 2, 5, 10, 50, 200, 1_000, 10_000, 500_000)),
)
_UNITS = {"d": _DAY, "h": _HOUR, "min": _MINUTE, "s": _SECOND, "ms": 1}


class DrawnSpan(Protocol):
    """The part of a span that a waterfall shows; `models.Span` has it."""

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
    def error(self) -> object: ...
    @property
    def run_id(self) -> str | None: ...
    @property
    def children(self) -> Sequence[DrawnSpan]: ...


@frozen(kw_only=True)
class SpanRow:
    """A span in the layout; its texts are safe to show."""

    depth: int
    name: str
    kind: str  # run, function, step, sleep, wait, invoke, ai or attempt
    status: str  # in lower case
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None  # or until when it is drawn
    is_open: bool
    error: str | None  # if it failed and no span below it did

    @property
    def times(self) -> Iterator[datetime]:
        return filter(None, (self.queued_at, self.started_at, self.ended_at))


@frozen(kw_only=True)
class Waterfall:
    """Rows on one axis: one per span, parents before children, the run first."""

    run_id: str | None  # safe to show; None for part of a trace
    rows: tuple[SpanRow, ...]
    begin: datetime | None  # of the axis; None if the server sent no times
    total: timedelta  # never zero


def lay_out(root: DrawnSpan, now: datetime | None) -> Waterfall:
    """Lay out a trace; open spans end at `now`, which has a time zone; None for the present."""
    now = now or datetime.now(UTC)
    if now.tzinfo is None:
        raise ValueError("now has no time zone: use datetime.now(UTC)")
    rows = tuple(_rows(root, now))
    times = [time for row in rows for time in row.times]
    begin = min(times, default=None)
    total = max(times) - begin if begin else timedelta()
    return Waterfall(
        run_id=None if root.run_id is None else shortened(root.run_id),
        rows=rows,
        begin=begin,
        total=max(total, _MILLISECOND),
    )


def _rows(root: DrawnSpan, now: datetime) -> Iterator[SpanRow]:
    """Yield parents before children; iteratively, since the server controls the depth."""
    pending: list[tuple[DrawnSpan, SpanRow | None]] = [(root, None)]
    while pending:
        span, parent = pending.pop()
        row = _row(span, parent, now)
        yield row
        pending += [(child, row) for child in reversed(span.children)]


def _row(span: DrawnSpan, parent: SpanRow | None, now: datetime) -> SpanRow:
    started_at = span.started_at
    ended_at = span.ended_at
    if ended_at is None and started_at and span.duration is not None:
        ended_at = started_at + span.duration
    is_open = ended_at is None and span.status not in _ENDED
    if ended_at is None and parent is not None and not parent.is_open:
        # It ends with its parent, such as the sleep of a cancelled run.
        is_open = False
        ended_at = parent.ended_at
    if ended_at is None:
        ended_at = now if is_open else started_at
    if ended_at and started_at:
        # Clocks of two machines may differ.
        ended_at = max(ended_at, started_at)
    return SpanRow(
        depth=parent.depth + 1 if parent else 0,
        name=shortened(span.name),
        kind=_kind(span) if parent else "run",
        status=shortened(span.status),
        queued_at=span.queued_at or started_at,
        started_at=started_at,
        ended_at=ended_at,
        is_open=is_open,
        error=_error(span),
    )


def _kind(span: DrawnSpan) -> str:
    if attempt_number(span.name) is not None:
        return "attempt"
    return _KINDS.get(span.step_op) or shortened(span.step_op or "")


def _error(span: DrawnSpan) -> str | None:
    """Return the error of a failed span on one line, unless a span below it has it."""
    has_failed_below = any(child.status == "failed" for child in span.children)
    if span.error is None or has_failed_below:
        return None
    return shortened(str(span.error).partition("\n")[0])


def text_of(duration: timedelta) -> str:
    """Format a duration with three digits: 57 ms, 4.04 s, 3 min 20 s, 2 h 05 min, 3 d 04 h."""
    # Rounded first, so that 59.996 s is a minute.
    seconds = duration.total_seconds()
    if seconds < 1:
        return f"{duration // _MILLISECOND} ms"
    if round(seconds, 2) < 10:
        return f"{seconds:.2f} s"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02} s"
    hours, minutes = divmod(round(duration / timedelta(minutes=1)), 60)
    if hours < 24:
        return f"{hours} h {minutes:02} min"
    days, hours = divmod(round(duration / timedelta(hours=1)), 24)
    return f"{days} d {hours:02} h"


def ticks(total: timedelta, at_most: int) -> list[timedelta]:
    """Return round durations from zero up to a total, no more than `at_most` after the zero."""
    fitting = [
        each for each in _INTERVALS if total < _MILLISECOND * each * (at_most + 1)
    ]
    interval = _MILLISECOND * (fitting or _INTERVALS[-1:])[0]
    last = min(total // interval, at_most)
    return [interval * number for number in range(last + 1)]


def tick_text(tick: timedelta) -> str:
    """Format a tick without trailing zeros: 0, 200 ms, 5 s, 1.5 s, 2 min, 3 h, 4 d."""
    length = tick / _MILLISECOND
    for unit, milliseconds in _UNITS.items():
        if length >= milliseconds:
            return f"{length / milliseconds:g} {unit}"
    return "0"
