"""A summary of runs in the text format of Prometheus, version 0.0.4."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from inngest_rest._core.arguments import second_of_ulid
from inngest_rest._visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.summary import RunGroup, RunSummary

_HELP = {
    "": "Runs by status.",
    "_failure_ratio": "Failed runs among those that completed or failed.",
    "_seconds": "Times of runs that completed or failed, by phase.",
    "_oldest_open_timestamp_seconds": "When the oldest open run was queued.",
    "_errors": "Failed runs by error.",
}


def metrics(summary: RunSummary) -> Iterator[str]:
    """Yield the lines of the metrics."""
    yield from (f"# {note}" for note in summary.notes)
    for name, words in _HELP.items():
        yield from (f"# HELP inngest_runs{name} {words}", f"# TYPE inngest_runs{name} gauge")
        for group in summary.groups:
            for labels, value in _samples(name, group):
                pairs = {summary.by: group.name, **labels}.items()
                # Those escapes that `visible` leaves are the same in JSON.
                told = (
                    f"{it}={json.dumps(visible(text), ensure_ascii=False)}" for it, text in pairs
                )
                yield f"inngest_runs{name}{{{','.join(told)}}} {value}"


def _samples(name: str, group: RunGroup) -> Iterator[tuple[dict[str, str], float]]:
    match name:
        case "":
            yield from (({"status": status}, count) for status, count in group.counts.items())
        case "_failure_ratio" if group.failure_rate is not None:
            yield {}, group.failure_rate
        case "_seconds":
            for phase, times in group.times.items():
                for quantile, time in zip(("0.5", "0.95"), times, strict=True):
                    yield {"phase": phase, "quantile": quantile}, time.total_seconds()
        case "_oldest_open_timestamp_seconds" if group.oldest_open:
            yield {}, second_of_ulid(group.oldest_open)
        case "_errors":
            yield from (({"error": each.message}, each.runs) for each in group.errors)
        case _:
            pass
