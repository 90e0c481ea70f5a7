"""Acts on many, for the suites that try every call."""

from __future__ import annotations

from typing import Any

from inngest_rest import PartialActionError, ReportFinishedError
from inngest_rest.bulk import (
    ActionOutcome,
    ActionReport,
    ActionRow,
    BulkOptions,
    BulkSelection,
)
from tests.faults.verdicts import HOPELESS, MAY_BE_DONE, Verdict
from tests.support.interface import FILTERS_OF_RUNS

_RUNS = (BulkSelection, *FILTERS_OF_RUNS, BulkOptions)
SHARED_ARGUMENTS: dict[str, tuple[tuple[Any, ...], set[str]]] = {
    "Runs.cancel_all": (_RUNS, {"status"}),
    "Runs.replay_all": (_RUNS, {"status"}),
}

FAULT_ARGUMENTS: dict[str, dict[str, Any]] = {
    "runs.cancel_all": {"in_flight": 1},
    "runs.replay_all": {"in_flight": 1},
}
FAULT_KINDS = {
    "runs.cancel_all": "bulk without result",
    "runs.replay_all": "bulk after a look",
}


def _described(report: ActionReport) -> str:
    return " ".join(row.outcome for row in report.rows)


FAULT_WORDS = {"ActionReport": _described}


def _bulk(verdict: Verdict) -> str:
    """Say of each run what became of it."""
    if verdict in HOPELESS:
        return "PartialActionError: failed"
    return "unknown" if verdict in MAY_BE_DONE else "failed"


def _bulk_without_result(verdict: Verdict) -> str:
    if verdict in {Verdict.NOTHING, Verdict.MALFORMED, Verdict.NULL}:
        return "done"
    return "not_found" if verdict is Verdict.UNKNOWN else _bulk(verdict)


def _bulk_after_a_look(verdict: Verdict) -> str:
    """Nothing was done: looking at what there is has failed already."""
    if verdict in HOPELESS:
        return "PartialActionError: failed"
    return "not_found" if verdict is Verdict.UNKNOWN else "failed"


FAULT_RESULTS = {
    "bulk": _bulk,
    "bulk without result": _bulk_without_result,
    "bulk after a look": _bulk_after_a_look,
}
FAULT_LOOKS_AFTER_404 = {"runs.replay_all": 2, "runs.cancel_all": 3}


def _planned(client: Any) -> int:
    return len(client.runs.replay_all(status="completed", dry_run=True).rows)


PAGE_COUNTS_OF_V2 = {"a bulk replay": (lambda it, _: _planned(it), 21)}
WINDOWED = {"runs.cancel_all": lambda it, _: it.runs.cancel_all(status="running", dry_run=True)}


QUERIED = {
    "cancel_all": lambda client, query: client.runs.cancel_all(query=query),
    "replay_all": lambda client, query: client.runs.replay_all(query=query, dry_run=True),
}
SELECTING: dict[str, tuple[str, ...]] = {"cancel_all": (), "replay_all": ()}

_REPORT = ActionReport("runs.cancel", (ActionRow(0, "01", ActionOutcome.NOT_TRIED),))
ERRORS = {
    PartialActionError: PartialActionError("stopped", report=_REPORT),
    ReportFinishedError: ReportFinishedError("done", report=_REPORT),
}

# The tools confirm its acts.
NAMED_OUTSIDE = {"bulk": 19}
