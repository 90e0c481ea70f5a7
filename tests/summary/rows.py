"""The summary of runs, for the suites that try every call."""

from __future__ import annotations

from typing import Any

from tests.support.interface import FILTERS_OF_RUNS

FORMS: dict[str, tuple[tuple[Any, ...], set[str]]] = {"Runs.summary": (FILTERS_OF_RUNS, set())}
FAULT_ARGUMENTS: dict[str, dict[str, Any]] = {"runs.summary": {"since": None}}


PAGE_COUNTS_OF_V2 = {"a summary": (lambda it, _: it.runs.summary().runs, 21)}
WINDOWED = {"runs.summary": lambda it, _: it.runs.summary()}
TOKENS = {
    f"a summary by {by}": ("runs_summary", lambda _, by=by: {"by": by}, 300)
    for by in ("function", "error")
}


SELECTING: dict[str, tuple[str, ...]] = {"summary": ()}
