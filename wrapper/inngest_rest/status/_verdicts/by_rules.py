"""What a rule of the caller asks: whether functions succeeded, the queue is short.

Each is judged only if a rule asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._local.functions import function_of
from inngest_rest._values.visible import counted, moment
from inngest_rest.findings import Finding, Severity
from inngest_rest.models import RunStatus
from inngest_rest.status._crons import UNDECIDED
from inngest_rest.status._verdicts.crons import in_text
from inngest_rest.status._verdicts.words import explains, in_words, not_read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from inngest_rest.status._crons import Cron
    from inngest_rest.status._evidence import StatusEvidence
    from inngest_rest.status._rules import SuccessRule


def judge_success(evidence: StatusEvidence, rule: SuccessRule) -> Finding:
    """Judge whether functions have succeeded in a time, or since the last time of their cron."""
    if rule.within is not None:
        return _judge_in_time(evidence, rule, rule.within)
    if evidence.crons is None:
        return not_read("success", evidence, "crons")
    own = [cron for cron in evidence.crons if rule.names.match(*cron.names)]
    return _judge_by_cron(rule, own)


def _judge_in_time(
    evidence: StatusEvidence, rule: SuccessRule, within: timedelta
) -> Finding:
    if rule.subject in evidence.unread:
        return not_read("success", evidence, rule.subject)
    run = evidence.successes[rule.pattern]
    if run is not None:
        return Finding(
            kind="success",
            severity=Severity.OK,
            message=f"{function_of(run)} has completed, at {moment(run.ended_at)}",
        )
    message = f"no {rule.runs} has completed in the last {in_words(within)}"
    why = evidence.why_none.get(rule.pattern)
    return Finding(
        kind="success",
        severity=Severity.BROKEN,
        message=f"{message}; {why}" if why else message,
    )


def _judge_by_cron(rule: SuccessRule, crons: Sequence[Cron]) -> Finding:
    """Judge functions by the run of the last time of their crons whose grace is over."""
    if not crons:
        return Finding(
            kind="success",
            severity=Severity.BROKEN,
            message=f"no function that is registered as {rule.pattern} has a cron",
        )
    for cron in crons:
        run = cron.run
        if cron.is_broken:
            return Finding(
                kind="success", severity=Severity.BROKEN, message=in_text(cron)
            )
        if run is not None and run.status in {RunStatus.FAILED, RunStatus.CANCELLED}:
            return Finding(
                kind="success",
                severity=Severity.BROKEN,
                message=f"{cron.function} ran at its time, and {run.status}: run {run.id}",
                remedy=explains(run.id),
            )
    undecided = [cron for cron in crons if cron.state in UNDECIDED]
    if undecided:
        return Finding(
            kind="success", severity=Severity.UNKNOWN, message=in_text(undecided[0])
        )
    return Finding(
        kind="success",
        severity=Severity.OK,
        message=f"{rule.pattern} has not failed since the last time of its cron",
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
