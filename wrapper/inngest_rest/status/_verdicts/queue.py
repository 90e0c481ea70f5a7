"""Whether the queue is too long: by the number of items that the server states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest.findings import Finding, Severity
from inngest_rest.status._verdicts.words import counted, not_read

if TYPE_CHECKING:
    from inngest_rest.status._evidence import StatusEvidence


def judge_queue(evidence: StatusEvidence, most: int) -> Finding:
    depth = evidence.queue_depth
    if depth is None:
        return not_read("queue", evidence, "queue_depth")
    severity = Severity.OK
    message = f"{counted(depth, 'item')} in all queues, sleeps included"
    if depth > most:
        severity = Severity.BROKEN
        message += f": more than {most:,}"
    return Finding(
        kind="queue",
        severity=severity,
        message=message,
        evidence={"queue_depth": depth},
    )
