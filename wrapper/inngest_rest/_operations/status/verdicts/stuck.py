"""Whether a run that has started is lost or overdue: by the jobs that the queue has for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.resources.runs import function_of
from inngest_rest._operations.status.evidence import (
    LOOKED_BACK,
    STUCK_AFTER,
    WAITS_LONG_AFTER,
)
from inngest_rest._operations.status.verdicts.words import explains, in_words, not_read
from inngest_rest.explanation import ReasonKind
from inngest_rest.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from inngest_rest._operations.status.evidence import Listed, StatusEvidence
    from inngest_rest._operations.status.verdicts.words import Figures
    from inngest_rest.explanation import RunExplanation
    from inngest_rest.models import Job

_SINCE = f"for over {in_words(STUCK_AFTER)}"


def judge_stuck(evidence: StatusEvidence) -> Finding:
    opened = evidence.open
    if opened is None:
        return not_read("stuck", evidence, "open")
    if not opened.runs:
        return Finding(
            kind="stuck",
            severity=Severity.OK,
            message=f"no run that has started is open {_SINCE}",
            evidence={"open": 0},
            limits=f"of those queued in the last {LOOKED_BACK.days} days",
        )
    if evidence.lost is not None and _is_proven(evidence.lost):
        return _lost(evidence, evidence.lost, opened)
    if evidence.jobs is None:
        return Finding(
            kind="stuck",
            severity=Severity.UNKNOWN,
            message=f"{opened.count} open {_SINCE}",
            evidence={"open": len(opened.runs)},
            limits=f"whether they wait on purpose: {evidence.unread.get('jobs')}",
            remedy=explains(opened.runs[0].id),
        )
    return _judge_jobs(evidence, evidence.jobs, opened)


def _is_proven(lost: RunExplanation) -> bool:
    return any(
        reason.kind is ReasonKind.LOST and reason.is_certain for reason in lost.reasons
    )


def _lost(evidence: StatusEvidence, lost: RunExplanation, opened: Listed) -> Finding:
    run = lost.run
    return Finding(
        kind="stuck",
        severity=Severity.BROKEN,
        message=f"run {run.id} of {function_of(run)} is lost: it is open, and the queue has no job "
        "for it",
        evidence={"open": len(opened.runs)},
        limits=_limits_of_jobs(evidence, opened),
        remedy=explains(run.id),
    )


def _judge_jobs(
    evidence: StatusEvidence, jobs: Mapping[str, Sequence[Job]], opened: Listed
) -> Finding:
    """Judge whether runs that are open for long wait for a later time, or for a due job."""
    overdue: list[str] = []
    without_job: list[str] = []
    for run_id, jobs_of_run in jobs.items():
        if not jobs_of_run:
            without_job.append(run_id)
        elif _are_overdue(jobs_of_run, evidence.now):
            overdue.append(run_id)
    figures: Figures = {"open": len(opened.runs), "overdue": len(overdue)}
    if overdue:
        return Finding(
            kind="stuck",
            severity=Severity.WARNING,
            message=f"{opened.count} open {_SINCE}; due but not executing: {', '.join(overdue)}",
            evidence=figures,
            limits="a limit may hold them, or their app may be down",
            remedy=explains(overdue[0]),
        )
    why_unknown = _why_unknown_whether_lost(evidence)
    if without_job and why_unknown is not None:
        names = ", ".join(without_job)
        return Finding(
            kind="stuck",
            severity=Severity.UNKNOWN,
            message=f"{opened.count} open {_SINCE}; no job found for {names}",
            evidence=figures,
            limits=f"whether this is lost: {why_unknown}",
            remedy=explains(without_job[0]),
        )
    return Finding(
        kind="stuck",
        severity=Severity.OK,
        message=f"{opened.count} open {_SINCE}, waiting or executing",
        evidence=figures,
        limits=_limits_of_jobs(evidence, opened),
    )


def _why_unknown_whether_lost(evidence: StatusEvidence) -> str | None:
    if not evidence.lists_all_jobs:
        return "Inngest Cloud may not list all jobs"
    return evidence.unread.get("lost")


def _are_overdue(jobs: Sequence[Job], now: datetime) -> bool:
    """Return whether each job has been due for long, and none is being executed."""
    for job in jobs:
        is_executing = job.leased_until is not None and job.leased_until > now
        is_late = job.at is not None and now - job.at > WAITS_LONG_AFTER
        if is_executing or not is_late:
            return False
    return True


def _limits_of_jobs(evidence: StatusEvidence, opened: Listed) -> str | None:
    looked_at = len(evidence.jobs or ())
    if looked_at >= len(opened.runs):
        return None
    return f"by the jobs of {looked_at} of them"
