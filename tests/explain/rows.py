"""Explanations and previews, for the suites that try every call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inngest_rest_mock import MockServer

_READ = "a preview says itself what it could not read [tests/explain/test_preview.py]"
FAULTS_BY_RESULT = {"preview": _READ, "preview_file": _READ}
FAULT_LOOKS_AFTER_404 = {"events.explain": 2, "runs.explain": 3}
# Without the event itself, its runs are asked for; without the app, its functions.
FAULT_ROUTES = {"events.explain": 3}


def _of_event(mock: MockServer) -> dict[str, Any]:
    return {"id": mock.events[1].internal_id}


def _of_run(mock: MockServer) -> dict[str, Any]:
    return {"id": next(run.id for run in mock.runs if run.function_id.endswith("ship-order"))}


TOKENS = {
    "an explanation of an event": ("events_explain", _of_event, 300),
    "an explanation of a run": ("runs_explain", _of_run, 300),
}


SELECTING: dict[str, tuple[str, ...]] = {"waiting": ()}

# Pages lead to its reasons, and clients hand its plan to waits.
NAMED_OUTSIDE = {"explain": 12}
