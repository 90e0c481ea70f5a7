"""A summary of runs in the text format of Prometheus, version 0.0.4."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from inngest_rest._core.arguments import second_of_ulid
from inngest_rest._visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from inngest_rest.summary import RunGroup, RunSummary

    Samples = list[tuple[Mapping[str, str], float]]


def _times(group: RunGroup) -> Samples:
    return [
        ({"phase": phase, "quantile": quantile}, time.total_seconds())
        for phase, times in group.times.items()
        for quantile, time in zip(("0.5", "0.95"), times, strict=True)
    ]


_METRICS: dict[str, tuple[str, Callable[[RunGroup], Samples]]] = {
    "": ("Runs by status.", lambda it: [({"status": at}, n) for at, n in it.counts.items()]),
    "_failure_ratio": (
        "Failed runs among those that completed or failed.",
        lambda it: [] if it.failure_rate is None else [({}, it.failure_rate)],
    ),
    "_seconds": ("Times of runs that completed or failed, by phase.", _times),
    "_oldest_open_timestamp_seconds": (
        "When the oldest open run was queued.",
        lambda it: [({}, second_of_ulid(it.oldest_open))] if it.oldest_open else [],
    ),
    "_errors": (
        "Failed runs by error.",
        lambda it: [({"error": each.message}, each.runs) for each in it.errors],
    ),
}


def metrics(summary: RunSummary) -> Iterator[str]:
    """Yield the lines of the metrics."""
    yield from (f"# {note}" for note in summary.notes)
    for name, (words, samples) in _METRICS.items():
        yield from (f"# HELP inngest_runs{name} {words}", f"# TYPE inngest_runs{name} gauge")
        for group in summary.groups:
            for more, value in samples(group):
                labels = {summary.by: group.name, **more}.items()
                # Those escapes that `visible` leaves are the same in JSON.
                told = (f"{it}={json.dumps(visible(to), ensure_ascii=False)}" for it, to in labels)
                yield f"inngest_runs{name}{{{','.join(told)}}} {value}"
