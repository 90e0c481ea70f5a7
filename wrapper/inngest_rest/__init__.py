"""Unofficial typed client for Inngest's HTTP API: send events, and manage what runs on them.

Start at `InngestClient`, or at `AsyncInngestClient` with asyncio. Each name is loaded when it is
first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from inngest_rest._version import __version__

if TYPE_CHECKING:
    from inngest_rest._core.paging import (
        AsyncPaginator,
        Paginator,
    )
    from inngest_rest._core.retry import (
        RetryPolicy,
    )
    from inngest_rest.aio import (
        AsyncInngestClient,
    )
    from inngest_rest.aio._buffer import (
        AsyncEventBuffer,
    )
    from inngest_rest.client import (
        InngestClient,
    )
    from inngest_rest.client._buffer import (
        EventBuffer,
    )
    from inngest_rest.errors import (
        ApiError,
        AuthenticationError,
        BadRequestError,
        BufferFullError,
        ConfigurationError,
        ConflictError,
        InngestError,
        InvalidArgumentError,
        InvalidEventError,
        InvalidResponseError,
        NotFoundError,
        OutboxError,
        PartialSendError,
        PermissionDeniedError,
        RateLimitError,
        RequestTimeoutError,
        RouteNotFoundError,
        ServerError,
        TransportError,
        WaitTimeoutError,
    )
    from inngest_rest.event import (
        Event,
        EventLike,
    )
    from inngest_rest.models import (
        App,
        Cancellation,
        Function,
        Job,
        Page,
        Run,
        RunError,
        RunStatus,
        Span,
        StoredEvent,
        Trigger,
        Webhook,
    )
    from inngest_rest.reports import (
        BatchReport,
        SendFailure,
        SendReport,
    )

__all__ = [
    "ApiError",
    "App",
    "AsyncEventBuffer",
    "AsyncInngestClient",
    "AsyncPaginator",
    "AuthenticationError",
    "BadRequestError",
    "BatchReport",
    "BufferFullError",
    "Cancellation",
    "ConfigurationError",
    "ConflictError",
    "Event",
    "EventBuffer",
    "EventLike",
    "Function",
    "InngestClient",
    "InngestError",
    "InvalidArgumentError",
    "InvalidEventError",
    "InvalidResponseError",
    "Job",
    "NotFoundError",
    "OutboxError",
    "Page",
    "Paginator",
    "PartialSendError",
    "PermissionDeniedError",
    "RateLimitError",
    "RequestTimeoutError",
    "RetryPolicy",
    "RouteNotFoundError",
    "Run",
    "RunError",
    "RunStatus",
    "SendFailure",
    "SendReport",
    "ServerError",
    "Span",
    "StoredEvent",
    "TransportError",
    "Trigger",
    "WaitTimeoutError",
    "Webhook",
    "__version__",
]

_MODULES = {
    "AsyncPaginator": "inngest_rest._core.paging",
    "Paginator": "inngest_rest._core.paging",
    "RetryPolicy": "inngest_rest._core.retry",
    "AsyncInngestClient": "inngest_rest.aio",
    "AsyncEventBuffer": "inngest_rest.aio._buffer",
    "InngestClient": "inngest_rest.client",
    "EventBuffer": "inngest_rest.client._buffer",
    "ApiError": "inngest_rest.errors",
    "AuthenticationError": "inngest_rest.errors",
    "BadRequestError": "inngest_rest.errors",
    "BufferFullError": "inngest_rest.errors",
    "ConfigurationError": "inngest_rest.errors",
    "ConflictError": "inngest_rest.errors",
    "InngestError": "inngest_rest.errors",
    "InvalidArgumentError": "inngest_rest.errors",
    "InvalidEventError": "inngest_rest.errors",
    "InvalidResponseError": "inngest_rest.errors",
    "NotFoundError": "inngest_rest.errors",
    "OutboxError": "inngest_rest.errors",
    "PartialSendError": "inngest_rest.errors",
    "PermissionDeniedError": "inngest_rest.errors",
    "RateLimitError": "inngest_rest.errors",
    "RequestTimeoutError": "inngest_rest.errors",
    "RouteNotFoundError": "inngest_rest.errors",
    "ServerError": "inngest_rest.errors",
    "TransportError": "inngest_rest.errors",
    "WaitTimeoutError": "inngest_rest.errors",
    "Event": "inngest_rest.event",
    "EventLike": "inngest_rest.event",
    "App": "inngest_rest.models",
    "Cancellation": "inngest_rest.models",
    "Function": "inngest_rest.models",
    "Job": "inngest_rest.models",
    "Page": "inngest_rest.models",
    "Run": "inngest_rest.models",
    "RunError": "inngest_rest.models",
    "RunStatus": "inngest_rest.models",
    "Span": "inngest_rest.models",
    "StoredEvent": "inngest_rest.models",
    "Trigger": "inngest_rest.models",
    "Webhook": "inngest_rest.models",
    "BatchReport": "inngest_rest.reports",
    "SendFailure": "inngest_rest.reports",
    "SendReport": "inngest_rest.reports",
}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(module), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
