"""The verdicts of a status: a function for each question, and the headline of them all.

What is broken is proven; what may be as it should is a warning. A share of few runs says little: by
the lower bound of Wilson's interval, 1 of 10 that failed is nothing, 2 of 10 are a warning, 5 of 10
are broken, and so are 8 of 20 or 30 of 100.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from math import sqrt
from typing import TYPE_CHECKING

from inngest_rest._core.resources.runs import function_of
from inngest_rest._operations.crons import UNDECIDED, CronState
from inngest_rest._operations.status.evidence import (
    LOOKED_BACK,
    SETTLED_AFTER,
    STUCK_AFTER,
    WAITS_LONG_AFTER,
    WINDOW,
)
from inngest_rest._operations.summary.error_messages import normalized_error
from inngest_rest.explanation import ReasonKind
from inngest_rest.models import RunStatus
from inngest_rest.status import StatusCheck, StatusReport, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime

    from inngest_rest._operations.crons import Cron
    from inngest_rest._operations.status.evidence import Listed, StatusEvidence
    from inngest_rest.explanation import RunExplanation
    from inngest_rest.models import App, Job, Run
    from inngest_rest.responses import Target

    Figures = dict[str, int | float | str]

_Z = 1.96  # of the interval that has a share with 95 %

_SHARE_OF_WARNING = 0.02
_SHARE_OF_BROKEN = 0.2

_CLOCKS_DIFFER_BY = 30.0  # seconds

# What holds back a queued run on purpose.
_ON_PURPOSE = {ReasonKind.SCHEDULED, ReasonKind.DEBOUNCE, ReasonKind.BATCH}
_BY_LIMITS = {ReasonKind.CONCURRENCY, ReasonKind.THROTTLE, ReasonKind.RATE_LIMIT, ReasonKind.PAUSED}

_UNREACHABLE = "unable to reach sdk url"  # the server's words where an app does not answer

_MOST_NAMED = 3

# What has to be read for any verdict but "unknown", where nothing wrong is seen.
_NEEDED = {"recent", "queued"}

_TOLD_IF_OK = {"starting", "succeeding", "fresh"}

_FAILURES = "inngest-rest runs summary --by error --since 1h"


def server_is_down(error: Exception) -> StatusCheck:
    return StatusCheck(
        check="server",
        verdict=Verdict.BROKEN,
        message=f"the server does not answer: {error}",
        limits="nothing else could be read",
        next_command="inngest-rest doctor",
    )


def server_answers_nothing(error: Exception) -> StatusCheck:
    return StatusCheck(
        check="server",
        verdict=Verdict.BROKEN,
        message=f"the server answers a health check, and nothing else: {error}",
        limits="nothing else could be read",
        next_command="inngest-rest doctor",
    )


def server(_: StatusEvidence) -> StatusCheck:
    return StatusCheck(check="server", verdict=Verdict.OK, message="the server answers")


def starting(evidence: StatusEvidence) -> StatusCheck:
    """Whether work starts: by how long the oldest queued run waits, and what has started since."""
    queued = evidence.queued
    if queued is None:
        return _unread("starting", evidence, "queued")
    waits = [evidence.now - run.queued_at for run in queued.runs if run.queued_at]
    longest = max(waits, default=timedelta())
    figures: Figures = {"queued": len(queued.runs), "oldest_s": round(longest.total_seconds())}
    if evidence.queue_depth is not None:
        figures["queue_depth"] = evidence.queue_depth
    if longest <= WAITS_LONG_AFTER:
        oldest = f", the oldest for {_in_words(longest)}" if waits else ""
        return StatusCheck(
            check="starting",
            verdict=Verdict.OK,
            message=f"{queued.count} queued{oldest}{_depth_in_words(evidence)}",
            figures=figures,
        )
    return _held_back(evidence, queued, longest, figures)


def _held_back(
    evidence: StatusEvidence, queued: Listed, longest: timedelta, figures: Figures
) -> StatusCheck:
    """Return whether what waits for long does so on purpose, by a limit, or for no reason seen."""
    decisive = _decisive(evidence.explained)
    told = decisive or next(iter(evidence.explained), None)
    message = _why_they_wait(evidence, queued, longest, told)
    if told is not None and decisive is None:
        explained, waiting = len(evidence.explained), len(evidence.waiting_long())
        return StatusCheck(
            check="starting",
            verdict=Verdict.OK,
            message=message,
            figures=figures,
            limits=f"why {explained} of them wait" if explained < waiting else None,
        )
    has_stopped = _none_has_started(evidence, decisive)
    if has_stopped:
        message = f"nothing that was queued in the last hour has started; {message}"
    is_broken = has_stopped or (decisive is not None and ReasonKind.LOST in _kinds_of(decisive))
    return StatusCheck(
        check="starting",
        verdict=Verdict.BROKEN if is_broken else Verdict.WARNING,
        message=message,
        figures=figures,
        limits=None if is_broken else "a limit, a pause or a time in the future may hold it",
        next_command=f"inngest-rest runs explain {told.run.id if told else queued.runs[0].id}",
    )


def _decisive(explained: Sequence[RunExplanation]) -> RunExplanation | None:
    """Return what decides: what waits on purpose does not, and the last one is held back least."""
    return next((each for each in reversed(explained) if not _is_on_purpose(each)), None)


def _why_they_wait(
    evidence: StatusEvidence, queued: Listed, longest: timedelta, told: RunExplanation | None
) -> str:
    depth = _depth_in_words(evidence)
    message = f"{queued.count} queued, the oldest for {_in_words(longest)}{depth}"
    if told is None or not told.reasons:
        return message
    is_oldest = told is evidence.explained[0]
    which = "" if is_oldest else f"run {told.run.id} of {function_of(told.run)}: "
    return f"{message}: {which}{'; '.join(reason.message for reason in told.reasons)}"


def _depth_in_words(evidence: StatusEvidence) -> str:
    """Return how many items all queues have: sleeps and retries to come are among them."""
    depth = evidence.queue_depth
    return "" if depth is None else f" (queue depth {depth:,}, sleeps included)"


def _kinds_of(explained: RunExplanation) -> set[ReasonKind]:
    return {reason.kind for reason in explained.reasons}


def _is_on_purpose(explained: RunExplanation) -> bool:
    kinds = _kinds_of(explained)
    return bool(kinds) and kinds <= _ON_PURPOSE


def is_held_back(explained: RunExplanation) -> bool:
    """Return whether a queued run waits on purpose or by a limit, which others may not."""
    return _is_on_purpose(explained) or not _kinds_of(explained).isdisjoint(_BY_LIMITS)


def _none_has_started(evidence: StatusEvidence, decisive: RunExplanation | None) -> bool:
    """Return whether several runs should have started in the last hour, and none has.

    Those of a function that is known to hold its runs back do not count.
    """
    if decisive is not None and is_held_back(decisive):
        return False
    held = {function_of(each.run) for each in evidence.explained if is_held_back(each)}
    if decisive is not None:
        held.discard(function_of(decisive.run))
    recent = evidence.recent.runs if evidence.recent else ()
    due = [
        run
        for run in recent
        if run.queued_at and evidence.now - run.queued_at > SETTLED_AFTER
        if run.status is not RunStatus.QUEUED or function_of(run) not in held
    ]
    return len(due) >= _MOST_NAMED and all(run.status is RunStatus.QUEUED for run in due)


def succeeding(evidence: StatusEvidence) -> StatusCheck:
    """Whether work succeeds: by the share of runs that failed, of all and of each function."""
    recent = evidence.recent
    if recent is None:
        return _unread("succeeding", evidence, "recent")
    failed, ended = _outcomes(recent.runs)
    number_failed, number_ended = failed.total(), ended.total()
    limits = (
        f"a sample of {len(recent.runs):,} of the runs that were queued in the last hour"
        if recent.has_more
        else None
    )
    if not number_ended:
        # A server with nothing to do is no fault, and no proof of anything.
        some = f"none of {recent.count} runs of the last hour has completed or failed"
        return StatusCheck(
            check="succeeding",
            verdict=Verdict.UNKNOWN,
            message=some if recent.runs else "no run in the last hour",
            figures={"runs": len(recent.runs)},
            limits=limits,
        )
    verdict = _verdict_of_share(number_failed, number_ended)
    failing = [
        function
        for function, number in failed.most_common()
        if _verdict_of_share(number, ended[function]) is Verdict.BROKEN
    ]
    if failing and verdict is Verdict.OK:
        verdict = Verdict.WARNING
    share = number_failed / number_ended
    ended_runs = f"{number_ended:,} {'sampled ' if recent.has_more else ''}runs"
    message = f"{number_failed:,} of {ended_runs} of the last hour failed ({share:.1%})"
    if number_failed:
        message += _where_failed(failed, ended, failing) + _why_failed(evidence.failed)
    return StatusCheck(
        check="succeeding",
        verdict=verdict,
        message=message,
        figures={"failed": number_failed, "ended": number_ended, "share": round(share, 4)},
        limits=limits,
        next_command=None if verdict is Verdict.OK else _FAILURES,
    )


def _outcomes(runs: Iterable[Run]) -> tuple[Counter[str], Counter[str]]:
    """Return how many runs of each function failed, and how many completed or failed."""
    failed, ended = Counter[str](), Counter[str]()
    for run in runs:
        if run.status in {RunStatus.COMPLETED, RunStatus.FAILED}:
            ended[function_of(run)] += 1
        if run.status is RunStatus.FAILED:
            failed[function_of(run)] += 1
    return failed, ended


def _verdict_of_share(failed: int, ended: int) -> Verdict:
    least = _least_share(failed, ended)
    if least > _SHARE_OF_BROKEN and failed > 1:
        return Verdict.BROKEN
    return Verdict.WARNING if least > _SHARE_OF_WARNING else Verdict.OK


def _least_share(failed: int, ended: int) -> float:
    """Return the lower bound of Wilson's interval of a share."""
    share, square = failed / ended, _Z * _Z
    spread = _Z * sqrt(share * (1 - share) / ended + square / (4 * ended * ended))
    return (share + square / (2 * ended) - spread) / (1 + square / ended)


