"""A summary of runs in the text format of Prometheus, version 0.0.4."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from inngest_rest._core.arguments import second_of_ulid
from inngest_rest._visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inngest_rest.summary import RunGroup, RunSummary

_METRICS = {
    "": "Runs by status.",
    "_failure_ratio": "Failed runs among those that completed or failed.",
    "_seconds": "Times of runs that completed or failed, by phase.",
    "_oldest_open_timestamp_seconds": "When the oldest open run was queued.",
    "_errors": "Failed runs by error.",
}


def metrics(summary: RunSummary) -> Iterator[str]:
    """Yield the lines of the metrics."""
    yield from (f"# {note}" for note in summary.notes)
    for name, words in _METRICS.items():
        yield from (f"# HELP inngest_runs{name} {words}", f"# TYPE inngest_runs{name} gauge")
        for group in summary.groups:
            for of, value, more in _samples(group):
                labels = {summary.by: group.name, **more}.items()
                # Those escapes that `visible` leaves are the same in JSON.
                told = (f"{it}={json.dumps(visible(to), ensure_ascii=False)}" for it, to in labels)
                if of == name:
                    yield f"inngest_runs{name}{{{','.join(told)}}} {value}"


def _samples(group: RunGroup) -> Iterator[tuple[str, float, Mapping[str, str]]]:
    yield from (("", count, {"status": status}) for status, count in group.counts.items())
    if group.failure_rate is not None:
        yield "_failure_ratio", group.failure_rate, {}
    for phase, times in group.times.items():
        for quantile, time in zip(("0.5", "0.95"), times, strict=True):
            yield "_seconds", time.total_seconds(), {"phase": phase, "quantile": quantile}
    if group.oldest_open:
        yield "_oldest_open_timestamp_seconds", second_of_ulid(group.oldest_open), {}
    yield from (("_errors", each.runs, {"error": each.message}) for each in group.errors)
