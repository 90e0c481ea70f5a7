"""Whether the server answers, and its apps do: by their last syncs and by the errors of runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from inngest_rest._local.functions import function_of
from inngest_rest._values.visible import counted
from inngest_rest.findings import Finding, Severity
from inngest_rest.status._evidence import runs_of
from inngest_rest.status._verdicts.succeeding import outcomes_by_function
from inngest_rest.status._verdicts.words import last, not_read, shows

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from inngest_rest.models import App, Run
    from inngest_rest.status._evidence import StatusEvidence
    from inngest_rest.status._verdicts.words import Figures

_UNREACHABLE = "unable to reach sdk url"  # the server's error if an app does not answer

_REMEDY = shows("apps.list", "their syncs")


def answers() -> Finding:
    return Finding(kind="server", severity=Severity.OK, message="the server answers")


def is_down(error: Exception) -> Finding:
    return _is_not_there(f"the server does not answer: {error}")


def answers_nothing_else(error: Exception) -> Finding:
    return _is_not_there(f"the server answers health checks only: {error}")


def _is_not_there(message: str) -> Finding:
    return Finding(
        kind="server",
        severity=Severity.BROKEN,
        message=message,
        limits="nothing else could be read",
        remedy=shows("diagnose", "what answers at the base URL"),
    )


def judge_apps(evidence: StatusEvidence) -> Finding:
    apps = evidence.apps
    if apps is None:
        return not_read("apps", evidence, "apps")
    down = Counter(
        run.app_id for run in runs_of(evidence.failed) if _is_unreachable(run)
    )
    figures: Figures = {"apps": len(apps), "down": len(down)}
    if down:
        return _unreachable(evidence, down, figures)
    unsynced = [app for app in apps if app.sync_error or app.sync_status == "error"]
    if unsynced or not apps:
        return _not_synced(unsynced, figures)
    return Finding(
        kind="apps",
        severity=Severity.OK,
        message=f"{counted(len(apps), 'app')} synced",
        evidence=figures,
        limits=_limits_of_apps(evidence, apps),
    )


def _is_unreachable(run: Run) -> bool:
    if run.error is None or run.error.message is None:
        return False
    return _UNREACHABLE in run.error.message.lower()


def _unreachable(
    evidence: StatusEvidence, down: Counter[str | None], figures: Figures
) -> Finding:
    named = [f"{app} ({counted(number, 'run')})" for app, number in down.most_common()]
    return Finding(
        kind="apps",
        severity=Severity.BROKEN,
        message=f"the server could not reach an app in {last(evidence.rules.window)}: "
        f"{', '.join(named)}",
        evidence=figures,
        limits="it may be reachable again",
        remedy=_REMEDY,
    )


def _not_synced(unsynced: Sequence[App], figures: Figures) -> Finding:
    reasons = ", ".join(f"{app.id}: {app.sync_error or 'error'}" for app in unsynced)
    return Finding(
        kind="apps",
        severity=Severity.WARNING,
        message=f"the last sync failed: {reasons}" if unsynced else "no app is synced",
        evidence=figures,
        remedy=_REMEDY,
    )


def _limits_of_apps(evidence: StatusEvidence, apps: Collection[App]) -> str | None:
    limits: list[str] = []
    if all(app.sync_status is None for app in apps):
        limits.append("this server does not report the results of syncs")
    failed, _ = outcomes_by_function(evidence.of_window)
    functions_read = {function_of(run) for run in runs_of(evidence.failed)}
    number_unread = len(failed.keys() - functions_read)
    if number_unread:
        limits.append(
            f"the errors of {counted(number_unread, 'function')} are not read"
        )
    return "; ".join(limits) or None
