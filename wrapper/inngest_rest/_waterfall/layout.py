"""Lay out a trace as rows on a time axis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, cast

from attrs import define, frozen

from inngest_rest._values.span_names import attempt_number
from inngest_rest._values.visible import shortened
from inngest_rest._waterfall.times import MILLISECOND, text_of

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
    def output(self) -> Any: ...
    @property
    def run_id(self) -> str | None: ...
    @property
    def children(self) -> Sequence[DrawnSpan]: ...


@frozen
class SpanRow:
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
        """Its kind, unless its name contains that."""
        return "" if self.kind in ("run", "attempt") else self.kind

    @property
    def took(self) -> str:
        """Its duration so far, in words."""
        if self.duration is not None:
            return text_of(self.duration)
        return "queued" if self.is_open else ""

    @property
    def waited(self) -> tuple[str, ...]:
        """Its time in the queue, in words, if any."""
        in_queue = self.offset - self.queued
        if in_queue <= timedelta():
            return ()
        return (f"queued for {text_of(in_queue)}",)


@frozen
class Waterfall:
    """Rows on one axis: one per span, parents before children, the run first."""

    run_id: str | None  # safe to show; None for part of a trace
    rows: tuple[SpanRow, ...]
    begin: datetime | None  # of the axis; None if the server sent no times
    total: timedelta  # never zero


@define(eq=False)
class _Place:
    """A span being laid out."""

    span: DrawnSpan
    parent: _Place | None
    depth: int
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    last_seen: datetime | None  # the latest known time of the span and its descendants
    is_open: bool
    failed_below: bool = False

    @classmethod
    def of(cls, span: DrawnSpan, parent: _Place | None) -> _Place:
        started_at = span.started_at
        ended_at = span.ended_at
        if ended_at is None and started_at and span.duration is not None:
            ended_at = started_at + span.duration
        queued_at = span.queued_at or started_at
        return cls(
            span=span,
            parent=parent,
            depth=parent.depth + 1 if parent else 0,
            queued_at=queued_at,
            started_at=started_at,
            ended_at=ended_at,
            last_seen=ended_at or started_at or queued_at,
            is_open=ended_at is None and span.status not in _ENDED,
        )

    @property
    def times(self) -> Iterator[datetime]:
        return filter(None, (self.queued_at, self.started_at, self.ended_at))

    def tell_parent(self) -> None:
        """Let the parent know of a failure, and of the latest time, below it."""
        if self.parent is None:
            return
        if self.failed_below or self.span.status == "failed":
            self.parent.failed_below = True
        last_seen = (self.parent.last_seen, self.last_seen)
        known = [time for time in last_seen if time is not None]
        self.parent.last_seen = max(known, default=None)

    def settle_end(self, now: datetime) -> None:
        """Choose the end to draw, once the parent has one."""
        parent = self.parent
        if self.is_open and parent is not None and not parent.is_open:
            # A span without an end ends with its parent, such as the sleep of a cancelled run.
            self.is_open = False
            self.ended_at = parent.ended_at
        if self.is_open:
            self.ended_at = now
        if self.ended_at and self.started_at:
            # Clocks of two machines may differ.
            self.ended_at = max(self.ended_at, self.started_at)


def lay_out(root: DrawnSpan, now: datetime | None) -> Waterfall:
    """Lay out a trace; open spans end at `now`, which has a time zone; None for the present."""
    now = now or datetime.now(UTC)
    if now.tzinfo is None:
        raise ValueError("now has no time zone: use datetime.now(UTC)")
    places = list(_places(root))
    _settle_ends(places, now)
    times = [time for place in places for time in place.times]
    begin = min(times, default=now)
    end = max(times, default=now)
    return Waterfall(
        run_id=None if root.run_id is None else shortened(root.run_id),
        rows=tuple(_row(place, begin) for place in places),
        begin=begin if times else None,
        total=max(end - begin, MILLISECOND),
    )


def _settle_ends(places: list[_Place], now: datetime) -> None:
    for place in reversed(places):  # the spans below a span before it
        if place.ended_at is None and not place.is_open:
            place.ended_at = place.last_seen
        place.tell_parent()
    for place in places:
        place.settle_end(now)


def _places(root: DrawnSpan) -> Iterator[_Place]:
    """Yield parents before children; iteratively, since the server controls the depth."""
    pending: list[tuple[DrawnSpan, _Place | None]] = [(root, None)]
    while pending:
        span, parent = pending.pop()
        place = _Place.of(span, parent)
        yield place
        children = reversed(span.children)
        pending += [(child, place) for child in children]


def _row(place: _Place, begin: datetime) -> SpanRow:
    span = place.span
    status = shortened(span.status)
    start = place.started_at or place.ended_at or place.queued_at or begin
    duration = None
    if place.ended_at and place.started_at:
        duration = place.ended_at - place.started_at
    error = None
    if span.status == "failed" and not place.failed_below:
        error = _error(span)
    return SpanRow(
        depth=place.depth,
        name=shortened(span.name),
        kind=_kind(span) if place.depth else "run",
        status=status,
        mark=_MARKS.get(status, ("?", "dim")),
        queued=min(place.queued_at or start, start) - begin,
        offset=start - begin,
        duration=duration,
        is_open=place.is_open,
        error=error,
    )


def _kind(span: DrawnSpan) -> str:
    if attempt_number(span.name) is not None:
        return "attempt"
    known = _KINDS.get(span.step_op)
    if known is not None:
        return known
    return shortened(span.step_op or "")


def _error(span: DrawnSpan) -> str | None:
    """Return the error of a failed span on one line."""
    if not isinstance(span.output, dict):
        return None
    output = cast("dict[str, Any]", span.output)
    name = output.get("name") or output.get("error")
    message = output.get("message")
    # A function may fail with any value.
    texts = [part for part in (name, message) if isinstance(part, str)]
    first_line = ": ".join(filter(None, texts)).partition("\n")[0]
    return shortened(first_line) or None
