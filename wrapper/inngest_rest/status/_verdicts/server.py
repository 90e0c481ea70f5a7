"""Whether the server answers: without it, there are no other questions."""

from __future__ import annotations

from inngest_rest.findings import Finding, Severity
from inngest_rest.status._verdicts.words import shows


def answers() -> Finding:
    return Finding(kind="server", severity=Severity.OK, message="the server answers")


def is_down(error: Exception) -> Finding:
    return _broken(f"the server does not answer: {error}")


def answers_nothing_else(error: Exception) -> Finding:
    return _broken(f"the server answers health checks only: {error}")


def _broken(message: str) -> Finding:
    return Finding(
        kind="server",
        severity=Severity.BROKEN,
        message=message,
        limits="nothing else could be read",
        remedy=shows("diagnose", "what answers at the base URL"),
    )
