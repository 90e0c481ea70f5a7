"""Whether anything has run of late: by one run that was queued since and executed, or ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.interface import function_of
from inngest_rest.findings import Finding, Severity
from inngest_rest.status._verdicts.words import in_words, not_read

if TYPE_CHECKING:
    from datetime import timedelta

    from inngest_rest.status._evidence import StatusEvidence


def judge_active(evidence: StatusEvidence, longest: timedelta) -> Finding:
    ran = evidence.ran
    if ran is None:
        return not_read("active", evidence, "ran")
    if not ran.runs:
        return Finding(
            kind="active",
            severity=Severity.BROKEN,
            message=f"nothing has run for {in_words(longest)}",
            limits="of what was queued before and is open, something may have run",
        )
    run = ran.runs[0]
    return Finding(
        kind="active",
        severity=Severity.OK,
        message=f"run {run.id} of {function_of(run)} ran in the last {in_words(longest)}",
    )
