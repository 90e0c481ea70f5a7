"""The report of a status: the worst verdict, and a one-line summary of its checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest.findings import Finding, Severity
from inngest_rest.status import StatusReport

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from inngest_rest.responses import Target

# What a healthy server is described by, and what was asked for.
_NAMED_IF_OK = {
    "starting",
    "succeeding",
    "fresh",
    "success",
    "queue",
}


def report_of(
    findings: Sequence[Finding],
    missing: Mapping[str, str],
    target: Target,
    at: datetime,
) -> StatusReport:
    """Return the report with the worst severity of the findings, and their messages about it.

    `missing` is the evidence that is needed and could not be read, with the reasons.
    """
    verdict = _worst(findings, missing)
    if verdict is Severity.UNKNOWN:
        subject, reason = next(iter(missing.items()))
        messages = [f"{subject} not read: {reason}"]
    else:
        messages = _messages(findings, verdict)
    return StatusReport(
        verdict=verdict,
        headline=f"{verdict}: {'; '.join(messages)}",
        findings=tuple(findings),
        target=target,
        at=at,
    )


def _worst(findings: Iterable[Finding], missing: Collection[str]) -> Severity:
    """Return the worst severity; a question without an answer is no fault on a quiet server."""
    severities = {finding.severity for finding in findings}
    if Severity.BROKEN in severities:
        return Severity.BROKEN
    if missing:
        return Severity.UNKNOWN
    return Severity.WARNING if Severity.WARNING in severities else Severity.OK


def _messages(findings: Iterable[Finding], verdict: Severity) -> list[str]:
    """Return the messages of the findings that decide the verdict."""
    if verdict is Severity.OK:
        return [finding.message for finding in findings if finding.kind in _NAMED_IF_OK]
    return [
        f"{finding.kind}: {finding.message}"
        for finding in findings
        if finding.severity is verdict
    ]
