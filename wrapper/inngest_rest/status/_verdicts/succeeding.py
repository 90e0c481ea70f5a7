"""Whether work succeeds: by the share of runs that failed, of all and of each function.

A run is judged in the window in which it ended, wherever it was queued.

A share of few runs says little: by the lower bound of Wilson's interval, 1 of 10 that failed is
nothing, 2 of 10 are a warning, 5 of 10 are broken, and so are 8 of 20 or 30 of 100.
"""

from __future__ import annotations

from collections import Counter
from math import sqrt
from typing import TYPE_CHECKING

from attrs import evolve

from inngest_rest._local.functions import function_of
from inngest_rest._local.run_errors import normalized_error
from inngest_rest._values.visible import and_more, moment
from inngest_rest.findings import Finding, Severity
from inngest_rest.models import RunStatus
from inngest_rest.status._evidence import runs_of
from inngest_rest.status._verdicts.words import MOST_NAMED, last, not_read, shows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from inngest_rest.models import Run
    from inngest_rest.status._evidence import Listed, StatusEvidence

_Z = 1.96  # of the interval that has a share with 95 %

_SHARE_OF_WARNING = 0.02
_SHARE_OF_BROKEN = 0.2

_REMEDY = shows("runs.summary", "the errors, with `by`")


def judge_succeeding(evidence: StatusEvidence) -> Finding:
    recent = evidence.recent
    if recent is None or evidence.before is None:
        return not_read("succeeding", evidence, "recent")
    finding = _judge_share(evidence, recent)
    unseen_before = evidence.complete_since
    if unseen_before is None:
        return finding
    return _with_earlier_failures(finding, evidence, unseen_before)


def _judge_share(evidence: StatusEvidence, recent: Listed) -> Finding:
    failed, ended = outcomes_by_function(evidence.of_window)
    number_failed = failed.total()
    number_ended = ended.total()
    if not number_ended:
        return _none_has_ended(evidence, recent)
    share = number_failed / number_ended
    failing = _failing_functions(failed, ended)
    most = evidence.rules.failed_above
    if most is not None:
        verdict = Severity.BROKEN if share > most else Severity.OK
    else:
        verdict = _verdict_of_share(number_failed, number_ended)
        if failing and verdict is Severity.OK:
            verdict = Severity.WARNING
    runs = "sampled runs" if recent.has_more else "runs"
    window = last(evidence.rules.window)
    message = (
        f"{number_failed:,} of {number_ended:,} {runs} that ended in {window} failed"
    )
    message += f" ({share:.1%})"
    if number_failed:
        message += _where_failed(failed, ended, failing)
        message += _why_failed(evidence.failed)
    return Finding(
        kind="succeeding",
        severity=verdict,
        message=message,
        evidence={
            "failed": number_failed,
            "ended": number_ended,
            "share": round(share, 4),
        },
        limits=_limits_of_sample(evidence, recent),
        remedy=None if verdict is Severity.OK else _REMEDY,
    )


def _with_earlier_failures(
    finding: Finding, evidence: StatusEvidence, unseen_before: datetime
) -> Finding:
    """Add the runs that failed in the window, and were queued too long ago to count the others."""
    time = moment(unseen_before)
    unseen = (
        f"of the runs that were queued before {time}, only failed ones were looked for"
    )
    limits = "; ".join(filter(None, (finding.limits, unseen)))
    earlier = Counter[str]()
    for run in runs_of(evidence.failed):
        if run.queued_at is not None and run.queued_at < unseen_before:
            earlier[function_of(run)] += 1
    if not earlier:
        return evolve(finding, limits=limits)
    functions = [f"{name} {number:,}" for name, number in earlier.most_common()]
    is_broken = finding.severity is Severity.BROKEN
    return evolve(
        finding,
        severity=Severity.BROKEN if is_broken else Severity.WARNING,
        message=f"{finding.message}; {earlier.total():,} that were queued before {time} failed: "
        f"{and_more(functions, MOST_NAMED)}",
        limits=limits,
        remedy=_REMEDY,
    )


def outcomes_by_function(runs: Iterable[Run]) -> tuple[Counter[str], Counter[str]]:
    """Return, by function, the number of runs that failed, and of all that ended by themselves."""
    failed = Counter[str]()
    ended = Counter[str]()
    for run in runs:
        function = function_of(run)
        if run.status is RunStatus.COMPLETED:
            ended[function] += 1
        elif run.status is RunStatus.FAILED:
            ended[function] += 1
            failed[function] += 1
    return failed, ended


def _none_has_ended(evidence: StatusEvidence, recent: Listed) -> Finding:
    """Return the finding of a server with nothing to do, which is neither a fault nor a proof."""
    window = last(evidence.rules.window)
    message = f"no run was queued, completed or failed in {window}"
    if evidence.complete_since is not None:
        queued = f"that was queued since {moment(evidence.complete_since)}"
        message = f"no run {queued} completed or failed in {window}"
    elif recent.runs:
        message = f"no run completed or failed in {window}, in which {recent.count} were queued"
    return Finding(
        kind="succeeding",
        severity=Severity.UNKNOWN,
        message=message,
        evidence={"runs": len(recent.runs)},
        limits=_limits_of_sample(evidence, recent),
    )


def _failing_functions(failed: Counter[str], ended: Counter[str]) -> list[str]:
    """Return the functions that are broken, by their own runs, those that failed most first."""
    return [
        function
        for function, number_failed in failed.most_common()
        if _verdict_of_share(number_failed, ended[function]) is Severity.BROKEN
    ]


def _verdict_of_share(failed: int, ended: int) -> Severity:
    least = _least_share(failed, ended)
    if least > _SHARE_OF_BROKEN and failed > 1:
        return Severity.BROKEN
    if least > _SHARE_OF_WARNING:
        return Severity.WARNING
    return Severity.OK


def _least_share(failed: int, ended: int) -> float:
    """Return the lower bound of Wilson's interval of a share."""
    share = failed / ended
    square = _Z * _Z
    center = share + square / (2 * ended)
    variance = share * (1 - share) / ended + square / (4 * ended * ended)
    return (center - _Z * sqrt(variance)) / (1 + square / ended)


def _where_failed(
    failed: Counter[str], ended: Counter[str], failing: Sequence[str]
) -> str:
    if len(ended) == 1:
        (only,) = ended
        return f", all of {only}"
    ((worst, _),) = failed.most_common(1)
    names = failing[:MOST_NAMED] or [worst]
    shares = [f"{name} {failed[name]:,} of {ended[name]:,}" for name in names]
    return f": {', '.join(shares)}"


def _why_failed(failed: Listed | None) -> str:
    """Return the most frequent error, with its share of those that were read."""
    messages = Counter(normalized_error(run.error) for run in runs_of(failed))
    if not messages:
        return ""
    ((most_frequent, number),) = messages.most_common(1)
    return f"; {number:,} of {messages.total():,} errors read: {most_frequent}"


def _limits_of_sample(evidence: StatusEvidence, recent: Listed) -> str | None:
    if not recent.has_more:
        return None
    window = last(evidence.rules.window)
    return f"a sample of {len(recent.runs):,} of the runs that were queued in {window}"
