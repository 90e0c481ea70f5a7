"""Shared parts of the verdicts' sentences: lengths of time, failed reads, and next calls."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from inngest_rest.errors import Advice, NextCall
from inngest_rest.findings import Finding, Severity

if TYPE_CHECKING:
    from inngest_rest.status._evidence import StatusEvidence

    Figures = dict[str, int | float | str]

MOST_NAMED = 3
"""The maximum number of runs, functions or crons that a sentence names."""

_HOUR = timedelta(hours=1)
_UNITS = {"d": 86_400, "h": 3_600, "min": 60}


def not_read(kind: str, evidence: StatusEvidence, what: str) -> Finding:
    """Return the check of a question whose evidence could not be read."""
    return Finding(
        kind=kind,
        severity=Severity.UNKNOWN,
        message=f"not read: {evidence.unread.get(what)}",
    )


def in_words(span: timedelta) -> str:
    """Return a length of time in the largest unit that it has at least two of, or exactly one."""
    seconds = max(span.total_seconds(), 0)
    for unit, length in _UNITS.items():
        is_whole = seconds >= length and seconds % length == 0
        if seconds >= 2 * length or is_whole:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def last(window: timedelta) -> str:
    """Return a window that ends now, such as "the last hour"."""
    return "the last hour" if window == _HOUR else f"the last {in_words(window)}"


def explains(run_id: str) -> Advice:
    return shows("runs.explain", "why", run_id)


def shows(call: str, what: str, *arguments: str) -> Advice:
    """Return advice to make a call that shows more."""
    text = f"{{}} shows {what}."
    return Advice(text, (NextCall(call, arguments),))
