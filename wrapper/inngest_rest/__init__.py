"""Unofficial typed client for Inngest's HTTP API: send events and manage function runs.

Start with `InngestClient`, or with `AsyncInngestClient` under asyncio. What a first program needs
is here: the clients, the errors that they raise, the records that most calls return. Others are in
their public module. Each name is imported on first use; type checkers read `__init__.pyi`. A module
is private if any part of its dotted name begins with an underscore.
"""

from importlib import import_module
from typing import Any

from inngest_rest._version import __version__ as __version__

_NAMES = {
    "inngest_rest.aio": "AsyncInngestClient",
    "inngest_rest.buffer": "BufferFullError OutboxError",
    "inngest_rest.buffer.asynchronous": "AsyncEventBuffer",
    "inngest_rest.client": "InngestClient",
    "inngest_rest.buffer.blocking": "EventBuffer",
    "inngest_rest.bulk": "PartialActionError ReportFinishedError",
    "inngest_rest.errors": (
        "ApiError AuthenticationError BadRequestError ClosedError "
        "ConfigurationError ConflictError EventDataError InngestError InvalidArgumentError "
        "InvalidEventError InvalidResponseError MissingKeyError NoRunError NotFoundError "
        "PartialSendError PermissionDeniedError RateLimitError RequestTimeoutError "
        "RouteNotFoundError RunFailedError ServerError TransportError WaitTimeoutError"
    ),
    "inngest_rest.event": "Event",
    "inngest_rest.event_types": "EventType",
    "inngest_rest.explanation": "Explanation RunExplanation",
    "inngest_rest.models": (
        "App Function Page Run RunChange RunError RunStatus StoredEvent"
    ),
    "inngest_rest.reports": "BatchReport SendReport",
    "inngest_rest.retry": "RetryPolicy",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}

# `inngest_rest.errors` works without an import of its own.
_SUBMODULES = {
    *("findings", "profiles", "record", "responses", "typing"),
    *(module.split(".")[1] for module in _NAMES),
}

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
