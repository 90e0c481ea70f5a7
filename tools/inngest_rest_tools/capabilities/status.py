"""The status of a server: its verdicts as a grid, as Markdown, and as an exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from inngest_rest.errors import Advice
from inngest_rest_tools.form import Form, Grid, Line, joined, names, place_of, style_of
from inngest_rest_tools.markdown import escaped, row_of
from inngest_rest_tools.problems import Code, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.findings import Finding
    from inngest_rest.status import StatusReport
    from inngest_rest_tools.form import Part
    from inngest_rest_tools.parameter import Values
    from inngest_rest_tools.running import Invocation


def _view(report: StatusReport) -> Iterator[Part]:
    verdict = report.verdict
    yield Line(verdict.value, style_of(verdict), f" at {place_of(report.target)}")
    yield Grid(tuple(_cells(finding) for finding in report.findings))


def _cells(finding: Finding) -> tuple[Line, ...]:
    lines = [finding.message]
    # Limits of what is fine would distract from what is not.
    if finding.limits and finding.severity != "ok":
        lines.append(f"({finding.limits})")
    if finding.remedy:
        lines.append(f"→ {finding.remedy}")
    severity = finding.severity
    return (
        Line(severity.value, style_of(severity)),
        Line(finding.kind),
        Line(joined(*lines, by="\n")),
    )


def _markdown(report: StatusReport) -> Iterator[str]:
    yield f"**{escaped(report.headline)}**"
    yield ""
    yield row_of(["question", "verdict", "what was found", "next"])
    yield row_of(["---"] * 4)
    for finding in report.findings:
        message = finding.message
        if finding.limits:
            message += f" ({finding.limits})"
        cells = [
            finding.kind,
            finding.severity.value,
            escaped(message),
            finding.remedy or "",
        ]
        yield row_of(cells)


def _worded(report: StatusReport, invocation: Invocation) -> StatusReport:
    """Return a status whose remedies name calls as the program's reader knows them."""
    findings: list[Finding] = []
    for finding in report.findings:
        remedy = finding.remedy
        if isinstance(remedy, Advice):
            remedy = remedy.render(invocation.answer.name_of)
        findings.append(evolve(finding, remedy=remedy))
    return evolve(report, findings=tuple(findings))


def _problem(report: StatusReport, _values: Values) -> Problem | None:
    if report.verdict == "broken":
        found = [each.kind for each in report.findings if each.severity == "broken"]
        return Problem(Code.BROKEN, f"broken: {', '.join(found)}")
    if report.verdict == "unknown":
        return Problem(Code.NOT_JUDGED, report.headline)
    return None


FORMS = {
    "StatusReport": Form(
        left_out=names("at headline target"),
        untrusted=("headline",),
        view=_view,
        markdown=_markdown,
        completed=_worded,
        problem=_problem,
    ),
}
