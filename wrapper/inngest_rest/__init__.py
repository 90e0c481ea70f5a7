"""Unofficial typed client for Inngest's HTTP API: send events and manage function runs.

Start with `InngestClient`, or with `AsyncInngestClient` under asyncio. Each name is imported on
first use. A module is private if any part of its dotted name begins with an underscore.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from inngest_rest._version import __version__

if TYPE_CHECKING:
    from inngest_rest.action_reports import ActionOutcome, ActionReport, ActionRow
    from inngest_rest.aio import AsyncInngestClient
    from inngest_rest.aio.paginator import AsyncPaginator
    from inngest_rest.aio.watcher import AsyncEndedRuns, AsyncWatcher
    from inngest_rest.buffers.asynchronous import AsyncEventBuffer
    from inngest_rest.buffers.blocking import EventBuffer
    from inngest_rest.client import InngestClient
    from inngest_rest.client.paginator import Paginator
    from inngest_rest.client.watcher import EndedRuns, Watcher
    from inngest_rest.diagnosis import (
        CallRoute,
        Check,
        Diagnosis,
        Finding,
        FindingState,
        ServerKind,
    )
    from inngest_rest.errors import (
        Advice,
        ApiError,
        AuthenticationError,
        BadRequestError,
        BufferFullError,
        ClosedError,
        ConfigurationError,
        ConflictError,
        EventDataError,
        InngestError,
        InvalidArgumentError,
        InvalidEventError,
        InvalidResponseError,
        MissingKeyError,
        NextCall,
        NoRunError,
        NotFoundError,
        OutboxError,
        PartialActionError,
        PartialSendError,
        PermissionDeniedError,
        RateLimitError,
        RequestTimeoutError,
        RouteNotFoundError,
        ServerError,
        Setting,
        TransportError,
        WaitTimeoutError,
    )
    from inngest_rest.event import Event, EventLike
    from inngest_rest.event_types import EventType
    from inngest_rest.explanation import Explanation, Listener, Reason, ReasonKind
    from inngest_rest.models import (
        App,
        Cancellation,
        Function,
        Job,
        Page,
        Run,
        RunChange,
        RunError,
        RunStatus,
        Span,
        StoredEvent,
        Trigger,
        Webhook,
    )
    from inngest_rest.record import Record
    from inngest_rest.reports import BatchReport, SendFailure, SendReport
    from inngest_rest.responses import RawResponse, Target
    from inngest_rest.retry import RetryPolicy

__all__ = [
    "ActionOutcome",
    "ActionReport",
    "ActionRow",
    "Advice",
    "ApiError",
    "App",
    "AsyncEndedRuns",
    "AsyncEventBuffer",
    "AsyncInngestClient",
    "AsyncPaginator",
    "AsyncWatcher",
    "AuthenticationError",
    "BadRequestError",
    "BatchReport",
    "BufferFullError",
    "CallRoute",
    "Cancellation",
    "Check",
    "ClosedError",
    "ConfigurationError",
    "ConflictError",
    "Diagnosis",
    "EndedRuns",
    "Event",
    "EventBuffer",
    "EventDataError",
    "EventLike",
    "EventType",
    "Explanation",
    "Finding",
    "FindingState",
    "Function",
    "InngestClient",
    "InngestError",
    "InvalidArgumentError",
    "InvalidEventError",
    "InvalidResponseError",
    "Job",
    "Listener",
    "MissingKeyError",
    "NextCall",
    "NoRunError",
    "NotFoundError",
    "OutboxError",
    "Page",
    "Paginator",
    "PartialActionError",
    "PartialSendError",
    "PermissionDeniedError",
    "RateLimitError",
    "RawResponse",
    "Reason",
    "ReasonKind",
    "Record",
    "RequestTimeoutError",
    "RetryPolicy",
    "RouteNotFoundError",
    "Run",
    "RunChange",
    "RunError",
    "RunStatus",
    "SendFailure",
    "SendReport",
    "ServerError",
    "ServerKind",
    "Setting",
    "Span",
    "StoredEvent",
    "Target",
    "TransportError",
    "Trigger",
    "WaitTimeoutError",
    "Watcher",
    "Webhook",
    "__version__",
]

_NAMES = {
    "inngest_rest.action_reports": "ActionOutcome ActionReport ActionRow",
    "inngest_rest.aio": "AsyncInngestClient",
    "inngest_rest.buffers.asynchronous": "AsyncEventBuffer",
    "inngest_rest.aio.paginator": "AsyncPaginator",
    "inngest_rest.aio.watcher": "AsyncEndedRuns AsyncWatcher",
    "inngest_rest.client": "InngestClient",
    "inngest_rest.buffers.blocking": "EventBuffer",
    "inngest_rest.client.paginator": "Paginator",
    "inngest_rest.client.watcher": "EndedRuns Watcher",
    "inngest_rest.diagnosis": "CallRoute Check Diagnosis Finding FindingState ServerKind",
    "inngest_rest.errors": (
        "Advice ApiError AuthenticationError BadRequestError BufferFullError ClosedError "
        "ConfigurationError ConflictError EventDataError InngestError InvalidArgumentError "
        "InvalidEventError InvalidResponseError MissingKeyError NextCall NoRunError NotFoundError "
        "OutboxError PartialActionError PartialSendError PermissionDeniedError RateLimitError "
        "RequestTimeoutError RouteNotFoundError ServerError Setting TransportError "
        "WaitTimeoutError"
    ),
    "inngest_rest.event": "Event EventLike",
    "inngest_rest.event_types": "EventType",
    "inngest_rest.explanation": "Explanation Listener Reason ReasonKind",
    "inngest_rest.models": (
        "App Cancellation Function Job Page Run RunChange RunError RunStatus Span StoredEvent "
        "Trigger Webhook"
    ),
    "inngest_rest.record": "Record",
    "inngest_rest.reports": "BatchReport SendFailure SendReport",
    "inngest_rest.responses": "RawResponse Target",
    "inngest_rest.retry": "RetryPolicy",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(module), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
