"""Whether work starts: by how long the oldest queued run waits, and what has started since."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from inngest_rest._local.functions import function_of
from inngest_rest._values.visible import counted
from inngest_rest.explanation import ReasonKind
from inngest_rest.findings import Finding, Severity
from inngest_rest.models import RunStatus
from inngest_rest.status._evidence import SETTLED_AFTER, runs_of
from inngest_rest.status._verdicts.words import explains, in_words, last, not_read

if TYPE_CHECKING:
    from datetime import datetime

    from inngest_rest.explanation import RunExplanation
    from inngest_rest.models import Run
    from inngest_rest.status._evidence import Listed, StatusEvidence
    from inngest_rest.status._verdicts.words import Figures

# Reasons that hold back a queued run on purpose, and those that do until others have run.
_ON_PURPOSE = {ReasonKind.SCHEDULED, ReasonKind.DEBOUNCE, ReasonKind.BATCH}
_BY_LIMITS = {
    ReasonKind.CONCURRENCY,
    ReasonKind.THROTTLE,
    ReasonKind.RATE_LIMIT,
    ReasonKind.PAUSED,
}

_FEWEST_DUE = 3  # runs that should have started: with fewer, nothing can be concluded

_MAY_NOT_HAVE_STARTED = (RunStatus.CANCELLED, "skipped")


def judge_starting(evidence: StatusEvidence) -> Finding:
    queued = evidence.queued
    if queued is None:
        return not_read("starting", evidence, "queued")
    waits = [evidence.now - run.queued_at for run in queued.runs if run.queued_at]
    longest = max(waits, default=timedelta())
    figures: Figures = {
        "queued": len(queued.runs),
        "oldest_s": round(longest.total_seconds()),
    }
    if evidence.queue_depth is not None:
        figures["queue_depth"] = evidence.queue_depth
    if longest > evidence.waits_long_after:
        return _judge_long_wait(evidence, queued, longest, figures)
    oldest = f", the oldest for {in_words(longest)}" if waits else ""
    return Finding(
        kind="starting",
        severity=Severity.OK,
        message=f"{queued.count} queued{oldest}{_depth_in_words(evidence)}",
        evidence=figures,
    )


def _judge_long_wait(
    evidence: StatusEvidence, queued: Listed, longest: timedelta, figures: Figures
) -> Finding:
    """Judge whether runs wait for long on purpose, by a limit, or for no visible reason.

    The last run that was explained decides: the oldest, or one of another function if that waits
    on purpose.
    """
    depth = _depth_in_words(evidence)
    message = f"{queued.count} queued, the oldest for {in_words(longest)}{depth}"
    decisive = evidence.explained[-1] if evidence.explained else None
    if decisive is not None and decisive.reasons:
        message += f"; {_explanation_in_words(decisive)}"
    held_back = {
        function_of(each.run) for each in evidence.explained if _is_held_back(each)
    }
    has_stopped = _none_has_started(evidence, held_back)
    if decisive is not None and is_on_purpose(decisive) and not has_stopped:
        return _waits_on_purpose(evidence, message, figures)
    if has_stopped:
        window = last(evidence.rules.window)
        message = (
            f"nothing that was queued in {window} has started, cancelled runs aside; "
            f"{message}"
        )
    verdict = Severity.WARNING
    limits: str | None = "a limit, a pause or a time in the future may hold it"
    is_lost = decisive is not None and ReasonKind.LOST in _kinds_of(decisive)
    if has_stopped or is_lost or evidence.rules.queued_for is not None:
        verdict = Severity.BROKEN
        limits = None
    run = decisive.run if decisive else queued.runs[0]
    return Finding(
        kind="starting",
        severity=verdict,
        message=message,
        evidence=figures,
        limits=limits,
        remedy=explains(run.id),
    )


def _waits_on_purpose(
    evidence: StatusEvidence, message: str, figures: Figures
) -> Finding:
    number = len(evidence.explained)
    is_all = number == len(evidence.waiting_long())
    return Finding(
        kind="starting",
        severity=Severity.OK,
        message=message,
        evidence=figures,
        limits=None if is_all else f"only {counted(number, 'run')} explained",
    )


def _explanation_in_words(explained: RunExplanation) -> str:
    run = explained.run
    reasons = "; ".join(reason.message for reason in explained.reasons)
    return f"{run.id} of {function_of(run)}: {reasons}"


def _depth_in_words(evidence: StatusEvidence) -> str:
    """Return the number of items in all queues, including sleeps and later retries."""
    depth = evidence.queue_depth
    if depth is None:
        return ""
    return f" (queue depth {depth:,}, sleeps included)"


def _none_has_started(evidence: StatusEvidence, held_back: set[str]) -> bool:
    """Return whether several runs should have started in the window, and none has.

    Those of a function that is known to hold its runs back do not count.
    """
    due = 0
    for run in runs_of(evidence.recent):
        if run.status in _MAY_NOT_HAVE_STARTED or not _is_settled(run, evidence.now):
            continue
        if run.status is not RunStatus.QUEUED:
            return False
        if function_of(run) not in held_back:
            due += 1
    return due >= _FEWEST_DUE


def _is_settled(run: Run, now: datetime) -> bool:
    """Return whether a run was queued long enough ago to have started."""
    return run.queued_at is not None and now - run.queued_at > SETTLED_AFTER


def is_on_purpose(explained: RunExplanation) -> bool:
    """Return whether a queued run waits for a time, or for other events."""
    kinds = _kinds_of(explained)
    return bool(kinds) and kinds <= _ON_PURPOSE


def _is_held_back(explained: RunExplanation) -> bool:
    return is_on_purpose(explained) or bool(_kinds_of(explained) & _BY_LIMITS)


def _kinds_of(explained: RunExplanation) -> set[ReasonKind]:
    return {reason.kind for reason in explained.reasons}
