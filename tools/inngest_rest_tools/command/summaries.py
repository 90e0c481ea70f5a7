"""A summary of runs as text: below its table, in Markdown, and as metrics for Prometheus."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from attrs import frozen

from inngest_rest.programs import second_of_ulid, visible
from inngest_rest.record import in_words
from inngest_rest_tools.command.columns import columns_for, in_json
from inngest_rest_tools.projection import Projection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from inngest_rest.status import StatusReport
    from inngest_rest.summary import RunGroup, RunSummary

# Each metric, by the end of its name, with its help.
_METRICS = {
    "": "Runs by status.",
    "_failure_ratio": "Failed runs among those that completed or failed.",
    "_seconds": "Times of runs that completed or failed, by phase.",
    "_oldest_open_timestamp_seconds": "When the oldest open run was queued.",
    "_errors": "Failed runs by error.",
}


def notes_of(summary: RunSummary) -> Iterator[str]:
    """Yield the errors of a summary, and its notes."""
    if not summary.groups:
        yield "no runs"
    for group in summary.groups:
        place = "" if summary.by == "error" else f"{group.name}: "
        for error in group.errors:
            yield f"{place}{error}"
    yield from summary.notes


def _markdown(summary: RunSummary) -> Iterator[str]:
    """Yield the lines of a summary in Markdown, for the page of a CI system."""
    if summary.groups:
        columns = columns_for(summary.groups, math.inf, Projection())
        yield _markdown_row([column.heading for column in columns])
        yield _markdown_row(["---"] * len(columns))
        for group in summary.groups:
            yield _markdown_row(
                [_escaped(in_words(column.value(group))) for column in columns]
            )
        yield ""
    for note in notes_of(summary):
        yield f"- {_escaped(note)}"


def _markdown_row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|~#&@])", r"\\\1", visible(text))


def status_in_markdown(report: StatusReport) -> Iterator[str]:
    """Yield the lines of a status in Markdown."""
    yield f"**{_escaped(report.headline)}**"
    yield ""
    yield _markdown_row(["question", "verdict", "what was found", "next"])
    yield _markdown_row(["---"] * 4)
    for finding in report.findings:
        message = finding.message
        if finding.limits:
            message += f" ({finding.limits})"
        cells = [
            finding.kind,
            finding.severity.value,
            _escaped(message),
            finding.remedy or "",
        ]
        yield _markdown_row(cells)


@frozen
class _Sample:
    """A sample of a metric, whose name follows `inngest_runs`."""

    metric: str
    value: float
    labels: Mapping[str, str]


def _metrics(summary: RunSummary) -> Iterator[str]:
    """Yield the lines of a summary as metrics, in the text format of Prometheus, version 0.0.4."""
    for note in summary.notes:
        yield f"# {note}"
    for metric, help in _METRICS.items():
        yield f"# HELP inngest_runs{metric} {help}"
        yield f"# TYPE inngest_runs{metric} gauge"
        for group in summary.groups:
            of_metric = [each for each in _samples(group) if each.metric == metric]
            for sample in of_metric:
                labels = _labels({summary.by: group.name, **sample.labels})
                yield f"inngest_runs{metric}{labels} {sample.value}"


def _labels(labels: Mapping[str, str]) -> str:
    # The escapes that `visible` writes are the same in JSON.
    pairs = [f"{name}={in_json(visible(value))}" for name, value in labels.items()]
    return f"{{{','.join(pairs)}}}"


def _samples(group: RunGroup) -> Iterator[_Sample]:
    for status, count in group.counts.items():
        yield _Sample(metric="", value=count, labels={"status": status})
    if group.failure_rate is not None:
        yield _Sample(metric="_failure_ratio", value=group.failure_rate, labels={})
    for phase, times in group.times.items():
        by_quantile = {"0.5": times.p50, "0.95": times.p95}
        for quantile, time in by_quantile.items():
            yield _Sample(
                metric="_seconds",
                value=time.total_seconds(),
                labels={"phase": phase, "quantile": quantile},
            )
    if group.oldest_open:
        queued_at = second_of_ulid(group.oldest_open)
        yield _Sample(
            metric="_oldest_open_timestamp_seconds", value=queued_at, labels={}
        )
    for error in group.errors:
        labels = {"error": error.message}
        yield _Sample(metric="_errors", value=error.runs, labels=labels)


REPORTS: Mapping[str, Callable[[RunSummary], Iterator[str]]] = {
    "markdown": _markdown,
    "prometheus": _metrics,
}
"""The writers of a summary of runs, by format."""
