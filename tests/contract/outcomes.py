"""Tables of the value or error that the client makes of each recorded exchange."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any, get_args, get_origin

from inngest_rest import errors
from inngest_rest.models import (
    App,
    Cancellation,
    Function,
    Job,
    Run,
    Span,
    StoredEvent,
    Webhook,
)

if TYPE_CHECKING:
    from .parsing import Exchange

RESULTS: dict[str, Any] = {
    "sendEvents": list[str],
    "getHealth": NoneType,
    "listEventsV1": list[StoredEvent],
    "getEventV1": StoredEvent,
    "listEventRunsV1": list[Run],
    "listRunsV1": list[Run],
    "getRunV1": Run,
    "cancelRunV1": NoneType,
    "listRunJobsV1": list[Job],
    "replayRunV1": str,
    "listAppsV1": list[App],
    "listFunctionsV1": list[Function],
    "sendSignalV1": str,
    "listCancellationsV1": list[Cancellation],
    "createCancellationV1": Cancellation,
    "deleteCancellationV1": NoneType,
    "listWebhooksV1": list[Webhook],
    "createWebhookV1": Webhook,
    "getWebhookV1": Webhook,
    "updateWebhookV1": Webhook,
    "deleteWebhookV1": NoneType,
    "listRunsV2": list[Run],
    "getRunV2": Run,
    "getRunTraceV2": Span,
    "rerunRunV2": str,
    "cancelRunV2": NoneType,
    "listEventRunsV2": list[Run],
    "listAppsV2": list[App],
    "getAppV2": App,
    "listFunctionsV2": list[Function],
    "getFunctionV2": Function,
    "invokeFunctionV2": str,
}
"""The result of a 200, by operation."""

ERRORS: dict[int, type[errors.InngestError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    422: errors.BadRequestError,
    429: errors.RateLimitError,
    500: errors.ServerError,
    501: errors.RouteNotFoundError,
    503: errors.ServerError,
}
"""The error of any other effective status."""

OTHERWISE: dict[tuple[str, int], Any] = {
    # Some events may have been stored; the report lists the others.
    ("sendEvents", 400): errors.PartialSendError,
    ("sendEvents", 503): errors.PartialSendError,
    # v1 reports an unknown run as a failure of its own.
    ("getRunV1", 500): errors.NotFoundError,
    ("listRunJobsV1", 500): errors.NotFoundError,
    # Nothing is left to cancel; and the result is the run that an earlier call started.
    ("cancelRunV2", 409): NoneType,
    ("invokeFunctionV2", 409): str,
}
"""By operation and status."""

REFUSED: dict[str, type[errors.InngestError]] = {
    "ingest-batch-invalid-first": errors.InvalidEventError,
    "ingest-batch-invalid-mid": errors.InvalidEventError,
    "ingest-data-array": errors.InvalidEventError,
    "ingest-id-number": errors.InvalidEventError,
    "ingest-missing-name": errors.InvalidEventError,
    "ingest-name-number": errors.InvalidEventError,
    "ingest-reserved-name": errors.InvalidEventError,
    "ingest-ts-2101": errors.InvalidEventError,
    "ingest-ts-float": errors.InvalidEventError,
    "ingest-ts-neg": errors.InvalidEventError,
    "ingest-ts-string": errors.InvalidEventError,
    "start-ingest-invalid": errors.InvalidEventError,
    "v1-cancellation-create-empty": errors.InvalidArgumentError,
    "v1-events-before-bad": errors.InvalidArgumentError,
    "v1-signal-empty": errors.InvalidArgumentError,
    "v2-runs-fn-no-app": errors.InvalidArgumentError,
    "v2-runs-from-bad": errors.InvalidArgumentError,
    "v2-runs-limit-101": errors.InvalidArgumentError,
    "v2-runs-limit-abc": errors.InvalidArgumentError,
    "v2-runs-status-bad": errors.InvalidArgumentError,
}
"""Recordings whose request the client rejects before sending it."""


def expected(exchange: Exchange) -> Any:
    """Look up the expected outcome of an exchange."""
    key = (exchange.operation.id, exchange.status)
    if key in OTHERWISE:
        return OTHERWISE[key]
    if exchange.status == 404 and isinstance(exchange.recording.received, str):
        return errors.RouteNotFoundError
    return ERRORS.get(exchange.status, RESULTS[exchange.operation.id])


def is_a(value: Any, kind: Any) -> bool:
    """Return whether a value is of a type, or a list of values of it."""
    if get_origin(kind) is list:
        (item,) = get_args(kind)
        return isinstance(value, list) and all(type(each) is item for each in value)
    return type(value) is kind
