"""Unofficial typed client for Inngest's HTTP API: send events, and manage what runs on them.

Start at `InngestClient`, or at `AsyncInngestClient` with asyncio.
"""

from inngest_rest._core.paging import AsyncPaginator, Paginator
from inngest_rest._core.retry import RetryPolicy
from inngest_rest._version import __version__
from inngest_rest.aio import AsyncInngestClient
from inngest_rest.client import InngestClient
from inngest_rest.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    InngestError,
    InvalidArgumentError,
    InvalidEventError,
    InvalidResponseError,
    NotFoundError,
    PartialSendError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    RouteNotFoundError,
    ServerError,
    TransportError,
    WaitTimeoutError,
)
from inngest_rest.event import Event, EventLike
from inngest_rest.models import (
    App,
    Cancellation,
    Function,
    Job,
    Page,
    Run,
    RunError,
    RunStatus,
    SendFailure,
    SendReport,
    Span,
    StoredEvent,
    Trigger,
    Webhook,
)

__all__ = [
    "ApiError",
    "App",
    "AsyncInngestClient",
    "AsyncPaginator",
    "AuthenticationError",
    "BadRequestError",
    "Cancellation",
    "ConfigurationError",
    "ConflictError",
    "Event",
    "EventLike",
    "Function",
    "InngestClient",
    "InngestError",
    "InvalidArgumentError",
    "InvalidEventError",
    "InvalidResponseError",
    "Job",
    "NotFoundError",
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
