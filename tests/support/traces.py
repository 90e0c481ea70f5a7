"""Traces to draw: made by hand, in seconds, or read from recordings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve

from inngest_rest._core.resources import trace
from inngest_rest.models import Span
from inngest_rest_api import models as api
from tests.support.server import body_of

BEGIN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NOW = BEGIN + timedelta(seconds=10)


def span(
    name: str,
    queued: float | None = 0,
    started: float | None = None,
    ended: float | None = None,
    *children: Span,
    **more: Any,
) -> Span:
    """Return a completed step, or one that is running if it has no end."""

    def at(seconds: float | None) -> datetime | None:
        return None if seconds is None else BEGIN + timedelta(seconds=seconds)

    fields: dict[str, Any] = {
        "id": name,
        "name": name,
        "status": "running" if ended is None else "completed",
        "queued_at": at(queued),
        "started_at": at(started),
        "ended_at": at(ended),
        "step_op": "run",
        "children": children,
    }
    if started is not None and ended is not None:
        fields["duration"] = timedelta(seconds=ended - started)
    return Span(**fields | more)


def recorded_trace(name: str) -> Span:
    """Return a recorded trace as `runs.trace` does."""
    return trace.readable(raw_trace(name))


def raw_trace(name: str) -> Span:
    """Return a recorded trace as `runs.trace(raw=True)` does."""
    data = body_of(name)["data"]
    return evolve(trace.span(api.V2Span.from_dict(data["rootSpan"])), run_id=data["runId"])


def many_steps(count: int) -> Span:
    """Return the server's trace of a run of so many steps, each of which is two spans.

    Their times are those of the recording v2-trace-200-steps, which has only the first two.
    """
    steps: list[Span] = []
    for number in range(count):
        tick = number * 0.15
        times = (tick, tick + 0.137, tick + 0.141)
        both = span(f"s{number}", *times, step_id=f"hash of s{number}")
        steps += [evolve(both, metadata={"inngest.timing": {"queue_delay_ms": "0"}}), both]
    end = count * 0.15
    internal = span("executor.nonstep", end, end, end, step_op=None)
    return span("Run", 0, 0.017, end, *steps, internal, step_op=None, run_id="R" * 26)


def trace_of_many_steps(count: int) -> Span:
    """Return the trace of a run of so many steps as `runs.trace` does."""
    return trace.readable(many_steps(count))


# What tries to leave its cell, its line or its page.
HOSTILE = {
    "markup": '<script>top.hit = 1</script><img src=x onerror="top.hit = 1">\'&amp;',
    "attribute": '" onmouseover="top.hit = 1" x="',
    "end of the style": "</style></title></svg><script>top.hit = 1</script>",
    "terminal codes": "\x1b[31mred\x1b]0;title\x07\x9b2J\r\n\x00",
    "reversed": "\u202egnp.exe\u2066\u200f\u2069",
    "invisible": "a\u200b\u200d\ufeff\u00ad\U000e0041b",
    "lone surrogate": "\ud800",
    "right to left": "שלום עולם 42",
    "wide": "注文を処理する" * 6,
    "combined": "e\u0301" * 30,
    "long": "a-very-long-step-name-" * 9 + "0042",
    "megabyte": "m" * 1_000_000,
    "empty": "",
}


def hostile_trace() -> Span:
    """Return the trace of a running run whose every text is hostile."""
    steps = [
        span(
            name,
            number * 0.5,
            number * 0.5 + 0.1,
            number * 0.5 + 0.4,
            status="failed" if number % 2 else name[:100],
            step_op=name[:100],
            output={"name": name, "message": name},
        )
        for number, name in enumerate(HOSTILE.values())
    ]
    return span("Run", 0, 0.1, None, *steps, run_id=HOSTILE["markup"])
