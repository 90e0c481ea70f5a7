"""Whether crons fire: by the schedules of the functions and the runs that name them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from inngest_rest._values.visible import counted, moment, shown
from inngest_rest.findings import Finding, Severity
from inngest_rest.status._crons import UNDECIDED, CronState
from inngest_rest.status._verdicts.words import MOST_NAMED, not_read, shows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest.status._crons import Cron
    from inngest_rest.status._evidence import StatusEvidence
    from inngest_rest.status._verdicts.words import Figures

# The message about a cron that was not on time, or that cannot be judged.
_TEXTS = {
    CronState.LATE: "{function} was late: planned for {planned}, run {run} came at {run_at}",
    CronState.MISSED: "{function} missed {planned} (last run at {run_at})",
    CronState.NEVER: (
        "{function} never fired: no run of {schedule} is stored, planned for {planned}"
    ),
    CronState.CHANGED: "{function} has no run yet of {schedule}, which has changed",
    CronState.UNREADABLE: "{function}: cannot compute the times of {schedule}",
    CronState.OTHER_ZONE: (
        "{function}: the server seems to plan {schedule} in a zone other than UTC (run {run} at "
        "{run_at})"
    ),
    CronState.UNKNOWN: "{function}: it is unknown whether {schedule} was missed at {planned}",
}


def in_text(cron: Cron) -> str:
    run_id = None
    queued_at = None
    if cron.run is not None:
        run_id = cron.run.id
        queued_at = cron.run.queued_at
    return _TEXTS[cron.state].format(
        function=cron.function,
        schedule=shown(cron.schedule),
        planned=moment(cron.planned_at),
        run=run_id,
        run_at=moment(queued_at),
    )


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
        # A grace that the caller set is a rule.
        severity = Severity.WARNING if evidence.rules.grace is None else Severity.BROKEN
        return _not_on_time(severity, late, len(judged), figures)
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
        remedy=shows("functions.list", "the last run of each, with `runs`"),
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
    text = ", ".join(in_text(cron) for cron in crons[:MOST_NAMED])
    more = len(crons) - MOST_NAMED
    return f"{text} and {more} more" if more > 0 else text
