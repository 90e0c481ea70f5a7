"""The summary of runs: a table of its groups with notes below, and the same in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest.record import in_words
from inngest_rest_tools.form import Column, Form, names, whole
from inngest_rest_tools.markdown import escaped, row_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.summary import RunGroup, RunSummary
    from inngest_rest_tools.cutting import Cutter
    from inngest_rest_tools.form import Part

_FIGURES = (
    *("runs", "failed", "open"),
    *("total p50/p95", "waiting p50/p95", "running p50/p95"),
)


def _figure(name: str) -> Column:
    def figure_of(group: RunGroup) -> object:
        return group.figures()[name]

    return whole(name.upper(), figure_of)


_COLUMNS = (
    Column("NAME", "name"),
    *map(_figure, _FIGURES),
    whole("OLDEST OPEN", "oldest_open", from_width=140),
    whole("LONGEST", "longest", from_width=140),
)


def _notes(summary: RunSummary) -> Iterator[str]:
    """Yield the errors of a summary, and its notes."""
    if not summary.groups:
        yield "no runs"
    for group in summary.groups:
        place = "" if summary.by == "error" else f"{group.name}: "
        for error in group.errors:
            yield f"{place}{error}"
    yield from summary.notes


def _view(summary: RunSummary) -> Iterator[Part]:
    yield summary.groups
    yield from _notes(summary)


def _markdown(summary: RunSummary) -> Iterator[str]:
    groups = summary.groups
    if groups:
        columns = [
            column
            for column in _COLUMNS
            if any(in_words(column.value(group)) for group in groups)
        ]
        yield row_of(column.heading for column in columns)
        yield row_of(["---"] * len(columns))
        for group in groups:
            yield row_of(escaped(in_words(column.value(group))) for column in columns)
        yield ""
    for note in _notes(summary):
        yield f"- {escaped(note)}"


def _shorten_group(group: dict[str, Any], _cutter: Cutter, _is_item: bool) -> None:
    for name in ("times", "errors"):
        if not group[name]:
            del group[name]
    for error in group.get("errors", ()):
        if error["message"] == group["name"]:  # grouped by error: the group says both
            del error["message"], error["runs"]
        elif [*error["functions"]] == [group["name"]]:  # grouped by function
            del error["functions"]


FORMS = {
    "RunSummary": Form(untrusted=("groups",), view=_view, markdown=_markdown),
    # The counts have two of them.
    "RunGroup": Form(
        left_out_of_items=names("open failure_rate longest"),
        shorten=_shorten_group,
        columns=_COLUMNS,
    ),
}
