"""Views: one record on a terminal, where it is more than a row of a table."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from attrs import evolve
from rich.table import Table
from rich.text import Text

from inngest_rest import models
from inngest_rest.diagnosis import Diagnosis
from inngest_rest.explain import WaitingReport
from inngest_rest.explanation import Explanation, RunExplanation
from inngest_rest.programs import and_more, quoted, safe, visible
from inngest_rest.record import Record, in_words
from inngest_rest.responses import Target
from inngest_rest.status import StatusReport
from inngest_rest.summary import RunSummary
from inngest_rest_tools.command.columns import joined
from inngest_rest_tools.command.summaries import notes_of
from inngest_rest_tools.projection import field_names
from inngest_rest_tools.results import Acted, CreatedCancellation, Sent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inngest_rest_tools.projection import Projection

Part = str | Text | Table | tuple[Record, ...]
"""A part of a view: lines of text, or records that make a table."""

_MOST_ROWS = 100

_STYLES = {
    "completed": "green",
    "done": "green",
    "ok": "green",
    "failed": "red",
    "refused": "red",
    "not_found": "red",
    "problem": "red",
    "broken": "red",
    "cancelled": "yellow",
    "already_ended": "yellow",
    "already_replayed": "yellow",
    "already_sent": "yellow",
    "warning": "yellow",
    "running": "cyan",
    "planned": "cyan",
    "unknown": "magenta",
    "queued": "blue",
    "not_tried": "dim",
}


def style_of(value: object) -> str:
    """Return the style of a status or an outcome; none for any other value."""
    if not isinstance(value, Enum):
        return ""
    return _STYLES.get(str(value), "")


def view_of(record: Record, projection: Projection) -> Iterator[Part]:
    """Yield the parts of a record's own view, or the fields that are asked for."""
    if projection.fields is not None:
        yield _fields(record, projection)
        return
    match record:
        case Acted():
            yield from _acted(record)
        case CreatedCancellation(planned=Acted() as planned):
            yield from _acted(planned)
        case Explanation():
            yield from _explanation(record.sentence, record.runs)
        case RunExplanation():
            yield from _explanation(record.sentence, record.jobs)
        case Sent():
            yield from _sent(record)
        case RunSummary():
            yield record.groups
            yield from notes_of(record)
        case WaitingReport():
            yield from _waiting(record)
        case Diagnosis():
            yield from _diagnosis(record)
        case StatusReport():
            verdict = Text(record.verdict.value, style=style_of(record.verdict))
            yield verdict.append(f" at {_whole_text(record.target)}", "default")
            yield _answers(record)
        case _:
            yield _fields(record, projection)


def _explanation(sentence: str, rows: tuple[Record, ...]) -> Iterator[Part]:
    yield sentence
    if rows:
        yield ""
        yield rows


def _acted(acted: Acted) -> Iterator[Part]:
    outcomes = [
        f"{count:,} {outcome.replace('_', ' ')}"
        for outcome, count in acted.counts.items()
    ]
    counts = ", ".join(outcomes) or "nothing to do"
    yield f"{acted.action}: {counts} at {_whole_text(acted.target)}"
    window: list[str] = []
    if acted.since:
        window.append(f"since {in_words(acted.since)}")
    if acted.until:
        window.append(f"until {in_words(acted.until)}")
    if window:
        is_of_events = acted.action == "events.resend"
        selected = "Events received" if is_of_events else "Runs queued"
        yield f"{selected} {' '.join(window)}"
    if len(acted.by_function) > 1:
        functions = [
            f"{count:,} {quoted(name)}" for name, count in acted.by_function.items()
        ]
        yield f"Of them {and_more(functions)}"
    yield acted.rows[:_MOST_ROWS]
    yield from _number_left_out(len(acted.rows) - _MOST_ROWS)