def _where_failed(failed: Counter[str], ended: Counter[str], failing: Sequence[str]) -> str:
    if len(ended) == 1:
        return f", all of {next(iter(ended))}"
    named = failing[:_MOST_NAMED] or [failed.most_common(1)[0][0]]
    return f", most: {', '.join(f'{name} {failed[name]:,} of {ended[name]:,}' for name in named)}"


def _why_failed(failed: Listed | None) -> str:
    messages = Counter(normalized_error(run) for run in failed.runs) if failed else Counter[str]()
    return f"; mostly {messages.most_common(1)[0][0]}" if messages else ""


def stuck(evidence: StatusEvidence) -> StatusCheck:
    """Whether a run that has started is lost or overdue: by the jobs that the queue has for it."""
    listed = evidence.open
    if listed is None:
        return _unread("stuck", evidence, "open")
    began = listed.runs
    since = f"for over {_in_words(STUCK_AFTER)}"
    if not began:
        return StatusCheck(
            check="stuck",
            verdict=Verdict.OK,
            message=f"no run that has started is open {since}",
            figures={"open": 0},
            limits=f"of those queued in the last {LOOKED_BACK.days} days",
        )
    lost = evidence.lost
    if lost and any(it.kind is ReasonKind.LOST and it.is_certain for it in lost.reasons):
        return StatusCheck(
            check="stuck",
            verdict=Verdict.BROKEN,
            message=f"run {lost.run.id} of {function_of(lost.run)} is lost: it is open, and the "
            "queue has no job for it",
            figures={"open": len(began)},
            limits=_limits_of_jobs(evidence, began),
            next_command=f"inngest-rest runs explain {lost.run.id}",
        )
    if evidence.jobs is None:
        return StatusCheck(
            check="stuck",
            verdict=Verdict.UNKNOWN,
            message=f"{listed.count} open {since}",
            figures={"open": len(began)},
            limits=f"whether they wait on purpose: {evidence.unread.get('jobs')}",
            next_command=f"inngest-rest runs explain {began[0].id}",
        )
    return _overdue(evidence, evidence.jobs, listed, since)


