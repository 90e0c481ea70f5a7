"""Whether anything arrives and is recorded, and whether the clocks agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from inngest_rest._operations.status.evidence import LOOKED_BACK, WINDOW
from inngest_rest._operations.status.verdicts.words import in_words, not_read, shows
from inngest_rest.findings import Finding, Severity

if TYPE_CHECKING:
    from datetime import timedelta

    from inngest_rest._operations.status.evidence import StatusEvidence
    from inngest_rest._operations.status.verdicts.words import Figures

_CLOCKS_DIFFER_BY = 30.0  # seconds


def judge_fresh(evidence: StatusEvidence) -> Finding:
    unread = evidence.unread.get("events")
    if unread is not None and evidence.recent is None:
        return not_read("fresh", evidence, "events")
    ages = _ages(evidence)
    figures: Figures = {
        f"{name}_s": round(age.total_seconds()) for name, age in ages.items()
    }
    newest = [f"newest {name} {in_words(age)} ago" for name, age in ages.items()]
    message = ", ".join(newest) or f"no event and no run in {LOOKED_BACK.days} days"
    ahead = evidence.clock_ahead_s
    if abs(ahead) > _CLOCKS_DIFFER_BY:
        return Finding(
            kind="fresh",
            severity=Severity.WARNING,
            message=f"{message}; the server's clock is {ahead:+.0f} s off this machine's",
            evidence={**figures, "clock_s": round(ahead)},
            remedy=shows("diagnose", "which clock is off"),
        )
    check = Finding(
        kind="fresh",
        severity=Severity.OK,
        message=message,
        evidence=figures,
        limits=None if unread is None else f"events are not read: {unread}",
    )
    if any(age <= WINDOW for age in ages.values()):
        return check
    return evolve(check, severity=Severity.UNKNOWN, message=f"quiet: {message}")


def _ages(evidence: StatusEvidence) -> dict[str, timedelta]:
    """Return the ages of the newest event and the newest run, as far as they are known."""
    event = evidence.newest_event
    run = evidence.newest_run
    ages: dict[str, timedelta] = {}
    if event is not None and event.received_at is not None:
        ages["event"] = evidence.now - event.received_at
    if run is not None and run.queued_at is not None:
        ages["run"] = evidence.now - run.queued_at
    return ages
