"""Whether crons fire: by the schedules of the functions and the runs that name them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from inngest_rest._operations.crons import UNDECIDED, CronState
from inngest_rest._operations.status.verdicts.words import (
    MOST_NAMED,
    counted,
    not_read,
    shows,
)
from inngest_rest.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest._operations.crons import Cron
    from inngest_rest._operations.status.evidence import StatusEvidence
    from inngest_rest._operations.status.verdicts.words import Figures


def judge_crons(evidence: StatusEvidence) -> Finding:
    judged = evidence.crons
    if judged is None:
        return not_read("crons", evidence, "crons")
    late = [cron for cron in judged if cron.state is CronState.LATE]
    missed = [cron for cron in judged if cron.is_broken and cron not in late]
    undecided = [cron for cron in judged if cron.state in UNDECIDED]
    figures: Figures = {"crons": len(judged), "missed": len(missed), "late": len(late)}
    if missed:
        return _not_on_time(Severity.BROKEN, missed, len(judged), figures)
    if late:
        return _not_on_time(Severity.WARNING, late, len(judged), figures)
    if undecided:
        return _not_on_time(Severity.UNKNOWN, undecided, len(judged), figures)
    return _on_time(judged, figures)


def _not_on_time(
    verdict: Severity, crons: Sequence[Cron], number_judged: int, figures: Figures
) -> Finding:
    return Finding(
        kind="crons",
        severity=verdict,
        message=f"{len(crons)} of {counted(number_judged, 'cron')}: {_named(crons)}",
        evidence=figures,
        remedy=shows(
            "functions.list", "the last and the next run of each, with `runs`"
        ),
    )


def _on_time(judged: Sequence[Cron], figures: Figures) -> Finding:
    """Return the check if all crons fired when due, were not due, or are paused."""
    states = Counter(cron.state for cron in judged)
    number_on_time = states.pop(CronState.OK, 0)
    others = ", ".join(f"{number} {state}" for state, number in states.items())
    verdict = Severity.OK
    if not judged:
        message = "no cron"
    elif not number_on_time:
        verdict = Severity.UNKNOWN
        message = f"none of {counted(len(judged), 'cron')} was due: {others}"
    else:
        fired = f"{counted(number_on_time, 'cron')} fired when due"
        message = f"{fired}; {others}" if others else fired
    return Finding(kind="crons", severity=verdict, message=message, evidence=figures)


def _named(crons: Sequence[Cron]) -> str:
    """Return the first crons with their states, and the number of the others."""
    named = [
        f"{cron.function} ({cron.schedule}) {cron.state}" for cron in crons[:MOST_NAMED]
    ]
    text = ", ".join(named)
    more = len(crons) - len(named)
    return f"{text} and {more} more" if more else text