def _overdue(
    evidence: StatusEvidence, jobs: dict[str, list[Job]], listed: Listed, since: str
) -> StatusCheck:
    """Return whether runs that are open for long wait for a time to come, or for what is due."""
    overdue = [id for id, of_run in jobs.items() if _is_overdue(of_run, evidence.now)]
    figures: Figures = {"open": len(listed.runs), "overdue": len(overdue)}
    without = [id for id, of_run in jobs.items() if not of_run]
    why_unknown = evidence.unread.get("lost")
    if not evidence.lists_all_jobs:
        why_unknown = "Inngest Cloud may not list all jobs"
    if not overdue and without and why_unknown is not None:
        return StatusCheck(
            check="stuck",
            verdict=Verdict.UNKNOWN,
            message=f"{listed.count} open {since}; no job is known of {', '.join(without)}",
            figures=figures,
            limits=f"whether this is lost: {why_unknown}",
            next_command=f"inngest-rest runs explain {without[0]}",
        )
    if not overdue:
        return StatusCheck(
            check="stuck",
            verdict=Verdict.OK,
            message=f"{listed.count} open {since}, waiting or at work",
            figures=figures,
            limits=_limits_of_jobs(evidence, listed.runs),
        )
    return StatusCheck(
        check="stuck",
        verdict=Verdict.WARNING,
        message=f"{listed.count} open {since}; due and not executed: {', '.join(overdue)}",
        figures=figures,
        limits="a limit may hold them, or their app may be down",
        next_command=f"inngest-rest runs explain {overdue[0]}",
    )


