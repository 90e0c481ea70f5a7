"""Words of the demo: texts of a server fitted into a line, and values as text."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from inngest_rest import RunStatus

if TYPE_CHECKING:
    from datetime import timedelta

    from inngest_rest import Run

STATUSES = [
    RunStatus.COMPLETED,
    RunStatus.FAILED,
    RunStatus.RUNNING,
    RunStatus.QUEUED,
    RunStatus.CANCELLED,
]


def clip(text: str, width: int) -> str:
    """Fit text of a server into a line: no control characters, not too long."""
    clean = "".join(each if each.isprintable() else " " for each in text[: width + 1])
    return clean if len(clean) <= width else f"{clean[: width - 3]}..."


def clip_list(names: list[str], width: int) -> str:
    """List the names that fit into a line, at least one, and count the others."""
    line = ""
    for shown in range(min(len(names), 20), 0, -1):
        left_out = len(names) - shown
        line = ", ".join(names[:shown]) + (f" and {left_out} more" if left_out else "")
        if len(line) <= width:
            break
    return line


def in_words(duration: timedelta) -> str:
    """Format a duration in three or four digits."""
    seconds = duration.total_seconds()
    if seconds < 0.001:
        return "<1 ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"


def starts(trigger: str, name: str) -> bool:
    """Return whether a trigger, which may end in a wildcard, matches an event name."""
    return name == trigger or (trigger.endswith("*") and name.startswith(trigger[:-1]))


def function_of(run: Run) -> str:
    """Return the name of a run's function, with its app."""
    return clip(f"{run.app_id or '?'}/{run.function_id or '?'}", 30)


def result_of(run: Run) -> str:
    """Return the output of a run, or its error."""
    if run.error is not None:
        return clip(": ".join(filter(None, [run.error.name, run.error.message])), 40)
    return "" if run.output is None else as_json(run.output, 40)


def duration_of(run: Run | None) -> str:
    """Return how long a run took; nothing if it has not ended."""
    begin = run and (run.started_at or run.queued_at)
    return in_words(run.ended_at - begin) if run and run.ended_at and begin else ""


def counts_of(runs: list[Run]) -> dict[str, int]:
    """Count runs by status; a status without any is left out."""
    counts = Counter(run.status for run in runs)
    return {
        status: counts[status] for status in dict.fromkeys([*STATUSES, *counts]) if counts[status]
    }


def as_json(value: object, width: int) -> str:
    """Return a value as JSON that fits."""
    return clip(json.dumps(value, ensure_ascii=False, default=str), width)


def number_of(count: int, noun: str) -> str:
    """Return a number with its noun, which gets an s if need be."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
