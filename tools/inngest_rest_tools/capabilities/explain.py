"""Why there is no run, and why runs are as they are: sentences, and the runs they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest_tools.core_forms import shorten_run, shorten_sent
from inngest_rest_tools.cutting import MOST_ROWS
from inngest_rest_tools.form import (
    Column,
    Form,
    Line,
    by_path,
    first_rows,
    joined,
    line,
    names,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.explain import WaitingReport, WaitingRun
    from inngest_rest.explanation import Explanation, RunExplanation
    from inngest_rest_tools.cutting import Cutter
    from inngest_rest_tools.form import Part


def _view_of_event(explanation: Explanation) -> Iterator[Part]:
    yield explanation.sentence
    if explanation.runs:
        yield ""
        yield explanation.runs


def _view_of_run(explanation: RunExplanation) -> Iterator[Part]:
    yield explanation.sentence
    if explanation.jobs:
        yield ""
        yield explanation.jobs


def _view_of_waiting(report: WaitingReport) -> Iterator[Part]:
    counts = [
        f"{count:,} {kind.replace('_', ' ')}" for kind, count in report.counts.items()
    ]
    if counts:
        yield f"{len(report.rows):,} open: {', '.join(counts)}"
    else:
        yield "no open run"
    yield from first_rows(report.rows, MOST_ROWS)
    yield from report.notes
    for unchecked in report.unchecked:
        yield Line(f"not checked: {unchecked}", "dim")


def _shorten_explanation(
    explanation: dict[str, Any], _cutter: Cutter, _is_item: bool
) -> None:
    if len(explanation.get("events", ())) == 1:
        del explanation["events"]  # of a batch, they are asked for


def _shorten_waiting_run(row: dict[str, Any], cutter: Cutter, is_item: bool) -> None:
    shorten_run(row, cutter, is_item)
    if row["is_certain"]:
        del row["is_certain"]  # as nearly all are
    is_told_by_fields = "at" in row or row.get("kind") == "lost"
    if is_told_by_fields and "runs" not in row:
        del row["message"]


def _kind(row: WaitingRun) -> str:
    kind = (row.kind or "unknown").replace("_", " ")
    return kind if row.is_certain else f"{kind}?"


def _why(row: WaitingRun) -> str:
    if row.kind == "lost" and row.is_certain:
        return ""  # the advice on all that are lost stands below the table
    return row.message


def _function(row: WaitingRun) -> str:
    return joined(row.app_id, row.function_id, by="/")


def _values_of_event(row: WaitingRun) -> str:
    return by_path(row.event)


FORMS = {
    # The sentence has the unchecked facts and the messages of the reasons.
    "Explanation": Form(
        left_out=names("event listeners unchecked"),
        untrusted=("sentence", "listeners", "reasons", "unchecked"),
        view=_view_of_event,
    ),
    "RunExplanation": Form(
        left_out=names("unchecked"),
        shorten=_shorten_explanation,
        untrusted=("sentence", "reasons", "events", "unchecked"),
        view=_view_of_run,
    ),
    "Reason": Form(left_out=names("message evidence")),
    "SendPreview": Form(shorten=shorten_sent),
    "WaitingReport": Form(untrusted=("unchecked",), view=_view_of_waiting),
    "WaitingRun": Form(
        left_out_of_items=names("status queued_at event_ids"),
        shorten=_shorten_waiting_run,
        untrusted=(
            "app_id",
            "function_id",
            "function",
            "waits_for",
            "condition",
            "event",
            "message",
        ),
        columns=(
            whole("ID", "id"),
            Column("KIND", _kind),
            Column("FUNCTION", _function),
            whole("QUEUED", "queued_at", from_width=110),
            Column("EVENT", _values_of_event),
            line("WHY", _why),
        ),
    ),
}
