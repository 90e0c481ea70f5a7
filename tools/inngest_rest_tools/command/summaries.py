"""A summary of runs as text below its table, and reports in Markdown for the page of a CI job."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from inngest_rest.programs import visible
from inngest_rest.record import in_words
from inngest_rest_tools.command.columns import columns_for
from inngest_rest_tools.projection import Projection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.status import StatusReport
    from inngest_rest.summary import RunSummary


def notes_of(summary: RunSummary) -> Iterator[str]:
    """Yield the errors of a summary, and its notes."""
    if not summary.groups:
        yield "no runs"
    for group in summary.groups:
        place = "" if summary.by == "error" else f"{group.name}: "
        for error in group.errors:
            yield f"{place}{error}"
    yield from summary.notes


def summary_in_markdown(summary: RunSummary) -> Iterator[str]:
    """Yield the lines of a summary in Markdown."""
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
