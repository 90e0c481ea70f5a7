"""The door of the core for calls: what capabilities stand on that read and act, and nothing else.

The calls as plans, selections and windows, and questions about what a server lists. A test counts
the names. What only one capability needs is in it, and what a server does is not said here.
"""

from __future__ import annotations

from inngest_rest._core.calls.listing import Listing
from inngest_rest._core.calls.session import Session
from inngest_rest._core.plans import Plan
from inngest_rest._core.resources.apps import (
    get_app,
    list_apps,
    list_functions,
)
from inngest_rest._core.resources.catalogue import Catalogue
from inngest_rest._core.resources.event_runs import may_hide_batches
from inngest_rest._core.resources.event_runs import runs_of as runs_of_event
from inngest_rest._core.resources.events import EventSelection, list_events
from inngest_rest._core.resources.events import get as get_event
from inngest_rest._core.resources.events import get_stored as get_stored_event
from inngest_rest._core.resources.filters import Selection
from inngest_rest._core.resources.last_runs import with_runs
from inngest_rest._core.resources.names import Names, check_names
from inngest_rest._core.resources.replays import Replays
from inngest_rest._core.resources.routes import check_health, request_directly
from inngest_rest._core.resources.run_acts import cancel as cancel_run
from inngest_rest._core.resources.run_jobs import list_jobs
from inngest_rest._core.resources.run_lists import list_runs
from inngest_rest._core.resources.runs import fetch as get_run
from inngest_rest._core.resources.trace import get_trace
from inngest_rest._core.resources.windows import Window

__all__ = [
    "Catalogue",
    "EventSelection",
    "Listing",
    "Names",
    "Plan",
    "Replays",
    "Selection",
    "Session",
    "Window",
    "cancel_run",
    "check_health",
    "check_names",
    "get_app",
    "get_event",
    "get_run",
    "get_stored_event",
    "get_trace",
    "list_apps",
    "list_events",
    "list_functions",
    "list_jobs",
    "list_runs",
    "may_hide_batches",
    "request_directly",
    "runs_of_event",
    "with_runs",
]
