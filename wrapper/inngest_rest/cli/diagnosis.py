"""The view of a diagnosis for a terminal: the findings, and the route of each call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from inngest_rest._visible import visible
from inngest_rest.diagnosis import Diagnosis, FindingState

if TYPE_CHECKING:
    from collections.abc import Iterator

_STYLES = {
    FindingState.OK: "green",
    FindingState.WARNING: "yellow",
    FindingState.PROBLEM: "red",
    FindingState.UNKNOWN: "magenta",
}

_ANSWERS = {True: "", None: " (if the server has it)"}


def view(diagnosis: Diagnosis) -> Iterator[Any]:
    """Yield the parts of the view."""
    yield _findings(diagnosis)
    if diagnosis.calls:
        yield Text()
        yield _calls(diagnosis)
    yield Text()
    versions = ", ".join(f"{name} {version}" for name, version in diagnosis.versions.items())
    yield Text(versions, style="dim")


def _findings(diagnosis: Diagnosis) -> Table:
    table = _table("STATE", "CHECK", "FINDING")
    for each in diagnosis.findings:
        finding = Text(visible(each.message))
        if each.remedy is not None:
            finding.append(f"\n→ {visible(each.remedy)}", style="bold")
        state = Text(each.state.value, style=_STYLES[each.state])
        table.add_row(state, each.check.value.replace("_", " "), finding)
    return table


def _calls(diagnosis: Diagnosis) -> Table:
    table = _table("CALL", "SINCE", "ROUTE")
    for each in diagnosis.calls:
        if each.is_available is False:
            style, route = "dim", "none on this server"
        else:
            style, route = "", f"{each.route}{_ANSWERS[each.is_available]}"
        table.add_row(each.call, each.since or "", Text(route), style=style)
    return table


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for each in headings:
        table.add_column(each, no_wrap=each != headings[-1], overflow="fold")
    return table
