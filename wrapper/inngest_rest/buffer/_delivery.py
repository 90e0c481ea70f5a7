"""One attempt to send a batch: in halves, where some of its events may make the request fail.

A single event can fail forever: it crashes the server, or a firewall takes it for an attack.
Halving finds it, and the others are accepted. Where nothing is accepted, the server is down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from attrs import evolve

from inngest_rest._core.sending.batching import BatchOutcome, Rejected, Unknown
from inngest_rest._core.sending.send import send_batch
from inngest_rest._values.json_text import decode
from inngest_rest.errors import (
    ApiError,
    AuthenticationError,
    InvalidResponseError,
    RateLimitError,
)

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.sending.batching import Batch
    from inngest_rest.errors import InngestError

# Only these statuses blame the request itself. Others, such as a proxy's 404 or 402, may pass.
_ABOUT_THE_REQUEST = frozenset({400, 409, 413, 414, 415, 422, 431})


class Refused(Unknown):
    """No response accounts for the event, which was alone in its request."""

    __slots__ = ()


async def deliver(session: Session, batch: Batch) -> BatchOutcome:
    """Send a batch, in halves where it fails for what may be one of its events.

    Returns:
        The outcome of each event, of which any may be unknown. Its batch is as the one given, but
        may be stored where a request that failed may have taken effect.
    """
    delivery = _Delivery(session, batch)
    outcome = await delivery.send(batch)
    return evolve(outcome, batch=delivery.mark(batch))


class _Delivery:
    def __init__(self, session: Session, batch: Batch) -> None:
        self._session = session
        self._may_be_stored = batch.may_be_stored
        # In a row: as many as lead to an event, and as many for others beside it, are no outage.
        self._failures = 0
        self._most_failures = 2 * len(batch.positions).bit_length()
        self._is_over = False

    async def send(self, batch: Batch) -> BatchOutcome:
        """Send some of the events, and their halves."""
        outcome = await send_batch(self._session, batch)
        if outcome.known:
            self._failures = 0
        cause = outcome.cause
        if cause is None:
            return outcome
        known = outcome.each[: outcome.known]
        is_alone = len(outcome.each) - outcome.known == 1
        if _is_about_the_request(cause):
            if is_alone:
                return BatchOutcome(batch, [*known, _rejected(batch, cause)])
            return await self._send_halves(outcome)
        self._failures += 1
        self._may_be_stored |= cause.may_have_taken_effect
        may_be_an_event = _may_be_about_the_events(cause)
        self._is_over = not may_be_an_event or self._failures >= self._most_failures
        if is_alone and may_be_an_event:
            return BatchOutcome(batch, [*known, Refused(str(cause))], cause)
        return outcome if self._is_over else await self._send_halves(outcome)

    async def _send_halves(self, outcome: BatchOutcome) -> BatchOutcome:
        """Send the events that a request has left unknown, in two halves."""
        batch = outcome.batch
        known = outcome.each[: outcome.known]
        total = len(outcome.each)
        middle = (outcome.known + total) // 2
        front = await self.send(self.mark(batch.part(outcome.known, middle)))
        if self._is_over:
            not_tried = Unknown(f"not tried after: {front.cause}")
            back_half = [not_tried] * (total - middle)
            return BatchOutcome(batch, [*known, *front.each, *back_half], front.cause)
        back = await self.send(self.mark(batch.part(middle)))
        each = [*known, *front.each, *back.each]
        return BatchOutcome(batch, each, back.cause or front.cause)

    def mark(self, batch: Batch) -> Batch:
        return batch._replace(may_be_stored=self._may_be_stored)


def _rejected(batch: Batch, cause: InngestError) -> Rejected:
    """Return the outcome of the only event that a rejected request can be about."""
    reason = str(cause)
    if isinstance(cause, InvalidResponseError):
        reason = f"rejected without a receipt: {cause.body}"
    return rejected(reason, may_be_stored=batch.may_be_stored)


def rejected(reason: str, *, may_be_stored: bool) -> Rejected:
    """Return the outcome of an event that is not sent again."""
    if may_be_stored:
        reason += "; an earlier request may have stored it"
    return Rejected(reason, may_be_stored=may_be_stored)


def _is_about_the_request(cause: InngestError) -> bool:
    if isinstance(cause, InvalidResponseError):
        # Neither a proxy's page nor a malformed receipt is evidence against the events.
        try:
            read: object = decode(cause.response.body) if cause.response else None
        except ValueError:
            return False
        body = cast("dict[str, object]", read) if isinstance(read, dict) else {}
        is_error = ("error" in body or "errors" in body) and not body.get("ids")
        return cause.status == 400 and is_error
    if not isinstance(cause, ApiError) or cause.may_have_taken_effect:
        return False
    return cause.status in _ABOUT_THE_REQUEST


def _may_be_about_the_events(cause: InngestError) -> bool:
    """Return whether the events themselves may have made the request fail."""
    if isinstance(cause, RateLimitError | AuthenticationError):
        return False
    if isinstance(cause, ApiError):
        return cause.status != 503
    return cause.may_have_taken_effect
