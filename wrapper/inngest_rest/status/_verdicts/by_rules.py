"""What a rule of the caller asks: whether functions succeeded, the queue is short.

Each is judged only if a rule asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._local.functions import function_of
from inngest_rest._values.visible import counted, moment
from inngest_rest.findings import Finding, Severity
from inngest_rest.status._verdicts.words import in_words, not_read

if TYPE_CHECKING:
    from inngest_rest.status._evidence import StatusEvidence
    from inngest_rest.status._rules import SuccessRule


def judge_success(evidence: StatusEvidence, rule: SuccessRule) -> Finding:
    """Judge whether functions have succeeded in a time."""
    if rule.subject in evidence.unread:
        return not_read("success", evidence, rule.subject)
    run = evidence.successes[rule.pattern]
    if run is not None:
        return Finding(
            kind="success",
            severity=Severity.OK,
            message=f"{function_of(run)} has completed, at {moment(run.ended_at)}",
        )
    message = f"no {rule.runs} has completed in the last {in_words(rule.within)}"
    why = evidence.why_none.get(rule.pattern)
    return Finding(
        kind="success",
        severity=Severity.BROKEN,
        message=f"{message}; {why}" if why else message,
    )


def judge_queue(evidence: StatusEvidence, most: int) -> Finding:
    """Judge by the number of items that the server states."""
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
