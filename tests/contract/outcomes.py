"""Tables of the value or error that the client makes of each recorded exchange."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any, get_args, get_origin

import inngest_rest_api.models
from inngest_rest import errors, models
from inngest_rest.call_row import Returns
from tests.support.calls import BY_NAME

from .methods import METHODS

if TYPE_CHECKING:
    from inngest_rest.call_row import CallRow

    from .parsing import Exchange

# Without a wait, what starts runs returns ids alone.
_RESULTS: dict[str, Any] = {
    "None": NoneType,
    "str": str,
    "list[str]": list[str],
    "str | Run": str,
    "list[str | Run]": list[str],
}


def _result(row: CallRow) -> Any:
    """Return what the method returns, of a listing a list of its items."""
    module = inngest_rest_api.models if row.returns_model else models
    kind = _RESULTS.get(row.result) or getattr(module, row.result)
    return kind if row.returns is Returns.ONE else list[kind]  # type: ignore[valid-type]


RESULTS: dict[str, Any] = {id_: _result(BY_NAME[each.name]) for id_, each in METHODS.items()}
"""The result of a 200, by operation."""

ERRORS: dict[int, type[errors.InngestError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    413: errors.ApiError,
    422: errors.BadRequestError,
    429: errors.RateLimitError,
    500: errors.ServerError,
    501: errors.RouteNotFoundError,
    503: errors.ServerError,
}
"""The error of any other effective status."""

# A self-hosted server has a route for each, and nothing behind it.
_WITHOUT_A_STORE = "listCancellations", "createCancellation", "deleteCancellation"

OTHERWISE: dict[tuple[str, int], Any] = {
    # v1 reports an unknown run as a failure of its own.
    ("getRunV1", 500): errors.NotFoundError,
    ("listRunJobsV1", 500): errors.NotFoundError,
    **dict.fromkeys([(f"{name}V1", 500) for name in _WITHOUT_A_STORE], errors.RouteNotFoundError),
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
}
"""Recordings whose request the client rejects before sending it."""


def expected(exchange: Exchange) -> Any:
    """Look up the expected outcome of an exchange."""
    key = (exchange.operation.id, exchange.status)
    if key in OTHERWISE:
        return OTHERWISE[key]
    receipt = exchange.recording.received
    if key == ("sendEvents", 400) and isinstance(receipt, dict) and receipt["ids"] != [""]:
        return errors.PartialSendError
    if exchange.status == 404 and isinstance(exchange.recording.received, str):
        return errors.RouteNotFoundError
    return ERRORS.get(exchange.status, RESULTS[exchange.operation.id])


def is_a(value: Any, kind: Any) -> bool:
    """Return whether a value is of a type, or a list of values of it."""
    if get_origin(kind) is list:
        (item,) = get_args(kind)
        return isinstance(value, list) and all(type(each) is item for each in value)
    return type(value) is kind
