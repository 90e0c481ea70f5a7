"""Plan of sending a buffer's batch: in halves, if the server rejects the request as a whole.

An open buffer gives up on no event: those without an answer are sent again later. What the server
will always reject is found here; the schedule keeps what it does not answer from holding up the
rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from inngest_rest._core.json_text import decode
from inngest_rest._core.sending.outcomes import BatchOutcome, Rejected, Unknown
from inngest_rest._core.sending.send import send_batch
from inngest_rest.errors import (
    ApiError,
    AuthenticationError,
    InvalidResponseError,
    RateLimitError,
    TransportError,
)

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.sending.batching import Batch
    from inngest_rest.errors import InngestError

# Only these are about the request itself. Another, such as a proxy's 404 or 402, may pass.
_ABOUT_THE_REQUEST = frozenset({400, 409, 413, 414, 415, 422, 431})


def deliver(session: Session, batch: Batch) -> Plan[BatchOutcome]:
    """Send a batch, or its halves if the server rejects it as a whole (mostly 413)."""
    outcome = yield from send_batch(session, batch)
    if not _is_about_the_request(outcome.cause):
        return outcome
    known, left = outcome.each[: outcome.known], len(outcome.each) - outcome.known
    if left == 1:
        reason = str(outcome.cause)
        if isinstance(outcome.cause, InvalidResponseError):
            reason = f"refused without a receipt: {outcome.cause.body}"
        if batch.may_be_stored:
            reason += "; an earlier request may have stored it"
        return BatchOutcome(batch, [*known, Rejected(reason, may_be_stored=batch.may_be_stored)])
    middle = outcome.known + left // 2
    front = yield from deliver(session, batch.part(outcome.known, middle))
    if front.cause is not None:
        untried = [Unknown(f"not tried after: {front.cause}")] * (len(outcome.each) - middle)
        return BatchOutcome(batch, [*known, *front.each, *untried], front.cause)
    back = yield from deliver(session, batch.part(middle))
    return BatchOutcome(batch, [*known, *front.each, *back.each], back.cause)


def may_be_about_the_events(cause: InngestError | None) -> bool:
    """Return whether a request may have failed because of what was in it."""
    match cause:
        case RateLimitError() | AuthenticationError():
            return False
        case ApiError():
            return cause.status != 503
        case TransportError():
            return cause.delivered
        case _:
            return isinstance(cause, InvalidResponseError)


def _is_about_the_request(cause: InngestError | None) -> bool:
    if isinstance(cause, InvalidResponseError):
        # A proxy's page says nothing about the events, as little as a receipt that is wrong.
        return cause.status == 400 and _is_error_without_receipt(cause)
    return (
        isinstance(cause, ApiError)
        and cause.status in _ABOUT_THE_REQUEST
        and not cause.may_have_taken_effect
    )


def _is_error_without_receipt(cause: InvalidResponseError) -> bool:
    try:
        read: object = decode(cause.response.body) if cause.response else None
    except ValueError:
        return False
    body = cast("dict[str, object]", read) if isinstance(read, dict) else {}
    return ("error" in body or "errors" in body) and not body.get("ids")
