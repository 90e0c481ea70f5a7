"""Unofficial typed client for Inngest's HTTP API: send events and manage function runs.

Start with `InngestClient`, or with `AsyncInngestClient` under asyncio. Each name is imported on
first use; type checkers read `__init__.pyi`. A module is private if any part of its dotted name
begins with an underscore.
"""

from importlib import import_module
from typing import Any

from inngest_rest._version import __version__ as __version__

_NAMES = {
    "inngest_rest.bulk": (
        "ActionOutcome ActionReport ActionRow PartialActionError ReportFinishedError"
    ),
    "inngest_rest.aio": "AsyncInngestClient",
    "inngest_rest.buffer.asynchronous": "AsyncEventBuffer",
    "inngest_rest.aio.groups": "AsyncPaginator",
    "inngest_rest.aio.polling": "AsyncEndedRuns AsyncWatcher",
    "inngest_rest.client": "InngestClient",
    "inngest_rest.buffer.blocking": "EventBuffer",
    "inngest_rest.client.groups": "Paginator",
    "inngest_rest.client.polling": "EndedRuns Watcher",
    "inngest_rest.diagnosis": "CallRoute Diagnosis ServerKind",
    "inngest_rest.files": "ExportReport",
    "inngest_rest.errors": (
        "Advice ApiError AuthenticationError BadRequestError BufferFullError ClosedError "
        "ConfigurationError ConflictError EventDataError InngestError InvalidArgumentError "
        "InvalidEventError InvalidResponseError MissingKeyError NextCall NoRunError NotFoundError "
        "OutboxError PartialSendError PermissionDeniedError RateLimitError RequestTimeoutError "
        "RouteNotFoundError RunFailedError ServerError Setting TransportError WaitTimeoutError"
    ),
    "inngest_rest.event": "Event EventLike",
    "inngest_rest.event_types": "EventType",
    "inngest_rest.explain": "EventPreview SendPreview WaitingReport WaitingRun",
    "inngest_rest.explanation": "Explanation Listener Reason ReasonKind RunExplanation",
    "inngest_rest.findings": "Finding Severity",
    "inngest_rest.models": (
        "App AppSync Cancellation Function Job Metric Page Run RunChange RunError "
        "RunStatus SessionGroup Span StoredEvent Trigger"
    ),
    "inngest_rest.record": "Record",
    "inngest_rest.reports": "BatchReport SendFailure SendReport",
    "inngest_rest.profiles": "read_profiles",
    "inngest_rest.responses": "Profile RawResponse Target",
    "inngest_rest.retry": "RetryPolicy",
    "inngest_rest.status": "StatusReport",
    "inngest_rest.summary": "ErrorCount Percentiles RunGroup RunSummary",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}

# `inngest_rest.errors` works without an import of its own.
_SUBMODULES = {"typing", *(module.split(".")[1] for module in _NAMES)}

__all__ = sorted([*_MODULES, "__version__"])  # noqa: PLE0605 # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return import_module(f"inngest_rest.{name}")
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(module), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
