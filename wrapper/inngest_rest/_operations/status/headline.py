"""The report of a status: the worst verdict, and a one-line summary of its checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest.findings import Finding, Severity
from inngest_rest.status import StatusReport

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from inngest_rest.responses import Target

# Evidence without which the verdict is "unknown" if no check found a problem.
_NEEDED = {"recent", "queued"}

_NAMED_IF_OK = {"starting", "succeeding", "fresh"}


def report_of(
    findings: Sequence[Finding], unread: Collection[str], target: Target, at: datetime
) -> StatusReport:
    """Return the report with the worst severity of the findings, and their messages about it."""
    verdict = _worst(findings, unread)
    messages = "; ".join(_messages(findings, verdict))
    return StatusReport(
        verdict=verdict,
        headline=f"{verdict}: {messages}",
        findings=tuple(findings),
        target=target,
        at=at,
    )


def _worst(findings: Iterable[Finding], unread: Collection[str]) -> Severity:
    """Return the worst verdict; a question without an answer, as on a quiet server, is no fault."""
    severities = {finding.severity for finding in findings}
    for verdict in (Severity.BROKEN, Severity.WARNING):
        if verdict in severities:
            return verdict
    return Severity.OK if _NEEDED.isdisjoint(unread) else Severity.UNKNOWN


def _messages(findings: Iterable[Finding], verdict: Severity) -> list[str]:
    """Return the messages of the findings that decide the verdict."""
    if verdict is Severity.OK:
        return [finding.message for finding in findings if finding.kind in _NAMED_IF_OK]
    messages = [
        f"{finding.kind}: {finding.message}"
        for finding in findings
        if finding.severity is verdict
    ]
    if verdict is Severity.UNKNOWN:
        return messages[:1]  # all have the same reason
    return messages
