"""Whether a run that has started is lost or overdue: by the jobs that the queue has for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._local.functions import function_of
from inngest_rest._values.visible import moment
from inngest_rest.explanation import ReasonKind
from inngest_rest.findings import Finding, Severity
from inngest_rest.status._evidence import (
    LOOKED_BACK,
    WAITS_LONG_AFTER,
)
from inngest_rest.status._verdicts.words import explains, in_words, not_read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from inngest_rest.explanation import RunExplanation
    from inngest_rest.models import Job, Run
    from inngest_rest.status._evidence import Listed, StatusEvidence
    from inngest_rest.status._verdicts.words import Figures


def judge_stuck(evidence: StatusEvidence) -> Finding:
    opened = evidence.open
    if opened is None:
        return not_read("stuck", evidence, "open")
    since = _since(evidence)
    if not opened.runs:
        return Finding(
            kind="stuck",
            severity=Severity.OK,
            message=f"no run that has started is open {since}",
            evidence={"open": 0},
            limits=f"of those queued in the {LOOKED_BACK.days} days before",
        )
    most = evidence.rules.stuck_for
    if most is not None:
        too_long = [run for run in opened.runs if _is_open_for(run, most, evidence.now)]
        if too_long:
            return _open_for_too_long(too_long, opened, most)
    if evidence.lost is not None and _is_proven(evidence.lost):
        return _lost(evidence, evidence.lost, opened)
    if evidence.jobs is None:
        return Finding(
            kind="stuck",
            severity=Severity.UNKNOWN,
            message=f"{opened.count} open {since}",
            evidence={"open": len(opened.runs)},
            limits=f"whether they wait on purpose: {evidence.unread.get('jobs')}",
            remedy=explains(opened.runs[0].id),
        )
    return _judge_jobs(evidence, evidence.jobs, opened)


def _since(evidence: StatusEvidence) -> str:
    return f"for over {in_words(evidence.stuck_after)}"


def _is_open_for(run: Run, most: timedelta, now: datetime) -> bool:
    return run.queued_at is not None and now - run.queued_at > most


def _open_for_too_long(
    too_long: Sequence[Run], opened: Listed, most: timedelta
) -> Finding:
    """Return the finding about runs that a rule of the caller allows not to be open for so long."""
    oldest = too_long[0]
    number = f"{len(too_long):,}"
    if opened.has_more and len(too_long) == len(opened.runs):
        number += " or more"
    return Finding(
        kind="stuck",
        severity=Severity.BROKEN,
        message=f"{number} open for over {in_words(most)}; the oldest is {oldest.id} of "
        f"{function_of(oldest)}, queued at {moment(oldest.queued_at)}",
        evidence={"open": len(opened.runs), "too_long": len(too_long)},
        remedy=explains(oldest.id),
    )


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
    since = _since(evidence)
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
            message=f"{opened.count} open {since}; due but not executing: {', '.join(overdue)}",
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
            message=f"{opened.count} open {since}; no job found for {names}",
            evidence=figures,
            limits=f"whether this is lost: {why_unknown}",
            remedy=explains(without_job[0]),
        )
    return Finding(
        kind="stuck",
        severity=Severity.OK,
        message=f"{opened.count} open {since}, waiting or executing",
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
