"""The door of the core: what capabilities stand on, and nothing else of it.

The calls as plans, what runs them, selections and windows, and what events are sent as. A test
counts the names. What only one capability needs is in it, and what a server does is not said here.
"""

from __future__ import annotations

from inngest_rest._core.arrow import batch_of as arrow_batch
from inngest_rest._core.arrow import load as load_arrow
from inngest_rest._core.calls.listing import Listing, read_all
from inngest_rest._core.calls.retry import RULED_OUT
from inngest_rest._core.calls.session import Session
from inngest_rest._core.clock import SYSTEM_CLOCK
from inngest_rest._core.drivers.asynchronous import AsyncDriver, running_loop
from inngest_rest._core.drivers.blocking import Driver
from inngest_rest._core.drivers.blocking import now as run_now
from inngest_rest._core.event_names import NameConvention
from inngest_rest._core.expressions import evaluate
from inngest_rest._core.json_text import decode, encode
from inngest_rest._core.locks import Forked
from inngest_rest._core.logs import logger
from inngest_rest._core.plans import Plan
from inngest_rest._core.resources.apps import (
    functions_of_v1,
    get_app,
    get_function,
    invoke,
    list_apps,
    list_functions,
)
from inngest_rest._core.resources.catalogue import (
    Catalogue,
    MatchedFunction,
    is_run_of,
    matching_triggers,
    name_of,
    read_catalogue,
)
from inngest_rest._core.resources.causes import error_line, normalized_error
from inngest_rest._core.resources.event_runs import are_listed_by_v1
from inngest_rest._core.resources.event_runs import (
    of_event_by_v1 as runs_of_event_by_v1,
)
from inngest_rest._core.resources.events import EventSelection, as_stored, list_events
from inngest_rest._core.resources.events import get as get_event
from inngest_rest._core.resources.events import get_stored as get_stored_event
from inngest_rest._core.resources.filters import Names, Selection
from inngest_rest._core.resources.flow_control import (
    ignores_repeated_ids,
    limit,
    limits,
    parse_duration,
)
from inngest_rest._core.resources.metrics import get_queue_depth
from inngest_rest._core.resources.open_runs import ALWAYS_ENDED, open_statuses
from inngest_rest._core.resources.replays import Start as ReplayStart
from inngest_rest._core.resources.replays import (
    is_settled,
    others_of_chain,
    was_refused,
)
from inngest_rest._core.resources.replays import replay as request_replay
from inngest_rest._core.resources.replays import requests_of as replays_of
from inngest_rest._core.resources.routes import check_health
from inngest_rest._core.resources.run_jobs import list_jobs
from inngest_rest._core.resources.runs import cancel as cancel_run
from inngest_rest._core.resources.runs import (
    check_names,
    function_of,
    list_runs,
    why_none,
)
from inngest_rest._core.resources.runs import fetch as get_run
from inngest_rest._core.resources.trace import get_trace, is_attempt
from inngest_rest._core.resources.wait_event import name_of_all_triggers
from inngest_rest._core.resources.wait_event import runs_of as runs_of_event
from inngest_rest._core.resources.windows import Window
from inngest_rest._core.sending.batching import Batch, BatchOutcome, Rejected, Unknown
from inngest_rest._core.sending.event_json import (
    MAX_EVENT_BYTES,
    plain_ids,
    wire_form,
)
from inngest_rest._core.sending.event_json import encode as encode_event
from inngest_rest._core.sending.job import BulkJob, SendJob, SendOptions
from inngest_rest._core.sending.limits import DEFAULT_BYTES, DEFAULT_EVENTS, MAX_EVENTS
from inngest_rest._core.sending.send import checked as checked_batches
from inngest_rest._core.sending.send import each_event, send_batch
from inngest_rest._core.sending.send import send as send_events
from inngest_rest._core.tracing import operation as traced

__all__ = [
    "ALWAYS_ENDED",
    "DEFAULT_BYTES",
    "DEFAULT_EVENTS",
    "MAX_EVENTS",
    "MAX_EVENT_BYTES",
    "RULED_OUT",
    "SYSTEM_CLOCK",
    "AsyncDriver",
    "Batch",
    "BatchOutcome",
    "BulkJob",
    "Catalogue",
    "Driver",
    "EventSelection",
    "Forked",
    "Listing",
    "MatchedFunction",
    "NameConvention",
    "Names",
    "Plan",
    "Rejected",
    "ReplayStart",
    "Selection",
    "SendJob",
    "SendOptions",
    "Session",
    "Unknown",
    "Window",
    "are_listed_by_v1",
    "arrow_batch",
    "as_stored",
    "cancel_run",
    "check_health",
    "check_names",
    "checked_batches",
    "decode",
    "each_event",
    "encode",
    "encode_event",
    "error_line",
    "evaluate",
    "function_of",
    "functions_of_v1",
    "get_app",
    "get_event",
    "get_function",
    "get_queue_depth",
    "get_run",
    "get_stored_event",
    "get_trace",
    "ignores_repeated_ids",
    "invoke",
    "is_attempt",
    "is_run_of",
    "is_settled",
    "limit",
    "limits",
    "list_apps",
    "list_events",
    "list_functions",
    "list_jobs",
    "list_runs",
    "load_arrow",
    "logger",
    "matching_triggers",
    "name_of",
    "name_of_all_triggers",
    "normalized_error",
    "open_statuses",
    "others_of_chain",
    "parse_duration",
    "plain_ids",
    "read_all",
    "read_catalogue",
    "replays_of",
    "request_replay",
    "run_now",
    "running_loop",
    "runs_of_event",
    "runs_of_event_by_v1",
    "send_batch",
    "send_events",
    "traced",
    "was_refused",
    "why_none",
    "wire_form",
]
