"""The summary of runs, for the suites that try every call."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from inngest_rest.summary import ErrorCount, Percentiles
from tests.support.interface import FILTERS_OF_RUNS

if TYPE_CHECKING:
    from collections.abc import Callable

SHARED_ARGUMENTS: dict[str, tuple[tuple[Any, ...], set[str]]] = {
    "Runs.summary": (FILTERS_OF_RUNS, set())
}
FAULT_ARGUMENTS: dict[str, dict[str, Any]] = {"runs.summary": {"since": None}}


PAGE_COUNTS_OF_V2 = {"a summary": (lambda it, _: it.runs.summary().runs, 21)}
WINDOWED = {"runs.summary": lambda it, _: it.runs.summary()}
TOKENS = {
    f"a summary by {by}": ("runs_summary", lambda _, by=by: {"by": by}, 300)
    for by in ("function", "error")
}


# Records with a text in every place that has one, by the types of fields that hold them.
VALUES: dict[str, Callable[[str], object]] = {
    "Mapping[str, Percentiles]": lambda _: {"total": Percentiles(*[timedelta(seconds=1)] * 2)},
    "tuple[ErrorCount, ...]": lambda text: (ErrorCount(1, text, {text: 1}, (text,)),),
}

SELECTING: dict[str, tuple[str, ...]] = {"summary": ()}
