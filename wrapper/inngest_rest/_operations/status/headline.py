"""The report of a status: the worst verdict, and a one-line summary of its checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest.status import StatusCheck, StatusReport, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from inngest_rest.responses import Target

# What has to be read for any verdict but "unknown", where nothing wrong is seen.
_NEEDED = {"recent", "queued"}

_NAMED_IF_OK = {"starting", "succeeding", "fresh"}


def report_of(
    checks: Sequence[StatusCheck], unread: Collection[str], target: Target, at: datetime
) -> StatusReport:
    """Return the report that has the worst verdict of the checks, and what they say of it."""
    verdict = _worst(checks, unread)
    return StatusReport(
        verdict=verdict,
        headline=f"{verdict}: {'; '.join(_messages(checks, verdict))}",
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


def _messages(checks: Iterable[StatusCheck], verdict: Verdict) -> list[str]:
    """Return what the checks that decide say."""
    if verdict is Verdict.OK:
        return [check.message for check in checks if check.check in _NAMED_IF_OK]
    messages = [
        f"{check.check}: {check.message}"
        for check in checks
        if check.verdict is verdict
    ]
    # Of several that are unknown, the reason is the same.
    return messages[:1] if verdict is Verdict.UNKNOWN else messages
