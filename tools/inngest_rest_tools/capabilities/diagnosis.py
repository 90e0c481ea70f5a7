"""Whether a server can be reached and used: its findings as a grid, and the routes of its calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from inngest_rest_tools.form import Column, Form, Grid, Line, names, style_of, whole
from inngest_rest_tools.problems import Code, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.diagnosis import CallRoute, Diagnosis
    from inngest_rest.findings import Finding
    from inngest_rest_tools.cutting import Cutter
    from inngest_rest_tools.form import Part
    from inngest_rest_tools.parameter import Values
    from inngest_rest_tools.running import Invocation

# Other checks are about keys.
_CODE_OF_KIND = {"connection": Code.NETWORK, "server": Code.SERVER}


def _view(diagnosis: Diagnosis) -> Iterator[Part]:
    yield Grid(tuple(_cells(finding) for finding in diagnosis.findings))
    if diagnosis.calls:
        yield ""
    yield diagnosis.calls
    versions = [f"{name} {version}" for name, version in diagnosis.versions.items()]
    yield ""
    yield Line(", ".join(versions), "dim")


def _cells(finding: Finding) -> tuple[Line, ...]:
    words = finding.message
    if finding.remedy:
        words += f"\n→ {finding.remedy}"
    severity = finding.severity
    check = finding.kind.replace("_", " ")
    return (Line(severity.value, style_of(severity)), Line(check), Line(words))


def _shorten(diagnosis: dict[str, Any], cutter: Cutter, _is_item: bool) -> None:
    """Leave only the name of each check that passed."""
    noteworthy: list[dict[str, Any]] = []
    passed: list[str] = []
    for finding in diagnosis["findings"]:
        if finding["severity"] == "ok":
            passed.append(finding["kind"])
        else:
            noteworthy.append(finding)
    diagnosis["findings"] = noteworthy
    diagnosis["passed"] = passed
    if passed:
        cutter.leave_out("findings that are ok")


def _with_malformed(diagnosis: Diagnosis, invocation: Invocation) -> Diagnosis:
    """Add the malformed keys, by argument, that the client was made without."""
    from inngest_rest.findings import Finding, Severity  # noqa: PLC0415 - slow to load

    malformed = invocation.malformed
    findings = [
        finding for finding in diagnosis.findings if finding.kind not in malformed
    ]
    for key, message in malformed.items():
        finding = Finding(
            kind=key,
            severity=Severity.BROKEN,
            message=message,
            remedy="Correct it in the environment.",
        )
        findings.append(finding)
    return evolve(diagnosis, findings=tuple(findings))


def _problem(diagnosis: Diagnosis, _values: Values) -> Problem | None:
    if not diagnosis.broken:
        return None
    first = diagnosis.broken[0]
    return Problem(
        code=_CODE_OF_KIND.get(first.kind, Code.AUTHENTICATION),
        message=f"{first.kind}: {first.message}",
        hint=first.remedy,
    )


def _route(call: CallRoute) -> str:
    if call.is_available is None:
        return f"{call.route} (if the server has it)"
    if call.is_available and call.route:
        return call.route
    return "none on this server"


def _releases(call: CallRoute) -> str | None:
    return f"{call.since} until {call.until}" if call.until else call.since


FORMS = {
    # Errors of the server are quoted, and its release.
    "Diagnosis": Form(
        left_out=names("calls versions"),
        shorten=_shorten,
        untrusted=("release",),
        view=_view,
        completed=_with_malformed,
        problem=_problem,
    ),
    "CallRoute": Form(
        columns=(
            whole("CALL", "call"),
            whole("SINCE", _releases),
            Column("ROUTE", _route),
        ),
    ),
}
