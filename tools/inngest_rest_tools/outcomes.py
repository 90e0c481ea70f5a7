"""Problems that the result of a call reports: not done, not accepted, or not as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from inngest_rest.bulk import ActionOutcome
from inngest_rest.errors import Advice
from inngest_rest.programs import reasons_path, rejected_path
from inngest_rest_tools.problems import Code, Problem, advice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inngest_rest.bulk import ActionReport
    from inngest_rest.diagnosis import Diagnosis
    from inngest_rest.errors import NextCall
    from inngest_rest.findings import Finding
    from inngest_rest.status import StatusReport
    from inngest_rest_tools.parameter import Values
    from inngest_rest_tools.results import Sent

# The code if a single run was named: its outcome is that of the call.
_CODE_OF_ONE = {
    ActionOutcome.NOT_FOUND: Code.NOT_FOUND,
    ActionOutcome.REFUSED: Code.USAGE,
    ActionOutcome.FAILED: Code.SERVER,
    ActionOutcome.UNKNOWN: Code.NETWORK,
}

# Other checks are about keys.
_CODE_OF_KIND = {"connection": Code.NETWORK, "server": Code.SERVER}

_SENT_AGAIN = "runs nothing twice, except functions that debounce or batch"


def problem_in(record: Any, values: Values) -> Problem | None:
    """Return the problem that the result of a call reports, if any."""
    match type(record).__name__:  # the classes are slow to load
        case "StatusReport":
            return _of_status(record)
        case "Diagnosis" if record.broken:
            return _of_diagnosis(record)
        case "Sent" if record.rejected or record.unknown:
            return _not_accepted(record, values)
        case _:
            return None


def incomplete(report: ActionReport) -> Problem:
    """Return the problem of a report with rows that are not done."""
    if len(report.rows) == 1:
        return _incomplete_one(report)
    again = "the same with the ids of those that failed tries them again."
    hint = f"data.rows has the reason of each; {again}"
    return Problem(Code.PARTIAL, str(report), hint=hint)


def _incomplete_one(report: ActionReport) -> Problem:
    (row,) = report.rows
    code = _CODE_OF_ONE.get(row.outcome, Code.PARTIAL)
    hint = None
    if code is Code.SERVER:
        hint = advice("{} shows what answers at the base URL.", "diagnose")
    return Problem(
        code=code,
        message=row.reason or str(report),
        hint=hint,
        retryable=code is Code.NETWORK,
    )


def with_malformed(diagnosis: Diagnosis, malformed: Mapping[str, str]) -> Diagnosis:
    """Add the malformed keys, by argument, that the client was made without to a diagnosis."""
    from inngest_rest.findings import Finding, Severity  # noqa: PLC0415 - one call needs it

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


def in_words_of(
    report: StatusReport, name_of: Callable[[NextCall], str]
) -> StatusReport:
    """Return a status whose remedies name calls as the program's reader knows them."""
    findings: list[Finding] = []
    for finding in report.findings:
        remedy = finding.remedy
        if isinstance(remedy, Advice):
            remedy = remedy.render(name_of)
        findings.append(evolve(finding, remedy=remedy))
    return evolve(report, findings=tuple(findings))


def _of_status(report: StatusReport) -> Problem | None:
    if report.verdict == "broken":
        found = [each.kind for each in report.findings if each.severity == "broken"]
        return Problem(Code.BROKEN, f"broken: {', '.join(found)}")
    if report.verdict == "unknown":
        return Problem(Code.NOT_JUDGED, report.headline)
    return None


def _of_diagnosis(diagnosis: Diagnosis) -> Problem:
    first = diagnosis.broken[0]
    return Problem(
        code=_CODE_OF_KIND.get(first.kind, Code.AUTHENTICATION),
        message=f"{first.kind}: {first.message}",
        hint=first.remedy,
    )


def _not_accepted(sent: Sent, values: Values) -> Problem:
    total = sent.accepted + sent.rejected + sent.unknown
    message = (
        f"{sent.accepted} of {total} events accepted, "
        f"{sent.rejected} rejected, {sent.unknown} unknown"
    )
    if sent.failures:
        message += f"; first: {sent.failures[0].reason}"
    hint = _how_to_send_the_rest(sent, values)
    return Problem(Code.PARTIAL, message, hint=hint)


def _how_to_send_the_rest(sent: Sent, values: Values) -> str:
    if "path" not in values:
        return (
            "data.failures has each with its reason. Sent again as it is there, with its id, an "
            f"event {_SENT_AGAIN}."
        )
    hints: list[str] = []
    rejected = rejected_path(
        values["path"],
        values["name"] or "",
        values.get("dead_letters"),
    )
    # No such file exists if the lines have to be corrected in the file itself.
    if sent.rejected and rejected.exists():
        where = f"{rejected}, and the reason of each in {reasons_path(rejected)}"
        hints.append(
            f"The rejected lines are in {where}: correct the lines, and send that file."
        )
    if sent.unknown:
        hints.append(
            "Send the whole again, by the same name, for those that are unknown: what was accepted "
            f"{_SENT_AGAIN}."
        )
    return " ".join(hints)