def _waiting(report: WaitingReport) -> Iterator[Part]:
    counts = [
        f"{count:,} {kind.replace('_', ' ')}" for kind, count in report.counts.items()
    ]
    if counts:
        yield f"{len(report.rows):,} open: {', '.join(counts)}"
    else:
        yield "no open run"
    yield report.rows[:_MOST_ROWS]
    yield from _number_left_out(len(report.rows) - _MOST_ROWS)
    yield from report.notes
    for unchecked in report.unchecked:
        yield Text(visible(f"not checked: {unchecked}"), style="dim")


def _sent(sent: Sent) -> Iterator[Part]:
    preview = sent.preview
    if preview is not None:
        yield f"would send {preview.events:,} events, {preview.bytes:,} bytes"
        yield preview.functions
        for unchecked in preview.unchecked:
            yield Text(visible(f"not checked: {unchecked}"), style="dim")
        sent = evolve(sent, failures=preview.failures)
    counts = {
        "accepted": sent.accepted,
        "rejected": sent.rejected,
        "unknown": sent.unknown,
    }
    parts = [f"{count:,} {name}" for name, count in counts.items() if count]
    summary = ", ".join(parts) or "nothing was sent"
    yield f"{summary} at {sent.target.event_url}"
    for id in sent.ids[:_MOST_ROWS]:
        yield visible(id)
    ids_shown = min(len(sent.ids), _MOST_ROWS)
    yield from _number_left_out(sent.accepted - ids_shown)
    for failure in sent.failures[:_MOST_ROWS]:
        yield Text(visible(f"{failure.position}: {failure.reason}"), style="red")
    yield from _number_left_out(len(sent.failures) - _MOST_ROWS)


def _number_left_out(count: int) -> Iterator[Text]:
    if count > 0:
        yield Text(f"and {count:,} more", style="dim")


def _diagnosis(diagnosis: Diagnosis) -> Iterator[Part]:
    yield _findings(diagnosis)
    if diagnosis.calls:
        yield ""
    yield diagnosis.calls
    versions = [f"{name} {version}" for name, version in diagnosis.versions.items()]
    yield Text(f"\n{', '.join(versions)}", style="dim")


def _findings(diagnosis: Diagnosis) -> Table:
    table = _grid()
    for finding in diagnosis.findings:
        words = finding.message
        if finding.remedy:
            words += f"\n→ {finding.remedy}"
        state = Text(finding.severity.value, style=style_of(finding.severity))
        check = finding.kind.replace("_", " ")
        table.add_row(state, check, Text(safe(words)))
    return table


def _answers(report: StatusReport) -> Table:
    table = _grid()
    for finding in report.findings:
        lines = [finding.message]
        # Limits of what is fine would distract from what is not.
        if finding.limits and finding.severity != "ok":
            lines.append(f"({finding.limits})")
        if finding.remedy:
            lines.append(f"→ {finding.remedy}")
        words = joined(*lines, by="\n")
        severity = Text(finding.severity.value, style=style_of(finding.severity))
        table.add_row(severity, finding.kind, Text(safe(words)))
    return table


def _fields(record: Record, projection: Projection) -> Table:
    """Return the fields that have a value, one below the other."""
    table = _grid()
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    names: Sequence[str] = projection.fields or field_names(type(record))
    for name in names:
        value = getattr(record, name, None)
        if value is None or value in ((), {}):
            continue
        label = name.replace("_", " ")
        text = projection.cut(_whole_text(value), name)
        styled = Text(safe(text), style=style_of(value))
        table.add_row(label, styled)
    return table


def _grid() -> Table:
    """Return a table without a heading or lines."""
    return Table(
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        header_style="bold",
        show_header=False,
    )


def _whole_text(value: object) -> str:
    """Return a value in full, on several lines if need be."""
    match value:
        case Target(env=None | ""):
            return value.api_url
        case Target():
            return f"{value.api_url} (environment {value.env})"
        case models.RunError():
            return joined(str(value), value.stack, by="\n")
        case _:
            return in_words(value, indent=2)