def _is_overdue(jobs: Sequence[Job], now: datetime) -> bool:
    """Return whether each job of a run has been due for long, and none is being executed."""
    return bool(jobs) and all(
        job.at is not None
        and now - job.at > WAITS_LONG_AFTER
        and not (job.leased_until and job.leased_until > now)
        for job in jobs
    )


def _limits_of_jobs(evidence: StatusEvidence, began: Sequence[Run]) -> str | None:
    looked_at = len(evidence.jobs or ())
    return f"by the jobs of {looked_at} of them" if looked_at < len(began) else None


def fresh(evidence: StatusEvidence) -> StatusCheck:
    """Whether anything arrives and is recorded, and whether the clocks agree."""
    event, run = evidence.newest_event, evidence.newest_run
    if "events" in evidence.unread and evidence.recent is None:
        return _unread("fresh", evidence, "events")
    ages = {
        name: evidence.now - at
        for name, at in (
            ("event", event.received_at if event else None),
            ("run", run.queued_at if run else None),
        )
        if at is not None
    }
    figures: Figures = {f"{name}_s": round(age.total_seconds()) for name, age in ages.items()}
    words = [f"newest {name} {_in_words(age)} ago" for name, age in ages.items()]
    message = ", ".join(words) or f"no event and no run in {LOOKED_BACK.days} days"
    if abs(evidence.clock_ahead_s) > _CLOCKS_DIFFER_BY:
        return StatusCheck(
            check="fresh",
            verdict=Verdict.WARNING,
            message=f"{message}; the server's clock is {evidence.clock_ahead_s:+.0f} s off ours",
            figures={**figures, "clock_s": round(evidence.clock_ahead_s)},
            next_command="inngest-rest doctor",
        )
    unread = evidence.unread.get("events")
    is_busy = any(age <= WINDOW for age in ages.values())
    return StatusCheck(
        check="fresh",
        verdict=Verdict.OK if is_busy else Verdict.UNKNOWN,
        message=message if is_busy else f"quiet: {message}",
        figures=figures,
        limits=None if unread is None else f"events are not read: {unread}",
    )


def crons(evidence: StatusEvidence) -> StatusCheck:
    """Whether crons fire: by the schedules of the functions and the runs that name them."""
    judged = evidence.crons
    if judged is None:
        return _unread("crons", evidence, "crons")
    late = [cron for cron in judged if cron.state is CronState.LATE]
    missed = [cron for cron in judged if cron.is_broken and cron not in late]
    undecided = [cron for cron in judged if cron.state in UNDECIDED]
    figures: Figures = {"crons": len(judged), "missed": len(missed), "late": len(late)}
    notable = missed or late or undecided
    if not notable:
        return _crons_on_time(judged, figures)
    if missed:
        verdict = Verdict.BROKEN
    elif late:
        verdict = Verdict.WARNING
    else:
        verdict = Verdict.UNKNOWN
    return StatusCheck(
        check="crons",
        verdict=verdict,
        message=f"{len(notable)} of {_counted(len(judged), 'cron')}: {_named(notable)}",
        figures=figures,
        next_command="inngest-rest runs check --crons",
    )


def _crons_on_time(judged: Sequence[Cron], figures: Figures) -> StatusCheck:
    """Return what there is to say of crons that fired when due, were not due or are paused."""
    states = Counter(cron.state for cron in judged)
    on_time = states.pop(CronState.OK, 0)
    others = ", ".join(f"{number} {state}" for state, number in states.items())
    fired = f"{_counted(on_time, 'cron')} fired when due"
    message = f"{fired}; {others}" if others else fired
    if not on_time:
        message = f"none of {_counted(len(judged), 'cron')} had to fire: {others}"
    return StatusCheck(
        check="crons",
        verdict=Verdict.OK if on_time or not judged else Verdict.UNKNOWN,
        message=message if judged else "no cron",
        figures=figures,
    )


