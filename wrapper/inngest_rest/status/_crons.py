"""Whether crons fire, by one rule: due, no run since, and not registered since, is a warning.

No server reports planned times: they are computed from the schedules, and compared with the last
run of the function. What is certain is a rule of the caller alone, about successes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from inngest_rest._local.functions import name_of
from inngest_rest._local.schedules import Schedule, schedules_of
from inngest_rest._values.visible import and_more, counted, moment, shown
from inngest_rest.findings import Finding, Severity
from inngest_rest.status._verdicts.words import MOST_NAMED, not_read, shows

if TYPE_CHECKING:
    from inngest_rest.models import Function
    from inngest_rest.status._evidence import StatusEvidence

_GRACE = timedelta(minutes=10)  # a jitter delays a run by up to five
_EARLY = timedelta(
    seconds=2
)  # servers queue it before its time (recording v2-run-cron)
_QUARTER = timedelta(minutes=15)  # the smallest difference of two time zones


def missed_at(function: Function, now: datetime) -> datetime | None:
    """Return the last planned time whose grace is over, if there is no run since."""
    schedules = [Schedule.parse(text) for text in schedules_of(function)]
    times = [schedule.before(now - _GRACE) for schedule in schedules if schedule]
    due = max(filter(None, times), default=None)
    last = function.last_run_at
    has_run = due is None or (last is not None and last >= due - _EARLY)
    return None if has_run else due


def judge_crons(evidence: StatusEvidence) -> Finding:
    if evidence.crons is None:
        return not_read("crons", evidence, "crons")
    missed: list[str] = []
    undecided: list[str] = []
    for function in evidence.crons:
        if None in map(Schedule.parse, schedules_of(function)):
            texts = ", ".join(map(shown, schedules_of(function)))
            undecided.append(
                f"{name_of(function)}: no times can be computed of {texts}"
            )
        due = missed_at(function, evidence.now)
        if due is None:
            continue
        told = f"{name_of(function)} was due at {moment(due)}, and has no run since"
        if function.last_run_at is not None:
            told += f" (last run at {moment(function.last_run_at)})"
        why = _why_undecided(function, due, evidence.registered_at)
        if why:
            undecided.append(f"{told}: {why}")
        else:
            missed.append(told)
    return _finding(len(evidence.crons), missed, undecided)


def _why_undecided(
    function: Function, due: datetime, registered_at: dict[str, datetime | None]
) -> str:
    registered = registered_at.get(name_of(function))
    if registered is None or registered > due:
        return f"it was registered at {moment(registered)}"
    last = function.last_run_at
    for schedule in map(Schedule.parse, schedules_of(function)):
        if schedule is None or schedule.names_zone or last is None:
            continue
        # A self-hosted server plans a schedule that names no zone in that of its machine.
        planned = schedule.before(last + _EARLY)
        quarters = round((last - planned) / _QUARTER) if planned else 0
        if planned and quarters and abs(last - planned - quarters * _QUARTER) <= _EARLY:
            return "the server seems to plan in a zone other than UTC"
    return ""


def _finding(number: int, missed: list[str], undecided: list[str]) -> Finding:
    remedy = None
    severity = Severity.OK
    message = f"{counted(number, 'cron')}, none missed" if number else "no cron"
    if missed or undecided:
        severity = Severity.WARNING if missed else Severity.UNKNOWN
        message = and_more(missed or undecided, MOST_NAMED)
        remedy = shows("functions.list", "the last run of each, with `runs`")
    return Finding(
        kind="crons",
        severity=severity,
        message=message,
        evidence={"crons": number, "missed": len(missed)},
        limits="its schedule may have changed since" if missed else None,
        remedy=remedy,
    )
