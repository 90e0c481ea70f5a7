"""The report of a status: the worst verdict, and a one-line summary of its checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest.status import StatusCheck, StatusReport, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from inngest_rest.responses import Target

# Evidence without which the verdict is "unknown" if no check found a problem.
_NEEDED = {"recent", "queued"}

_NAMED_IF_OK = {"starting", "succeeding", "fresh"}


def report_of(
    checks: Sequence[StatusCheck], unread: Collection[str], target: Target, at: datetime
) -> StatusReport:
    """Return the report with the worst verdict of the checks, and their messages about it."""
    verdict = _worst(checks, unread)
    messages = "; ".join(_messages(checks, verdict))
    return StatusReport(
        verdict=verdict,
        headline=f"{verdict}: {messages}",
        checks=tuple(checks),
        target=target,
        at=at,
    )


def _worst(checks: Iterable[StatusCheck], unread: Collection[str]) -> Verdict:
    """Return the worst verdict; a question without an answer, as on a quiet server, is no fault."""
    verdicts = {check.verdict for check in checks}
    for verdict in (Verdict.BROKEN, Verdict.WARNING):
        if verdict in verdicts:
            return verdict
    return Verdict.OK if _NEEDED.isdisjoint(unread) else Verdict.UNKNOWN


def _messages(checks: Iterable[StatusCheck], verdict: Verdict) -> list[str]:
    """Return the messages of the checks that decide the verdict."""
    if verdict is Verdict.OK:
        return [check.message for check in checks if check.check in _NAMED_IF_OK]
    messages = [
        f"{check.check}: {check.message}"
        for check in checks
        if check.verdict is verdict
    ]
    if verdict is Verdict.UNKNOWN:
        return messages[:1]  # all have the same reason
    return messages