def _named(crons: Sequence[Cron]) -> str:
    """Return the first of some crons with their states, and how many more there are."""
    named = [f"{cron.function} ({cron.schedule}) {cron.state}" for cron in crons[:_MOST_NAMED]]
    more = len(crons) - _MOST_NAMED
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def apps(evidence: StatusEvidence) -> StatusCheck:
    """Whether apps are synced, and answer: by their last syncs and by the errors of runs."""
    if evidence.apps is None:
        return _unread("apps", evidence, "apps")
    failed = evidence.failed.runs if evidence.failed else ()
    down = Counter(run.app_id for run in failed if _is_unreachable(run))
    figures: Figures = {"apps": len(evidence.apps), "down": len(down)}
    if down:
        named = ", ".join(
            f"{name} ({_counted(number, 'run')})" for name, number in down.most_common()
        )
        return StatusCheck(
            check="apps",
            verdict=Verdict.BROKEN,
            message=f"the server could not reach an app in the last hour: {named}",
            figures=figures,
            limits="whether it answers by now",
            next_command="inngest-rest apps list",
        )
    unsynced = [app for app in evidence.apps if app.sync_error or app.sync_status == "error"]
    if unsynced or not evidence.apps:
        reasons = ", ".join(f"{app.id}: {app.sync_error or 'error'}" for app in unsynced)
        return StatusCheck(
            check="apps",
            verdict=Verdict.WARNING,
            message=f"the last sync failed of {reasons}" if unsynced else "no app is synced",
            figures=figures,
            next_command="inngest-rest apps list",
        )
    return StatusCheck(
        check="apps",
        verdict=Verdict.OK,
        message=f"{_counted(len(evidence.apps), 'app')} synced",
        figures=figures,
        limits=_limits_of_apps(evidence, evidence.apps),
    )


def _is_unreachable(run: Run) -> bool:
    return run.error is not None and _UNREACHABLE in (run.error.message or "").lower()


def _limits_of_apps(evidence: StatusEvidence, listed: Collection[App]) -> str:
    down = "an app that is down shows only once its runs fail"
    failed, _ = _outcomes(evidence.recent.runs if evidence.recent else ())
    read = {function_of(run) for run in (evidence.failed.runs if evidence.failed else ())}
    unread = len(failed.keys() - read)
    if unread:
        down += f"; the errors of {_counted(unread, 'function')} are not read"
    if all(app.sync_status is None for app in listed):
        return f"this server does not say how syncs ended; {down}"
    return down


CHECKS: tuple[Callable[[StatusEvidence], StatusCheck], ...] = (
    server,
    starting,
    succeeding,
    stuck,
    fresh,
    crons,
    apps,
)
"""A function for each question, in the order of the report."""


def report_of(
    checks: Sequence[StatusCheck], unread: Collection[str], target: Target, at: datetime
) -> StatusReport:
    """Return the report that has the worst verdict of the checks, and what they say of it."""
    verdict = _worst(checks, unread)
    told = [check for check in checks if check.verdict is verdict]
    if verdict is Verdict.UNKNOWN:
        told = told[:1]  # the reason is the same
    if verdict is Verdict.OK:
        told = [check for check in checks if check.check in _TOLD_IF_OK]
    parts = [
        check.message if verdict is Verdict.OK else f"{check.check}: {check.message}"
        for check in told
    ]
    return StatusReport(
        verdict=verdict,
        headline=f"{verdict}: {'; '.join(parts)}",
        checks=tuple(checks),
        target=target,
        at=at,
    )


def _worst(checks: Iterable[StatusCheck], unread: Collection[str]) -> Verdict:
    """Return the worst verdict; a question without an answer, as on a quiet server, is no fault."""
    found = {check.verdict for check in checks}
    for verdict in (Verdict.BROKEN, Verdict.WARNING):
        if verdict in found:
            return verdict
    return Verdict.OK if _NEEDED.isdisjoint(unread) else Verdict.UNKNOWN


def _unread(check: str, evidence: StatusEvidence, what: str) -> StatusCheck:
    return StatusCheck(
        check=check,
        verdict=Verdict.UNKNOWN,
        message=f"not read: {evidence.unread.get(what)}",
    )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _in_words(span: timedelta) -> str:
    """Return a time in the largest unit of which there are two or more, such as `12 min`."""
    seconds = max(span.total_seconds(), 0)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length or (seconds >= length and seconds % length == 0):
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
